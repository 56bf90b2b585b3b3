"""What `status`, `links` and `check` print."""

from __future__ import annotations

import json
import os
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO

import pytest

from edge import checks
from fake_engine import FakeEngine
from fake_node import ERR, Command, FakeNode
from streamlab.engines.disk import Usage
from streamlab.engines.inside import Result
from streamlab.errors import LabError
from streamlab.lessons import results
from streamlab.stacks import beside, health, prove, status
from streamlab.stacks.stack import Stack
from streamlab.students.clusters import DESCRIPTION, Cluster
from streamlab.students.inventory import Lab
from streamlab.students.student import Student
from streamlab.students.topology import Node
from streamlab.work import check, look

MB = 2**20
KAFKA = Node("kafka1", "kafka", "kafka", "kafka", "spring-ada-kafka1", "10.89.1.6", memory_mb=448)


def row(name: str, service: str, problem: str | None = None) -> dict[str, Any]:
    return {
        "name": name, "service": service, "state": "running", "healthy": problem is None, "problem": problem,
        "memory_bytes": 100 * MB, "memory_limit_bytes": 384 * MB,
    }  # fmt: skip


def test_status_is_a_table_for_each_student() -> None:
    apps = [{"id": f"application_1_{i}", "name": "ada-lesson08-score", "state": "RUNNING", "final_status": "UNDEFINED"}
            for i in range(1, 8)]  # fmt: skip
    ada = {
        "name": "ada",
        "state": "healthy",
        "healthy": True,
        "busy": None,
        "nodes": [row("namenode", "hdfs"), row("kafka1", "kafka")],
        "applications": apps,
    }
    nodes = [row("kafka1", "kafka", "it is exited")]
    bob = {
        "name": "bob", "state": "unhealthy", "healthy": False, "busy": "snapshot exam by eve", "nodes": nodes,
        "applications": None,
    }  # fmt: skip
    assert status.describe({"students": [ada, bob]}, applications=2) == (
        "ada: healthy, 200 MB in use\n"
        "node      service  health   memory\n"
        "namenode  hdfs     healthy  100 of 384 MB\n"
        "kafka1    kafka    healthy  100 of 384 MB\n"
        "\n"
        "application      name                state    final status\n"
        "application_1_6  ada-lesson08-score  RUNNING  UNDEFINED\n"
        "application_1_7  ada-lesson08-score  RUNNING  UNDEFINED\n"
        "\n"
        "bob: NOT HEALTHY, 100 MB in use\n"
        "being changed by another command: snapshot exam by eve\n"
        "node    service  health                   memory\n"
        "kafka1  kafka    UNHEALTHY: it is exited  100 of 384 MB\n"
        "\n"
        "applications: YARN does not answer"
    )


def test_the_disk_of_a_stack_is_a_line_of_its_own_where_it_was_measured(student: Student) -> None:
    students = [
        {"name": "ada", "state": "healthy", "healthy": True, "busy": None, "nodes": [], "applications": []},
        {"name": "bob", "state": "suspended", "busy": None},
        {"name": "eve", "state": "suspended", "busy": None},
    ]
    usages = {name: Usage(replace(student, name=name, disk_mb=10), {"kafka1": 7 << 20}) for name in ("ada", "bob")}
    assert status.describe({"students": students}, usages=usages) == (
        "ada: healthy, 0 MB in use\n"
        "7 of 10 MB of disk (kafka1 7)\n"
        "node  service  health  memory\n"
        "\n"
        "bob: suspended; invoke resume starts it again\n"
        "7 of 10 MB of disk (kafka1 7)\n"
        "\n"
        "eve: suspended; invoke resume starts it again"
    )


@pytest.mark.usefixtures("alone")
def test_disk_is_measured_when_it_is_asked_for_of_those_who_answer(
    student: Student, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    engine = FakeEngine()
    engine.sizes[engine.add("edge")] = 5
    monkeypatch.setattr(status.engine, "connect", engine.connect)
    monkeypatch.setattr(status.engine, "unreachable", lambda students: {})

    def ask(one: Student) -> dict[str, Any]:
        if one.name == "bob":
            raise LabError("bob's engine fails")
        return status._found(one, "suspended", healthy=False, rows=[], applications=[])

    monkeypatch.setattr(status, "of_student", ask)
    both = [replace(student, disk_mb=1), replace(student, name="bob")]
    for with_disk, found in ((True, [{"edge": 5}, None]), (False, [None, None])):
        with pytest.raises(LabError):
            status.report(Lab(Path("class.yml"), tuple(both)), both, as_json=True, with_disk=with_disk)
        students = json.loads(capsys.readouterr().out)["students"]
        assert [one.get("disk_bytes") for one in students] == found
        assert students[0].get("disk_limit_bytes") == (2**20 if with_disk else None)


def test_a_stack_without_a_running_node_is_told_in_a_line() -> None:
    students = [{"name": "ada", "state": "suspended", "busy": None}, {"name": "bob", "state": "missing", "busy": None}]
    assert status.describe({"students": students}) == (
        "ada: suspended; invoke resume starts it again\n\nbob: no stack; invoke provision makes one"
    )


ANSWERS: dict[str, Any] = {"applications": [], "submits": []}


@pytest.mark.parametrize(
    ("states", "state"),
    [
        ({"edge": "running", "kafka1": "running"}, "healthy"),
        ({"edge": "running", "kafka1": "exited"}, "unhealthy"),
        ({"edge": "running"}, "unhealthy"),
        ({"edge": "exited", "kafka1": "exited"}, "suspended"),
        ({"edge": "exited", "kafka1": "restarting"}, "unhealthy"),
        ({}, "missing"),
    ],
)
def test_a_stack_s_state_follows_from_its_nodes(
    student: Student, monkeypatch: pytest.MonkeyPatch, states: dict[str, str], state: str
) -> None:
    @contextmanager
    def connect(docker_host: str) -> Iterator[None]:
        yield None

    found = [
        SimpleNamespace(status=of_it, attrs={"Labels": {"streamlab.node": name}, "State": of_it})
        for name, of_it in states.items()
    ]
    monkeypatch.setattr(status.engine, "connect", connect)
    monkeypatch.setattr(status.labelled, "everything", lambda client, student: found)
    monkeypatch.setattr(status, "nodes", lambda student: [KAFKA, replace(KAFKA, name="edge", kind="edge")])
    monkeypatch.setattr(status.memory, "in_use", lambda container, here: 5)
    monkeypatch.setattr(
        status.health, "ask", lambda running, names: {**health.NOBODY_ASKED, "nodes": dict.fromkeys(running)}
    )
    (looked,) = status.look([student])["students"]
    assert (looked["state"], looked["healthy"]) == (state, state == "healthy")


@pytest.mark.parametrize(
    ("container", "problems", "state", "problem"),
    [
        (SimpleNamespace(status="running"), {"kafka1": None}, "running", None),
        (SimpleNamespace(status="running"), {"kafka1": "it hung up"}, "running", "it hung up"),
        (SimpleNamespace(status="running"), {}, "running", "it was not asked"),
        (SimpleNamespace(status="exited"), {"kafka1": None}, "exited", "its container is exited"),
        (None, {}, "missing", "its container is missing"),
    ],
)  # fmt: skip
def test_a_node_is_healthy_only_when_it_runs_and_answers(
    container: Any, problems: dict, state: str, problem: str | None
) -> None:
    found = status._node(KAFKA, container, problems, {"kafka1": 5})
    assert (found["state"], found["problem"], found["healthy"]) == (state, problem, problem is None)
    assert (found["memory_bytes"], found["memory_limit_bytes"]) == (5, 448 * MB)


FORGED = "no answer\x1b[2J\nbob: healthy, 0 MB in use"
SHOWN = "no answer bob: healthy, 0 MB in use"


def test_a_node_cannot_write_a_line_of_the_lab_s_own() -> None:
    app = {
        "id": "application_1_1",
        "name": FORGED,
        "type": "SPARK",
        "tags": [FORGED],
        "state": "RUNNING",
        "final_status": "UNDEFINED",
        "started": 1,
        "finished": 0,
    }
    kept = {"job": "my04", "exercise": "lesson04", "at": 1, "right": 2, "of": 3}
    found = health.read(
        {
            "nodes": {"kafka1": FORGED, "edge": None},
            "applications": [app],
            "submits": [FORGED],
            "in_use": {FORGED: [1, 2], "yarn_mb": None, "hdfs_mb": [7, 0]},
            "checks": [{**kept, "job": FORGED, FORGED: 1}],
        }
    )
    assert found == {
        "nodes": {"kafka1": SHOWN, "edge": None},
        "applications": [{**app, "name": SHOWN, "tags": [SHOWN]}],
        "submits": [SHOWN],
        "in_use": {"hdfs_mb": [7, 0]},
        "checks": [{**kept, "job": SHOWN}],
    }


@pytest.mark.parametrize("pair", [["7", 0], [1, 2, 3], [1], 5, {"a": 1}])
def test_a_node_s_figures_are_numbers(pair: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        health.read({**health.NOBODY_ASKED, "in_use": {"yarn_mb": pair}})


def test_nor_does_what_a_proof_or_a_check_found(student: Student) -> None:
    def python(*args: str, seconds: int, tell: Callable) -> Result:
        tell({"service": "kafka", "passed": False, "seconds": 0.1, "answer": FORGED})
        return Result(0, "", "")

    stack = SimpleNamespace(student=student, python=python)
    (proven,) = prove._ask(stack, ["kafka"], seconds=1, tell=lambda proven: None)
    assertion = {
        "name": "rows",
        "expected": 1,
        "found": FORGED,
        "passed": True,
        "where": "cqlsh",
        "help": "",
        "pending": False,
    }
    described = check.describe({"job": "lesson01", "student": "ada", "assertions": [assertion]})
    for text in (proven.answer, described.splitlines()[0]):
        assert text.endswith("no answer bob: healthy, 0 MB in use")


def test_pages_are_listed_with_their_addresses(student: Student) -> None:
    assert look.links(student) == (
        "page                   address\n"
        "HDFS NameNode          http://127.0.0.1:20070/\n"
        "YARN                   http://127.0.0.1:20088/\n"
        "a running application  http://127.0.0.1:20088/proxy/APPLICATION_ID/"
    )


@pytest.fixture
def edge(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Command], int]], None]:
    """The student's edge node, in which commands are what the test says."""

    def of(run: Callable[[Command], int]) -> None:
        @contextmanager
        def opened(student: Student) -> Iterator[Stack]:
            yield Stack(student, None, FakeNode(run))

        monkeypatch.setattr(look, "open_stack", opened)

    return of


def test_a_log_is_printed_as_it_comes_however_long_it_is(
    edge: Callable, student: Student, capsys: pytest.CaptureFixture
) -> None:
    def talk(command: Command) -> int:
        assert command.argv[4:] == ["yarn", "logs", "-applicationId", "application_1_2"]
        command.write(b"WARN of Hadoop\n", ERR)
        command.write(b"\x1b[2Jfirst\n")
        for _ in range(20):
            command.write(b"x" * ((1 << 20) - 1) + b"\n")
        command.write(b"last")
        return 0

    edge(talk)
    look.application_log(student, "application_1_2")
    printed = capsys.readouterr().out
    assert (printed[:6], printed[-6:], len(printed)) == ("first\n", "\nlast\n", (20 << 20) + 11)


@pytest.mark.parametrize(
    ("out", "code", "what"),
    [(b"", 0, "no log"), (b"\n", 0, "no log"), (b"", 1, "no log"), (b"begun\n", 124, "not the whole log")],
)
def test_a_log_that_is_not_there_is_an_error(
    edge: Callable, student: Student, out: bytes, code: int, what: str
) -> None:
    edge(lambda command: command.write(out) or code)
    with pytest.raises(LabError, match=f"{what} of application_1_2"):
        look.application_log(student, "application_1_2")


@pytest.fixture
def kafka1(daemon: Callable[..., str], student: Student) -> Callable[[Callable[[BinaryIO], Any]], Student]:
    """A student who has the node kafka1; its log is what is written."""

    def of(write: Callable[[BinaryIO], Any]) -> Student:
        labels = {"streamlab.class": "spring", "streamlab.student": "ada", "streamlab.node": "kafka1"}
        listed = [{"Id": "k", "Names": ["/spring-ada-kafka1"], "Labels": labels}]
        config = {"Config": {"Labels": labels, "Tty": False}, "State": {"Status": "exited"}}
        found = {"Id": "k", "Name": "/spring-ada-kafka1", **config}

        def json_of(to: BinaryIO) -> None:
            to.write(json.dumps(answers.pop(0)).encode())

        answers: list[Any] = [listed, found, found]
        host = daemon({"version": {"ApiVersion": "1.43"}, "json": json_of, "logs": write})
        return replace(student, docker_host=host)

    return of


def frame(data: bytes) -> bytes:
    """A piece of output as the engine sends it."""
    return struct.pack(">BxxxL", 1, len(data)) + data


def test_a_node_s_log_cannot_write_to_the_terminal_as_it_likes(kafka1: Callable, capsys: pytest.CaptureFixture) -> None:
    ada = kafka1(lambda to: to.write(frame(b"one\n\x1b]52;c;cm0gLXJm\x07two\r\n\x1b[2J") + frame(b"three\n\n")))
    look.log(ada, node="kafka1", app=None, lines=200)
    assert capsys.readouterr().out == "one\n]52;c;cm0gLXJmtwo\nthree\n"


def test_a_log_that_does_not_end_has_a_deadline(kafka1: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    ada = kafka1(lambda to: to.write(frame(b"one\n")) and over.wait(10))
    monkeypatch.setattr(look, "LOGS", replace(look.LOGS, seconds=0.3))
    began = time.monotonic()
    with pytest.raises(LabError, match="ada: logs did not finish within 0 s"):
        look.log(ada, node="kafka1", app=None, lines=200)
    over.set()
    assert time.monotonic() - began < 5


ROWS = {
    "name": "rows in Cassandra",
    "expected": "200",
    "found": "200",
    "passed": True,
    "where": "cqlsh",
    "help": "",
    "pending": False,
    "gap": 0,
}
MODEL = {
    "name": "the model",
    "expected": "a folder",
    "found": "no such file",
    "passed": False,
    "where": "hdfs dfs -ls /m",
    "help": "the README, part 2",
    "pending": False,
    "gap": 0,
}


@pytest.fixture
def report(student: Student, monkeypatch: pytest.MonkeyPatch, alone: None) -> Callable[..., None]:
    """Report lesson08, whose check on the edge node gives these assertions."""

    def run(*assertions: dict) -> None:
        @contextmanager
        def opened(student: Student) -> Iterator[Any]:
            yield SimpleNamespace(answer=answer)

        def answer(*args: str, seconds: int, zips: Any, read: Callable, printed: Callable) -> list[dict]:
            printed("out", "a line of the check's own")
            return read(list(assertions))

        monkeypatch.setattr(beside, "open_beside", opened)
        check.report(student, "lesson08", as_json=False)

    return run


def test_a_check_that_holds_is_told_in_a_line_each(report: Callable, capsys: pytest.CaptureFixture) -> None:
    report(ROWS)
    assert (
        capsys.readouterr().out
        == "  | a line of the check's own\n  ok    rows in Cassandra: 200\nlesson08 of ada: 1 of 1 as expected\n"
    )


def test_what_is_open_is_not_called_wrong(report: Callable, error_of: Callable, capsys: pytest.CaptureFixture) -> None:
    text = error_of(report, ROWS, MODEL | {"pending": True})
    assert "  1 are open, first: the model\n  fix: look where the lines marked open point to" in text
    assert "  open  the model: expected a folder" in capsys.readouterr().out
    assert "1 of 3 assertions failed, first: the model\n  1 are open\n" in error_of(
        report, ROWS, MODEL, MODEL | {"pending": True}
    )


def test_a_check_that_does_not_hold_fails_and_says_where_to_look(
    report: Callable, error_of: Callable, capsys: pytest.CaptureFixture
) -> None:
    assert error_of(report, ROWS, MODEL) == (
        "error: lesson08 of ada did not pass\n"
        "  1 of 2 assertions failed, first: the model\n"
        "  fix: look where the lines marked WRONG point to; invoke submit --job lesson08 runs it again"
    )
    assert capsys.readouterr().out == (
        "  | a line of the check's own\n"
        "  ok    rows in Cassandra: 200\n"
        "  WRONG the model: expected a folder, found no such file; look at hdfs dfs -ls /m\n"
        "        read the README, part 2\n"
        "lesson08 of ada: 1 of 2 as expected\n"
    )


@pytest.mark.usefixtures("alone")
def test_on_the_edge_node_a_check_keeps_what_it_said_for_its_student(
    student: Student, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(results, "STATE", tmp_path)
    monkeypatch.setattr(checks, "FOLDER", tmp_path / "checks")
    found = [{"name": "rows", "expected": 1, "found": 1, "passed": passed, "where": ""} for passed in (True, False)]
    said = {"job": "lesson08", "student": "ada", "passed": True, "assertions": found}
    monkeypatch.setattr(check, "check", lambda student, job, step, printed: said)
    elsewhere = replace(student, cluster=Cluster(tmp_path / "cluster.json", "ada"))
    here = replace(student, cluster=Cluster(DESCRIPTION, "ada"))
    check.report(student, "lesson08", as_json=True)
    check.report(elsewhere, "lesson08", as_json=True)
    check.report(here, "lesson08/score", as_json=True)  # which is only a part of the lesson
    assert checks.kept() == []
    check.report(here, "lesson08", as_json=True)
    (kept,) = checks.kept()
    assert (kept["job"], kept["right"], kept["of"], kept["exercise"]) == ("lesson08", 1, 2, "")
    assert 0 <= time.time() - kept["at"] < 60
    (file,) = (tmp_path / "checks").iterdir()
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"at": 1, "right": 2}', '{"at": "1", "right": 2, "of": 3}', '{"at": -1, "right": 2, "of": 3}',
     '{"at": true, "right": 2, "of": 3}', '{"x": "' + "x" * 2000 + '", "at": 1, "right": 2, "of": 3}', "\xff",
     '{"at": 1, "right": 2, "of": 3, "exercise": "<b>"}', "[" * 900],
)  # fmt: skip
def test_what_a_student_writes_there_is_no_result(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "FOLDER", tmp_path / "checks")
    (tmp_path / "checks").mkdir()
    (tmp_path / "checks" / "lesson03.json").write_text(text, encoding="latin-1")
    (tmp_path / "checks" / "<b>.json").write_text('{"at": 1, "right": 2, "of": 3}')
    os.mkfifo(tmp_path / "checks" / "lesson01.json")
    (tmp_path / "checks" / "lesson02.json").symlink_to("/dev/zero")
    (tmp_path / "checks" / "lesson04.json").mkdir()
    assert checks.kept() == []


def test_a_result_that_cannot_be_kept_spoils_no_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "checks").write_text("a file where the folder should be")
    monkeypatch.setattr(results, "STATE", tmp_path)
    monkeypatch.setattr(checks, "FOLDER", tmp_path / "checks")
    results.keep("lesson08", right=1, of=2)
    assert checks.kept() == []


def test_a_check_that_looks_at_nothing_proves_nothing(report: Callable, error_of: Callable) -> None:
    assert error_of(report).startswith("error: the check of lesson08 looked at nothing\n")
