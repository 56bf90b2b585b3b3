"""A move: what is copied and where, and that whatever ends it early leaves the old stack as it was."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from conftest import SECOND, Engines
from streamlab.engines import engine
from streamlab.errors import LabError, WrongRequest
from streamlab.keeping import move, snapshots
from streamlab.stacks import access, destroy, host_setup, known_hosts, location, preflight, provision
from streamlab.stacks.carrier import data_nodes
from streamlab.stacks.playbooks import Summary
from streamlab.students.docker_hosts import LOCAL
from streamlab.students.inventory import Lab
from streamlab.students.student import Student

OLD = [f"{SECOND}: {step}" for step in (
    "pack namenode", "pack datanode1", "pack resourcemanager", "pack kafka1", "pack cassandra1", "pack edge",
    "pack home",
)]  # fmt: skip
NEW = [f"{LOCAL}: {step}" for step in (
    "begin", "unpack namenode", "unpack datanode1", "unpack resourcemanager", "unpack kafka1", "unpack cassandra1",
    "unpack edge", "unpack home", "swap", "prove", "end",
)]  # fmt: skip


class Killed(KeyboardInterrupt):
    """The control program is gone: nothing cleans up after it."""


class World:
    """Both engines' carriers and the playbook, which note what they do; `failing` names what fails, and how."""

    def __init__(self, engines: Engines, student: Student) -> None:
        self.engines, self.student = engines, student
        self.done: list[str] = []
        self.failing: dict[str, BaseException] = {}
        self.running = {SECOND: True}

    def do(self, what: str) -> None:
        self.done.append(what)
        if what in self.failing:
            raise self.failing.pop(what)

    @contextmanager
    def open_carrier(self, client: Any, student: Student, purpose: str, *, ran: bool) -> Iterator[Any]:
        host = student.docker_host

        def pack(node: str, file: Path, line: Any, *, replaced: bool = False) -> None:
            assert not self.engines[host].running() - {access.lock_name(student)}, "the daemons are stopped"
            file.write_text(node, encoding="utf-8")
            self.do(f"{host}: pack {node}")

        def unpack(node: str, file: Path) -> None:
            assert file.read_text(encoding="utf-8") == node
            self.do(f"{host}: unpack {node}")

        yield SimpleNamespace(
            stack=SimpleNamespace(client=client), state=lambda: "none", pack=pack, unpack=unpack,
            pack_home=lambda file, line: pack("home", file, line), unpack_home=lambda file: unpack("home", file),
            exchange=lambda step: self.do(f"{host}: {step}"),
        )  # fmt: skip

    def play(self, playbook: str, lab: Lab, *, limit: list[str], **_: Any) -> Summary:
        assert limit == ["ada"]
        for fake in self.engines.values():
            assert "spring-ada-lock" in fake.containers
        self.engines[LOCAL].add_stack(self.student)
        self.do("play")
        return Summary(changed=7)

    def held(self) -> dict[str, tuple[int, int]]:
        """Docker host -> how many nodes run there, and how many volumes there are."""
        return {host: (len(fake.running()), len(fake.volumes)) for host, fake in self.engines.items()}


@pytest.fixture
def ada(student: Student) -> Student:
    return replace(student, owner="eve@lab:/work")


@pytest.fixture
def lab(ada: Student) -> Lab:
    return Lab(Path("class.yml"), (ada,))


@pytest.fixture
def world(engines: Engines, ada: Student, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Ada's stack runs on the second Docker host; her inventory names this machine."""
    made = World(engines, ada)
    engines[SECOND].add_stack(replace(ada, docker_host=SECOND))
    known_hosts.remember([replace(ada, docker_host=SECOND)])
    monkeypatch.setattr(engine, "silence", lambda host: None)
    monkeypatch.setattr(preflight, "require_possible", lambda *_, **__: made.do("preflight"))
    monkeypatch.setattr(host_setup, "ensure_images", lambda *_: False)
    monkeypatch.setattr(provision, "play", made.play)
    monkeypatch.setattr(snapshots, "SNAPSHOTS", tmp_path)
    monkeypatch.setattr(move, "open_carrier", made.open_carrier)
    monkeypatch.setattr(move, "require_idle", lambda student, fix: made.do(f"{student.docker_host}: idle?"))
    monkeypatch.setattr(move, "require_proved", lambda student: made.do(f"{student.docker_host}: proofs"))
    return made


def copied(world: World) -> list[str]:
    return [step for step in world.done if step in (*OLD, *NEW, "play")]


MOVED = {LOCAL: (7, 7), SECOND: (0, 0)}
AS_IT_WAS = {LOCAL: (0, 0), SECOND: (7, 7)}


def test_everything_comes_along_and_the_old_stack_goes(
    world: World, lab: Lab, ada: Student, capsys: pytest.CaptureFixture
) -> None:
    move.move(lab, [ada], yes=True)
    assert copied(world) == [*OLD, "play", *NEW]
    asked = f"{SECOND}: idle?"  # before anything else, and just before the daemons are stopped
    assert world.done[:4] == [asked, "preflight", asked, OLD[0]]
    assert world.done.index(f"{LOCAL}: proofs") < world.done.index(f"{LOCAL}: prove")
    assert world.held() == MOVED
    assert known_hosts.of_class("spring") == {"ada": [LOCAL]}
    assert snapshots.found("spring") == []
    last = capsys.readouterr().out.splitlines()[-1]
    assert re.fullmatch(rf"ada: moved from {SECOND} to {LOCAL} and proved in [\d.]+ s", last)
    world.done.clear()
    move.move(lab, [ada], yes=True)
    assert capsys.readouterr().out == f"ada: nothing to move: the stack is on {LOCAL}, as the inventory says\n"
    assert world.done == []


def test_a_suspended_stack_is_moved_too_and_stays_stopped_if_that_fails(
    world: World, engines: Engines, lab: Lab, ada: Student
) -> None:
    for name in list(engines[SECOND].running()):
        engines[SECOND].client.containers.get(name).stop()
    world.failing = {"play": LabError("no")}
    with pytest.raises(LabError):
        move.move(lab, [ada], yes=True)
    assert world.held() == {LOCAL: (0, 0), SECOND: (0, 7)}
    move.move(lab, [ada], yes=True)
    assert world.held() == MOVED


def test_it_asks_first(
    world: World, lab: Lab, ada: Student, error_of: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: False))
    assert error_of(move.move, lab, [ada], yes=False) == (
        "error: there is no terminal to confirm on\n"
        f"  move ada from {SECOND} to {LOCAL}, and remove the old stack once the new one is proved?\n"
        "  fix: add --yes"
    )
    assert (world.done, world.held()) == ([], AS_IT_WAS)


#: What may fail once the old stack is being stopped.
STEPS = [OLD[0], OLD[-1], "play", NEW[0], NEW[7], f"{LOCAL}: swap", f"{LOCAL}: proofs", f"{LOCAL}: prove"]


BROKE = LabError("it broke", evidence="no space")


@pytest.mark.parametrize(
    ("step", "failure"),
    [*((step, BROKE) for step in STEPS), ("play", KeyboardInterrupt()), (STEPS[6], KeyboardInterrupt()),
     (STEPS[4], OSError("gone"))],
)  # fmt: skip
def test_what_fails_before_the_end_leaves_the_old_stack_as_it_was(
    world: World, lab: Lab, ada: Student, step: str, failure: BaseException
) -> None:
    world.failing = {step: failure}
    with pytest.raises(LabError if isinstance(failure, Exception) else KeyboardInterrupt) as caught:
        move.move(lab, [ada], yes=True)
    assert world.held() == AS_IT_WAS
    assert known_hosts.of_class("spring") == {"ada": [SECOND]}
    assert snapshots.found("spring") == []
    if isinstance(failure, LabError):
        assert caught.value.what == f"ada could not be moved to {LOCAL}; the stack on {SECOND} is as it was"
        assert caught.value.evidence == ["it broke", "  no space"]
    move.move(lab, [ada], yes=True)
    assert world.held() == MOVED


@pytest.mark.parametrize("step", STEPS[::2])
def test_a_move_that_was_killed_begins_again_and_nothing_takes_the_half_for_a_stack(
    world: World, lab: Lab, ada: Student, step: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    world.failing = {step: Killed()}
    with monkeypatch.context() as patched:
        patched.setattr(move, "_undo", lambda *_, **__: None)
        with pytest.raises(Killed):
            move.move(lab, [ada], yes=True)
    assert world.held()[SECOND] == (0, 7)
    assert known_hosts.of_class("spring") == {"ada": [SECOND, LOCAL]}
    (refused,) = location.refusals(lab, [ada]).values()
    assert refused.what == f"ada: a move from {SECOND} to {LOCAL} was interrupted"
    world.done.clear()
    world.failing = {"play": LabError("not now")}
    with pytest.raises(LabError, match="could not be moved"):
        move.move(lab, [ada], yes=True)
    assert world.held() == AS_IT_WAS  # it ran before the first try
    world.done.clear()
    move.move(lab, [ada], yes=True)
    assert copied(world) == [*OLD, "play", *NEW]
    assert world.held() == MOVED
    assert location.mark_of(ada) is None


def test_a_move_that_is_killed_again_while_it_removes_the_half_still_knows_that_the_old_stack_ran(
    world: World, lab: Lab, ada: Student, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.failing = {f"{LOCAL}: proofs": Killed()}
    remove = destroy.remove

    def cut_off(*args: Any) -> None:
        remove(*args)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(move, "_undo", lambda *_, **__: None)
        for removal in (remove, cut_off):
            patched.setattr(destroy, "remove", removal)
            with pytest.raises(Killed):
                move.move(lab, [ada], yes=True)
    assert world.held() == {LOCAL: (0, 1), SECOND: (0, 7)}
    assert location.mark_of(ada) == location.Mark(SECOND, ran=True, proved=False)


def test_a_move_that_was_killed_after_the_proofs_has_only_the_old_stack_to_remove(
    world: World, engines: Engines, lab: Lab, ada: Student, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_off(target: Any) -> None:
        engines[SECOND].client.containers.get("spring-ada-kafka1").remove(force=True)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(destroy, "take_away", cut_off)
        with pytest.raises(Killed):
            move.move(lab, [ada], yes=True)
    assert world.held() == {LOCAL: (7, 9), SECOND: (0, 7)}
    (refused,) = location.refusals(lab, [ada]).values()
    assert refused.evidence == ["it is proved here; what is left there has to be removed"]
    back = replace(ada, docker_host=SECOND)
    with pytest.raises(WrongRequest, match=f"has been moved to {LOCAL}, where it is proved"):
        move.move(replace(lab, students=(back,)), [back], yes=True)
    world.done.clear()
    move.move(lab, [ada], yes=True)
    assert world.done == []
    assert world.held() == MOVED
    assert known_hosts.of_class("spring") == {"ada": [LOCAL]}


def test_an_engine_that_is_gone_is_that_student_s_error(
    world: World, engines: Engines, lab: Lab, ada: Student, error_of: Callable, capsys: pytest.CaptureFixture
) -> None:
    engines.gone = {SECOND}
    assert error_of(move.move, lab, [ada], yes=True).startswith("error: ada has no stack\n")
    assert f"warning: {SECOND} does not answer" in capsys.readouterr().err
    engines.gone = {LOCAL}
    assert error_of(move.move, lab, [ada], yes=True).startswith(f"error: no Docker Engine answers at {LOCAL}\n")
    engines.gone = set()
    assert world.held() == AS_IT_WAS


def test_a_new_engine_that_goes_away_meanwhile_leaves_the_old_stack_running(
    world: World, engines: Engines, lab: Lab, ada: Student, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:  # fmt: skip
    def vanish(student: Student) -> None:
        engines.gone = {LOCAL}
        raise LabError("the proofs failed")

    with monkeypatch.context() as patched:
        patched.setattr(move, "require_proved", vanish)
        with pytest.raises(LabError, match="could not be moved"):
            move.move(lab, [ada], yes=True)
    assert world.held()[SECOND] == (7, 7)
    assert "that failed; invoke move --student ada tries it again" in capsys.readouterr().out
    engines.gone = set()
    move.move(lab, [ada], yes=True)
    assert world.held() == MOVED


def test_an_old_stack_of_another_size_is_not_touched(
    world: World, engines: Engines, lab: Lab, ada: Student, error_of: Callable
) -> None:
    """What the inventory does not name would not be copied, and be removed."""
    engines[SECOND].client.volumes.create(
        "spring-ada-datanode2", labels={"streamlab.class": "spring", "streamlab.student": "ada"}
    )
    assert error_of(move.move, lab, [ada], yes=True) == (
        f"error: ada's stack on {SECOND} has nodes that the inventory does not name\n"
        "  datanode2\n"
        f"  fix: write docker_host: {SECOND} and the old size into the inventory, "
        "invoke provision --student ada, and only then move it"
    )
    assert (world.done, world.held()[LOCAL]) == ([], (0, 0))


def test_two_stacks_are_not_mixed(world: World, engines: Engines, lab: Lab, ada: Student, error_of: Callable) -> None:
    engines[LOCAL].add_stack(ada)
    text = error_of(move.move, lab, [ada], yes=True)
    assert f"invoke destroy --student ada --docker-host {SECOND}" in text
    assert text.count(": made ") == 2
    assert world.held() == {LOCAL: (7, 7), SECOND: (7, 7)}


def test_of_several_students_each_has_an_error_of_its_own(
    world: World, lab: Lab, ada: Student, capsys: pytest.CaptureFixture
) -> None:
    bob = replace(ada, name="bob")
    with pytest.raises(LabError, match="1 of 2 students failed"):
        move.move(replace(lab, students=(bob, ada)), [bob, ada], yes=True)
    assert world.held() == MOVED
    assert "error: bob has no stack" in capsys.readouterr().err


def test_a_move_s_snapshot_has_the_home_and_a_name_that_nobody_can_choose(
    world: World, lab: Lab, ada: Student, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.failing = {"play": Killed()}
    monkeypatch.setattr(move, "_undo", lambda *_, **__: None)
    with pytest.raises(Killed):
        move.move(lab, [ada], yes=True)
    (folder,) = snapshots.found("spring")
    files = {snapshots.file_of(node) for node in data_nodes(ada)} | {snapshots.HOME}
    assert set(snapshots.read(folder).files) == files
    with pytest.raises(WrongRequest):
        snapshots.require_free("spring", folder.name)
