"""The people of lesson 8 are the same everywhere, and the oracle knows what becomes of them."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import subprocess
import sys
from statistics import mean

import pytest
import yaml

from lesson08 import data
from streamlab.paths import JOBS

#: Of the generated data as it was when the limits in algos.py were measured: new data needs new limits.
TRAINING_SHA256 = "6434d30a95f6e895ded5df5b474a707050918e2f13f19da28a62c6ac61ffef34"
MESSAGES_SHA256 = "3cd8d9b302ae376eec68eda25dd4055bd6b8a0acc105a8a766e90a88c62baa44"


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_the_generated_data_are_those_the_limits_were_measured_with() -> None:
    assert sha256(data.training_csv()) == TRAINING_SHA256
    assert sha256(json.dumps(data.messages())) == MESSAGES_SHA256


def test_another_process_generates_the_same() -> None:
    """Sets of text have another order in each process; nothing generated may depend on it."""
    program = "import json; from lesson08 import data; print(data.training_csv() + json.dumps(data.messages()))"
    for seed in ("1", "2"):
        made = subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONPATH": str(JOBS), "PYTHONHASHSEED": seed, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True, text=True, check=True, timeout=60,
        )  # fmt: skip
        assert made.stdout == data.training_csv() + json.dumps(data.messages()) + "\n"


def test_people_are_divided_into_those_trained_with_and_those_asked_about() -> None:
    trained, asked = {one.id for one in data.training()}, set(data.held_out_ids())
    assert (len(data.people()), len(trained), len(asked)) == (1200, 1000, 200)
    assert not trained & asked


def test_each_held_out_person_is_asked_about_once() -> None:
    ids = [key for key, _ in data.messages()]
    assert len(ids) == len(set(ids)) == 208
    assert data.held_out_ids() < set(ids)
    unknown = set(ids) - {person.id for person in data.people()} - {data.UNREADABLE[0]}
    assert len(unknown) == data.NO_PERSON == 7


def test_only_one_message_cannot_be_read() -> None:
    unreadable = []
    for key, value in data.messages():
        try:
            assert json.loads(value)["id"] == key
        except ValueError:
            unreadable.append(key)
    assert unreadable == [data.UNREADABLE[0]]


def test_no_message_gives_away_the_salary() -> None:
    fields = {tuple(sorted(json.loads(value))) for key, value in data.messages() if key != data.UNREADABLE[0]}
    assert fields == {("education", "id", "job", "years")}


def test_the_training_file_holds_no_one_who_is_asked_about() -> None:
    rows = list(csv.DictReader(io.StringIO(data.training_csv())))
    assert len(rows) == 1000
    assert tuple(rows[0]) == data.TRAINING_COLUMNS
    assert not {row["id"] for row in rows} & data.held_out_ids()


def test_salaries_follow_the_rule_up_to_noise() -> None:
    def rule(one: data.Person) -> float:
        worth = data.EDUCATION[one.education][1] + data.JOB[one.job]
        return data.BASE_SALARY + data.SALARY_PER_YEAR * one.years + worth

    off = [one.salary - rule(one) for one in data.people()]
    assert abs(mean(off)) < 300
    assert mean(abs(value) for value in off) == pytest.approx(3190, rel=0.05)


def test_people_have_lived_long_enough_for_what_they_did() -> None:
    for one in data.people():
        assert 16 + data.EDUCATION[one.education][0] + one.years <= one.age <= 66


def test_the_error_of_predictions_is_their_mean_distance() -> None:
    first, second = sorted(data.salaries())[:2]
    guesses = {first: data.salaries()[first] + 100.0, second: data.salaries()[second] - 300.0}
    assert data.mean_absolute_error(guesses) == 200.0


def test_an_exercise_has_other_people_from_another_seed() -> None:
    for generated in (data.people, data.held_out_ids, data.messages, data.salaries):
        assert generated(70) != generated(71)
        assert generated(70) == generated(70)
        assert generated() == generated(data.SEED)


def test_the_schema_makes_the_tables_that_job_yml_names() -> None:
    made = re.findall(r"CREATE TABLE IF NOT EXISTS (\S+)", (JOBS / "lesson08" / "schema.cql").read_text())
    assert made == yaml.safe_load((JOBS / "lesson08" / "job.yml").read_text())["tables"]
