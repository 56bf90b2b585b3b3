"""Assertions say what they found, whatever it was."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from common.checks import Fact, at_least, at_most, equal, json_of, same_members, same_rows
from common.errors import Missing


def raises(error: Exception) -> object:
    raise error


def test_a_value_is_compared_and_kept() -> None:
    assert equal("rows", 2, lambda: 2, "cqlsh").as_dict() == {
        "name": "rows", "expected": 2, "found": 2, "passed": True, "where": "cqlsh", "help": "",
        "pending": False, "gap": 0,
    }  # fmt: skip
    assert not equal("rows", 2, lambda: 3, "cqlsh").passed


def test_limits_include_themselves() -> None:
    assert at_most("error", 3650, lambda: 3650, "").passed
    assert not at_most("error", 3650, lambda: 3651, "").passed
    assert at_least("rows", 2, lambda: 2, "").passed
    assert at_least("rows", 2000, lambda: 1, "").expected == "at least 2,000"


def test_what_goes_wrong_is_what_was_found() -> None:
    assert equal("rows", 2, lambda: raises(Missing("no such table: t")), "").found == "no such table: t"
    assert equal("rows", 2, lambda: {}["a"], "").found == "KeyError: 'a'"
    assert equal("rows", 2, lambda: raises(ValueError()), "").found == "ValueError: without a message"


def test_sets_name_what_is_missing_and_what_is_too_many() -> None:
    assert same_members("ids", {"a", "b"}, lambda: {"b", "a"}, "").passed
    wrong = same_members("ids", {"a", "b"}, lambda: {"b", "x"}, "")
    assert (wrong.expected, wrong.found, wrong.passed) == ("2", "2; 1 missing: a; 1 too many: x", False)
    many = same_members("ids", set("abcde"), set, "")
    assert many.found == "0; 5 missing: a, b, c…"


def test_rows_are_compared_whole_and_as_often() -> None:
    wanted = [{"id": "a", "n": 1}, {"n": 2, "id": "b"}]
    assert same_rows("rows", wanted, lambda: [{"id": "b", "n": 2}, {"id": "a", "n": 1}], "").passed
    doubled = same_rows("rows", wanted, lambda: [*wanted, wanted[0]], "")
    assert (doubled.passed, doubled.found) == (False, '3 rows; 1 not expected, such as {"id": "a", "n": 1}')
    other = same_rows("rows", wanted, lambda: [wanted[0], {"id": "b", "n": None}], "")
    assert other.found == (
        '2 rows; 1 missing, such as {"id": "b", "n": 2}; 1 not expected, such as {"id": "b", "n": null}'
    )


def test_a_record_without_a_key_is_found_as_the_console_consumer_prints_it() -> None:
    assert same_members("keys", {"a"}, lambda: {None}, "").found == "1; 1 missing: a; 1 too many: null"
    assert same_members("keys", {"a"}, lambda: {"a", "x", None}, "").found == "3; 2 too many: null, x"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "the record at offset 7 of partition 1 has no value"),
        ("no JSON", "the record at offset 7 of partition 1 is not JSON: 'no JSON'"),
        ('{"seq": ', "the record at offset 7 of partition 1 is not JSON: '{\"seq\": '"),
    ],
)
def test_a_value_that_is_no_json_is_found_in_plain_words(value: str | None, words: str) -> None:
    record: Any = SimpleNamespace(partition=1, offset=7, key="a", value=value)
    assert equal("seq", 0, lambda: json_of(record)["seq"], "").found == words


def test_a_value_that_is_json_is_read() -> None:
    record: Any = SimpleNamespace(value='{"seq": 3}')
    assert json_of(record) == {"seq": 3}


def test_a_fact_is_looked_up_once_even_when_that_fails() -> None:
    calls = []

    def look() -> int:
        calls.append(1)
        raise Missing("no such topic: t")

    fact = Fact(look)
    for _ in range(3):
        with pytest.raises(Missing):
            fact()
    assert len(calls) == 1
