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
from docker.errors import NotFound

from streamlab import destroy
from streamlab.inventory import Lab
from streamlab.topology import Student


class Engine:
    """The engine's client, with things that carry labels; it remembers what was removed."""

    def __init__(self) -> None:
        self.removed: list[str] = []
        self.vanished: set[str] = set()
        self.containers = self._kind({"spring-ada-edge": "ada", "spring-bob-edge": "bob", "somebody's": None})
        self.networks = self._kind({"spring-ada": "ada", "spring-bob": "bob", "bridge": None})
        self.volumes = self._kind({"spring-ada-edge": "ada", "spring-bob-edge": "bob", "precious": None})

    def _kind(self, owners: dict[str, str | None]) -> Any:
        def listed(*, filters: dict, **_: bool) -> list:
            labels = filters["label"]
            assert labels[0] == "streamlab.class=spring"
            ours = [name for name, owner in owners.items() if owner]
            chosen = [name for name in ours if not labels[1:] or labels[1] == f"streamlab.student={owners[name]}"]
            return [SimpleNamespace(name=name) for name in chosen]

        def get(name: str) -> Any:
            if name in self.vanished:
                raise NotFound("gone")
            return SimpleNamespace(remove=lambda **_: self.removed.append(name))

        return SimpleNamespace(list=listed, get=get)


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
    assert engine.removed == ["spring-ada-edge", "spring-ada", "spring-ada-edge"]
    assert capsys.readouterr().out == "removed 1 containers, 1 networks and 1 volumes\n"


def test_a_class_takes_those_along_who_have_left_the_inventory(engine: Engine, lab: Lab) -> None:
    destroy.destroy(lab, None, yes=True)
    assert sorted(engine.removed) == sorted(2 * ["spring-ada-edge", "spring-bob-edge"] + ["spring-ada", "spring-bob"])


def test_what_is_already_gone_is_no_failure(engine: Engine, lab: Lab) -> None:
    engine.vanished = {"spring-ada"}
    destroy.destroy(lab, "ada", yes=True)
    assert engine.removed == ["spring-ada-edge", "spring-ada-edge"]


def test_where_nothing_is_that_is_said(engine: Engine, lab: Lab, capsys: pytest.CaptureFixture) -> None:
    destroy.destroy(lab, "carl", yes=False)
    assert capsys.readouterr().out == (
        "nothing to destroy on unix:///var/run/docker.sock: nothing there carries the label of carl\n"
    )


def test_a_docker_host_that_does_not_answer_keeps_nobody_else_s_stack(
    engine: Engine, student: Student, error_of: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = replace(student, name="bob", docker_host="ssh://lab@second")
    error = destroy.engine.NoEngine("no Docker Engine answers at ssh://lab@second", evidence="it is off")
    monkeypatch.setattr(destroy.engine, "_silence", lambda host: error if host == bob.docker_host else None)
    lab = Lab(Path("class.yml"), (student, bob))
    destroy.destroy(lab, "ada", yes=True)
    assert engine.removed == ["spring-ada-edge", "spring-ada", "spring-ada-edge"]
    assert error_of(destroy.destroy, lab, None, yes=True).startswith("error: not reached: bob\n")
    assert "spring-bob" in engine.removed


def test_nothing_is_removed_where_nobody_can_confirm(
    engine: Engine, lab: Lab, error_of: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: False))
    assert error_of(destroy.destroy, lab, None, yes=False) == (
        "error: nobody is there to confirm\n"
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
        with pytest.raises(destroy.WrongRequest, match="nothing was removed"):
            destroy.destroy(lab, "ada", yes=False)
    assert len(engine.removed) == removed
