"""lesson02 on a real stack: run twice, broken in two ways, its mistakes seen."""

from __future__ import annotations

import json
import re

import pytest

from lab_runner import LabRunner

KAFKA = "--bootstrap-server kafka1:9092"


@pytest.fixture(scope="module")
def read(lab: LabRunner) -> str:
    """What `submit` printed when it ran the lesson from its start."""
    lab("reset", "--yes", "--job", "lesson02")
    return lab("submit", "--job", "lesson02")


def test_an_empty_cluster_fails_everywhere(lab: LabRunner) -> None:
    lab("reset", "--yes", "--job", "lesson02")
    found = lab.check("lesson02")["assertions"]
    # YARN remembers earlier runs of this stack, whatever a reset takes away.
    assert [one["name"] for one in found if one["passed"] and "YARN" not in one["name"]] == []


def test_slice_and_groups_say_what_they_did_and_the_check_passes(lab: LabRunner, read: str) -> None:
    assert re.search(r"lesson02/slice: application_\d+_\d+ SUCCEEDED in [\d.]+ s: 10 to kafka l02-slice", read)
    owned = {name: json.loads(parts) for name, parts in re.findall(r"(member-\w): partitions (\[[\d, ]*\])", read)}
    assert sorted(part for parts in owned.values() for part in parts) == [0, 1, 2]
    assert sorted(map(len, owned.values())) == [1, 2]
    assert "lag of l02-group: 60 -> 0" in read
    assert "64 handled: 4 twice, 0 never" in read
    assert "54 handled: 0 twice, 6 never" in read
    found = lab.check("lesson02")
    assert found["passed"], found
    assert len(found["assertions"]) == 21


def test_a_second_run_changes_no_count(lab: LabRunner, read: str) -> None:
    printed = lab("submit", "--job", "lesson02")
    assert "topic l02-events: 60 records already there" in printed
    assert re.search(r"lesson02/slice: .*it wrote nothing", printed)
    assert lab.wrong("lesson02") == {}


def test_a_group_sent_back_to_the_start_is_found(lab: LabRunner, read: str) -> None:
    command = f"kafka-consumer-groups.sh {KAFKA} --group l02-group --topic l02-events:1 --reset-offsets --execute"
    lab.inside(f"{command} --to-offset 7")
    try:
        ran = lab.run("check", "--job", "lesson02")
    finally:
        lab.inside(f"{command} --to-latest")
    assert ran.code == 1
    assert "WRONG groups: offsets that l02-group has committed" in ran.out
    assert re.search(r"found .*1'?: 7", ran.out)
    # Kafka's own tool commits an offset without a note: who had committed it before is known no more.
    assert {name.partition(",")[0] for name in lab.wrong("lesson02")} == {
        "groups: members that have committed a partition",
        "groups: partitions that a member says it owned and another one has committed",
    }
    lab("submit", "--job", "lesson02")
    assert lab.wrong("lesson02") == {}


def test_both_mistakes_cost_what_the_handout_says(lab: LabRunner, read: str) -> None:
    printed = lab("submit", "--job", "lesson02/broken-no-flush")
    assert "60 times send(), no flush(), killed: 0 records arrived" in printed
    assert "60 times send(), flush(), killed: 60 records arrived" in printed
    printed = lab("submit", "--job", "lesson02/broken-twice")
    assert "l02-broken-twice: 0 before, 10 after one run, 20 after two" in printed


def test_a_record_that_comes_a_second_time_is_found(lab: LabRunner, read: str) -> None:
    """The last test: a record cannot be taken back, only the topic with all of them, so the lesson is reset."""
    record = "cellar|" + lab.inside(
        f"kafka-console-consumer.sh {KAFKA} --topic l02-slice --partition 0 --offset 0 --max-messages 1"
    ).strip().replace('"', '\\"')
    options = "--reader-property parse.key=true --reader-property key.separator='|'"
    lab.inside(f'echo "{record}" | kafka-console-producer.sh {KAFKA} --topic l02-slice {options}')
    ran = lab.run("check", "--job", "lesson02")
    lab("reset", "--yes", "--job", "lesson02")
    assert ran.code == 1
    assert "WRONG slice: records in l02-slice: expected 10, found 11" in ran.out
    assert "found 1 too many: " in ran.out
