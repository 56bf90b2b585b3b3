"""Drills that are records: what is sent, and how what a student's program makes of it is judged."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from common import shop as shop_data
from common import shop_oracle
from common.errors import Missing
from common.orders import BASE_TIME
from common.records import Record
from common.settings import LabInfo
from edge import drill_records as records
from lesson03 import data as orders_data
from streamlab.drills import records as sending
from streamlab.drills.catalogue import drills, lessons
from streamlab.lessons.jobs import Job
from streamlab.students.student import Student

NOW = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
LAST_OWN = shop_data.sent_orders()[-1]


def in_topic(*messages: Iterable[tuple[str, str]], partitions: int = 1) -> list[Record]:
    """Records as a topic holds them which took these messages at noon."""
    sent = [message for part in messages for message in part]
    return [
        Record(
            partition=number % partitions, offset=number // partitions, key=key, value=value,
            timestamp_ms=int(NOW.timestamp() * 1000),
        )
        for number, (key, value) in enumerate(sent)
    ]  # fmt: skip


def test_the_drills_that_are_records_are_the_catalogue_s() -> None:
    assert set(records.SENDS) == {drill.name for drill in drills().values() if drill.like}
    assert set(records.JOBS) == set(lessons())
    assert drills()["record-poisoned"].named == [records.poisoned()[records.POISONED][0]]
    assert drills()["schema-changed"].named == [records.OLD_NAME, records.NEW_NAME]
    assert drills()["clock-ahead"].named == [records.AHEAD_CUSTOMER]


def test_one_record_of_the_poisoned_is_no_order_and_all_of_the_renamed_are() -> None:
    assert [n for n, (_, value) in enumerate(records.poisoned()) if records.order_in(value) is None] == [20]
    assert [records.order_in(value) and key for key, value in records.renamed()] == [k for k, _ in records.renamed()]
    known = {key for key, _ in orders_data.messages()}
    assert known.isdisjoint(key for key, _ in [*records.poisoned(), *records.renamed()])
    assert BASE_TIME.year > records.FIRST_YEAR


def sorted_out(sent: Sequence[Any], is_order: Callable[[dict[str, Any]], str | None]) -> list[dict[str, Any]]:
    """The rows of a program that takes for an order what `is_order` finds an id in."""
    rows = []
    for one in sent:
        try:
            found = json.loads(one.value)
            datetime.fromisoformat(found.get("purchased_at", "none"))
            id_ = is_order(found)
        except ValueError:
            found, id_ = {}, None
        place = {"partition": one.partition, "offset": one.offset}
        rows.append({**place, "order_id": id_, "status": found.get("status"), "kind": "order" if id_ else "malformed"})
    return rows


def old_only(found: dict[str, Any]) -> str | None:
    return found.get("order_id")


def new_only(found: dict[str, Any]) -> str | None:
    return found.get("id")


def both(found: dict[str, Any]) -> str | None:
    return (found.get("order_id") or found.get("id")) if found["purchased_at"] >= "2000" else None


def test_a_program_that_copes_with_records_is_right_and_others_are_told_why() -> None:
    renamed = in_topic(orders_data.messages(), records.renamed(), partitions=3)
    poisoned = in_topic(orders_data.messages(), records.poisoned(), partitions=3)
    for sent in (renamed, poisoned):
        assert records.wrong_orders(sent, sorted_out(sent, both)) == []
    assert records.wrong_orders(renamed, sorted_out(renamed, old_only)) == [("missing", 40)]
    assert records.wrong_orders(renamed, sorted_out(renamed, new_only)) == [("missing", 997)]
    assert records.wrong_orders(poisoned, sorted_out(poisoned, old_only)) == [("taken", 1)]
    right = sorted_out(poisoned, both)
    cut_off = [row for row in right if row["offset"] < 340]  # by the batch that fails
    assert records.wrong_orders(poisoned, cut_off) == [("missing", 19), ("lost", 1)]
    filtered = [row for row, one in zip(right, poisoned, strict=True) if one.key != records.poisoned()[20][0]]
    assert records.wrong_orders(poisoned, filtered) == [("lost", 1)]
    assert records.wrong_orders(poisoned, [*right, right[0]]) == [("twice", 1)]


def deduplicated(sent: Sequence[Any], keep: Callable[[dict[str, Any]], Any]) -> list[dict[str, Any]]:
    found = {one["order_id"]: one for one in map(json.loads, (one.value for one in sent)) if keep(one)}
    return [one | {"order_time": one["order_time"].replace("Z", ".000Z")} for one in found.values()]


def with_watermark(sent: Sequence[Any], keep: Callable[[dict[str, Any]], Any]) -> list[dict[str, Any]]:
    """What lesson 5's query lets through: what is late was settled two batches before."""
    marks, kept = ["", ""], []
    for number, start in enumerate(range(0, len(sent), shop_data.ORDERS_PER_BATCH)):
        batch = [one for one in sent[start : start + shop_data.ORDERS_PER_BATCH] if keep(json.loads(one.value))]
        times = [datetime.fromisoformat(json.loads(one.value)["order_time"]) for one in batch]
        kept += [one for one, time in zip(batch, times, strict=True) if shop_data.iso(time) >= marks[number]]
        marks.append(max([marks[-1], *(shop_data.iso(time - shop_oracle.WATERMARK) for time in times)]))
    return deduplicated(kept, lambda one: True)


def can_be_right(one: dict[str, Any]) -> bool:
    return datetime.fromisoformat(one["order_time"]) <= NOW


def test_a_program_whose_watermark_is_not_led_astray_is_right_and_others_are_told_why() -> None:
    sent = in_topic(shop_data.order_records(), records.ahead(NOW))
    assert records.wrong_times(sent, deduplicated(sent, can_be_right)) == []
    assert records.wrong_times(sent, with_watermark(sent, can_be_right)) == []
    as_it_is = dict(records.wrong_times(sent, with_watermark(sent, lambda one: True)))
    assert as_it_is["missing"] > 150
    assert as_it_is["ahead"] > 0
    nobody = deduplicated(sent, lambda one: one["customer_id"] != records.AHEAD_CUSTOMER)
    assert records.wrong_times(sent, nobody) == [("missing", 13)]
    assert records.wrong_times(sent, deduplicated(sent, lambda one: True)) == [("ahead", 11)]
    right = deduplicated(sent, can_be_right)
    assert records.wrong_times(sent, [*right, right[3]]) == [("twice", 1)]
    arrived = [
        one if can_be_right(one) else one | {"order_time": f"{NOW:%Y-%m-%dT%H:%M:%S.000Z}"}
        for one in deduplicated(sent, lambda one: True)
    ]
    assert records.wrong_times(sent, arrived) == []


@pytest.mark.parametrize("value", [None, "", "none", "[]", '"x"', "{}", '{"order_time": 5}', '{"order_time": "soon"}'])
def test_what_a_student_has_sent_besides_is_no_error(value: str | None) -> None:
    sent = in_topic(shop_data.order_records(), records.ahead(NOW), [("own", value)])  # type: ignore[list-item]
    assert records.wrong_times(sent, deduplicated(sent[:-1], can_be_right)) == []
    assert records.order_in(value) is None


def test_a_topic_that_has_lost_the_drill_s_records_proves_nothing() -> None:
    both_parts = in_topic(shop_data.order_records(), records.ahead(NOW))
    assert records.complete(both_parts, "drill05")
    assert not records.complete(both_parts[:-1], "drill05")
    assert not records.complete(in_topic(orders_data.messages()), "drill03")
    assert records.complete(in_topic(orders_data.messages(), records.renamed()), "drill03")


def test_the_clock_is_ahead_of_all_that_is_right_and_of_no_arrival_by_little() -> None:
    times = [(json.loads(value), records._time_in(value)) for _, value in records.ahead(NOW)]
    wrong = [(one, time) for one, time in times if time and time > NOW]
    assert {one["customer_id"] for one, _ in wrong} == {"c07"}
    assert len(wrong) == 11
    assert min(time - NOW for _, time in wrong) > 10 * records.TOLERANCE
    assert next(one["order_id"] for one, _ in times if one["customer_id"] == "c07") == "p007"  # and that one is right
    assert max(time for one, time in times if time and time <= NOW) == NOW - timedelta(seconds=10)
    assert LAST_OWN.order_time < NOW


class FakeLab:
    """A lab whose topic holds these records, and whose HDFS has nothing."""

    def __init__(self, held: list[Record] | None) -> None:
        self.kafka = SimpleNamespace(consume_all=self._consumed)
        self.hdfs = SimpleNamespace(list=self._listed)
        self._held = held

    def _consumed(self, topic: str) -> list[Record]:
        if self._held is None:
            raise Missing(f"no such topic: {topic}")
        return self._held

    def _listed(self, path: str) -> None:
        raise Missing(f"no such file: {path}")

    def __enter__(self) -> FakeLab:
        return self

    def __exit__(self, *_: object) -> None:
        pass


@pytest.mark.parametrize(
    ("job", "held", "wrong"),
    [
        ("drill03", None, "gone"),
        ("drill03", in_topic(orders_data.messages()), "gone"),
        ("drill03", in_topic(orders_data.messages(), records.poisoned()), "nothing"),
        ("drill05", in_topic(shop_data.order_records(), records.ahead(NOW)), "nothing"),
    ],
)
def test_a_topic_without_the_drill_s_records_and_a_program_that_has_written_nothing_are_told(
    job: str, held: list[Record] | None, wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "Lab", lambda settings: FakeLab(held))
    assert records.wrong_in(job, LabInfo("ada", "", (), "", "", "")) == [(wrong, 1)]


def test_a_copy_of_a_lesson_has_topics_of_its_own_and_begins_anew(
    student: Student, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, ...]] = []

    def run(module: str, *args: str, **options: Any) -> Any:
        asked.append((module, *args))
        return SimpleNamespace(code=0)

    def is_reset(student: Student, job: Job) -> None:
        asked.append(("reset", *job.topics))

    monkeypatch.setattr(sending, "running_of", lambda stack, steps: {"ada-drill05-state": "application_1_2"})
    monkeypatch.setattr(sending.follow, "kill", lambda stack, app_id: asked.append(("kill", app_id)))
    monkeypatch.setattr(sending.check, "reset", is_reset)
    stack: Any = SimpleNamespace(student=student, python=run, answer=run)
    sending.send(stack, drills()["clock-ahead"])
    shop = ("drill05-orders", "drill05-items", "drill05-window-counts")
    assert asked == [
        ("kill", "application_1_2"),
        ("reset", *shop),
        ("common.prepare", "drill05"),
        ("edge.drill_records", "clock-ahead", "drill05"),
    ]
    asked.clear()
    sending.take_back(stack)
    assert [one for one in asked if one[0] == "reset"] == [("reset", "drill03-orders"), ("reset", *shop)]
