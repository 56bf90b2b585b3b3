"""Drills on a real stack: begun, found on the edge node, repaired where a student can, and taken back."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab_runner import LabRunner
from streamlab.drills.catalogue import drills, lessons
from streamlab.lessons import scaffold

#: Drill -> what a student types there, that shows something while it lasts, and a part of what it says.
SHOWS = {
    "broker-frozen": ("invoke status", "kafka1 .*UNHEALTHY"),
    "worker-stopped": ("invoke status", "nodemanager1 .*UNHEALTHY"),
    "datanode-cut-off": ("invoke status", "datanode1 .*UNHEALTHY"),
    "cassandra-frozen": ("invoke status", "cassandra1 .*UNHEALTHY"),
    "disk-full": ("head -c 2000000 /dev/zero | hdfs dfs -put - /user/student/zeros", "quota"),
}
NODE = {name: said.partition(" ")[0] for name, (_, said) in SHOWS.items() if name != "disk-full"}


@pytest.mark.parametrize("name", NODE)
def test_a_fault_of_a_node_is_seen_answered_and_taken_back(lab: LabRunner, name: str) -> None:
    command, shows = SHOWS[name]
    lab("drill", "--name", name)
    try:
        assert "Something has been wrong with your cluster since" in lab.inside("invoke drill")
        assert lab.run("shell", "--command", f"{command} 2>&1 | grep -E '{shows}'").code == 0
        assert lab.run("shell", "--command", "invoke drill --answer namenode").code == 1
        refused = lab.run("drill", "--name", name)
        assert refused.code == 2
        assert "a drill begins in a stack that is whole" in refused.err or "is on already" in refused.err
        assert lab.run("drill", "--check").code == 1
        assert f"Right: {NODE[name]}." in lab.inside(f"invoke drill --answer {NODE[name]}")
        assert "yes, answer 2" in lab("drill", "--check")
    finally:
        lab("drill", "--end")
    assert "No drill is on" in lab.inside("invoke drill")
    assert "healthy" in lab("status")


def test_a_full_disk_is_found_and_repaired_by_the_student(lab: LabRunner) -> None:
    command, shows = SHOWS["disk-full"]
    lab("drill", "--name", "disk-full")
    try:
        assert lab.run("shell", "--command", f"{command} 2>&1 | grep -E '{shows}'").code == 0
        largest = lab.inside("hdfs dfs -du /data | sort -n | tail -1").split()[-1]
        assert "Right" in lab.inside(f"invoke drill --answer {largest}")
        assert lab("drill", "--check").splitlines()[1].endswith("no: 1 filled")
        assert lab.run("shell", "--command", "invoke drill --check").code == 1
        lab.inside(f"hdfs dfs -rm -r -skipTrash {largest}")
        lab.inside(command)
        assert lab("drill", "--check").splitlines()[1].endswith("yes")
        assert lab.inside("invoke drill --check") == "Repaired.\n"
    finally:
        lab("drill", "--end")
        lab.inside("hdfs dfs -rm -f -skipTrash /user/student/zeros")


def test_an_end_takes_back_what_nobody_remembers(lab: LabRunner) -> None:
    """The student has thrown the note away, and another control machine ends it."""
    lab("drill", "--name", "broker-frozen")
    lab.inside("rm .streamlab/drill.json")
    lab("drill", "--end")
    assert "NOT HEALTHY" not in lab("status")


Edit = Callable[..., None]


@pytest.fixture(params=["record-poisoned", "schema-changed", "clock-ahead"])
def begun(request: pytest.FixtureRequest, lab: LabRunner) -> Iterator[str]:
    """A drill of data in a stack where nothing of an earlier one is left, and the student's copy of the lesson."""
    drill = drills()[request.param]
    lab.inside(f"rm -rf {drill.job}")
    lab("drill", "--name", drill.name)
    try:
        lab.inside(f"invoke new --job {drill.job} --like {drill.like}")
        yield drill.name
    finally:
        lab("drill", "--end")
        for job in lessons():
            assert f"{job}-" not in lab.inside("kafka-topics.sh --bootstrap-server kafka1:9092 --list")
            assert lab.run("shell", "--command", f"hdfs dfs -test -e {job}").code == 1
        assert lab.inside(f"ls {drill.job}/transforms.py")
        lab.inside(f"rm -rf {drill.job}")


@pytest.fixture
def edit(lab: LabRunner, tmp_path: Path) -> Edit:
    """Give a file of the student's copy the lesson's own text, with these pairs of lines replaced."""

    def run(name: str, file: str, *pairs: tuple[str, str]) -> None:
        drill = drills()[name]
        text = scaffold.files_like(drill.job, drill.like)[f"./{file}"]
        for old, new in pairs:
            assert old in text, old
            text = text.replace(old, new)
        (tmp_path / file).write_text(text, encoding="utf-8")
        lab("put", str(tmp_path / file), "--to", f"{drill.job}/", "--force")

    return run


READABLE = '    readable = F.col(MALFORMED).isNull() & F.col("order_id").isNotNull()\n'
PARSED = '"value", "data.*")\n'
SCHEMA = "StructType([*ORDER.fields, "
KAFKA_ORDER = 'return records.select(order.alias("data")).select("data.*").dropna('
#: Drill -> a repair that is wrong: the file, what is replaced there, and what is said of it.
WRONG = {
    "record-poisoned": (
        "transforms.py",
        [(READABLE, f"    orders = orders.where(\"key != '{drills()['record-poisoned'].named[0]}'\")\n{READABLE}")],
        "no: 1 lost",
    ),
    "schema-changed": (
        "transforms.py",
        [
            (SCHEMA, 'StructType([*ORDER.fields, StructField("id", StringType()), '),
            (PARSED, f'{PARSED[:-1]}.withColumn("order_id", F.col("id")).drop("id")\n'),
        ],
        "no: 997 missing",
    ),
    "clock-ahead": (
        "transforms.py",
        [(KAFKA_ORDER, KAFKA_ORDER.replace(".dropna", ".where(\"customer_id != 'c07'\").dropna"))],
        "no: 13 missing",
    ),
}
RIGHT = {
    "record-poisoned": [
        (READABLE, f'{READABLE[:-1]} & (F.col("purchased_at") >= "2000-01-01")\n'),
        (
            ".drop(MALFORMED)",
            '.drop(MALFORMED).withColumn("purchased_at", F.when(F.col(KIND) == ORDER_KIND, F.col("purchased_at")))',
        ),
    ],
    "schema-changed": [
        WRONG["schema-changed"][1][0],
        (PARSED, f'{PARSED[:-1]}.withColumn("order_id", F.coalesce("order_id", "id")).drop("id")\n'),
    ],
    "clock-ahead": [
        (
            KAFKA_ORDER,
            'return records.select(order.alias("data"), "timestamp").where("data.order_time <= timestamp")'
            '.select("data.*").dropna(',
        )
    ],
}
#: What the lesson's own program does, and what is said of it then.
AS_IT_IS = {
    "record-poisoned": (1, "TASK_WRITE_FAILED", "no: 143 missing, 1 lost"),
    "schema-changed": (0, "40 to hdfs|1040 to hdfs", "no: 40 missing"),
    "clock-ahead": (0, "drill05-dedup: [0-9]+ late rows dropped", "no: 178 missing, 11 ahead"),
}


def repaired(lab: LabRunner) -> str:
    """What the instructor is told of the repair."""
    return lab.run("drill", "--check").out.splitlines()[1]


def test_a_fault_in_the_data_is_found_and_repaired_by_the_student(lab: LabRunner, begun: str, edit: Edit) -> None:
    drill = drills()[begun]
    assert f"hdfs dfs -rm -r -f -skipTrash {drill.job}/checkpoint {drill.job}/out" in lab.inside("invoke drill")
    start_over = f"hdfs dfs -rm -r -f -skipTrash {drill.job}/checkpoint {drill.job}/out"
    assert repaired(lab).endswith("no: 1 nothing")

    def submit() -> tuple[int, str]:
        ran = lab.run("shell", "--command", f"invoke submit --job {drill.job}")
        return ran.code, ran.out + ran.err

    code, shows, left = AS_IT_IS[begun]
    found, said = submit()
    assert (found, bool(re.search(shows, said))) == (code, True), said
    assert left in repaired(lab)
    assert lab.run("shell", "--command", "invoke drill --answer namenode").code == 1
    assert f"Right: {drill.named[-1]}." in lab.inside(f"invoke drill --answer {drill.named[-1]}")

    file, pairs, told = WRONG[begun]
    edit(begun, file, *pairs)
    lab.inside(start_over)
    assert submit()[0] == 0
    assert repaired(lab).endswith(told)
    refused = lab.run("shell", "--command", "invoke drill --check")
    assert (refused.code, "not repaired yet" in refused.err) == (1, True)

    edit(begun, "transforms.py", *RIGHT[begun])
    assert submit()[0] == 0  # it goes on from where the wrong program was, and what that has done stays
    assert lab.run("shell", "--command", "invoke drill --check").code == 1
    lab.inside(start_over)
    assert submit()[0] == 0
    assert lab.inside("invoke drill --check") == "Repaired.\n"
    assert lab("drill", "--check").splitlines()[1].endswith("yes, answer 2  yes")


def test_a_topic_that_was_reset_is_no_repair(lab: LabRunner) -> None:
    lab.inside("rm -rf drill03")
    lab("drill", "--name", "schema-changed")
    try:
        lab.inside("invoke new --job drill03 --like lesson03; invoke reset --job drill03 --yes")
        assert repaired(lab).endswith("no: 1 gone")
    finally:
        lab("drill", "--end")
        lab.inside("rm -rf drill03")
