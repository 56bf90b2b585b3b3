"""The titanic lesson on a real stack: run, read from outside, repeated, broken; its mistake as described."""

from __future__ import annotations

import pytest

from lab_runner import LabRunner

HOME = "/user/student/titanic"


@pytest.fixture(scope="module")
def first(lab: LabRunner) -> str:
    """What `submit` printed when it ran the lesson from its start."""
    lab("reset", "--yes", "--job", "titanic")
    return lab("submit", "--job", "titanic")


def test_the_lesson_leaves_what_it_should(lab: LabRunner, first: str) -> None:
    assert "loaded 891 passengers into titanic-raw" in first
    assert "adult 601, minor 113, unknown 177; 75 windows" in first
    found = lab.check("titanic")
    assert found["passed"], [one for one in found["assertions"] if not one["passed"]]
    assert len(found["assertions"]) == 19


def test_a_second_run_adds_nothing(lab: LabRunner, first: str) -> None:
    printed = lab("submit", "--job", "titanic")
    assert "loaded 0 passengers into titanic-raw" in printed
    assert printed.count(": nothing new") == 3
    assert lab.wrong("titanic") == {}
    ends = lab.inside("kafka-get-offsets.sh --bootstrap-server kafka1:9092 --topic titanic-enriched")
    assert sum(int(line.rsplit(":", 1)[1]) for line in ends.split()) == 891


def test_a_picture_that_is_none_is_found(lab: LabRunner, first: str) -> None:
    picture = f"{HOME}/out/age_bands.png"
    lab.inside(f"hdfs dfs -mv {picture} {HOME}/aside && echo none | hdfs dfs -put - {picture}")
    try:
        wrong = lab.wrong("titanic")
    finally:
        lab.inside(f"hdfs dfs -mv {picture} {HOME}/none && hdfs dfs -mv {HOME}/aside {picture}")
    assert {name: one["found"] for name, one in wrong.items()} == {
        "chart: the numbers that the picture was drawn from": "no PNG: it begins with b'none\\n'",
        "chart: bytes of the picture": 5,
    }


def test_one_topic_with_two_schemas_gives_two_charts_that_disagree(lab: LabRunner, first: str) -> None:
    printed = lab("submit", "--job", "titanic/broken-two-schemas")
    assert "records in titanic-broken: 1782, of 891 passengers" in printed
    assert "counted in windows: 891" in printed
    assert "counted by age: 1782, everyone twice: {'adult': 1202, 'minor': 226, 'unknown': 354}" in printed
    assert lab.wrong("titanic") == {}


def test_a_passenger_loaded_twice_is_found(lab: LabRunner, first: str) -> None:
    """The last one: a topic cannot forget a record, so the lesson starts over after it."""
    produce = "kafka-console-producer.sh --bootstrap-server kafka1:9092 --topic titanic-raw"
    lab.inside(f"echo '7={{}}' | {produce} --reader-property parse.key=true --reader-property key.separator==")
    wrong = lab.wrong("titanic")
    assert {name: one["found"] for name, one in wrong.items()} == {"enrich: records in titanic-raw": 892}
    assert "topic titanic-raw: deleted" in lab("reset", "--yes", "--job", "titanic")
