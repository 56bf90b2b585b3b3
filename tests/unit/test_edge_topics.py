"""A stream goes on only where the topics that its checkpoint has read are still the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from common.errors import Missing, WrongRequest
from common.hdfs import Status
from common.request import Job, Step
from common.settings import LabInfo, Settings
from edge import topics

INFO = LabInfo("ada", "k:9092", ("c",), "w", "h", "y")
HOME = "/user/student/lesson03"
CHECKPOINTS = f"{HOME}/checkpoint"


class Hdfs:
    def __init__(self) -> None:
        self.files: dict[str, str] = {}

    def list(self, path: str) -> list[Status]:
        below = [name.removeprefix(f"{path}/") for name in self.files if name.startswith(f"{path}/")]
        if not below:
            raise Missing(f"no such file: {path}")
        return [
            Status(f"{path}/{name}", is_dir=f"{path}/{name}" not in self.files, length=0)
            for name in sorted({name.partition("/")[0] for name in below})
        ]

    def read_text(self, path: str) -> str:
        if path not in self.files:
            raise Missing(f"no such file: {path}")
        return self.files[path]

    def write(self, path: str, data: str) -> None:
        self.files[path] = data


@dataclass
class Topic:
    id: str
    partitions: int


@dataclass
class Kafka:
    """Topics by name: an id, and the end offset of each partition."""

    held: dict[str, tuple[str, list[int]]] = field(default_factory=dict)

    def topics(self, names: set[str]) -> dict[str, Topic]:
        return {name: Topic(self.held[name][0], len(self.held[name][1])) for name in names if name in self.held}

    def end_offsets(self, topic: str) -> dict[int, int]:
        return dict(enumerate(self.held[topic][1]))


class World:
    """A lesson with two streams, l03-read of the step `read` and l03-other of the step `other`."""

    def __init__(self) -> None:
        self.hdfs, self.kafka = Hdfs(), Kafka({"l03-orders": ("A", [340, 330, 330])})
        steps = {name: Step(name, "t", "tiny", 9, streaming=True) for name in ("read", "other")}
        self.job = Job("lesson03", "t", {"l03-orders": 3}, (), (), "", steps)

    def read(self, query: str, *sources: object, batch: int = 3) -> None:
        lines = ["v1", "{}", *(source if isinstance(source, str) else json.dumps(source) for source in sources)]
        self.hdfs.files[f"{CHECKPOINTS}/{query}/offsets/{batch}"] = "\n".join(lines)
        self.hdfs.files[f"{CHECKPOINTS}/{query}/metadata"] = "{}"

    def submit(self, step: str = "read", typed: str = "") -> None:
        """What is done around the making of what a step needs."""
        lab = SimpleNamespace(hdfs=self.hdfs, kafka=self.kafka, settings=Settings(INFO, "lesson03", step, typed=typed))
        topics.remember(self.job, lab, *topics.require_same(self.job, lab))

    def reported(self, step: str, *queries: str) -> None:
        report = {"queries": [{"name": query} for query in queries]}
        self.hdfs.files[f"{HOME}/reports/{step}.json"] = json.dumps(report)


@pytest.fixture
def world() -> World:
    """The stream has been submitted once and has read all there was."""
    made = World()
    made.submit()
    made.read("l03-read", {"l03-orders": {"0": 340, "1": 330, "2": 330}})
    made.submit()
    return made


@pytest.fixture
def refusal(world: World) -> Callable[..., WrongRequest]:
    def of(**options: str) -> WrongRequest:
        before = dict(world.hdfs.files)
        with pytest.raises(WrongRequest) as caught:
            world.submit(**options)
        assert world.hdfs.files == before
        return caught.value

    return of


def test_the_same_topic_is_gone_on_with(world: World) -> None:
    world.kafka.held["l03-orders"] = ("A", [400, 330, 330, 0])
    world.submit()


def test_a_topic_made_anew_is_noticed_however_long_it_is(world: World, refusal: Callable) -> None:
    world.kafka.held["l03-orders"] = ("B", [9000, 9000, 9000])
    assert str(refusal()) == (
        "error: the checkpoint of l03-read belongs to another topic l03-orders, not to the current one\n"
        "  topic l03-orders was deleted and made again: its id was A, and is B\n"
        "  continuing from it would skip records silently, or fail; nothing was started or changed\n"
        "  checkpoint: /user/student/lesson03/checkpoint/l03-read\n"
        "  if you remove it by hand, remove what the stream has written as well: a file sink skips batches that it"
        " has written before\n"
        "  fix: invoke reset --job lesson03 (its topics, its tables and /user/student/lesson03 are created again)"
    )


def test_a_job_of_one_s_own_is_named_as_it_was_typed(world: World, refusal: Callable) -> None:
    world.kafka.held.clear()
    assert refusal(typed="/home/ada/my job").fix.startswith("invoke reset --job /home/ada/my job ")


@pytest.mark.parametrize(
    ("held", "why"),
    [
        ({}, "topic l03-orders is gone"),
        ({"l03-orders": ("B", [340, 333])}, "topic l03-orders has 2 partitions, and partition 2 has been read to 330"),
        (
            {"l03-orders": ("B", [333, 334, 333])},
            "partition 0 of topic l03-orders ends at 333, and has been read to 340",
        ),
    ],
)
def test_without_a_known_id_what_was_read_tells(world: World, refusal: Callable, held: dict, why: str) -> None:
    del world.hdfs.files[f"{HOME}/topics.json"]
    world.kafka.held = held
    assert refusal().evidence[0] == why


def test_records_that_a_power_cut_took_are_noticed(world: World, refusal: Callable) -> None:
    world.kafka.held["l03-orders"] = ("A", [339, 330, 330])
    assert refusal().evidence[0] == "partition 0 of topic l03-orders ends at 339, and has been read to 340"


def test_a_topic_that_job_yml_does_not_name_is_looked_at_too(world: World, refusal: Callable) -> None:
    world.read("l03-read", {"mine": {"0": 5}})
    world.kafka.held["mine"] = ("M", [5])
    world.submit()
    world.kafka.held["mine"] = ("N", [50])
    assert refusal().evidence[0] == "topic mine was deleted and made again: its id was M, and is N"


def test_a_checkpoint_that_is_removed_begins_again(world: World) -> None:
    world.kafka.held["l03-orders"] = ("B", [9, 9, 9])
    for name in [name for name in world.hdfs.files if name.startswith(CHECKPOINTS)]:
        del world.hdfs.files[name]
    world.submit()
    world.read("l03-read", {"l03-orders": {"0": 9, "1": 9, "2": 9}})
    world.submit()


def test_what_has_read_nothing_agrees_with_any_topic(world: World) -> None:
    world.read("l03-read", {"l03-orders": {"0": 0, "1": 0, "2": 0}}, batch=4)
    world.kafka.held["l03-orders"] = ("B", [9, 9, 9])
    world.submit()


def test_sources_that_are_not_kafka_are_none_of_its_business(world: World) -> None:
    world.read("l03-files", {"logOffset": 3}, "5", "-")
    world.submit()
    assert json.loads(world.hdfs.files[f"{HOME}/topics.json"])["queries"]["l03-files"] == {}


def test_a_checkpoint_that_was_cut_off_is_spark_s_affair(world: World) -> None:
    world.read("l03-read", '{"l03-or', batch=4)
    world.submit()


def test_another_step_s_checkpoint_keeps_no_step_from_running(world: World, refusal: Callable) -> None:
    world.reported("read", "l03-read")
    world.reported("other", "l03-other")
    world.read("l03-other", {"l03-orders": {"0": 340}})
    world.submit()
    world.kafka.held["l03-orders"] = ("B", [9000, 9000, 9000])
    assert refusal(step="other").what.startswith("the checkpoint of l03-other belongs")
    del world.hdfs.files[f"{CHECKPOINTS}/l03-other/offsets/3"]
    world.submit(step="other")
    world.read("l03-other", {"l03-orders": {"0": 9000}})
    world.submit(step="other")
    assert refusal().what.startswith("the checkpoint of l03-read belongs")


def test_without_a_topic_kafka_is_not_asked() -> None:
    world = World()
    world.job = Job("lesson03", "t", {}, (), (), "", world.job.steps)
    world.kafka = None
    world.submit()
    assert world.hdfs.files == {}
