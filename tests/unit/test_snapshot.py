"""A snapshot is taken whole or not at all; a restore that fails leaves what was there before."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from docker.errors import APIError

from streamlab.engines import engine, labelled
from streamlab.errors import LabError, WrongRequest
from streamlab.keeping import restore, snapshot, snapshots
from streamlab.lessons import jobs
from streamlab.stacks import daemons, operation
from streamlab.students.inventory import Lab
from streamlab.students.student import Student
from streamlab.ui import Progress
from streamlab.work import check, submit

pytestmark = pytest.mark.usefixtures("alone")

NODES = ["namenode", "datanode1", "resourcemanager", "kafka1", "cassandra1", "edge"]
BEGUN = ["begin", *(f"unpack {node}" for node in NODES)]
PACKED = [f"pack {node}" for node in NODES]


def timeless(text: str) -> list[str]:
    """Lines without the seconds that a loaded machine takes."""
    return re.sub(r"[\d.]+ s\b", "N s", text).splitlines()


class World:
    """A stack's containers and its carrier, which note what is done with them; `failing` names what fails, and how."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.failing: dict[str, BaseException] = {}
        self.running = True
        self.problems: list[LabError] = []
        self.exit_code = 143
        self.stack = SimpleNamespace(client=None)
        self.found = "none"

    def do(self, what: str) -> None:
        self.done.append(what)
        if what in self.failing:
            raise self.failing[what]

    def pack(self, node: str, file: Path, line: Progress, *, replaced: bool) -> None:
        file.write_text(node)
        self.do(f"pack {node}")

    def unpack(self, node: str, file: Path) -> None:
        assert file.read_text() == node
        self.do(f"unpack {node}")

    def exchange(self, step: str) -> None:
        self.do(step)

    def state(self) -> str:
        return self.found

    @contextmanager
    def open(self, client: Any, student: Student, purpose: str, *, ran: bool) -> Iterator[World]:
        yield self

    def stop(self, student: Student) -> None:
        self.running = False
        self.do("stop")

    def start(self, student: Student) -> None:
        self.running = True
        self.do("start")

    def prove(self, student: Student) -> None:
        if self.problems:
            raise self.problems.pop(0)

    def containers(self, client: Any, student: Student) -> dict[str, Any]:
        node = SimpleNamespace(
            status="running" if self.running else "exited", attrs={"State": {"ExitCode": self.exit_code}}
        )
        return dict.fromkeys(NODES, node)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()

    @contextmanager
    def connect(docker_host: str) -> Iterator[None]:
        yield None

    monkeypatch.setattr(engine, "connect", connect)
    for name in ("containers", "summaries"):
        monkeypatch.setattr(labelled, name, made.containers)
    monkeypatch.setattr(snapshots, "SNAPSHOTS", tmp_path)
    monkeypatch.setattr(daemons, "stop_nodes", made.stop)
    monkeypatch.setattr(daemons, "start_nodes", made.start)
    for module in (snapshot, restore):
        monkeypatch.setattr(module, "require_idle", lambda student, fix: None)
        monkeypatch.setattr(module, "require_proved", made.prove)
        monkeypatch.setattr(module, "require_stack", lambda client, student: None)
        monkeypatch.setattr(module, "open_carrier", made.open)
    return made


@pytest.fixture
def kept(world: World, student: Student, capsys: pytest.CaptureFixture) -> Path:
    """A snapshot of ada's stack."""
    snapshot.snapshot(student, "exam")
    world.done.clear()
    capsys.readouterr()
    return snapshots.folder_of("spring", "exam")


def test_what_is_kept_is_of_one_moment(world: World, student: Student, capsys: pytest.CaptureFixture) -> None:
    snapshot.snapshot(student, "exam")
    assert world.done == ["stop", *PACKED, "start"]
    manifest = snapshots.read(snapshots.folder_of("spring", "exam"))
    assert (manifest.student, manifest.nodes["kafka"]) == ("ada", 1)
    assert set(manifest.products) == {"hadoop", "kafka", "cassandra", "spark"}
    assert sorted(manifest.files) == sorted(f"{node}.tar.gz" for node in NODES)
    assert timeless(capsys.readouterr().out) == ["ada: snapshot exam, 0.0 MB in N s; stopped in N s, back in N s"]


def test_a_suspended_stack_stays_so(world: World, student: Student, capsys: pytest.CaptureFixture) -> None:
    world.running = False
    snapshot.snapshot(student, "exam")
    assert "start" not in world.done
    assert timeless(capsys.readouterr().out) == ["ada: snapshot exam, 0.0 MB in N s"]


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (APIError("500", explanation="disk gone"), "the snapshot exam could not be kept\n  disk gone"),
        (OSError("No space left"), "the snapshot exam could not be kept"),
        (LabError("cut short"), "cut short"),
    ],
)
def test_what_fails_is_not_kept_and_the_stack_runs_again(
    world: World, student: Student, error: Exception, raised: str
) -> None:
    world.failing["pack kafka1"] = error
    with pytest.raises(LabError, match=raised):
        snapshot.snapshot(student, "exam")
    assert world.done[-1] == "start"
    assert snapshots.found("spring") == []


@pytest.mark.parametrize("when", ["stop", "pack kafka1"])
def test_ctrl_c_starts_the_stack_and_keeps_nothing(
    world: World, student: Student, when: str, capsys: pytest.CaptureFixture
) -> None:
    world.failing[when] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        snapshot.snapshot(student, "exam")
    assert world.done[-1] == "start"
    assert snapshots.found("spring") == []
    assert capsys.readouterr().out == "interrupted: nothing is kept, and the daemons are started again first\n"


def test_a_daemon_that_was_killed_makes_no_snapshot(world: World, student: Student, error_of: Callable) -> None:
    world.exit_code = 137
    said = error_of(snapshot.snapshot, student, "exam").splitlines()
    assert said[:2] == [
        "error: ada: a daemon had to be killed",
        "  namenode was ended by SIGKILL, as after 30 s without an end",
    ]
    assert said[-1] == "  fix: invoke resume, so that it recovers its data, then take the snapshot again"
    assert world.done == ["stop", "start"]
    assert snapshots.found("spring") == []


def test_a_stack_that_does_not_come_back_is_said(world: World, student: Student, error_of: Callable) -> None:
    world.problems = [LabError("ada: kafka does not answer")]
    assert "ada: kafka does not answer" in error_of(snapshot.snapshot, student, "exam")
    assert [folder.name for folder in snapshots.found("spring")] == ["exam"]


def test_a_taken_name_or_a_running_application_stops_nothing(
    world: World, kept: Path, student: Student, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(student: Any, fix: str) -> None:
        raise WrongRequest("applications run", fix=fix)

    with pytest.raises(WrongRequest, match="there is a snapshot exam already"):
        snapshot.snapshot(student, "exam")
    for module in (snapshot, restore):
        monkeypatch.setattr(module, "require_idle", busy)
    for call in (lambda: snapshot.snapshot(student, "other"), lambda: restore.restore([student], kept)):
        with pytest.raises(WrongRequest, match="applications run"):
            call()
    assert world.done == []


def test_a_restore_unpacks_before_it_stops_anything(
    world: World, kept: Path, student: Student, capsys: pytest.CaptureFixture
) -> None:
    restore.restore([replace(student, name="bob")], kept)
    assert world.done == [*BEGUN, "stop", "swap", *PACKED, "start", "prove", "end"]
    assert timeless(capsys.readouterr().out) == [
        "bob: 0.0 MB unpacked in N s",
        "bob: restored from exam of ada and proved in N s; the previous data is the snapshot before-restore-bob",
    ]
    assert snapshots.read(snapshots.folder_of("spring", "before-restore-bob")).student == "bob"


def test_a_restore_can_be_taken_back_and_that_too(world: World, kept: Path, student: Student) -> None:
    """Each keeps what it replaces, and none what it is itself made from, which others may still have to read."""
    for name in ("exam", "before-restore-ada", "before-restore-ada-undo"):
        restore.restore([student], snapshots.folder_of("spring", name))
    assert [folder.name for folder in snapshots.found("spring")] == [
        "before-restore-ada", "before-restore-ada-undo", "exam",
    ]  # fmt: skip


def test_what_an_earlier_restore_left_unproved_is_undone_first(
    world: World, kept: Path, student: Student, capsys: pytest.CaptureFixture
) -> None:
    world.found = "swapped"
    restore.restore([student], kept)
    assert world.done[:3] == ["stop", "end", "begin"]
    assert "undone" in capsys.readouterr().out


def test_a_damaged_snapshot_touches_nothing(world: World, kept: Path, student: Student) -> None:
    (kept / "kafka1.tar.gz").write_text("kafka2")
    with pytest.raises(WrongRequest, match="damaged"):
        restore.restore([student], kept)
    assert world.done == []


def test_what_cannot_be_unpacked_stops_nothing(world: World, kept: Path, student: Student, error_of: Callable) -> None:
    world.failing["unpack kafka1"] = APIError("500", explanation="no space left on device")
    assert "could not be copied to its volumes\n  no space left on device\n" in error_of(
        restore.restore, [student], kept
    )
    assert world.done == [*BEGUN[: BEGUN.index("unpack kafka1") + 1], "end"]


def test_data_on_which_a_daemon_does_not_prove_itself_are_taken_back(
    world: World, kept: Path, student: Student, error_of: Callable
) -> None:
    world.problems = [LabError("ada: cassandra does not answer")]
    assert error_of(restore.restore, [student], kept) == (
        "error: ada could not be restored; the previous data is back\n"
        "  error: ada: cassandra does not answer\n"
        "  fix: invoke logs --node NAME shows what the daemons say"
    )
    assert world.done == [*BEGUN, "stop", "swap", *PACKED, "start", "stop", "end", "start"]


@pytest.mark.parametrize("when", ["stop", "swap", "pack kafka1", "start", "prove"])
def test_ctrl_c_after_the_swap_gives_back_what_was_there(world: World, kept: Path, student: Student, when: str) -> None:
    world.failing[when] = KeyboardInterrupt()

    def once(step: str, do: Callable = world.do) -> None:
        try:
            do(step)
        finally:
            world.failing.pop(step, None)

    world.do = once
    with pytest.raises(KeyboardInterrupt):
        restore.restore([student], kept)
    assert world.done[-3:] == ["stop", "end", "start"]


def test_ctrl_c_before_the_swap_stops_nothing(world: World, kept: Path, student: Student) -> None:
    world.failing["unpack kafka1"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        restore.restore([student], kept)
    assert world.done[-2:] == ["unpack kafka1", "end"]
    assert "stop" not in world.done


def test_one_student_s_failure_leaves_the_others_restored(
    world: World, kept: Path, student: Student, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def prove(of: Student) -> None:
        if of.name in ("bob", "cy"):
            raise LabError(f"{of.name}: no answer")

    monkeypatch.setattr(restore, "require_proved", prove)
    monkeypatch.setattr(engine, "processors", lambda docker_host: 1)  # one world stands for all three
    monkeypatch.setattr(operation, "AT_ONCE", 1)
    with pytest.raises(LabError, match="2 of 3 students failed"):
        restore.restore([replace(student, name=name) for name in ("ada", "bob", "cy")], kept)
    printed = capsys.readouterr()
    assert "ada: restored from exam of ada and proved" in printed.out
    assert {name for name in ("bob", "cy") if f"{name}: no answer" in printed.err} == {"bob", "cy"}


def lab_of(student: Student) -> Lab:
    return Lab(Path("class.yml"), tuple(replace(student, name=name) for name in ("ada", "bob", "amy")))


def test_those_who_are_named_are_restored(world: World, kept: Path, student: Student, error_of: Callable) -> None:
    lab, exam = lab_of(student), {"name": "exam", "at": None, "yes": True}
    restore.bring_back(lab, **exam, student=None, limit="a*")
    assert world.done.count("swap") == 2
    assert "none was named" in error_of(restore.bring_back, lab, **exam, student=None, limit=None)
    assert "are both given" in error_of(restore.bring_back, lab, **exam, student="ada", limit="a*")
    assert world.done.count("swap") == 2
    asked = {"name": "exam", "at": None, "student": "ada", "limit": None}
    assert "replace all data of ada by the snapshot exam?" in error_of(restore.bring_back, lab, **asked, yes=False)
    assert world.done.count("swap") == 2


def test_a_lesson_whose_start_nobody_has_kept(world: World, kept: Path, student: Student, error_of: Callable) -> None:
    given = {"student": "bob", "limit": None, "yes": True}
    assert error_of(restore.bring_back, lab_of(student), name=None, at="lesson05", **given) == (
        "error: no snapshot at-lesson05: nobody has taken one at the start of lesson05\n"
        "  known: exam\n"
        "  fix: invoke snapshot --at lesson05 --student NAME runs the lessons before it in a stack, and takes it"
    )
    assert "did you mean --at lesson05?" in error_of(
        restore.bring_back, lab_of(student), name=None, at="lesson5", **given
    )


@pytest.mark.parametrize(("name", "at"), [(None, None), ("exam", "lesson05")])
def test_a_snapshot_has_one_name(name: str | None, at: str | None) -> None:
    with pytest.raises(WrongRequest, match="which snapshot"):
        snapshot.chosen_name(name, at)


def test_the_start_of_a_lesson_is_where_those_before_it_end(
    world: World, student: Student, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "reset_each", lambda students, job, yes: world.do(f"reset {job}"))
    monkeypatch.setattr(submit, "submit", lambda of, wanted: world.do(f"submit {wanted.job.name}"))
    monkeypatch.setattr(check, "report", lambda of, job, as_json: world.do(f"check {job}"))
    with pytest.raises(WrongRequest, match="there is no terminal to confirm on"):
        snapshot.take(student, name=None, at="lesson03", yes=False)
    assert world.done == []
    snapshot.take(student, name=None, at="lesson03", yes=True)
    resets = len(jobs.known_jobs())
    assert world.done[:resets] == [f"reset {job}" for job in jobs.known_jobs()]
    ran = ["submit lesson01", "check lesson01", "submit lesson02", "check lesson02", "stop"]
    assert world.done[resets : resets + len(ran)] == ran
    assert [folder.name for folder in snapshots.found("spring")] == ["at-lesson03"]


@pytest.mark.parametrize(("services", "after_lesson06"), [((), "lesson07"), (("hbase",), "lesson06b")])
def test_lessons_that_a_stack_cannot_run_are_not_run_on_the_way(
    world: World, student: Student, monkeypatch: pytest.MonkeyPatch, services: tuple[str, ...], after_lesson06: str
) -> None:
    monkeypatch.setattr(check, "reset_each", lambda students, job, yes: None)
    monkeypatch.setattr(submit, "submit", lambda of, wanted: world.do(f"submit {wanted.job.name}"))
    monkeypatch.setattr(check, "report", lambda of, job, as_json: None)
    snapshot.take(replace(student, services=services), name=None, at="lesson08", yes=True)
    ran = [what.removeprefix("submit ") for what in world.done if what.startswith("submit")]
    assert ran[ran.index("lesson06") + 1] == after_lesson06


def test_the_start_of_a_lesson_is_not_kept_when_one_before_it_fails(
    world: World, student: Student, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "reset_each", lambda students, job, yes: None)
    monkeypatch.setattr(submit, "submit", lambda of, wanted: world.do(f"submit {wanted.job.name}"))
    monkeypatch.setattr(check, "report", lambda of, job, as_json: None)
    world.failing["submit lesson02"] = LabError("it failed")
    with pytest.raises(LabError, match="it failed"):
        snapshot.take(student, name=None, at="lesson05", yes=True)
    assert snapshots.found("spring") == []
