"""HBase on a stack's HDFS, as a student types it: the shell, Python, ZooKeeper, and what a killed server has kept."""

from __future__ import annotations

import json
import re
import time
import urllib.request
from urllib.parse import urljoin

import pytest

from lab_runner import LabRunner
from streamlab.engines import engine, labelled
from streamlab.students import inventory

ROWS = 500
RECOVERY_SECONDS = 180


@pytest.fixture
def table(lab: LabRunner) -> str:
    shell(lab, "if exists 'kept' then disable 'kept'; drop 'kept' end", "create 'kept', 'f'")
    shell(lab, "t = get_table 'kept'", f"{ROWS}.times {{ |i| t.put 'row%04d' % i, 'f:v', i.to_s }}")
    return "kept"


def shell(lab: LabRunner, *lines: str) -> str:
    """What `hbase shell` prints for these lines; it ends at the first that fails."""
    text = "\n".join(lines)
    return lab.inside(f"hbase shell -n 2>&1 <<'END'\n{text}\nEND")


def count(lab: LabRunner, table: str) -> int:
    return int(re.search(r"^(\d+) row\(s\)", shell(lab, f"count '{table}'"), re.M)[1])


def await_rows(lab: LabRunner, table: str) -> int:
    """The rows, as soon as somebody answers."""
    ends = time.monotonic() + RECOVERY_SECONDS
    while True:
        ran = lab.run("prove", "--service", "hbase", seconds=RECOVERY_SECONDS)
        if ran.code == 0:
            return count(lab, table)
        assert time.monotonic() < ends, ran


def test_hbase_proves_itself(lab: LabRunner) -> None:
    assert re.search(r"hbase +proved: put and scanned a row \(", lab("prove", "--service", "hbase"))
    assert re.search(r"^hbase1 +hbase +healthy +\d+ of 512 MB", lab("status"), re.M)


def test_a_stack_that_is_as_it_should_be_is_left_alone(lab: LabRunner) -> None:
    assert f"{lab.student}: provisioned and answering, 0 changed" in lab("provision")


def test_the_shell_keeps_versions_and_forgets_what_is_too_old(lab: LabRunner) -> None:
    said = shell(
        lab,
        "create 'visits', {NAME => 'f', VERSIONS => 2}, {NAME => 'short', TTL => 2}",
        "%w[one two three].each { |v| (get_table 'visits').put 'ada', 'f:page', v }",
        "put 'visits', 'ada', 'short:page', 'soon gone'",
        "get 'visits', 'ada', {COLUMN => 'f:page', VERSIONS => 5}",
        "sleep 3",
        "puts 'later'",
        "scan 'visits'",
        "disable 'visits'",
        "drop 'visits'",
    )
    assert re.findall(r"f:page timestamp=\S+, value=(\w+)", said) == ["three", "two"]
    assert "soon gone" not in said.partition("later\n")[2]


def test_a_region_splits(lab: LabRunner, table: str) -> None:
    shell(lab, f"split '{table}', 'row0250'")
    ends = time.monotonic() + 60
    while not re.search(r"^ 2 rows", said := shell(lab, f"list_regions '{table}'"), re.M):
        assert time.monotonic() < ends, said
    assert count(lab, table) == ROWS


def test_a_mistake_says_what_it_is(lab: LabRunner) -> None:
    ran = lab.run("shell", "--command", "echo \"get 'nothing', 'r'\" | hbase shell -n")
    assert ran.code != 0
    assert "Unknown table nothing!" in ran.out + ran.err


def test_python_reads_what_the_shell_wrote(lab: LabRunner, table: str) -> None:
    code = (
        "import happybase, json; table = happybase.Connection('localhost').table('kept'); "
        "print(json.dumps([[k.decode(), v[b'f:v'].decode()] for k, v in table.scan(limit=2)]))"
    )
    assert json.loads(lab.inside(f'python3 -c "{code}"')) == [["row0000", "0"], ["row0001", "1"]]


def test_zookeeper_knows_the_master(lab: LabRunner) -> None:
    assert "region-server" in lab.inside("zkCli.sh ls /hbase 2>/dev/null")
    assert re.search(r"dataVersion", lab.inside("zkCli.sh stat /hbase/master 2>/dev/null"))


@pytest.mark.parametrize(
    ("name", "leads_to", "title"),
    [
        ("HBase master", "/master-status", "Master: hbase1"),  # one that waits is a "Backup Master"
        ("HBase region server", "/rs-status", "HBase Region Server: hbase1"),
    ],
)
def test_each_page_is_the_one_that_it_is_called(lab: LabRunner, name: str, leads_to: str, title: str) -> None:
    """A link opens a page that leads on as a browser follows it: by its own HTML."""
    address = re.search(rf"^{name} +(http\S+)", lab("links"), re.M)[1]
    assert f'content="0;url={leads_to}"' in page(address)
    shown = re.search(r"<title>(.*?)</title>", page(urljoin(address, leads_to)), re.S)[1]
    assert " ".join(shown.split()) == title


def page(address: str) -> str:
    with urllib.request.urlopen(address, timeout=20) as answer:
        return answer.read().decode("utf-8")


def test_a_killed_server_comes_back_with_every_row(lab: LabRunner, table: str) -> None:
    student = inventory.load(lab.inventory).student(lab.student)
    with engine.connect(student.docker_host) as client:
        labelled.node(client, student, "hbase1").exec_run(["sh", "-c", "kill -9 $(pgrep java)"])
    assert await_rows(lab, table) == ROWS


def test_suspended_it_keeps_every_row(lab: LabRunner, table: str) -> None:
    assert "8 nodes stopped" in lab("suspend")
    assert lab("resume") == f"{lab.student}: resumed and proved\n"
    assert count(lab, table) == ROWS


def test_a_snapshot_has_its_tables(lab: LabRunner, table: str) -> None:
    name = "test-hbase"
    lab("snapshot", "--name", name)
    try:
        shell(lab, f"disable '{table}'", f"drop '{table}'")
        lab("restore", "--name", name, "--yes")
        assert count(lab, table) == ROWS
    finally:
        lab.run("snapshots", "--remove", name, "--yes", student=False)
