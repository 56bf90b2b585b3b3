"""lesson03 on a real stack: records and files read on YARN, read on, broken, and each mistake as the handout says."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from lab_runner import LabRunner

HOME = "/user/student/lesson03"
COMMITS = f"{HOME}/checkpoint/l03-orders/commits"
SEND_SECOND_DELIVERY = (
    f"hdfs dfs -cat {HOME}/in/second_delivery.txt | kafka-console-producer.sh --bootstrap-server kafka1:9092"
    " --topic l03-orders --reader-property parse.key=true"
)


@pytest.fixture(scope="module")
def first(lab: LabRunner) -> Iterator[str]:
    """What `submit` printed when it ran the lesson from its start."""
    lab("reset", "--yes", "--job", "lesson03")
    yield lab("submit", "--job", "lesson03")
    lab("reset", "--yes", "--job", "lesson03")


def batches(printed: str, query: str) -> list[int]:
    return [int(rows) for rows in re.findall(rf"{query}: batch \d+, (\d+) rows", printed)]


def test_the_limit_divides_the_topic_and_each_file_is_a_batch(lab: LabRunner, first: str) -> None:
    assert batches(first, "l03-orders") == [298, 299, 299, 104]
    assert batches(first, "l03-files") == [250] * 4
    found = lab.check("lesson03")
    assert found["passed"], found
    assert len(found["assertions"]) == 14


def test_a_second_run_finds_nothing_new(lab: LabRunner, first: str) -> None:
    printed = lab("submit", "--job", "lesson03")
    assert "l03-orders: nothing new" in printed
    assert "l03-files: nothing new" in printed
    assert lab.wrong("lesson03") == {}


def test_a_part_file_that_is_gone_is_found(lab: LabRunner, first: str) -> None:
    folder = f"{HOME}/out/orders/kind=malformed"
    part = lab.inside(f"hdfs dfs -ls -C {folder}").split()[0]
    lab.inside(f"hdfs dfs -mv '{part}' {HOME}/kept.parquet")
    try:
        wrong = lab.wrong("lesson03")
        text = lab.run("check", "--job", "lesson03")
    finally:
        lab.inside(f"hdfs dfs -mv {HOME}/kept.parquet '{part}'")
    assert wrong["read: keys of the malformed records"]["found"] == f"no such file: {part}"
    assert text.code == 1
    assert f"WRONG read: keys of the malformed records: expected 3, found no such file: {part}" in text.out
    assert lab.wrong("lesson03") == {}


def test_a_batch_that_was_never_committed_is_found(lab: LabRunner, first: str) -> None:
    lab.inside(f"hdfs dfs -mv {COMMITS}/3 {HOME}/kept")
    try:
        wrong = lab.wrong("lesson03")
    finally:
        lab.inside(f"hdfs dfs -mv {HOME}/kept {COMMITS}/3")
    assert wrong["read: last batch of l03-orders begun and committed"]["found"] == "begun 3, committed 2"
    assert lab.wrong("lesson03") == {}


def test_offsets_of_another_topic_end_the_query_at_its_start(lab: LabRunner, first: str) -> None:
    ran = lab.run("submit", "--job", "lesson03/broken-offsets")
    assert ran.code == 1
    assert "If startingOffsets contains specific offsets, you must specify all TopicPartitions." in ran.err
    assert "Specified: Set(l03-orders-copy-0, " in ran.err
    assert lab.wrong("lesson03") == {}


def test_records_that_cannot_be_read_become_rows_of_nulls_and_empty_objects(lab: LabRunner, first: str) -> None:
    printed = lab("submit", "--job", "lesson03/broken-malformed")
    for line in (
        "rows: 1000",
        "rows without an order_id: 2",
        "rows with an order_id and no purchased_at: 1",
        "lines {} written on: 2",
    ):
        assert f"| {line}\n" in printed
    assert lab.inside(f"hdfs dfs -cat {HOME}/broken/malformed/json/part-*").splitlines().count("{}") == 2


def test_the_limit_is_ignored_by_once_and_rounded_down_by_others(lab: LabRunner, first: str) -> None:
    printed = lab("submit", "--job", "lesson03/broken-limit")
    assert "trigger once, limit 15: batches of [1000]" in printed
    rounded = [int(rows) for rows in re.search(r"first batches \[(\d+), (\d+), (\d+)\]", printed).groups()]
    assert all(13 <= rows <= 14 for rows in rounded), rounded


def test_a_start_in_the_middle_leaves_out_the_beginning(lab: LabRunner, first: str) -> None:
    printed = lab("submit", "--job", "lesson03/from-offsets")
    assert 'startingOffsets {"l03-orders": {"0": 20, "1": 20, "2": 20}}' in printed
    assert batches(printed, "l03-from-offsets") == [940]


def test_twenty_more_are_one_batch_and_a_record_too_many_is_found(lab: LabRunner, first: str) -> None:
    lab.inside(SEND_SECOND_DELIVERY)
    assert lab.wrong("lesson03")["read: records that l03-orders has done"]["expected"] == 1020
    assert batches(lab("submit", "--job", "lesson03"), "l03-orders") == [20]
    assert lab.wrong("lesson03") == {}
    lab.inside(SEND_SECOND_DELIVERY)
    wrong = lab.wrong("lesson03")["read: records in l03-orders"]
    assert (wrong["expected"], wrong["found"]) == (1020, 1040)


def test_a_topic_made_anew_is_never_gone_on_with(lab: LabRunner, first: str) -> None:
    topics = "kafka-topics.sh --bootstrap-server kafka1:9092"
    reset = "fix: invoke reset --job lesson03"
    lab.inside(f"{topics} --alter --topic l03-orders --partitions 4")
    more = lab.run("submit", "--job", "lesson03")
    assert (more.code, reset in more.err) == (1, True)
    lab.inside(f"{topics} --delete --topic l03-orders")
    gone = lab.run("submit", "--job", "lesson03")
    assert gone.code == 2
    assert "topic l03-orders is gone\n" in gone.err
    assert reset in gone.err
    assert "l03-orders" not in lab.inside(f"{topics} --list")
    # Longer than the one before, so that by its offsets alone nobody could tell.
    lab.inside(f"{topics} --create --topic l03-orders --partitions 3")
    lab.inside("seq 9000 | kafka-console-producer.sh --bootstrap-server kafka1:9092 --topic l03-orders")
    anew = lab.run("submit", "--job", "lesson03")
    assert anew.code == 2
    assert "topic l03-orders was deleted and made again: its id was " in anew.err
    lab("reset", "--yes", "--job", "lesson03")
    assert batches(lab("submit", "--job", "lesson03"), "l03-orders") == [298, 299, 299, 104]
    assert lab.wrong("lesson03") == {}
