"""Whatever a student's gap returns, the check of lesson 2's exercise says what is wrong with it in a sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from common.checks import Assertion
from common.errors import JobError
from common.settings import LabInfo, Settings
from lesson02 import data
from lesson02.exercise_check import messages, pairs, sent

INFO = LabInfo("ada", "kafka1:9092", ("cassandra1",), "http://namenode:9870", "hdfs://namenode:8020", "", seed=11)
SETTINGS = Settings(info=INFO, lesson="my02", topics=("my02-readings",), exercise="lesson02")


def lab(records: list[Any]) -> Any:
    return SimpleNamespace(info=INFO, settings=SETTINGS, kafka=SimpleNamespace(consume_all=lambda _: records))


def work(value: Any) -> Any:
    return SimpleNamespace(value=lambda _: value)


def right_pairs() -> list[list[str]]:
    return [
        [one.sensor, json.dumps({"sensor": one.sensor, "seq": one.seq, "value": one.value})]
        for one in data.readings(11)
    ]


def records() -> list[Any]:
    return [
        SimpleNamespace(partition=number, offset=offset, key=one.sensor, value=pair[1])
        for number in range(3)
        for offset, (one, pair) in enumerate(
            (one, pair) for one, pair in zip(data.readings(11), right_pairs(), strict=True) if of(one) == number
        )
    ]


def of(reading: data.Reading) -> int:
    return data.SENSORS[reading.sensor]


def wrong(found: list[Assertion]) -> list[Any]:
    return [one.found for one in found if not one.passed]


def test_right_messages_and_records_pass() -> None:
    reported = [[one.partition, one.offset] for one in records()]
    assert wrong(messages(lab([]), work(right_pairs()))) == []
    assert wrong(sent(lab(records()), work(reported))) == []


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("text", "a str, not a list"),
        ([["roof"]], "item 0 is not a pair of texts: ['roof']"),
        ([["roof", 7]], "item 0 is not a pair of texts: ['roof', 7]"),
        ([["roof", "{'seq': 1}"]], "the value of item 0 is not JSON: \"{'seq': 1}\""),
        ([["roof", '{"value": NaN}']], "the value of item 0 is not JSON: '{\"value\": NaN}'"),
    ],
)
def test_what_is_no_list_of_messages_is_a_sentence(value: Any, words: str) -> None:
    with pytest.raises(JobError) as caught:
        pairs(value)
    assert caught.value.what == words
    assert words in wrong(messages(lab([]), work(value)))


def test_messages_in_another_order_are_found() -> None:
    found = wrong(messages(lab([]), work(right_pairs()[::-1])))
    assert len(found) == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda told: told[1:], "records"),
        (lambda told: [[0, 999], *told[1:]], "1 are not in the topic, such as [0, 999]"),
        (lambda told: "all sent", "no list of [partition, offset]: all sent"),
        (lambda told: [None], "no list of [partition, offset]: [None]"),
    ],
)
def test_offsets_that_the_brokers_have_not_reported_are_found(change: Callable[[Any], Any], words: str) -> None:
    told = [[one.partition, one.offset] for one in records()]
    (found,) = wrong(sent(lab(records()), work(change(told))))
    assert words in found


def test_a_record_without_its_key_or_sent_twice_is_found() -> None:
    told = [[one.partition, one.offset] for one in records()]
    keyless = records()
    keyless[0].key = None
    assert wrong(sent(lab(keyless), work(told)))[0].startswith(f"{len(keyless)} rows; 1 missing, such as ")
    twice = [*records(), SimpleNamespace(partition=0, offset=999, key="roof", value="{}")]
    assert "1 not expected" in wrong(sent(lab(twice), work(told)))[0]
