"""lesson09's exercise on a real stack, as tests/exercises has it for the lessons that need no service.

A run is an application of a minute, so wrong answers to gaps that do not need one another are run together.
"""

from __future__ import annotations

import pytest

from answers import Work, by_gap, wrong_answers
from handed_in import solutions
from lab_runner import LabRunner

LESSON = "lesson09"
RIGHT = solutions(LESSON)
WRONG = wrong_answers(LESSON)
FAILED = "none: the script has failed here: invoke why --job my09"


@pytest.fixture(scope="module")
def work(lab: LabRunner, tmp_path_factory: pytest.TempPathFactory) -> Work:
    return Work(lab, tmp_path_factory.mktemp("exercise"))


def test_open_gaps_pass_nowhere_and_crash_nowhere(work: Work) -> None:
    ran, assertions = work.submit(LESSON)
    assert ran.code == 0, ran.out + ran.err
    assert "  gap 1: it is open\n" in ran.out
    assert by_gap(assertions) == dict.fromkeys(RIGHT, False)
    assert all(one["pending"] for one in assertions)


def test_the_solution_is_right(work: Work) -> None:
    ran, assertions = work.submit(LESSON, RIGHT)
    assert ran.code == 0, ran.out + ran.err
    assert [one for one in assertions if not one["passed"]] == []
    assert sorted(by_gap(assertions)) == sorted(RIGHT)


@pytest.mark.parametrize("place", [1, 2])
def test_a_wrong_source_fails_at_the_source(work: Work, place: int) -> None:
    _, assertions = work.submit(LESSON, RIGHT | {1: WRONG[1][place - 1]})
    assert not by_gap(assertions)[1]
    assert not [one for one in assertions if one["gap"] > 1 and not (one["passed"] or one["pending"])]


def test_wrong_answers_fail_at_their_gaps_and_nowhere_else(work: Work) -> None:
    """Each of the four leaves rows, and is judged by its own."""
    ran, assertions = work.submit(LESSON, RIGHT | {number: WRONG[number][0] for number in (2, 3, 4, 5)})
    assert ran.code == 0, ran.err
    assert by_gap(assertions) == {1: True, 2: False, 3: False, 4: False, 5: False}
    assert [one["name"] for one in assertions if one["gap"] > 3 and not one["passed"]] == [
        "gap 4, join with the items: orders without items",
        "gap 5, late orders, exactly once: ends of transactions in the topic",
    ]


@pytest.mark.parametrize(
    ("number", "said"), [(2, "doesn't support consuming update changes"), (3, "multiple of slide")]
)
def test_a_statement_that_flink_refuses_ends_the_script_at_its_gap(work: Work, number: int, said: str) -> None:
    ran, assertions = work.submit(LESSON, RIGHT | {number: WRONG[number][1]})
    assert ran.code == 1
    assert said in ran.err, ran.err
    assert by_gap(assertions) == {one: one < number for one in RIGHT}
    failed = next(one for one in assertions if one["gap"] == number)
    assert (failed["found"], failed["pending"]) == (FAILED, False)
    assert {(one["found"], one["pending"]) for one in assertions if one["gap"] > number} == {
        ("none: the script failed before it came here", True)
    }


def test_gaps_beside_an_open_one_run_and_the_one_whose_job_fails_is_named(work: Work) -> None:
    wrong = {number: WRONG[number][1] for number in (4, 5)}
    ran, assertions = work.submit(LESSON, {number: RIGHT[number] for number in (1, 2)} | wrong)
    assert ran.code == 1
    assert "transaction timeout is larger than the maximum" in ran.err, ran.err
    assert "  gap 3: it is open\n" in ran.out
    assert by_gap(assertions) == {1: True, 2: True, 3: False, 4: False, 5: False}
    found = {one["gap"]: (one["found"], one["pending"]) for one in assertions}
    assert found[3] == ("none: it is open", True)
    assert found[4][0].startswith("300 rows; ")
    assert found[5] == (FAILED, False)
