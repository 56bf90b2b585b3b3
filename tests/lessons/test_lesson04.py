"""lesson04 on a real stack: five sinks filled on YARN, filled no further, broken, and both mistakes as described."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from lab_runner import LabRunner

HOME = "/user/student/lesson04"
OFFSETS = "kafka-get-offsets.sh --bootstrap-server kafka1:9092 --topic {} --time -1"


@pytest.fixture(scope="module")
def filled(lab: LabRunner) -> Iterator[str]:
    """What `submit` printed when it ran the lesson from its start. The last test leaves a copy behind."""
    lab("reset", "--yes", "--job", "lesson04")
    yield lab("submit", "--job", "lesson04")
    lab("reset", "--yes", "--job", "lesson04")


def ends(lab: LabRunner, topic: str) -> int:
    return sum(int(line.rsplit(":", 1)[1]) for line in lab.inside(OFFSETS.format(topic)).split())


def test_every_sink_takes_a_thousand(lab: LabRunner, filled: str) -> None:
    last = filled.splitlines()[-1]
    assert re.fullmatch(
        r"lesson04/sinks: application_\d+_\d+ SUCCEEDED in [\d.]+ s: 1000 to memory l04_memory; "
        rf"1000 to hdfs {HOME}/out/parquet; 1000 to kafka l04-row; 1000 to kafka l04-json; "
        rf"900 to hdfs {HOME}/out/foreach/delivered; 100 to hdfs {HOME}/out/foreach/other",
        last,
    )
    found = lab.check("lesson04")
    assert found["passed"], found
    assert len(found["assertions"]) == 18


def test_a_second_run_fills_memory_only_and_another_format_is_a_sink_of_its_own(lab: LabRunner, filled: str) -> None:
    printed = lab("submit", "--job", "lesson04", "--set", "format=json")
    for query in ("l04-kafka-row", "l04-kafka-json", "l04-foreach"):
        assert f"{query}: nothing new" in printed
    assert "1000 to memory l04_memory" in printed
    assert f"1000 to hdfs {HOME}/out/json" in printed
    assert [ends(lab, topic) for topic in ("l04-row", "l04-json")] == [1000, 1000]
    found = lab.check("lesson04")
    assert found["passed"], found
    assert len(found["assertions"]) == 20  # two more, for the second format


def test_a_part_file_that_is_gone_is_found(lab: LabRunner, filled: str) -> None:
    part = lab.inside(f"hdfs dfs -ls -C '{HOME}/out/parquet/part-*'").split()[0]
    lab.inside(f"hdfs dfs -mv {part} {HOME}/kept.parquet")
    try:
        wrong = lab.wrong("lesson04")
        text = lab.run("check", "--job", "lesson04")
    finally:
        lab.inside(f"hdfs dfs -mv {HOME}/kept.parquet {part}")
    assert wrong["sinks: orders in parquet files, by id"]["found"] == f"no such file: {part}"
    assert text.code == 1
    assert "WRONG sinks: orders in parquet files, by id: expected 1000 orders, found no such file" in text.out


def test_a_batch_that_stands_twice_is_found(lab: LabRunner, filled: str) -> None:
    folder = f"{HOME}/out/foreach/other/batch_id=0"
    part = lab.inside(f"hdfs dfs -ls -C '{folder}/part-*'").split()[0]
    lab.inside(f"hdfs dfs -cp {part} {folder}/part-copy.parquet")
    try:
        wrong = lab.wrong("lesson04")
    finally:
        lab.inside(f"hdfs dfs -rm -skipTrash {folder}/part-copy.parquet")
    assert "more than once" in wrong["sinks: those orders by id"]["found"]
    assert lab.wrong("lesson04") == {}


def test_a_second_sink_on_the_same_checkpoint_gets_nothing_and_no_error(lab: LabRunner, filled: str) -> None:
    printed = lab("submit", "--job", "lesson04/broken-shared-checkpoint")
    assert "| first sink: 1000 rows, no error" in printed
    assert "| second sink: 0 rows, no error" in printed


def test_appending_doubles_the_batch_that_is_run_again(lab: LabRunner, filled: str) -> None:
    printed = lab("submit", "--job", "lesson04/broken-append")
    cut = int(re.search(r"append: the power went off after batch 1 \((\d+) rows\) was written", printed)[1])
    assert cut > 0
    assert f"| append: after the restart {1000 + cut} rows, 1000 different orders" in printed
    assert "| overwrite: after the restart 1000 rows, 1000 different orders" in printed


def test_a_copy_that_no_kill_explains_is_found(lab: LabRunner, filled: str) -> None:
    kafka = "--bootstrap-server kafka1:9092 --topic l04-json"
    one = f"kafka-console-consumer.sh {kafka} --from-beginning --max-messages 1 --formatter-property print.key=true"
    lab.inside(f"{one} | kafka-console-producer.sh {kafka} --reader-property parse.key=true")
    wrong = lab.wrong("lesson04")
    assert list(wrong) == ["sinks: copies in l04-json, of batches that were cut off and sent again"]
    assert (*wrong.values(),)[0]["found"] == 1
