"""What the lesson leaves behind, looked at from outside: the topics' records, the files, the chart and its numbers."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from common.checks import Assertion, Fact, application_succeeded, at_least, equal, json_of, same_members
from common.file_sink import committed_files, parquet_rows
from titanic import data
from titanic.places import BANDS, CHART, ENRICHED, WINDOWS

if TYPE_CHECKING:
    from common.lab import Lab

#: What every PNG file begins with, in hexadecimal, as `head -c 8 … | od` shows it.
PNG = "89504e470d0a1a0a"
#: A drawing of this size takes some 20,000 bytes; an empty figure 4,000.
PNG_BYTES = 10_000


def check(lab: Lab) -> list[Assertion]:
    return [*demonstrated(lab), *enriched(lab), *written(lab), *charted(lab)]


def demonstrated(lab: Lab) -> list[Assertion]:
    """Five messages, each with the prefix: first the input, then the output of the smallest stream there is."""
    source, target = lab.settings.topic("messages"), lab.settings.topic("processed")
    values = Fact(lambda: [record.value for record in lab.kafka.consume_all(target)])
    return [
        application_succeeded(lab, "enrich"),
        equal(
            f"enrich: records in {source}", len(data.MESSAGES), lambda: lab.kafka.count(source), offsets(lab, source)
        ),
        same_members(
            f"enrich: values in {target}", set(data.processed()), lambda: set(values()), consumer(lab, target)
        ),
    ]


def enriched(lab: Lab) -> list[Assertion]:
    """Everyone once in the raw topic, and everyone with a class and an age band in the other."""
    raw, target = lab.settings.topic("raw"), lab.settings.topic("enriched")
    records = Fact(lambda: lab.kafka.consume_all(target))
    people = Fact(lambda: {record.key: json_of(record) for record in records()})
    where = consumer(lab, target)
    return [
        equal(f"enrich: records in {raw}", len(data.passengers()), lambda: lab.kafka.count(raw), offsets(lab, raw)),
        same_members(
            f"enrich: keys in {raw}",
            data.ids(),
            lambda: {record.key for record in lab.kafka.consume_all(raw)},
            consumer(lab, raw),
        ),
        same_members(f"enrich: keys in {target}", data.ids(), lambda: set(people()), where),
        # More than one a key is no mistake: Spark's Kafka sink repeats a batch that was killed before its commit.
        at_least(f"enrich: records in {target}", len(data.passengers()), lambda: len(records()), where),
        equal(
            f"enrich: passengers without a class name in {target}",
            0,
            lambda: sum(not one.get("ClassName") for one in present(people()).values()),
            where,
        ),
        equal(f"enrich: passengers by age band in {target}", data.AGES, lambda: bands(people().values()), where),
    ]


def written(lab: Lab) -> list[Assertion]:
    """The file sink has everyone once, whatever was killed."""
    folder = lab.settings.output(ENRICHED)
    rows = Fact(lambda: parquet_rows(lab.hdfs, committed_files(lab.hdfs, folder)))
    where = f"hdfs dfs -ls {folder} {folder}/_spark_metadata"
    return [
        equal(
            "enrich: rows in the files that the sink has committed", len(data.passengers()), lambda: len(rows()), where
        ),
        same_members(
            "enrich: passengers in those files", data.ids(), lambda: {str(row["PassengerId"]) for row in rows()}, where
        ),
        equal("enrich: rows by age band", data.AGES, lambda: bands(rows()), where),
    ]


def charted(lab: Lab) -> list[Assertion]:
    """The counts that were written down, and the picture of them."""
    windows_file, bands_file, picture = (lab.settings.output(name) for name in (WINDOWS, BANDS, CHART))
    windows = Fact(lambda: json.loads(lab.hdfs.read_text(windows_file)))
    shown = Fact(lambda: json.loads(lab.hdfs.read_text(bands_file)))
    png = Fact(lambda: lab.hdfs.read(picture))
    return [
        application_succeeded(lab, "chart"),
        equal("chart: windows", len(data.windows()), lambda: len(windows()), f"hdfs dfs -cat {windows_file}"),
        equal(
            "chart: windows whose count is off",
            {},
            lambda: off(windows(), data.windows()),
            f"hdfs dfs -cat {windows_file}",
        ),
        equal(
            "chart: passengers in the first, a full and the last window",
            shape(data.windows()),
            lambda: shape(windows()),
            f"hdfs dfs -cat {windows_file}",
        ),
        equal("chart: passengers by age band and class", data.bands(), shown, f"hdfs dfs -cat {bands_file}"),
        equal("chart: the picture begins as a PNG does", PNG, lambda: png()[:8].hex(), f"hdfs dfs -ls {picture}"),
        at_least("chart: bytes of the picture", PNG_BYTES, lambda: len(png()), f"hdfs dfs -ls {picture}"),
    ]


def present(people: dict[str | None, Any]) -> dict[str | None, Any]:
    """The same, unless there is nobody: no passenger without a class name proves nothing about an empty topic."""
    if not people:
        raise LookupError("no records")
    return people


def bands(rows: Any) -> dict[str, int]:
    return dict(sorted(Counter(row["AgeBand"] for row in rows).items()))


def off(found: dict[str, int], expected: dict[str, int]) -> dict[str, list[int]]:
    """By window: what was found and what was expected, where they differ."""
    starts = sorted(found.keys() | expected.keys())
    pairs = {start: [found.get(start, 0), expected.get(start, 0)] for start in starts}
    return {start: pair for start, pair in pairs.items() if pair[0] != pair[1]}


def shape(windows: dict[str, int]) -> list[int]:
    counts = [windows[start] for start in sorted(windows)]
    return [counts[0], counts[1], counts[-1]]


def offsets(lab: Lab, topic: str) -> str:
    return f"kafka-get-offsets.sh --bootstrap-server {lab.info.kafka} --topic {topic}"


def consumer(lab: Lab, topic: str) -> str:
    return f"kafka-console-consumer.sh --bootstrap-server {lab.info.kafka} --topic {topic} --from-beginning"
