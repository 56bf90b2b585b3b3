"""The events of lesson 2 are the same everywhere, and the oracle derives what becomes of them."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter

from lesson02 import data


def test_sixty_events_ten_of_each_sensor() -> None:
    assert len(data.events()) == len(set(data.events())) == 60
    assert Counter(key for key, _ in data.events()) == dict.fromkeys(data.SENSORS, 10)


def test_an_event_says_its_key_again_and_its_number() -> None:
    for sensor in data.SENSORS:
        mine = [json.loads(value) for key, value in data.events() if key == sensor]
        assert [one["seq"] for one in mine] == list(range(10))
        assert {one["sensor"] for one in mine} == {sensor}


def test_each_partition_has_enough_for_the_slice() -> None:
    sizes = [len(data.partition(number)) for number in range(data.PARTITIONS)]
    assert sizes == [20, 20, 20]
    assert min(sizes) >= data.END


def test_a_slice_is_three_records_of_each_partition() -> None:
    assert [(value["partition"], value["offset"]) for _, value in data.sliced()] == [
        (number, offset) for number in (0, 1, 2) for offset in (2, 3, 4)
    ]
    assert [(key, value["seq"]) for key, value in data.sliced()][:3] == [("cellar", 1), ("garage", 1), ("cellar", 2)]


def test_offsets_as_spark_takes_them() -> None:
    assert json.loads(data.offsets("l02-events", 5)) == {"l02-events": {"0": 5, "1": 5, "2": 5}}


def test_what_a_death_costs_follows_from_where_the_commit_stands() -> None:
    """Played through by counting: commits at 10 and 20 (after) or 10, 20 and 30 (before), and a death at 24."""
    after = [*range(24), *range(20, 60)]
    before = [*range(24), *range(30, 60)]
    assert (len(after), len(set(after))) == (data.AT_LEAST_ONCE, 60)
    assert (len(before), len(set(before))) == (data.AT_MOST_ONCE, data.AT_MOST_ONCE)
    assert (data.AT_LEAST_ONCE, data.AT_MOST_ONCE) == (64, 54)


def test_readings_follow_from_the_seed_and_some_have_no_value() -> None:
    for seed in (data.SEED, 1, 2**32 - 1):
        rows = list(csv.DictReader(io.StringIO(data.readings_csv(seed))))
        assert [(one["sensor"], int(one["seq"])) for one in rows] == [(o.sensor, o.seq) for o in data.readings(seed)]
        assert sum(not one["value"] for one in rows) == sum(one.value is None for one in data.readings(seed)) > 0
        assert all(len(data.readings_of_partition(number, seed)) >= data.END for number in range(data.PARTITIONS))
        assert set(data.highest(seed)) == set(data.SENSORS)
    assert data.readings_csv() == data.readings_csv(data.SEED) != data.readings_csv(1)
    assert data.events(1) != data.events()
