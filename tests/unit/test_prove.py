"""Proofs of several students: what one lacks keeps no other from being asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from streamlab.errors import WrongRequest
from streamlab.stacks import prove
from streamlab.students.topology import Student


def test_who_has_no_stack_keeps_nobody_from_being_asked(
    student: Student, monkeypatch: pytest.MonkeyPatch, error_of: Callable, capsys: pytest.CaptureFixture
) -> None:
    def answer(student: Student, services: Any, *, seconds: int, tell: Callable) -> list[prove.Proven]:
        if student.name != "carl":
            raise WrongRequest(f"{student.name} has no stack")
        tell(prove.Proven("kafka", True, 0.1, "yes"))
        return []

    monkeypatch.setattr(prove, "prove", answer)
    monkeypatch.setattr(prove.engine, "unreachable", lambda students: {})
    students = [replace(student, name=name) for name in ("ada", "bob", "carl")]
    assert error_of(prove.prove_all, students, None, seconds=9) == "error: bob has no stack"
    printed = capsys.readouterr()
    assert printed.out == "carl          kafka       proved: yes (0.1 s)\n"
    assert printed.err == "error: ada has no stack\n"


def test_an_unknown_service_is_refused_once(student: Student, error_of: Callable) -> None:
    assert "did you mean --service kafka?" in error_of(prove.prove_all, [student] * 2, ["kafak"], seconds=9)
