"""What a topic is to the lab, and what is said of one that is not as it should be."""

from __future__ import annotations

from typing import Any

import pytest
from kafka.errors import UnsupportedCodecError

from common.errors import JobError, Missing
from common.kafka import Kafka, Topic
from common.records import CODEC_PACKAGES


class Admin:
    """Topics by name: how many partitions each has."""

    def __init__(self, **topics: int) -> None:
        self.held = topics

    def describe_topics(self, names: list[str]) -> list[dict[str, Any]]:
        return [
            {"name": name, "error_code": 0, "topic_id": f"id of {name}", "partitions": [{}] * self.held[name]}
            if name in self.held
            else {"name": name, "error_code": 3, "topic_id": None, "partitions": []}
            for name in names
        ]


@pytest.fixture
def kafka() -> Kafka:
    made = Kafka("nowhere:1")
    made.__dict__["_admin"] = Admin(orders=4)
    return made


def test_topics_are_found_by_name(kafka: Kafka) -> None:
    assert kafka.topics({"orders", "nope"}) == {"orders": Topic("id of orders", 4)}
    assert kafka.topics([]) == {}
    with pytest.raises(Missing, match="no such topic: nope"):
        kafka.partitions("nope")


def test_another_number_of_partitions_is_never_mended_by_deleting_the_topic_alone(kafka: Kafka) -> None:
    with pytest.raises(JobError) as caught:
        kafka.ensure_topic("orders", partitions=3, start_over="invoke reset --job lesson03")
    assert caught.value.what == "topic orders has 4 partitions, not 3"
    assert caught.value.fix == "invoke reset --job lesson03; then run this again"
    with pytest.raises(JobError) as caught:
        kafka.ensure_topic("orders", partitions=3)
    assert "checkpoint" in caught.value.fix


@pytest.mark.parametrize("codec", CODEC_PACKAGES)
def test_records_that_cannot_be_read_are_named_with_topic_codec_and_remedy(kafka: Kafka, codec: str) -> None:
    words = f"Libraries for {codec} compression codec not found"
    with pytest.raises(JobError) as caught, kafka._errors("orders"):
        raise UnsupportedCodecError(words)
    assert caught.value.what == (
        f"topic orders holds records that are compressed with {codec}, and Python cannot read them here"
    )
    assert words in caught.value.evidence[0]
    assert caught.value.fix.startswith(f"install Python's package {CODEC_PACKAGES[codec]} ")


def test_a_codec_that_nobody_knows_is_said_to_be_one(kafka: Kafka) -> None:
    with pytest.raises(JobError, match="compressed with a codec that is not known here") as caught, kafka._errors("a"):
        raise UnsupportedCodecError("Unrecognized compression type: 7")
    assert caught.value.fix == "send the records without compression, or with gzip"
