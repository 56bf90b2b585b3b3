"""The passengers are the same everywhere, and the oracle knows what becomes of them."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections import Counter

from titanic import data

PASSENGERS_SHA256 = "bb2a8253e6220d3a63e758dab00ece445bc9a9f42e7105e93f6355cf09432e73"


def test_the_generated_passengers_are_those_of_the_handout() -> None:
    assert hashlib.sha256(data.passengers_csv().encode()).hexdigest() == PASSENGERS_SHA256


def test_the_file_has_the_known_columns_and_a_mix_that_never_changes() -> None:
    rows = list(csv.DictReader(io.StringIO(data.passengers_csv())))
    assert tuple(rows[0]) == data.COLUMNS
    assert [int(row["PassengerId"]) for row in rows] == list(range(1, 892))
    assert Counter(int(row["Pclass"]) for row in rows) == data.CLASSES
    ages = [row["Age"] for row in rows]
    assert ages.count("") == 177
    assert sum(int(age) < 18 for age in ages if age) == 113
    assert sum(int(age) >= 18 for age in ages if age) == 601


def test_the_chart_counts_everyone_once() -> None:
    bands = data.bands()
    assert {band: sum(classes.values()) for band, classes in bands.items()} == data.AGES
    for pclass, name in data.CLASS_NAMES.items():
        assert sum(classes[name] for classes in bands.values()) == data.CLASSES[pclass]


def test_the_first_and_the_last_minute_are_not_full() -> None:
    windows = data.windows()
    assert list(windows.values()) == [11, *[12] * 73, 4]
    assert (next(iter(windows)), list(windows)[-1]) == ("2025-01-01 00:00:00", "2025-01-01 01:14:00")


def test_an_unknown_age_is_no_child() -> None:
    assert [data.age_band(age) for age in (None, 0, 17, 18)] == ["unknown", "minor", "minor", "adult"]


def test_another_seed_is_another_voyage() -> None:
    assert data.bands(7) != data.bands(8)
    assert len(data.passengers(7)) != len(data.passengers(8))
    for seed in (7, 8):
        ages, classes = data.mix(seed)
        assert sum(ages.values()) == sum(classes.values()) == len(data.passengers(seed))
        assert {band: sum(of.values()) for band, of in data.bands(seed).items()} == ages
        assert sum(data.windows(seed).values()) == len(data.passengers(seed))


def test_a_record_is_what_the_step_writes() -> None:
    value = json.loads(data.as_json(data.passengers()[0]))
    assert value["event_time"] == "2025-01-01T00:00:05.000Z"
    assert all(one is not None for one in value.values())
