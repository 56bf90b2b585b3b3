"""Drills without a cluster: what may be answered, what a student's note gives away, and who may do what."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from streamlab.drills import answer, command, drill
from streamlab.drills.catalogue import FILE, digest, drills, lessons
from streamlab.drills.state import State
from streamlab.errors import LabError, WrongRequest
from streamlab.students.inventory import Lab
from streamlab.students.problems import LANGUAGES
from streamlab.students.student import Student
from streamlab.yamlfile import texts

SALT = "0123"
#: What of a note decides the handout.
NOTES = [{"job": "", "like": ""}, *({"job": job, "like": lesson} for job, lesson in lessons().items())]


def note(student: Student, name: str) -> dict[str, Any]:
    right = [digest(SALT, name, one) for one in drills()[name].answers(student)]
    return {
        "began": "2026-01-01 12:00:00 UTC",
        "salt": SALT,
        "fill": name == "disk-full",
        "right": right,
        "job": drills()[name].job,
        "like": drills()[name].like,
    }


@pytest.fixture
def sits(student: Student, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Begin a drill where the student sits."""
    monkeypatch.setattr(answer, "STATE", tmp_path)
    return lambda name: (tmp_path / "drill.json").write_text(json.dumps(note(student, name))) and None


@pytest.mark.parametrize("name", drills())
def test_each_drill_has_words_in_every_language_and_an_answer(name: str, student: Student) -> None:
    assert set(drills()[name].found) == set(LANGUAGES)
    assert drills()[name].title
    assert drills()[name].answers(student)


def test_what_a_student_is_told_is_written_in_every_language() -> None:
    for language in LANGUAGES:
        said = texts(answer.TEXTS, language)
        assert set(said) == set(texts(answer.TEXTS, "en"))
        assert set(said["codes"]) == set(texts(answer.TEXTS, "en")["codes"])
        assert set(said["goals"]) == set(lessons().values())
        assert all("{" not in answer._handout(said, {"began": "12:00", **one}) for one in NOTES)
    assert texts(answer.TEXTS, "ru") != texts(answer.TEXTS, "en")


def test_a_node_is_answered_by_its_name_and_a_file_by_itself_or_its_folder(student: Student) -> None:
    assert drills()["broker-frozen"].answers(student) == ["kafka1"]
    assert drills()["disk-full"].answers(student) == [FILE, "/data/archive/2019", "/data/archive"]


@pytest.mark.parametrize("name", drills())
def test_a_note_does_not_say_what_happened(name: str, student: Student) -> None:
    said = json.dumps(note(student, name))
    assert name not in said
    assert all(one not in said for one in drills()[name].answers(student))


@pytest.mark.parametrize("typed", ["kafka1", " Kafka1 ", "kafka1/"])
def test_a_right_answer_is_explained(
    typed: str, student: Student, sits: Callable, capsys: pytest.CaptureFixture
) -> None:
    sits("broker-frozen")
    answer.give(student, typed)
    assert drills()["broker-frozen"].found["en"].strip() in capsys.readouterr().out
    answer.give(replace(student, language="ru"), typed)
    assert drills()["broker-frozen"].found["ru"].strip() in capsys.readouterr().out


def test_a_wrong_answer_is_said_and_all_are_kept(student: Student, sits: Callable, tmp_path: Path) -> None:
    sits("disk-full")
    for typed in ("kafka1", "/data"):
        with pytest.raises(LabError, match="No, it is not"):
            answer.give(student, typed)
    answer.give(student, "/data/archive")
    given = json.loads((tmp_path / "drill-answers.json").read_text())
    assert [one["answer"] for one in given] == ["kafka1", "/data", "/data/archive"]


def test_without_a_drill_there_is_nothing_to_answer(
    student: Student, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(answer, "STATE", tmp_path)
    answer.show(student)
    assert "No drill is on" in capsys.readouterr().out
    with pytest.raises(LabError, match="No drill is on"):
        answer.give(student, "kafka1")


def test_the_instructor_sees_who_has_found_it_and_at_which_answer(student: Student) -> None:
    def judged(*answers: str) -> list[str]:
        given = [{"answer": one} for one in answers]
        return drill._judged(student, State(note(student, "broker-frozen"), given, (), ()))

    assert judged()[2:] == ["no answer", "by --end"]
    assert judged("namenode")[2] == "no, 1 answers"
    assert judged("namenode", "kafka1", "edge")[2] == "yes, answer 2"


@pytest.mark.parametrize(
    ("name", "wrong", "repaired"),
    [
        ("disk-full", [("filled", 1)], "no: 1 filled"),
        ("disk-full", [], "yes"),
        ("schema-changed", [("missing", 40), ("twice", 2)], "no: 40 missing, 2 twice"),
    ],
)
def test_what_a_student_can_repair_is_looked_at(
    name: str, student: Student, wrong: list[tuple[str, int]], repaired: str
) -> None:
    assert drill._judged(student, State(note(student, name), [], wrong, []))[3] == repaired


@pytest.mark.parametrize("changed", [{"job": ""}, {"job": "drill05"}, {"job": None}, {"fill": True}])
def test_a_note_that_names_something_else_to_look_at_is_no_repair(student: Student, changed: dict[str, Any]) -> None:
    altered = note(student, "schema-changed") | changed
    assert drill._judged(student, State(altered, [], [], []))[3] == "no: the note was changed"


@pytest.mark.parametrize("broken", [None, "text", {}, {"salt": 1, "right": ["x"]}])
def test_a_note_that_a_student_has_changed_is_no_error(student: Student, broken: Any) -> None:
    assert drill._judged(student, State(broken, ["x"], [], []))[0] in ("none", "unknown")


@pytest.mark.usefixtures("alone")
def test_a_student_is_told_what_is_still_to_be_repaired(
    student: Student, sits: Callable, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    @contextmanager
    def opened(student: Student) -> Iterator[Any]:
        yield SimpleNamespace(answer=lambda *args, seconds, read: read(said))

    monkeypatch.setattr(answer, "open_stack", opened)
    said: dict[str, Any] = {"note": None, "answers": [], "wrong": [["missing", 3], ["twice", 1]], "waiting": []}
    sits("schema-changed")
    with pytest.raises(LabError, match="not repaired yet") as caught:
        answer.check(student)
    assert [line[-3:] for line in caught.value.evidence] == [": 3", ": 1"]
    said["wrong"] = []
    answer.check(student)
    sits("broker-frozen")
    answer.check(student)
    assert capsys.readouterr().out.startswith("Repaired.\nWhat is wrong is not for you to repair.")


@pytest.mark.parametrize(
    ("asked", "here", "words"),
    [
        ({"name": "disk-full", "check": True}, False, "--name and --check are asked for at once"),
        ({"answer": "kafka1"}, False, "an answer is given where the student sits"),
        ({"name": "disk-full"}, True, "--name is your instructor's"),
        ({"end": True}, True, "--end is your instructor's"),
    ],
)
def test_wrong_requests_are_refused(student: Student, asked: dict[str, Any], here: bool, words: str) -> None:
    cluster: Any = SimpleNamespace(is_here=True) if here else None
    options = {"name": None, "answer": None, "check": False, "end": False} | asked
    with pytest.raises(WrongRequest, match=words):
        command.run(Lab(Path("class.yml"), (replace(student, cluster=cluster),)), None, None, **options)


def test_an_unknown_drill_is_named_with_those_there_are(student: Student) -> None:
    with pytest.raises(WrongRequest, match="no drill named 'disk-ful'"):
        drill.begin([student], "disk-ful")
