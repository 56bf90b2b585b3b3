"""Grading: on which stacks, under which seed, with whose files; and what a report says of it."""

from __future__ import annotations

import json
import threading
import zipfile
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from test_points import GAPS, assertions

import handed_in
from streamlab.errors import LabError, WrongRequest
from streamlab.grading import grade, points, report, stacks
from streamlab.grading.packing import Contents, unpack
from streamlab.grading.store import HandIn, Store
from streamlab.lessons import bundle, exercise, jobs
from streamlab.stacks.prove import Proven
from streamlab.students.inventory import Lab
from streamlab.students.student import Student
from streamlab.work import submit as submission
from streamlab.work.follow import JobFailed
from streamlab.yamlfile import texts

AT = datetime(2026, 12, 1, 20, 0, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store("spring", str(tmp_path / "kept"))


@pytest.fixture
def lab(student: Student, tmp_path: Path) -> Lab:
    """A class of three with two stacks to grade on."""
    students = [replace(student, name=name) for name in ("ada", "bob", "eve")]
    graders = [replace(student, name=f"grader0{number}", grading=True) for number in (1, 2)]
    return Lab(tmp_path / "class.yml", tuple(students), graders=tuple(graders))


def test_a_student_s_stack_is_never_graded_on(lab: Lab, error_of: Callable) -> None:
    assert [one.name for one in stacks.graders_of(lab, None)] == ["grader01", "grader02"]
    assert [one.name for one in stacks.graders_of(lab, "grader02")] == ["grader02"]
    for on in ("ada", "grader01,ada", "*"):
        with pytest.raises(WrongRequest, match=r"ada.* is not a stack to grade on"):
            stacks.graders_of(lab, on)
    with pytest.raises(WrongRequest, match="no student named 'nobody'"):
        stacks.graders_of(lab, "nobody")
    assert "grader01: {grading: true" in error_of(stacks.graders_of, Lab(lab.path, lab.students), None)


def test_a_stack_that_has_handed_in_itself_is_refused(lab: Lab, store: Store) -> None:
    handed_in.keep(store, "grader02", AT)
    stacks.refuse_hand_ins_of(lab.graders[:1], store)
    with pytest.raises(WrongRequest, match="grader02 has handed in itself"):
        stacks.refuse_hand_ins_of(lab.graders, store)


def test_a_seed_follows_from_the_store_s_secret_and_the_hand_in(store: Store, tmp_path: Path) -> None:
    ada, again = handed_in.keep(store, "ada", AT), handed_in.keep(store, "ada", AT, {1: "return 1"}, number=2)
    bob = handed_in.keep(store, "bob", AT)
    seeds = [grade.seed_of(store, one) for one in (ada, again, bob)]
    assert len(set(seeds)) == 3
    assert [grade.seed_of(Store("spring", str(tmp_path / "kept")), one) for one in (ada, again, bob)] == seeds
    assert grade.seed_of(Store("spring", str(tmp_path / "other")), ada) not in seeds
    assert (store.folder / "secret").stat().st_mode & 0o777 == 0o600


def test_a_stack_without_a_service_that_the_exercise_needs_is_not_graded_on(lab: Lab, error_of: Callable) -> None:
    text = error_of(grade.grade, lab, "lesson09")
    assert text.startswith("error: lesson09 needs flink, which grader01's stack does not have\n")
    assert "services: [flink]" in text


def test_a_script_is_handed_in_and_written_out_like_a_program() -> None:
    right = handed_in.solutions("lesson09")
    zipped = handed_in.packed({3: right[3]}, lesson="lesson09", job="my09")
    contents = unpack(zipped.data, sha256=zipped.sha256, about="ada's 1")
    assert right[3] in contents.program
    with grade.written(contents) as (theirs, ours):
        assert (theirs.services, theirs.steps[0].flink) == (("flink",), True)
        assert right[3] in (theirs.folder / "exercise.sql").read_text(encoding="utf-8")
        assert right[3] not in (ours.folder / "exercise.sql").read_text(encoding="utf-8")


HOSTILE = b"raise SystemExit('imported by the lab')\n"


def test_what_the_lab_imports_is_its_own_and_what_runs_is_the_student_s() -> None:
    zipped = handed_in.packed({1: "return None"})
    with zipfile.ZipFile(BytesIO(zipped.data)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    job = "exercise: lesson04\ntitle: t\nsteps: {exercise: {title: t, preset: ml, timeout: 99999}}\n"
    hostile = {f"my04/{name}.py": HOSTILE for name in ("__init__", "reset", "check", "prepare", "helper")}
    contents = Contents("my04", "lesson04", {**files, **hostile, "my04/job.yml": job.encode()})
    with grade.written(contents) as (theirs, ours):
        assert ours.steps == theirs.steps
        limits = exercise.load("lesson04")
        assert (theirs.steps[0].timeout, theirs.steps[0].preset) == (limits["timeout"], limits["preset"])
        assert list(theirs.topics) == ["my04-orders", "my04-json"]
        runs, asks = (
            zipfile.ZipFile(BytesIO(bundle.job_bundle(one.folder, one.exercise).data)) for one in (theirs, ours)
        )
        assert runs.read("my04/helper.py") == HOSTILE
        assert b"return None" in runs.read("my04/exercise.py")
        assert all(HOSTILE not in asks.read(name) for name in asks.namelist())
        assert asks.read("lesson04/exercise_check.py") == runs.read("lesson04/exercise_check.py")
        place = theirs.folder
    assert not place.exists()


class Turns:
    """Grading stacks that were made anew, and programs that end as they are told to."""

    def __init__(self) -> None:
        self.made: list[list[str]] = []
        self.broken: list[str] = []
        self.stuck: dict[str, threading.Event] = {}
        self.prepared: dict[str, Callable[[], None]] = {}
        self.removed = 0
        self.ran: list[tuple[str, str, int]] = []
        self.ends: dict[str, Exception | list[dict[str, Any]]] = {}
        self.silent: list[str] = []
        self.running = ""


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch, alone: None) -> Turns:
    said = Turns()

    def make_clean(lab: Lab, graders: Sequence[Student]) -> None:
        said.made.append([one.name for one in graders])

    def make_anew(lab: Lab, grader: Student) -> None:
        if grader.name in said.broken:
            raise stacks.StackNotMade("namenode does not start")
        said.made.append([grader.name])

    def submit(grader: Student, wanted: submission.Request) -> None:
        assert wanted.prepared_by
        assert wanted.prepared_by.folder != wanted.job.folder
        program = (wanted.job.folder / "exercise.py").read_text(encoding="utf-8")
        who = next((name for name in said.ends if f"# of {name}" in program), "")
        said.ran.append((grader.name, who, wanted.seed or 0))
        if who in said.prepared:
            said.prepared[who]()
        if who in said.stuck:
            assert said.stuck[who].wait(10)
        if isinstance(end := said.ends.get(who), Exception):
            raise end

    def check(grader: Student, job: jobs.Job, *, seed: int) -> dict[str, Any]:
        _, who, with_seed = next(one for one in reversed(said.ran) if one[0] == grader.name)
        assert with_seed == seed
        end = said.ends.get(who, [])
        return {"assertions": assertions(*range(1, GAPS + 1)) if isinstance(end, Exception) else end or assertions()}

    def prove(grader: Student, services: Sequence[str], *, seconds: int) -> list[Proven]:
        return [Proven(one, one not in said.silent, 0.1, "node kafka1 does not answer") for one in services]

    def remove(lab: Lab, graders: Sequence[Student]) -> None:
        said.removed += 1

    monkeypatch.setattr(grade, "admitted", lambda target, operation: nullcontext())
    monkeypatch.setattr(stacks, "make_clean", make_clean)
    monkeypatch.setattr(stacks, "make_anew", make_anew)
    monkeypatch.setattr(stacks, "remove", remove)
    monkeypatch.setattr(grade.submission, "submit", submit)
    monkeypatch.setattr(grade.check, "check", check)
    monkeypatch.setattr(grade.proofs, "prove", prove)
    return said


def kept(store: Store, *names: str) -> list[HandIn]:
    return [handed_in.keep(store, name, AT, {1: f"return None  # of {name}"}) for name in names]


def run(lab: Lab, store: Store, **options: Any) -> None:
    grade.grade(lab, "lesson04", from_=str(store.folder.parent), **options)


def test_each_hand_in_has_a_stack_that_was_made_for_it(
    lab: Lab, store: Store, turns: Turns, capsys: pytest.CaptureFixture
) -> None:
    _, bob, eve = kept(store, "ada", "bob", "eve")
    turns.ends = {"ada": [], "bob": assertions(2, 3), "eve": []}
    run(lab, store)
    assert turns.made[0] == ["grader01", "grader02"]
    assert turns.made[1:] in ([["grader01"]], [["grader02"]])
    assert turns.removed == 1
    assert sorted(who for _, who, _ in turns.ran) == ["ada", "bob", "eve"]
    assert {seed for _, who, seed in turns.ran if who == "bob"} == {grade.seed_of(store, bob)}
    said = capsys.readouterr().out
    assert "bob           hand-in 1: 60 of 100, in 0 s on grader02" in said
    result = store.result(bob, seed=grade.seed_of(store, bob))
    assert result
    assert (result["run"]["ended"], result["on"]) == ("SUCCEEDED", "grader02")
    assert store.path(eve, ".report.md").read_text().startswith("# lesson04: eve\n")


def test_a_program_that_runs_to_its_limit_holds_up_no_other(lab: Lab, store: Store, turns: Turns) -> None:
    kept(store, "ada", "bob", "eve")
    turns.ends, turns.stuck = {"ada": [], "bob": [], "eve": []}, {"ada": threading.Event()}
    turns.prepared["eve"] = turns.stuck["ada"].set
    run(lab, store)
    assert {who: on for on, who, _ in turns.ran} == {"ada": "grader01", "bob": "grader02", "eve": "grader02"}


def test_a_stack_that_cannot_be_made_anew_leaves_its_hand_in_to_the_others(
    lab: Lab, store: Store, turns: Turns, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept(store, "ada", "bob", "eve")
    given_up = threading.Event()
    turns.ends, turns.stuck, turns.broken = {"ada": [], "bob": [], "eve": []}, {"bob": given_up}, ["grader01"]
    wanted = "grader01: namenode does not start; no more is graded on it"
    monkeypatch.setattr(grade, "say", lambda text: given_up.set() if text == wanted else None)
    run(lab, store)
    assert {who: on for on, who, _ in turns.ran} == {"ada": "grader01", "bob": "grader02", "eve": "grader02"}
    turns.broken = ["grader01", "grader02"]
    with pytest.raises(LabError, match="1 of 3 hand-ins could not be graded") as caught:
        run(lab, store, again=True)
    assert caught.value.evidence == ["eve: namenode does not start"]


def test_a_run_goes_on_where_another_ended(lab: Lab, store: Store, turns: Turns, capsys: pytest.CaptureFixture) -> None:
    kept(store, "ada", "bob")
    turns.ends = {"ada": [], "bob": LabError("YARN does not answer")}
    with pytest.raises(LabError, match="1 of 2 hand-ins could not be graded") as caught:
        run(lab, store, on="grader01")
    assert caught.value.evidence == ["bob: YARN does not answer"]
    assert "hand-in 1: NOT GRADED: YARN does not answer" in capsys.readouterr().out
    turns.ends["bob"] = []
    run(lab, store, on="grader01")
    assert "2 hand-ins count, 1 of them are graded already" in capsys.readouterr().out
    run(lab, store, on="grader01")
    assert [who for _, who, _ in turns.ran] == ["ada", "bob", "bob"]
    run(lab, store, on="grader01", again=True, student="ada")
    assert [who for _, who, _ in turns.ran][3:] == ["ada"]


def test_a_program_that_fails_has_a_result_and_a_service_that_does_not_answer_has_none(
    lab: Lab, store: Store, turns: Turns
) -> None:
    ada, bob = kept(store, "ada", "bob")
    turns.ends = {"ada": JobFailed("my04/exercise: application_1_1 ended FAILED", evidence="ZeroDivisionError")}
    run(lab, store, student="ada")
    assert "ZeroDivisionError" in store.path(ada, ".report.md").read_text()
    assert "**0 of 100 points**" in store.path(ada, ".report.md").read_text()
    turns.silent, turns.ends = ["kafka"], {"bob": assertions(1)}
    with pytest.raises(LabError, match="could not be graded") as caught:
        run(lab, store, student="bob")
    assert "kafka does not answer" in caught.value.evidence[0]
    assert store.result(bob, seed=grade.seed_of(store, bob)) is None


def test_ctrl_c_leaves_no_stack_behind(lab: Lab, store: Store, turns: Turns, monkeypatch: pytest.MonkeyPatch) -> None:
    kept(store, "ada")

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(grade.parallel, "repeat", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(lab, store)
    assert turns.removed == 1


def test_without_hand_ins_nothing_is_touched(lab: Lab, store: Store, turns: Turns, error_of: Callable) -> None:
    assert "nobody has handed in lesson04" in error_of(run, lab, store)
    with pytest.raises(WrongRequest, match="no exercise named 'lesson4'"):
        grade.grade(lab, "lesson4")
    assert (turns.made, turns.removed) == ([], 0)


def test_a_report_explains_each_lost_point_and_lets_no_markup_through(store: Store) -> None:
    (ada,) = kept(store, "ada")
    found = assertions(2)
    text = report.of(ada, {"run": {"ended": "SUCCEEDED", "words": []}}, points.of("lesson04", found))
    assert "**80 of 100 points**" in text
    assert text[text.index("## ") :] == (
        "## Gap 2: 0 of 1\n\n"
        "- gap 2, title: rows\n"
        "  - expected: `1`\n"
        "  - found: `` <b>`2` ``\n"
        "  - look at, on a cluster of your own: `hdfs dfs -ls`\n"
        "  - read: the handout\n"
    )
    assert json.dumps(found)  # what a result keeps


def test_a_report_is_in_the_language_of_the_class(lab: Lab, store: Store, turns: Turns) -> None:
    assert set(texts(report.TEXTS, "ru")) == set(texts(report.TEXTS, "en"))
    (ada,) = kept(store, "ada")
    turns.ends = {"ada": JobFailed("my04/exercise: application_1_1 ended KILLED", evidence="longer than its limit")}
    russian = tuple(replace(one, language="ru") for one in lab.students)
    run(replace(lab, students=russian), store)
    text = store.path(ada, ".report.md").read_text(encoding="utf-8")
    assert "**0 из 100 баллов**" in text
    assert "по часам управляющей машины" in text
    assert "Программа завершилась с ошибкой:\n\n    my04/exercise: application_1_1 ended KILLED\n    longer" in text
    assert "## Пропуск 1: 0 из 1\n\n- gap 1, title: rows\n  - ожидалось: `1`" in text
