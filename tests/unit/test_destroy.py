"""What is taken away: exactly what carries our label, after a question."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from docker.errors import APIError, NotFound

from streamlab.stacks import destroy
from streamlab.students.inventory import Lab
from streamlab.students.student import Student

pytestmark = pytest.mark.usefixtures("alone")

ADA = ["spring-ada-edge", "spring-ada-net", "spring-ada-data"]
BOB = ["spring-bob-edge", "spring-bob-net", "spring-bob-data"]


class Engine:
    """The engine's client, with things that carry labels; it remembers what was removed."""

    def __init__(self) -> None:
        self.removed: list[str] = []
        self.vanished: set[str] = set()
        self.used: set[str] = set()
        self.containers = self._kind({"spring-ada-edge": "ada", "spring-bob-edge": "bob", "somebody's": None})
        self.networks = self._kind({"spring-ada-net": "ada", "spring-bob-net": "bob", "bridge": None})
        self.volumes = self._kind({"spring-ada-data": "ada", "spring-bob-data": "bob", "precious": None})

    def _kind(self, owners: dict[str, str | None]) -> Any:
        def listed(*, filters: dict, **_: bool) -> list:
            if "streamlab.gateway" in filters["label"]:
                return []  # this class has none
            assert filters == {"label": "streamlab.class=spring"}
            labels = {name: {"streamlab.student": owner} for name, owner in owners.items() if owner}
            return [SimpleNamespace(name=name, labels=has, attrs={"Labels": has}) for name, has in labels.items()]

        def get(name: str) -> Any:
            if name in self.vanished:
                raise NotFound("gone")
            return SimpleNamespace(remove=lambda **_: self._remove(name))

        return SimpleNamespace(list=listed, get=get)

    def _remove(self, name: str) -> None:
        if name in self.used:
            raise APIError("conflict", explanation=f"{name} has active endpoints")
        self.removed.append(name)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    client = Engine()

    @contextmanager
    def connect(docker_host: str) -> Iterator[Engine]:
        yield client

    monkeypatch.setattr(destroy.engine, "connect", connect)
    return client


@pytest.fixture
def lab(student: Student) -> Lab:
    return Lab(Path("class.yml"), (student,))


def test_one_student_s_stack_is_taken_away_containers_first(
    engine: Engine, lab: Lab, capsys: pytest.CaptureFixture
) -> None:
    destroy.destroy(lab, "ada", yes=True)
    assert engine.removed == ADA
    assert capsys.readouterr().out == "removed 1 containers, 1 networks and 1 volumes\n"


def test_a_class_takes_those_along_who_have_left_the_inventory(engine: Engine, lab: Lab) -> None:
    destroy.destroy(lab, yes=True)
    assert sorted(engine.removed) == sorted(ADA + BOB)


def test_what_is_already_gone_is_no_failure(engine: Engine, lab: Lab) -> None:
    engine.vanished = {"spring-ada-net"}
    destroy.destroy(lab, "ada", yes=True)
    assert engine.removed == ["spring-ada-edge", "spring-ada-data"]


def test_where_nothing_is_that_is_said(engine: Engine, lab: Lab, capsys: pytest.CaptureFixture) -> None:
    destroy.destroy(replace(lab, students=(*lab.students, replace(lab.students[0], name="carl"))), "carl", yes=False)
    assert capsys.readouterr().out == (
        "nothing to destroy on unix:///var/run/docker.sock: nothing there carries the label of carl\n"
    )


def test_nothing_is_removed_where_nobody_can_confirm(
    engine: Engine, lab: Lab, error_of: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: False))
    assert error_of(destroy.destroy, lab, yes=False) == (
        "error: there is no terminal to confirm on\n"
        "  remove 2 containers, 2 networks and 2 volumes of class spring, with all their data?\n"
        "  fix: add --yes"
    )
    assert engine.removed == []


@pytest.mark.parametrize(("answer", "removed"), [("y", 3), (" YES ", 3), ("", 0), ("n", 0), ("yess", 0)])
def test_only_a_yes_is_a_yes(
    engine: Engine, lab: Lab, monkeypatch: pytest.MonkeyPatch, answer: str, removed: int
) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("builtins.input", lambda question: answer)
    if removed:
        destroy.destroy(lab, "ada", yes=False)
    else:
        with pytest.raises(destroy.WrongRequest, match="nothing was done"):
            destroy.destroy(lab, "ada", yes=False)
    assert len(engine.removed) == removed


def test_of_several_each_has_a_line(engine: Engine, lab: Lab, capsys: pytest.CaptureFixture) -> None:
    destroy.destroy(lab, "all", yes=True)
    *students, summary = sorted(capsys.readouterr().out.splitlines())
    assert [line.split()[:2] for line in students] == [["ada", "done"], ["bob", "done"]]
    assert all(line.endswith(" s  removed 1 containers, 1 networks and 1 volumes") for line in students)
    assert summary.startswith("destroy: 2 of 2 students done in ")


@pytest.mark.parametrize(("limit", "removed"), [("a*", ADA), ("bob", BOB), ("b*,ada", ADA + BOB)])
def test_a_limit_finds_those_too_who_have_left_the_inventory(
    engine: Engine, lab: Lab, limit: str, removed: list[str]
) -> None:
    destroy.destroy(lab, None, limit, yes=True)
    assert sorted(engine.removed) == sorted(removed)


def test_one_question_is_asked_for_all(engine: Engine, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("builtins.input", lambda question: asked.append(question) or "y")
    destroy.destroy(lab, None, "ada,b*", yes=False)
    assert asked == ["remove 2 containers, 2 networks and 2 volumes of ada, bob, with all their data? [y/N] "]


@pytest.mark.parametrize(
    ("name", "limit", "error"),
    [
        (None, "c*", "error: no student named 'c*'\n  known: ada, bob\n"),
        (None, "ada,bbo", "error: no student named 'bbo'\n  known: ada, bob\n  fix: did you mean --limit bob?"),
        ("bbo", None, "error: no student named 'bbo'\n  known: ada, bob\n  fix: did you mean --student bob?"),
        ("", None, "error: no student named ''\n  known: ada, bob\n"),
        (None, "", "error: --limit '' names nobody\n"),
        ("ada", "b*", "error: --student and --limit are both given\n"),
    ],
)
def test_what_names_nobody_removes_nothing(
    engine: Engine, lab: Lab, error_of: Callable, name: str | None, limit: str, error: str
) -> None:
    assert error_of(destroy.destroy, lab, name, limit, yes=True).startswith(error)
    assert engine.removed == []


def test_a_foreign_container_keeps_nobody_else_s_stack(
    engine: Engine, lab: Lab, error_of: Callable, capsys: pytest.CaptureFixture
) -> None:
    """Nor anything of the same student but what it uses."""
    engine.used = {"spring-ada-net"}
    assert error_of(destroy.destroy, lab, yes=True) == (
        "error: destroy: 1 of 2 students failed\n"
        "  ada\n"
        "  fix: fix the causes above, then repeat it for them alone: --limit ada"
    )
    assert sorted(engine.removed) == sorted(["spring-ada-edge", "spring-ada-data", *BOB])
    assert capsys.readouterr().err == (
        "\nada\n"
        "error: a part of the stack is used by something outside the lab\n"
        "  spring-ada-net has active endpoints\n"
        "  fix: disconnect or remove that container, then run the same command again\n\n"
    )


def test_a_docker_host_that_is_gone_keeps_no_other_s_stacks(
    engine: Engine, lab: Lab, error_of: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    reach = destroy.engine.connect

    def connect(docker_host: str) -> Any:
        if docker_host.startswith("ssh://"):
            raise destroy.engine.NoEngine(f"no Docker Engine answers at {docker_host}", evidence="timed out")
        return reach(docker_host)

    monkeypatch.setattr(destroy.engine, "connect", connect)
    two = replace(lab, students=(*lab.students, replace(lab.students[0], name="eve", docker_host="ssh://lab@second")))
    assert "3 students failed\n  eve\n" in error_of(destroy.destroy, two, yes=True)
    assert sorted(engine.removed) == sorted(ADA + BOB)
    destroy.destroy(two, "ada", yes=True)  # no part of ada's is known to be there
    assert error_of(destroy.destroy, two, "eve", yes=False).startswith("error: no Docker Engine answers at ssh://")
    assert error_of(destroy.destroy, two, "evee", yes=True) == (
        "error: no student named 'evee'\n"
        "  known: ada, bob, eve\n"
        "  not asked: ssh://lab@second, which does not answer\n"
        "  fix: did you mean --student eve?"
    )
