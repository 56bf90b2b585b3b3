"""What the edge node does between a key press and YARN having the application."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from common.errors import JobError, WrongRequest
from edge import locks, submit
from streamlab.paths import JOBS, ROOT

REQUEST = {
    "containers": [(1408, 1), (1920, 2)], "step": "lesson08/score", "name": "ada-lesson08-score",
}  # fmt: skip


class FakeYarn:
    """Answers each question with the next of what it was given: (free MB, running applications)."""

    def __init__(self, *answers: tuple[int, list[dict[str, Any]]]) -> None:
        self.answers = list(answers)

    def unfinished(self) -> list[dict[str, Any]]:
        return self.answers[0][1]

    def nodes(self, states: str) -> list[dict[str, Any]]:
        assert states == "RUNNING,UNHEALTHY"
        return [
            {"state": "RUNNING", "availMemoryMB": self.answers.pop(0)[0], "availableVirtualCores": 8},
            {"state": "UNHEALTHY", "nodeHostName": "nodemanager2", "healthReport": "ERROR it is\nfull \n"},
        ]

    def metrics(self) -> dict[str, int]:
        return {"totalMB": 4096}


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, events: Callable) -> Callable[..., list[dict]]:
    """Asks for room of a YARN that gives these answers; the events that were printed."""

    def call(*answers: tuple[int, list[dict[str, Any]]], typed: str = "lesson08") -> list[dict]:
        monkeypatch.setattr(submit, "Yarn", lambda: FakeYarn(*answers))
        submit.await_room(REQUEST | {"typed": typed})
        return events()

    monkeypatch.setattr(submit, "allocation_step", lambda: 128)
    monkeypatch.setattr(submit.time, "sleep", lambda seconds: None)
    return call


def app(mb: int, name: str = "ada-lesson03-read") -> dict[str, Any]:
    return {
        "id": "application_1_2", "name": name, "allocatedMB": mb, "state": "RUNNING", "startedTime": 1735725600123,
    }  # fmt: skip


def test_what_fits_is_said_at_once(told: Callable) -> None:
    (event,) = told((4096, []))
    assert event["fits"]
    assert event["room"]["total_mb"] == 4096
    assert event["room"]["unhealthy"] == ["nodemanager2: ERROR it is full"]


def test_a_driver_that_has_still_to_go_is_waited_for_whatever_else_runs(told: Callable) -> None:
    """The other one was submitted, and has not been given anything yet: YARN says -1."""
    *waiting, last = told((2688, [app(-1)]), (2688, [app(-1)]), (4096, [app(-1)]))
    assert ["waiting" in event for event in waiting] == [True, True]
    assert last["fits"]
    assert last["room"]["running"] == ["application_1_2 0 MB ada-lesson03-read"]


def test_what_runs_is_not_waited_for(told: Callable) -> None:
    (event,) = told((2304, [app(1792)]))
    assert not event["fits"]
    assert (event["room"]["free_mb"], event["room"]["held_mb"]) == ([2304], 1792)


def test_what_is_not_given_back_is_waited_for_until_the_deadline(
    told: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submit, "RELEASE_SECONDS", 0)
    *_, last = told(*[(2688, [])] * 9)
    assert not last["fits"]


@pytest.mark.parametrize("typed", ["lesson08", "../field/hungry"])
def test_a_step_that_runs_already_is_refused_with_its_application(told: Callable, typed: str) -> None:
    """Also where there would be room for it."""
    with pytest.raises(WrongRequest) as caught:
        told((8192, [app(896), app(1408, "ada-lesson08-score")]), typed=typed)
    assert str(caught.value) == (
        "error: it runs already\n"
        "  application_1_2 is RUNNING since 2025-01-01 10:00:00 UTC\n"
        f"  fix: invoke stop --job {typed}/score, or wait for it"
    )


def test_a_step_that_another_submit_has_begun_meanwhile_is_refused(told: Callable) -> None:
    with pytest.raises(WrongRequest):
        told((2688, []), (2688, [app(-1, "ada-lesson08-score")]))


def test_submits_of_one_lesson_have_their_turns(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, events: Callable
) -> None:
    """What takes a submit's place has the lock until it ends, by whatever."""
    monkeypatch.setattr(locks, "LOCK", f"{tmp_path}/{{}}.lock")
    program = (
        f"import os; from edge import locks; locks.LOCK = {locks.LOCK!r}; locks.lock('lesson08'); "
        "print(flush=True); os.execvp('sleep', ['sleep', '60'])"
    )
    env = {**os.environ, "PYTHONPATH": f"{ROOT}/streamlab:{JOBS}"}
    with subprocess.Popen([sys.executable, "-c", program], env=env, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"\n"
        locks.lock("lesson01")
        assert locks.locked() == ["lesson01", "lesson08"]
        assert events() == []
        waiting = threading.Thread(target=submit.lock, args=["lesson08"])
        waiting.start()
        waiting.join(0.2)
        assert waiting.is_alive()
        assert events() == [{"waiting": "another submit of lesson08 is at work"}]
        other.kill()
    waiting.join(10)
    assert not waiting.is_alive()
    (tmp_path / "lesson02.lock").touch()
    assert locks.locked() == ["lesson01", "lesson08"]


class Files:
    """An HDFS as a dictionary. The first look of each of `everybody` finds nothing: all look before one writes."""

    def __init__(self, everybody: int, *, full: bool = False) -> None:
        self.files: dict[str, bytes] = {}
        self.full = full
        self.first_look = threading.Barrier(everybody)
        self.looked = threading.local()

    def exists(self, path: str) -> bool:
        if not hasattr(self.looked, "once"):
            self.looked.once = True
            self.first_look.wait(5)
            return False
        return path in self.files

    def write(self, path: str, data: bytes) -> None:
        self.files[path] = data

    def rename(self, path: str, to: str) -> None:
        if self.full or to in self.files:
            raise JobError(f"HDFS does not rename {path} to {to}")
        self.files[to] = self.files.pop(path)

    def delete(self, path: str) -> None:
        del self.files[path]


def test_who_puts_the_same_bundle_there_at_the_same_time_is_served_too() -> None:
    hdfs = Files(everybody=4)
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: submit._ensure(hdfs, "/b/1.zip", b"zip"), range(4)))
    assert sorted(done) == [False, False, False, True]
    assert hdfs.files == {"/b/1.zip": b"zip"}


def test_a_bundle_that_cannot_be_put_there_is_an_error() -> None:
    hdfs = Files(everybody=1, full=True)
    with pytest.raises(JobError, match="HDFS does not rename"):
        submit._ensure(hdfs, "/b/1.zip", b"zip")
    assert hdfs.files == {}


def test_the_command_line_of_a_step(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(submit, "CLIENT", tmp_path)
    request = {
        "options": ["--name", "ada-lesson08-score"],
        "step": "lesson08/score",
        "arguments": ["--set", "z=a b; rm"],
        "continuous": True,
    }
    files = ("hdfs://namenode:8020/b.zip", "hdfs://namenode:8020/l.py")
    assert submit.command(request, *files) == [
        *("java", f"@{tmp_path}", "org.apache.spark.deploy.SparkSubmit"),
        *("--name", "ada-lesson08-score", "--py-files", *files),
        *("lesson08/score", "--set", "z=a b; rm", "--continuous"),
    ]
    assert submit.command(request | {"arguments": [], "continuous": False}, *files)[-2:] == [files[1], "lesson08/score"]


def test_a_cluster_that_is_not_the_labs_gets_its_description_with_the_application(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(submit, "CLIENT", tmp_path / "no such file")
    monkeypatch.setenv("STREAMLAB_LAB_JSON", "/home/ada/cluster.json")
    request = {"options": ["--name", "x"], "step": "lesson08/score", "arguments": [], "continuous": False}
    assert submit.command(request, "b.zip", "l.py") == [
        *("spark-submit", "--name", "x", "--master", "yarn", "--files", "/home/ada/cluster.json"),
        *("--conf", "spark.yarn.appMasterEnv.STREAMLAB_LAB_JSON=cluster.json"),
        *("--conf", "spark.executorEnv.STREAMLAB_LAB_JSON=cluster.json"),
        *("--py-files", "b.zip", "l.py", "lesson08/score"),
    ]


def test_yarn_s_step_is_read_from_its_own_configuration(tree: Callable) -> None:
    name = "yarn.scheduler.minimum-allocation-mb"
    set_, unset = (
        f"<configuration><property><name>{n}</name><value>128</value></property></configuration>" for n in (name, "x")
    )
    folder = tree({"set.xml": set_, "unset.xml": unset})
    assert submit.allocation_step(folder / "set.xml") == 128
    assert submit.allocation_step(folder / "unset.xml") == 1024
    assert submit.allocation_step(folder / "missing.xml") == 1024


def test_a_seed_makes_the_data_and_is_not_told_to_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever knows the seed of the data knows what is expected."""
    said: dict[str, list[str]] = {}
    monkeypatch.setattr(submit, "lock", lambda name: None)
    monkeypatch.setattr(submit, "await_room", lambda request: True)
    monkeypatch.setattr(submit, "make", lambda step, arguments: said.update(made=arguments))
    monkeypatch.setattr(submit, "upload", lambda local, sha256: ("b.zip", "l.py"))
    monkeypatch.setattr(submit, "hand_over", lambda argv, seconds: said.update(run=argv))
    request = {
        "step": "my04/exercise", "arguments": [], "typed": "my04", "seed": 4711, "options": [], "flink": False,
        "zip": "", "sha256": "", "continuous": False, "seconds": 1,
    }  # fmt: skip
    submit.main(request)
    assert said["made"] == ["--typed", "my04", "--seed", "4711"]
    assert "4711" not in " ".join(said["run"])
    submit.main(request | {"seed": None})
    assert said["made"] == ["--typed", "my04"]
