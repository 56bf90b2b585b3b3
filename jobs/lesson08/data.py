"""Invented people with a salary that follows a known rule, and what the lesson should make of them (the oracle).

Everything comes from one seed: the same people, ids and messages on every machine, so a check knows what to expect.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from random import Random
from typing import Any

SEED = 8
PEOPLE = 1200
HELD_OUT = 200
NO_PERSON = 7

BASE_SALARY = 24_000
SALARY_PER_YEAR = 4_200
#: Standard deviation of what the rule does not explain. No model can know it: the mean absolute error of the perfect
#: one is 4,000 x sqrt(2 / pi), about 3,190.
NOISE = 4_000

#: By education: years it takes after the age of 16, and what it adds to a salary.
EDUCATION = {
    "school": (2, 0),
    "college": (4, 5_000),
    "bachelor": (6, 11_000),
    "master": (8, 17_000),
    "doctorate": (12, 24_000),
}
#: By job: what it adds to a salary.
JOB = {
    "analyst": 14_000,
    "clerk": 0,
    "driver": 3_000,
    "engineer": 20_000,
    "manager": 26_000,
    "nurse": 9_000,
    "teacher": 8_000,
    "technician": 6_000,
}
GENDER = ("female", "male")

#: A message that is no complete JSON object, as a producer leaves it that was cut off.
UNREADABLE = ("cut-off", '{"id": "p0001", "education": "mas')

TRAINING_COLUMNS = ("id", "age", "gender", "education", "job", "years", "salary")
PEOPLE_COLUMNS = ("id", "age", "gender")


@dataclass(frozen=True)
class Person:
    """`years` is how long they have worked; `salary` is per year. Gender has no influence on it, age only by years."""

    id: str
    age: int
    gender: str
    education: str
    job: str
    years: int
    salary: int


@cache
def people(seed: int = SEED) -> tuple[Person, ...]:
    """All people, by id."""
    random = Random(seed)
    return tuple(_person(random, f"p{number:04d}") for number in range(1, PEOPLE + 1))


def _person(random: Random, person_id: str) -> Person:
    education = random.choice(list(EDUCATION))
    job = random.choice(list(JOB))
    study, worth = EDUCATION[education]
    age = random.randint(16 + study, 66)
    years = random.randint(0, age - 16 - study)
    noise = random.gauss(0, NOISE)
    salary = round(BASE_SALARY + SALARY_PER_YEAR * years + worth + JOB[job] + noise)
    gender = random.choice(GENDER)
    return Person(id=person_id, age=age, gender=gender, education=education, job=job, years=years, salary=salary)


@cache
def held_out_ids(seed: int = SEED) -> frozenset[str]:
    """The people whom training never sees and the stream asks about."""
    return frozenset(Random(seed + 1).sample([person.id for person in people(seed)], HELD_OUT))


def held_out(seed: int = SEED) -> list[Person]:
    return [person for person in people(seed) if person.id in held_out_ids(seed)]


def training(seed: int = SEED) -> list[Person]:
    return [person for person in people(seed) if person.id not in held_out_ids(seed)]


def training_csv() -> str:
    """The people to train with, salary included, with a header line."""
    return as_csv(asdict(person) for person in training())


def as_csv(rows: Iterable[Mapping[str, Any]]) -> str:
    """Lines of a training file, below a header; a value that is None is left empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=TRAINING_COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def messages(seed: int = SEED) -> list[tuple[str, str]]:
    """The stream as (key, value): a job for each held-out person, a few of people nobody knows, and one cut off."""
    random = Random(seed + 2)
    strangers = [_person(random, f"x{number:04d}") for number in range(1, NO_PERSON + 1)]
    records = [*_messages(held_out(seed)), *_messages(strangers), UNREADABLE]
    random.shuffle(records)
    return records


def _messages(those: Iterable[Person]) -> list[tuple[str, str]]:
    return [
        (one.id, json.dumps({"id": one.id, "education": one.education, "job": one.job, "years": one.years}))
        for one in those
    ]


def salaries(seed: int = SEED) -> dict[str, int]:
    """The true salary of each held-out person: what a prediction is measured by."""
    return {person.id: person.salary for person in held_out(seed)}


def mean_absolute_error(predictions: Mapping[str, float], seed: int = SEED) -> float:
    """How far predictions are from the true salaries on average; over those predicted, which must be some."""
    true = salaries(seed)
    return sum(abs(value - true[key]) for key, value in predictions.items()) / len(predictions)


def dead_letters() -> dict[str, dict[str, str | None]]:
    """What cannot be scored: each record's text, and its id, reason and value in the columns of the dead letters."""
    known = {person.id for person in people()}
    found: dict[str, dict[str, str | None]] = {}
    for key, text in messages():
        if (key, text) == UNREADABLE:
            found[text] = {"id": None, "reason": "unreadable", "value": text}
        elif key not in known:
            found[text] = {"id": key, "reason": "no person", "value": text}
    return found
