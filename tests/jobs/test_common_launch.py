"""The launcher runs the step it is named, keeps the report and makes one line of it; a failure is left to Python."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import ClassVar

import pytest
from pyspark.sql import SparkSession

from common import launch
from common.errors import WrongRequest
from common.settings import Settings

JOB = """
title: A test
steps:
  double: {title: Doubles, preset: tiny, timeout: 60, args: {rows: 3}}
  fail: {title: Fails, preset: tiny, timeout: 60}
"""
DOUBLE = """
from common.outcome import Outcome
def run(spark, settings):
    return Outcome(written={"file out": spark.range(settings.args["rows"]).count() * 2}, details={"why": "a test"})
"""
FAIL = """
def run(spark, settings):
    raise ValueError("no")
"""


class MemoryHdfs:
    """HDFS as a dictionary; an operation that the launcher should not need fails the test."""

    files: ClassVar[dict[str, str]] = {}

    def __init__(self, url: str) -> None:
        self.url = url

    def write(self, path: str, data: str) -> None:
        self.files[path] = data

    def delete(self, path: str) -> bool:
        return self.files.pop(path, None) is not None


@pytest.fixture
def lesson(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    folder = tmp_path / "lessontest"
    folder.mkdir()
    for name, text in {"__init__.py": "", "job.yml": JOB, "double.py": DOUBLE, "fail.py": FAIL}.items():
        (folder / name).write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(launch, "Hdfs", MemoryHdfs)
    monkeypatch.setattr(MemoryHdfs, "files", {})
    yield "lessontest"
    for name in [name for name in sys.modules if name.partition(".")[0] == "lessontest"]:
        del sys.modules[name]


def settings_for(settings: Settings, step: str) -> Settings:
    return Settings(info=settings.info, lesson="lessontest", step=step, args={"rows": 3})


def test_the_outcome_is_a_line_and_a_report(spark: SparkSession, settings: Settings, lesson: str) -> None:
    own = settings_for(settings, "double")
    MemoryHdfs.files[own.stop_marker(spark.sparkContext.applicationId)] = ""  # somebody asked this run to end
    line = launch.launch(spark, own)
    outcome = json.loads(line.removeprefix("streamlab-outcome: "))
    assert outcome["written"] == {"file out": 6}
    assert outcome["report"] == "/user/student/lessontest/reports/double.json"
    report = json.loads(MemoryHdfs.files.pop(outcome["report"]))
    assert report["args"] == {"rows": 3}
    assert report["details"] == {"why": "a test"}
    assert report["application"] == spark.sparkContext.applicationId
    assert MemoryHdfs.files == {}


def test_a_failing_step_leaves_no_report(spark: SparkSession, settings: Settings, lesson: str) -> None:
    with pytest.raises(ValueError, match="no"):
        launch.launch(spark, settings_for(settings, "fail"))
    assert MemoryHdfs.files == {}


def test_a_step_without_a_module_is_named(spark: SparkSession, settings: Settings, lesson: str) -> None:
    with pytest.raises(WrongRequest, match="lessontest has a step ghost but no module of that name"):
        launch.launch(spark, settings_for(settings, "ghost"))


def test_a_lesson_may_say_what_its_session_is_made_with(
    settings: Settings, lesson: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = settings_for(settings, "double")
    assert isinstance(launch.builder(own), SparkSession.Builder)
    session = ModuleType("lessontest.session")
    session.configure = lambda builder, settings: (builder, settings.step)
    monkeypatch.setitem(sys.modules, "lessontest.session", session)
    assert launch.builder(own)[1] == "double"
