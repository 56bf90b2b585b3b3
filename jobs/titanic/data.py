"""Invented passengers of an invented voyage, and what the lesson should make of them (the oracle).

The columns are those of a data set that many know; no name, age or fare in it is. Everything comes from one seed: the
lesson's own, or in an exercise the student's, which also decides how many of each there are.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random
from typing import Any

SEED = 9
START = datetime(2025, 1, 1, tzinfo=UTC)
#: Passenger N comes aboard N times five seconds after the start.
SECONDS_APART = 5
WINDOW_SECONDS = 60

#: How many of each by the lesson's own seed, so that every chart has the same shape: 891 passengers in all.
AGES = {"adult": 601, "minor": 113, "unknown": 177}
CLASSES = {1: 220, 2: 180, 3: 491}
CLASS_NAMES = {1: "First", 2: "Second", 3: "Third"}
FULL_AGE = 18

MESSAGES = tuple(f"message {number}" for number in range(1, 6))
PREFIX = "processed: "

COLUMNS = (
    "PassengerId", "Survived", "Pclass", "Name", "Sex", "Age", "SibSp", "Parch", "Ticket", "Fare", "Cabin", "Embarked",
)  # fmt: skip
_SYLLABLES = ("ba", "den", "fi", "gor", "hal", "ke", "lun", "mor", "na", "ris", "sel", "tam", "vo", "wen", "zi")


@dataclass(frozen=True)
class Passenger:
    """Named as the file's columns are; an age of None is one that nobody wrote down."""

    PassengerId: int
    Survived: int
    Pclass: int
    Name: str
    Sex: str
    Age: int | None
    SibSp: int
    Parch: int
    Ticket: str
    Fare: float
    Cabin: str | None
    Embarked: str


@cache
def mix(seed: int = SEED) -> tuple[dict[str, int], dict[int, int]]:
    """How many passengers there are of each age band, and of each class."""
    if seed == SEED:
        return AGES, CLASSES
    random = Random(f"titanic {seed}")
    ages = {"adult": random.randint(560, 640), "minor": random.randint(90, 140), "unknown": random.randint(140, 200)}
    first, second = random.randint(180, 240), random.randint(150, 210)
    return ages, {1: first, 2: second, 3: sum(ages.values()) - first - second}


@cache
def passengers(seed: int = SEED) -> tuple[Passenger, ...]:
    """All passengers, by id."""
    random = Random(seed)
    of_age, of_class = mix(seed)
    ages = [age for band, count in of_age.items() for age in _ages(random, band, count)]
    classes = [pclass for pclass, count in of_class.items() for _ in range(count)]
    random.shuffle(ages)
    random.shuffle(classes)
    pairs = enumerate(zip(ages, classes, strict=True), start=1)
    return tuple(_passenger(random, number, age, pclass) for number, (age, pclass) in pairs)


def _ages(random: Random, band: str, count: int) -> list[int | None]:
    if band == "unknown":
        return [None] * count
    low, high = (FULL_AGE, 74) if band == "adult" else (0, FULL_AGE - 1)
    # Two throws and the lower one: the young are more, as they were on such ships. 0 and 17, 18 and 74 all occur.
    return [min(random.randint(low, high), random.randint(low, high)) for _ in range(count)]


def _passenger(random: Random, number: int, age: int | None, pclass: int) -> Passenger:
    sex = random.choice(("female", "male", "male"))
    return Passenger(
        PassengerId=number,
        Survived=int(random.random() < {1: 0.6, 2: 0.45, 3: 0.25}[pclass] + 0.2 * (sex == "female")),
        Pclass=pclass,
        Name=f"{_word(random)}, {_word(random)}",
        Sex=sex,
        Age=age,
        SibSp=random.choice((0, 0, 0, 1, 1, 2)),
        Parch=random.choice((0, 0, 0, 0, 1, 2)),
        Ticket=f"T{random.randint(10_000, 99_999)}",
        Fare=round({1: 80, 2: 22, 3: 9}[pclass] * random.uniform(0.7, 1.6), 2),
        Cabin=f"{random.choice('ABCDE')}{random.randint(1, 120)}" if pclass == 1 else None,
        Embarked=random.choice("CQSSS"),
    )


def _word(random: Random) -> str:
    return "".join(random.choices(_SYLLABLES, k=random.randint(2, 3))).capitalize()


def passengers_csv() -> str:
    return _csv(COLUMNS, map(asdict, passengers()))


def event_time(passenger: Passenger) -> datetime:
    return START + timedelta(seconds=SECONDS_APART * passenger.PassengerId)


def as_json(passenger: Passenger) -> str:
    """The value of a passenger's record, as the step that loads them writes it: a null has no field there."""
    row = {**asdict(passenger), "event_time": f"{event_time(passenger):%Y-%m-%dT%H:%M:%S.000Z}"}
    return json.dumps({name: value for name, value in row.items() if value is not None})


def enriched(passenger: Passenger) -> dict[str, Any]:
    """All columns of an enriched passenger, the time as JSON has it; None where there is nothing."""
    more = {"ClassName": CLASS_NAMES[passenger.Pclass], "AgeBand": age_band(passenger.Age)}
    return {**asdict(passenger), "event_time": f"{event_time(passenger):%Y-%m-%dT%H:%M:%S.000Z}", **more}


def classes_csv() -> str:
    """The static side of the join."""
    return _csv(("Pclass", "ClassName"), ({"Pclass": key, "ClassName": name} for key, name in CLASS_NAMES.items()))


def ids() -> set[str]:
    """The keys of the records: one for each passenger."""
    return {str(one.PassengerId) for one in passengers()}


def age_band(age: int | None) -> str:
    if age is None:
        return "unknown"
    return "adult" if age >= FULL_AGE else "minor"


def bands(seed: int = SEED) -> dict[str, dict[str, int]]:
    """Passengers by age band and class: what the chart shows."""
    counted = Counter((age_band(one.Age), CLASS_NAMES[one.Pclass]) for one in passengers(seed))
    return {band: {name: counted[band, name] for name in CLASS_NAMES.values()} for band in AGES}


def windows(seed: int = SEED) -> dict[str, int]:
    """Passengers by the minute in which they came, by its start.

    The first minute lacks second 0, since ids begin at 1: 11 passengers. A full one has 60 / 5 = 12. The last passenger
    comes at 891 x 5 = 4455 s, that is 74 min 15 s, so the 75th minute has those of seconds 0, 5, 10 and 15: 4.
    """
    counted = Counter(one.PassengerId * SECONDS_APART // WINDOW_SECONDS for one in passengers(seed))
    return {
        (START + timedelta(seconds=WINDOW_SECONDS * minute)).strftime("%Y-%m-%d %H:%M:%S"): counted[minute]
        for minute in sorted(counted)
    }


def processed() -> list[str]:
    """What the demonstration's output topic holds."""
    return [PREFIX + message for message in MESSAGES]


def _csv(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
