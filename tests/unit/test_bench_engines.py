"""The comparison of Spark and Flink: what is read from Kafka, what is refused, and how it is timed."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from benchmarks import engines, services, stacks
from benchmarks.engines import Result
from streamlab.lessons import jobs

PER_WINDOW = 100
WINDOWS = 90


def line(at: int, window: str, orders: int, run: int = 1) -> str:
    return f"CreateTime:{at}\t{json.dumps({'run': run, 'window_start': window, 'status': 'new', 'orders': orders})}"


def steady(milliseconds: float = 10) -> list[Result]:
    """Windows that end one by one, each `milliseconds` after the one before."""
    return [Result(round(number * milliseconds), f"w{number:02d}", PER_WINDOW) for number in range(WINDOWS)]


def in_batches(size: int, milliseconds: float = 10) -> list[Result]:
    """The same windows as fast, of which so many are sent together at the end of each batch."""
    return [
        Result(round((number // size + 1) * size * milliseconds), one.window, one.orders)
        for number, one in enumerate(steady())
    ]


def test_results_are_those_of_one_run_in_the_order_of_their_timestamps() -> None:
    said = [line(20, "b", 2), line(10, "a", 1), line(5, "a", 1, run=2), "Processed a total of 3 messages"]
    assert engines.results_of(said, 1) == [Result(10, "a", 1), Result(20, "b", 2)]


def test_the_last_window_may_be_open() -> None:
    engines.require_complete(steady(), records=WINDOWS * PER_WINDOW, per_window=PER_WINDOW)
    engines.require_complete(steady()[:-1], records=WINDOWS * PER_WINDOW, per_window=PER_WINDOW)


@pytest.mark.parametrize(
    ("results", "evidence"),
    [
        (steady()[:-2], "88 of 90 windows"),
        ([*steady(), Result(900, "w03", 1)], "w03: 101 orders, not 100"),
        ([*steady()[:-1], Result(890, "w89", 99)], "w89: 99 orders, not 100"),
        ([], "0 of 90 windows"),
    ],
)
def test_a_wrong_answer_is_not_timed(results: list[Result], evidence: str, error_of: Callable) -> None:
    text = error_of(engines.require_complete, results, records=WINDOWS * PER_WINDOW, per_window=PER_WINDOW)
    assert "wrong, so it was not timed" in text
    assert evidence in text


def test_an_engine_that_gives_results_in_batches_is_timed_like_one_that_gives_them_all_the_time() -> None:
    assert engines.records_per_second(steady()) == pytest.approx(10_000)
    assert engines.records_per_second(in_batches(6)) == pytest.approx(10_000)


def test_the_first_third_and_the_end_do_not_count() -> None:
    """The first windows come at half of the speed, and the last ones all at once."""
    slow = [Result(number * 20 - 400, f"slow{number}", PER_WINDOW) for number in range(20)]
    at_once = [Result(890, f"end{number}", PER_WINDOW) for number in range(20)]
    found = engines.records_per_second([*slow, *steady()[:-1], *at_once])
    assert found == pytest.approx(10_000)


def test_too_few_results_are_no_measurement(error_of: Callable) -> None:
    assert "use more records" in error_of(engines.records_per_second, in_batches(WINDOWS))


def test_percentiles_are_of_all_orders() -> None:
    assert engines.percentiles([float(number) for number in range(101)]) == {"p50": 50, "p95": 95, "p99": 99}


def test_both_engines_have_the_same_steps_and_presets() -> None:
    steps = {step.name: step for step in jobs.load(engines.ENGINE).steps}
    for what in ("windows", "copy"):
        spark, flink = steps[f"{what}-spark"], steps[f"{what}-flink"]
        assert (spark.flink, flink.flink) == (False, True)
        assert (spark.preset, spark.streaming) == (flink.preset, flink.streaming)


def test_the_stacks_that_are_compared_have_the_services_that_they_are_named_after() -> None:
    assert {name: stacks.named(student).services for name, student in services.STACKS.items()} == {
        "neither": (), "flink": ("flink",), "hbase": ("hbase",), "both": ("flink", "hbase"),
    }  # fmt: skip
    assert stacks.named(engines.STACK).services == ("flink",)
