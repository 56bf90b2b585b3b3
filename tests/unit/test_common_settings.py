"""Endpoints come from lab.json, paths from lesson and name alone, arguments from job.yml."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from common import request
from common.errors import JobError, WrongRequest
from common.settings import LabInfo, Settings, application_name, load_info

LAB = {
    "student": "student01",
    "kafka": "kafka1:9092",
    "cassandra": ["cassandra1"],
    "webhdfs": "http://namenode:9870",
    "hdfs": "hdfs://namenode:8020",
    "yarn": "http://resourcemanager:8088",
    "replication": {"kafka": 1, "cassandra": 2, "hdfs": 1},
}


@pytest.fixture
def info(tmp_path: Path) -> LabInfo:
    file = tmp_path / "lab.json"
    file.write_text(json.dumps(LAB))
    return load_info(str(file))


def settings(info: LabInfo, *argv: str) -> Settings:
    return request.settings_from(request.parse(argv, prog="test"), info)[1]


def test_the_lab_is_read_from_its_file(info: LabInfo) -> None:
    assert (info.student, info.kafka, info.cassandra, info.cassandra_replication) == (
        "student01", "kafka1:9092", ("cassandra1",), 2,
    )  # fmt: skip


def test_without_a_quota_in_its_file_hdfs_has_none(info: LabInfo, tmp_path: Path) -> None:
    (tmp_path / "limited.json").write_text(json.dumps(LAB | {"hdfs_disk_mb": 4096}))
    assert (info.hdfs_disk_mb, load_info(str(tmp_path / "limited.json")).hdfs_disk_mb) == (None, 4096)


def test_the_environment_may_name_another_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lab.json").write_text(json.dumps(LAB | {"student": "student07"}))
    monkeypatch.setenv("STREAMLAB_LAB_JSON", str(tmp_path / "lab.json"))
    assert load_info().student == "student07"


def test_a_lab_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    (tmp_path / "lab.json").write_text("{}")
    with pytest.raises(JobError) as error:
        load_info(str(tmp_path / "lab.json"))
    assert str(error.value) == (
        f"error: the lab's description cannot be read: {tmp_path}/lab.json\n"
        "  KeyError: 'student'\n"
        "  fix: run this on a node of the cluster, for example with: invoke shell"
    )


def test_every_path_is_built_in_one_place(info: LabInfo) -> None:
    made = settings(info, "lesson08/score")
    assert application_name(made.student, made.lesson, made.step) == "student01-lesson08-score"
    assert made.home == "/user/student/lesson08"
    assert made.checkpoint("l08-score") == "/user/student/lesson08/checkpoint/l08-score"
    assert made.throwaway("l08-score", "1a2b") == "/user/student/lesson08/throwaway/l08-score-1a2b"
    assert made.model("salary") == "/user/student/lesson08/model/salary"
    assert made.input("people.csv") == "/user/student/lesson08/in/people.csv"
    assert made.output("a", "b.json") == "/user/student/lesson08/out/a/b.json"
    assert made.report == made.report_of("score") == "/user/student/lesson08/reports/score.json"
    assert made.stop_marker("application_1_2") == "/user/student/lesson08/stop/application_1_2"


def test_a_checkpoint_depends_on_lesson_and_query_alone(info: LabInfo) -> None:
    once = settings(info, "lesson08/score", "--set", "per_batch=5", "--continuous")
    assert once.checkpoint("l08-score") == settings(info, "lesson08/train").checkpoint("l08-score")


@pytest.mark.parametrize("name", ["", "../other", "a/b", "A"])
def test_a_name_that_would_leave_its_folder_is_refused(info: LabInfo, name: str) -> None:
    with pytest.raises(JobError, match="not a name for a folder"):
        settings(info, "lesson08").checkpoint(name)


def test_topics_and_tables_are_those_of_job_yml(info: LabInfo) -> None:
    made = settings(info, "lesson08/score")
    assert (made.topic("jobs"), made.table("people")) == ("l08-jobs", "lab.people")
    with pytest.raises(WrongRequest) as error:
        made.topic("job")
    assert str(error.value) == (
        "error: no topic in job.yml named 'job'\n  known: jobs, predictions\n  fix: did you mean jobs?"
    )


def test_arguments_have_the_type_of_their_default(info: LabInfo) -> None:
    assert settings(info, "lesson08/score").args == {"per_batch": 100}
    assert settings(info, "lesson08/score", "--set", "per_batch=60").args == {"per_batch": 60}
    assert settings(info, "lesson08").args == {"algo": "lr", "folds": 1, "per_batch": 100}
    assert request.overridden({"on": False, "rate": 1.5}, ["on=true", "rate=2"]) == {"on": True, "rate": 2.0}


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["lesson08/score", "--set", "perbatch=60"], "no argument named 'perbatch'"),
        (["lesson08/score", "--set", "per_batch"], "not an argument: 'per_batch'"),
        (["lesson08/score", "--set", "per_batch=many"], "per_batch is a number such as 100, not 'many'"),
        (["lesson08/scor"], "no step named 'scor'"),
        (["lesson77"], "no lesson named 'lesson77' in this bundle"),
    ],
)
def test_a_wrong_request_is_refused(info: LabInfo, argv: list[str], words: str) -> None:
    with pytest.raises(WrongRequest, match=words):
        settings(info, *argv)


def test_a_mistake_keeps_what_it_makes_below_the_lesson_s_home(info: LabInfo) -> None:
    """So that a reset takes it away, and apart from what the check looks at."""
    own = settings(info, "lesson08")
    assert own.broken("offsets", "checkpoint") == f"{own.home}/broken/offsets/checkpoint"
    assert own.broken("offsets") == f"{own.home}/broken/offsets"
