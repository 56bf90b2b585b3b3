"""`invoke prove` asks every student's services, whatever became of the students before."""

from __future__ import annotations

from dataclasses import replace

import pytest

from streamlab.engines import engine
from streamlab.errors import LabError, WrongRequest
from streamlab.stacks import prove
from streamlab.stacks.prove import Proven
from streamlab.students.student import Student


@pytest.mark.usefixtures("alone")
def test_one_student_s_failure_keeps_nobody_else_from_being_asked(
    student: Student, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def answers(one: Student, services: tuple, *, seconds: int, tell: object) -> list[Proven]:
        asked.append(one.name)
        if one.name == "ada":
            raise LabError("ada has no stack")
        return [Proven("kafka", one.name != "bob", 0.1, "no answer")]

    asked: list[str] = []
    gone = replace(student, name="dora", docker_host="ssh://lab@second")
    silent = engine.NoEngine("no Docker Engine answers at ssh://lab@second", evidence="it is off")
    monkeypatch.setattr(engine, "silence", lambda host: silent if host == gone.docker_host else None)
    monkeypatch.setattr(prove, "prove", answers)
    with pytest.raises(LabError, match="3 of 4 students failed"):
        prove.prove_all(
            [gone, student, replace(student, name="carl"), replace(student, name="bob")], ["kafka"], seconds=1
        )
    assert sorted(asked) == ["ada", "bob", "carl"]
    assert [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")] == [
        "error: no Docker Engine answers at ssh://lab@second",
        "error: ada has no stack",
        "error: bob: kafka does not answer correctly",
    ]


def test_an_unknown_service_is_refused_before_anybody_is_asked(student: Student) -> None:
    with pytest.raises(WrongRequest, match="no service named 'kafak'"):
        prove.prove_all([replace(student, docker_host="ssh://nobody")], ["kafak"], seconds=1)
