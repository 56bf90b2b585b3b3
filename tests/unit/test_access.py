"""Who may act on a stack: one command at a time that changes it, and only its owner's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from invoke import Context, Exit

import tasks
from fake_engine import FakeEngine
from streamlab import demo
from streamlab.errors import WrongRequest
from streamlab.keeping import snapshots
from streamlab.stacks import access, host_setup, operation, parallel, provision
from streamlab.stacks.operation import Access, Operation
from streamlab.students import inventory
from streamlab.students.inventory import Lab
from streamlab.students.student import Student

CHANGE = Operation("suspend", Access.CHANGE, repairs=False)
USE, READ = Operation("check", Access.USE), Operation("status", Access.READ)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    """An engine with ada's stack and bob's, of one owner. A connection to it ends what reads from it."""
    fake = FakeEngine()

    def attach(container: str, params: Any) -> Any:
        return SimpleNamespace(_response=SimpleNamespace(close=lambda: None))

    monkeypatch.setattr(fake.client.api, "attach_socket", attach)
    monkeypatch.setattr(operation.engine, "connect", fake.connect)
    monkeypatch.setattr(access, "SETTLE_SECONDS", 0.3)
    for student in ("ada", "bob"):
        own(fake, fake.add("edge", student=student), "eve@lab:/work")
    return fake


def own(fake: FakeEngine, container: str, owner: str) -> None:
    fake.containers[container]["Config"]["Labels"]["streamlab.owner"] = owner


@pytest.fixture
def ada(student: Student) -> Student:
    return replace(student, owner="eve@lab:/work")


def names(fake: FakeEngine) -> set[str]:
    return set(fake.containers)


def test_a_stack_is_locked_while_it_is_changed_and_by_whom_is_said(engine: FakeEngine, ada: Student) -> None:
    with operation.admitted(ada, CHANGE):
        for other in (CHANGE, USE):
            with pytest.raises(access.Locked) as caught, operation.admitted(ada, other):
                pass
            assert caught.value.exit_code == 1
            assert "suspend by" in caught.value.evidence[0]
            assert f"process {access.os.getpid()}" in caught.value.evidence[0]
        with operation.admitted(ada, READ), operation.admitted(replace(ada, name="bob"), CHANGE):
            assert "spring-bob-lock" in names(engine)
        assert str(access.holder_of(access.containers_of(engine.client, ada))).startswith("suspend by")
    assert names(engine) == {"spring-ada-edge", "spring-bob-edge"}


def test_whatever_ends_the_command_ends_its_lock(engine: FakeEngine, ada: Student) -> None:
    for error in (ValueError, KeyboardInterrupt, SystemExit):
        with pytest.raises(error), operation.admitted(ada, CHANGE):
            raise error
        assert "spring-ada-lock" not in names(engine)


def test_two_that_only_work_in_it_do_not_hinder_each_other(engine: FakeEngine, ada: Student) -> None:
    with operation.admitted(ada, USE), operation.admitted(ada, USE):
        assert "spring-ada-lock" not in names(engine)


@pytest.mark.parametrize("state", ["created", "exited"])
def test_a_lock_whose_holder_is_gone_is_taken_over(engine: FakeEngine, ada: Student, state: str) -> None:
    """Killed before it had started it, or as the engine was just about to remove it."""
    labels = {"streamlab.class": "spring", "streamlab.student": "ada", access.LOCK: "{}"}
    engine.client.api.create_container("image", [], name="spring-ada-lock", labels=labels)
    if state == "exited":
        engine.client.api.start("spring-ada-lock")
        engine.client.api.stop("spring-ada-lock")
    with access.locked(engine.client, ada, "resume"):
        assert access.holder_of(access.containers_of(engine.client, ada)).operation == "resume"


def test_a_lock_that_cannot_be_read_holds_all_the_same(engine: FakeEngine, ada: Student) -> None:
    labels = {"streamlab.class": "spring", "streamlab.student": "ada", access.LOCK: "\x1b[2Jno json"}
    engine.client.api.create_container("image", [], name="spring-ada-lock", labels=labels)
    engine.client.api.start("spring-ada-lock")
    with pytest.raises(access.Locked, match="a command by somebody"), operation.admitted(ada, USE):
        pass


@pytest.mark.parametrize("wanted", [CHANGE, USE])
def test_a_stack_of_another_owner_is_refused_with_both_names(
    engine: FakeEngine, ada: Student, wanted: Operation
) -> None:
    mallory = replace(ada, owner="mallory@lab:/home/mallory/lab")
    with pytest.raises(WrongRequest) as caught, operation.admitted(mallory, wanted):
        pass
    assert caught.value.exit_code == 2
    for name in ("eve@lab:/work", "mallory@lab:/home/mallory/lab", "--take-over"):
        assert name in str(caught.value)
    assert names(engine) == {"spring-ada-edge", "spring-bob-edge"}
    with operation.admitted(mallory, replace(wanted, take_over=True)), operation.admitted(mallory, READ):
        pass


def test_a_stack_from_a_time_without_owners_is_anybody_s(engine: FakeEngine, ada: Student) -> None:
    del engine.containers["spring-ada-edge"]["Config"]["Labels"]["streamlab.owner"]
    with operation.admitted(ada, CHANGE):
        pass


def test_of_many_those_who_are_free_are_admitted_together(engine: FakeEngine, ada: Student) -> None:
    bob = replace(ada, name="bob")
    with (
        operation.admitted(bob, CHANGE),
        parallel.admitted_all([ada, bob], Operation("provision", Access.CHANGE, repairs=False)) as (free, outcomes),
    ):
        assert [student.name for student in free] == ["ada"]
        assert [type(outcome.error) for outcome in outcomes] == [type(None), access.Locked]
        assert {"spring-ada-lock", "spring-bob-lock"} <= names(engine)
    assert names(engine) == {"spring-ada-edge", "spring-bob-edge"}


#: Task -> why it needs no access to the stack of the student whom it is told.
WITHOUT_ACCESS = {
    "cards": "writes what is known here; with --renew the gateway, which is nobody's, learns it",
    "grade": "takes what that student has handed in; grading stacks are removed and made as by destroy and provision",
    "links": "computes addresses from the inventory, and asks no engine",
    "move": "has the lock of the stack on the other Docker host, where there is one (test_move.py)",
}
#: Task -> what it is told besides the student.
TOLD: dict[str, dict[str, Any]] = {
    "submit": {"job": "lesson01", "set": []}, "check": {"job": "lesson01"}, "reset": {"job": "lesson01", "yes": True},
    "stop": {"job": "lesson01"}, "fetch-output": {"job": "lesson01"}, "logs": {"node": "kafka1"},
    "shell": {"command": "true"}, "put": {"file": [__file__]}, "get": {"path": ["x"]}, "snapshot": {"name": "a"},
    "restore": {"name": "a", "yes": True}, "destroy": {"yes": True}, "drill": {"end": True},
}  # fmt: skip
#: Tasks that only look.
READING = {"logs", "status", "streams", "why"}


@pytest.fixture
def lab(engine: FakeEngine, ada: Student, monkeypatch: pytest.MonkeyPatch) -> list[Operation]:
    """What the tasks ask to be admitted for, with an inventory of one student, and no machine but the fake engine."""
    asked = []
    engine.info["NCPU"] = 2
    admitted = operation.admitted

    def admit(target: Student, wanted: Operation) -> Any:
        asked.append(wanted)
        return admitted(target, wanted)

    for module in (operation, parallel):
        monkeypatch.setattr(module, "admitted", admit)
    monkeypatch.setattr(inventory, "load", lambda file=None, cluster=None: Lab(Path("class.yml"), (ada,)))
    monkeypatch.setattr(demo, "provision", lambda lab, students: None)  # which is asked about itself
    for module, name in (
        *((host_setup, name) for name in ("ensure_engines", "ensure_images_of")),
        *((provision.preflight, name) for name in ("require_possible", "require_memory")),
    ):
        monkeypatch.setattr(module, name, lambda *args, **options: None)
    for name in ("folder_of", "require_whole", "require_fit", "require_free"):
        monkeypatch.setattr(snapshots, name, lambda *args: Path("a"))
    monkeypatch.setattr(snapshots, "read", lambda folder: SimpleNamespace(name="a"))
    return asked


OF_A_STUDENT = [
    name
    for name, task in tasks.namespace.tasks.items()
    if any(argument.name == "student" for argument in task.get_arguments()) and name not in WITHOUT_ACCESS
]


def do(task: str) -> int:
    """A task for ada; its exit status."""
    with pytest.raises(Exit) as caught:
        tasks.namespace.tasks[task].body(Context(), student="ada", **TOLD.get(task, {}))
    return caught.value.code


@pytest.mark.parametrize("task", [task for task in OF_A_STUDENT if task not in READING])
def test_no_task_works_in_another_s_stack_or_in_one_that_is_changed(
    lab: list[Operation], engine: FakeEngine, ada: Student, task: str, capsys: pytest.CaptureFixture
) -> None:
    with operation.admitted(ada, Operation("restore x", Access.CHANGE, repairs=False)):
        lab.clear()
        assert do(task) == 1
        assert "restore x by " in capsys.readouterr().err
    own(engine, "spring-ada-edge", "mallory@lab:/home")
    before = list(engine.calls)
    assert do(task) == 2
    said = capsys.readouterr().err
    assert "it was made by mallory@lab:/home" in said
    assert "you are        eve@lab:/work" in said
    assert engine.calls == before
    assert lab


@pytest.mark.parametrize("task", sorted(READING))
def test_a_task_that_only_looks_may_look_at_any_stack_and_has_a_deadline(
    lab: list[Operation], engine: FakeEngine, task: str, capsys: pytest.CaptureFixture
) -> None:
    own(engine, "spring-ada-edge", "mallory@lab:/home")
    do(task)  # which fails: this engine runs no commands and has no logs
    assert "mallory" not in capsys.readouterr().err
    assert [(asked.access, asked.seconds is not None) for asked in lab] == [(Access.READ, True)]


def test_a_terminal_has_no_deadline(lab: list[Operation]) -> None:
    for task in ("shell", "notebook", "fetch-output"):
        do(task)
    assert [asked.seconds is None for asked in lab] == [True, False, False]


def test_whatever_needs_no_access_is_a_task() -> None:
    assert set(WITHOUT_ACCESS) <= set(tasks.namespace.tasks)
