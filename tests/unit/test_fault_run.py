"""The run of faults without a cluster: its schedule, how faults act, its account, and that a planted loss is found."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from docker.errors import APIError

from faults import injection
from faults.copying.comparison import Record, compare_all, failures, offset_failures
from faults.injection import KINDS, Fault, inject, schedule
from faults.load import STREAM, Outcome, describe, report, run
from streamlab.drills import faults
from streamlab.engines import labelled
from streamlab.lessons import jobs
from streamlab.paths import ROOT
from streamlab.students.addresses import address
from streamlab.students.student import Student

COPYING = ROOT / "tests" / "faults" / "copying"
NODES = ["namenode", "kafka1", "edge"]


class FakeStack:
    """Each node and the stream answer again at the second look after a fault; a fault of `loses` ends the stream."""

    def __init__(self, loses: str = "", *, never: str = "") -> None:
        self.loses, self.never = loses, never
        self.injected: list[Fault] = []
        self.looks = 0
        self.lost = False

    def inject(self, fault: Fault) -> None:
        self.injected.append(fault)
        self.looks = 0
        self.lost = fault.node == self.loses

    def problems(self) -> Mapping[str, str | None]:
        self.looks += 1
        down = {STREAM, self.injected[-1].node} if self.looks < 2 else set()
        down |= {STREAM} if self.lost else set()
        down |= {self.never} - {""}
        return {name: "no answer" if name in down else None for name in [*NODES, STREAM]}

    def ensure_stream(self) -> bool:
        lost, self.lost = self.lost, False
        return lost


def test_a_seed_has_one_schedule_and_a_shorter_run_is_its_beginning() -> None:
    long = schedule(5, NODES, 240)
    assert schedule(5, list(reversed(NODES)), 240) == long
    assert schedule(5, NODES, 7) == long[:7]
    assert schedule(6, NODES, 240) != long


def test_each_node_and_each_kind_comes_as_often_as_every_other() -> None:
    faults = schedule(1, NODES, 240)
    assert Counter(fault.node for fault in faults) == dict.fromkeys(NODES, 80)
    assert Counter(fault.kind for fault in faults) == dict.fromkeys(KINDS, 60)
    assert {(fault.node, fault.kind) for fault in faults} == {(node, kind) for node in NODES for kind in KINDS}


def test_a_kill_is_done_at_once_and_others_last_as_long_as_they_may() -> None:
    faults = schedule(1, NODES, 240)
    assert {fault.seconds for fault in faults if fault.kind == "kill"} == {0.0}
    lasting = [fault.seconds for fault in faults if fault.kind != "kill"]
    short = [seconds for seconds in lasting if 1 <= seconds <= 15]
    long = [seconds for seconds in lasting if 65 <= seconds <= 90]
    assert len(short) + len(long) == 180
    assert 0 < len(long) < len(short)


def test_a_run_waits_for_everything_and_keeps_account() -> None:
    stack, faults = FakeStack(loses="kafka1"), schedule(1, NODES, 12)
    outcomes = list(run(stack, faults, pause=0, deadline=5, poll=0.01))
    assert stack.injected == faults
    assert [outcome.fault for outcome in outcomes] == faults
    assert all(set(outcome.seconds) == {outcome.fault.node, STREAM} for outcome in outcomes)
    assert [outcome.submits for outcome in outcomes] == [fault.node == "kafka1" for fault in faults]
    found = report(1, outcomes, None)
    assert (found["faults"], found["submitted_again"]) == (12, 4)
    assert found["by_node"] == dict.fromkeys(sorted(NODES), 4)
    assert found["by_kind"] == dict.fromkeys(KINDS, 3)
    assert {name: one["times"] for name, one in found["answered_again"].items()} == {**found["by_node"], STREAM: 12}


def test_what_does_not_answer_within_the_deadline_is_named() -> None:
    fault = Fault("edge", "freeze", 2.0)
    with pytest.raises(AssertionError, match=r"after freeze edge for 2.0 s: {'kafka1': 'no answer'}"):
        list(run(FakeStack(never="kafka1"), [fault], pause=0, deadline=0.05, poll=0.01))


def test_the_report_has_median_and_worst_and_is_json() -> None:
    stack, fault = FakeStack(), Fault("kafka1", "kill", 0.0)
    (one,) = run(stack, [fault], pause=0, deadline=5, poll=0)
    slower = [Outcome(Fault("kafka1", "freeze", 3.0), {"kafka1": seconds, STREAM: 9.0}, 0) for seconds in (4.0, 30.0)]
    found = report(3, [one, *slower], {"compared": copied(), "failures": [], "acknowledged": 3, "numbers_twice": 0,
                                      "files": {"committed": 2, "uncommitted": 1}})  # fmt: skip
    assert json.loads(json.dumps(found))["holdings"]["compared"]["parquet"]["found"] == 30
    kafka = found["answered_again"]["kafka1"]
    assert (kafka["median_s"], kafka["worst_s"], kafka["worst_after"]) == (4.0, 30.0, "freeze kafka1 for 3.0 s")
    assert "  kafka1           answered again in 4.0 s (median of 3), worst 30.0 s after freeze kafka1" in describe(
        found
    )
    assert "duplicates in Kafka's sink: 0; " in describe(found)


#: Number, partition and offset of each record.
SENT: list[Record] = [(number, number % 3, number // 3) for number in range(30)]


def copied(**held: list[Record]) -> dict[str, Any]:
    """The comparison where every store holds what was sent, but for those given."""
    stores = {name: held.get(name, SENT) for name in ("acknowledged", "source", "parquet", "kafka", "cassandra")}
    return compare_all(stores.pop("acknowledged"), stores.pop("source"), **stores)


def test_what_was_copied_whole_has_no_failure() -> None:
    assert failures(copied()) == []


@pytest.mark.parametrize("sink", ["parquet", "kafka", "cassandra"])
def test_a_lost_record_is_found_in_whichever_sink(sink: str) -> None:
    assert failures(copied(**{sink: SENT[:4] + SENT[5:]})) == [f"{sink}: 1 missing, the first: (4, 1, 1)"]


@pytest.mark.parametrize("sink", ["parquet", "kafka", "cassandra"])
def test_a_record_that_was_never_sent_is_found(sink: str) -> None:
    assert failures(copied(**{sink: [*SENT, (4, 2, 9)]})) == [f"{sink}: 1 unexpected, the first: (4, 2, 9)"]


def test_a_doubled_record_is_a_failure_but_in_kafka_s_sink_where_it_is_counted() -> None:
    doubled = [*SENT, SENT[4], SENT[4], SENT[2]]
    assert failures(copied(parquet=doubled)) == ["parquet: 3 duplicates, the first: (2, 2, 0), (4, 1, 1)"]
    found = copied(kafka=doubled)
    assert failures(found) == []
    assert (found["kafka"]["found"], found["kafka"]["duplicates"]["count"]) == (33, 3)


def test_the_source_may_hold_more_than_was_acknowledged_and_never_less() -> None:
    assert failures(copied(acknowledged=SENT[:20])) == []
    lost = SENT[:15]
    found = failures(copied(source=lost, parquet=lost, kafka=lost, cassandra=lost))
    assert found == [f"source: 15 missing, the first: {', '.join(map(str, SENT[15:25]))}"]


def test_a_record_acknowledged_without_an_offset_must_be_in_the_source_as_well() -> None:
    acknowledged = [*SENT[:4], (4, 1, -1), *SENT[5:]]
    assert failures(copied(acknowledged=acknowledged)) == []
    without = SENT[:4] + SENT[5:]
    stores = dict.fromkeys(("source", "parquet", "kafka", "cassandra"), without)
    assert failures(copied(acknowledged=acknowledged, **stores)) == ["source: 1 missing, the first: (4, 1, -1)"]


def test_a_checkpoint_that_ends_elsewhere_than_the_topic_is_found() -> None:
    ends = {0: 10, 1: 10, 2: 10}
    assert offset_failures(ends, {"copying-parquet": {2: 10, 1: 10, 0: 10}}) == []
    (failure,) = offset_failures(ends, {"copying-parquet": ends, "copying-kafka": ends | {1: 9}})
    assert failure.startswith("copying-kafka: its checkpoint ends at {0: 10, 1: 9, 2: 10}, the topic at ")


def test_the_copying_is_a_job_whose_schema_makes_its_table() -> None:
    job, steps = jobs.find(str(COPYING))
    assert [(step.full_name, step.streaming) for step in steps] == [("copying/stream", True)]
    schema = (COPYING / "schema.cql").read_text(encoding="utf-8")
    assert [f"CREATE TABLE IF NOT EXISTS {table} (" in schema for table in job.tables] == [True]


class FakeEngine:
    """A container and its network as Docker has them, as far as faults act on them. The container is its own client."""

    def __init__(self, student: Student, node: str) -> None:
        self.name, self.student, self.node = node, student, node
        self.status, self.starts = "running", 0
        self.networks = SimpleNamespace(get=lambda name: self)
        self.endpoint: dict[str, Any] | None = None
        self.done: list[str] = []
        self.connect(self, aliases=[node], ipv4_address=address(student, node))

    @property
    def attrs(self) -> dict[str, Any]:
        connected = {self.student.network: self.endpoint} if self.endpoint else {}
        return {"State": {"StartedAt": self.starts}, "NetworkSettings": {"Networks": connected}}

    def reload(self) -> None: ...

    def pause(self) -> None:
        self.status = "paused"

    def unpause(self) -> None:
        assert self.status == "paused"
        self.status = "running"

    def stop(self, *, timeout: int) -> None:
        self.status = "exited"

    def start(self) -> None:
        self.status, self.starts = "running", self.starts + 1

    def exec_run(self, argv: list[str], *, detach: bool) -> None:
        assert argv[:2] == ["pkill", "-KILL"]
        self.start()

    def disconnect(self, container: FakeEngine, *, force: bool = False) -> None:
        self.endpoint = None

    def connect(self, container: FakeEngine, *, aliases: list[str], ipv4_address: str) -> None:
        if self.endpoint:
            raise APIError("it is connected already")
        self.endpoint = {"IPAMConfig": {"IPv4Address": ipv4_address}, "Aliases": [*aliases, "0123abcd"]}

    def as_made(self) -> bool:
        there = {"IPAMConfig": {"IPv4Address": address(self.student, self.node)}, "Aliases": [self.node, "0123abcd"]}
        return self.status == "running" and self.endpoint == there


#: Kind -> what is true of the container while the fault lasts.
MEANWHILE = {
    "kill": lambda one: one.starts == 1,
    "freeze": lambda one: one.status == "paused",
    "cut off": lambda one: one.endpoint is None,
    "stop": lambda one: one.status == "exited",
}


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch, student: Student) -> FakeEngine:
    made = FakeEngine(student, "kafka1")
    monkeypatch.setattr(labelled, "node", lambda client, student, name, **_: made)
    return made


@pytest.mark.parametrize("kind", KINDS)
def test_a_node_is_as_before_after_each_kind_of_fault_also_when_interrupted(
    monkeypatch: pytest.MonkeyPatch, student: Student, kafka: FakeEngine, kind: str
) -> None:
    def interrupted(seconds: float) -> None:
        assert seconds == 2.0
        assert MEANWHILE[kind](kafka)
        raise KeyboardInterrupt

    monkeypatch.setattr(injection.time, "sleep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        inject(kafka, student, Fault("kafka1", kind, 2.0))
    assert kafka.as_made()


def test_a_node_that_ended_while_it_was_cut_off_gets_its_own_address_back(student: Student, kafka: FakeEngine) -> None:
    """The engine starts it again, and connects it as it likes."""
    kafka.endpoint = {"IPAMConfig": None, "Aliases": ["0123abcd"]}
    faults.release(kafka, student, "kafka1")
    assert kafka.as_made()
