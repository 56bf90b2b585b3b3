"""What the lesson leaves behind, looked at from outside: the topics' records, the files, the chart and its numbers."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from common.checkpoint import Checkpoint
from common.checks import (
    Assertion,
    Fact,
    application_succeeded,
    at_least,
    at_most,
    equal,
    json_of,
    same_members,
    same_rows,
)
from common.errors import JobError
from common.file_sink import committed_files, parquet_rows
from common.settings import application_name
from titanic import data
from titanic.places import BANDS, CHART, DEMO, ENRICH, ENRICHED, WINDOWS

if TYPE_CHECKING:
    from common.lab import Lab

#: What every PNG file begins with.
PNG = b"\x89PNG\r\n\x1a\n"
#: Where the drawing keeps the numbers that it shows.
DESCRIPTION = b"Description"
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
        duplicates(lab, "processed", DEMO, len(data.MESSAGES), lambda: len(values())),
    ]


def enriched(lab: Lab) -> list[Assertion]:
    """Everyone once in the raw topic, and everyone with a class and an age band in the other."""
    raw, target = lab.settings.topic("raw"), lab.settings.topic("enriched")
    records = Fact(lambda: lab.kafka.consume_all(target))
    people = Fact(lambda: {record.key: json_of(record) for record in records()})
    wanted = [without_nulls(data.enriched(one)) for one in data.passengers()]
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
        at_least(f"enrich: records in {target}", len(data.passengers()), lambda: len(records()), where),
        duplicates(lab, "enriched", ENRICH, len(data.passengers()), lambda: len(records())),
        same_rows(f"enrich: passengers in {target}, all columns", wanted, lambda: people().values(), where),
        equal(
            f"enrich: records in {target} that are under another passenger's key",
            [],
            lambda: sorted(str(key) for key, one in present(people()).items() if str(one["PassengerId"]) != key)[:3],
            where,
        ),
    ]


def without_nulls(row: dict[str, Any]) -> dict[str, Any]:
    """As `to_json` writes a row: no field where there is nothing."""
    return {name: value for name, value in row.items() if value is not None}


def duplicates(lab: Lab, short: str, query: str, once: int, records: Callable[[], int]) -> Assertion:
    """Kafka's sink is at least once: a batch that a kill cut off is sent again. Without a kill nothing is doubled."""
    topic = lab.settings.topic(short)
    return at_most(
        f"enrich: duplicates in {topic}, of batches that were cut off and sent again",
        duplicates_allowed(lab, query),
        lambda: max(0, records() - once),
        offsets(lab, topic),
    )


def duplicates_allowed(lab: Lab, query: str) -> int:
    """How many the query may have sent twice: its largest batch for each run that was cut off since the last reset."""
    try:
        began = min(record.timestamp_ms for record in lab.kafka.consume_all(lab.settings.topic("messages")))
        runs = lab.yarn.applications(application_name(lab.info.student, lab.settings.lesson, "enrich"))
        cut_off = [run for run in runs if run.started_ms >= began and run.outcome in ("KILLED", "FAILED")]
        if not cut_off:
            return 0
        return len(cut_off) * max(Checkpoint(lab.hdfs, lab.settings.checkpoint(query)).batch_sizes())
    except Exception:  # what is wrong is reported by the assertions about it; nothing is excused
        return 0


def written(lab: Lab) -> list[Assertion]:
    """The file sink has everyone once, whatever was killed."""
    folder = lab.settings.output(ENRICHED)
    rows = Fact(lambda: parquet_rows(lab.hdfs, committed_files(lab.hdfs, folder)))
    where = f"hdfs dfs -ls {folder} {folder}/_spark_metadata"
    return [
        same_rows(
            "enrich: passengers in the files that the sink has committed, all columns",
            [data.enriched(one) for one in data.passengers()],
            lambda: [as_json_has_it(row) for row in rows()],
            where,
        )
    ]


def as_json_has_it(row: dict[str, Any]) -> dict[str, Any]:
    """A row of parquet, its times as in JSON."""
    return {
        name: f"{value:%Y-%m-%dT%H:%M:%S.000Z}" if isinstance(value, datetime) else value for name, value in row.items()
    }


def charted(lab: Lab) -> list[Assertion]:
    """The counts that were written down, and the picture of them."""
    windows_file, bands_file, picture = (lab.settings.output(name) for name in (WINDOWS, BANDS, CHART))
    windows = Fact(lambda: json.loads(lab.hdfs.read_text(windows_file)))
    shown = Fact(lambda: json.loads(lab.hdfs.read_text(bands_file)))
    png, look = Fact(lambda: lab.hdfs.read(picture)), f"hdfs dfs -get {picture}"
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
        equal("chart: the numbers that the picture was drawn from", data.bands(), lambda: numbers(png()), look),
        at_least("chart: bytes of the picture", PNG_BYTES, lambda: len(png()), look),
    ]


def numbers(picture: bytes) -> Any:
    """What a whole PNG says of itself under `Description`."""
    for kind, body in list(chunks(picture)):  # all of them first: a picture that is cut off shows nothing
        word, _, text = body.partition(b"\0")
        if kind == b"tEXt" and word == DESCRIPTION:
            return json.loads(text)
    raise JobError("the picture does not say which numbers it shows")


def chunks(picture: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The kind and the body of each part of a PNG, whose checksums all have to be right."""
    if not picture.startswith(PNG):
        raise JobError(f"no PNG: it begins with {picture[:8]!r}")
    place, kind = len(PNG), b""
    while kind != b"IEND":
        length, kind = struct.unpack(">I4s", picture[place : place + 8].ljust(8, b"\0"))
        body, checksum = picture[place + 8 : place + 8 + length], picture[place + 8 + length : place + 12 + length]
        if checksum != struct.pack(">I", zlib.crc32(kind + body)):
            raise JobError(f"the picture is damaged at byte {place}")
        yield kind, body
        place += 12 + length


def present(people: dict[str | None, Any]) -> dict[str | None, Any]:
    """The same, unless there is nobody: no passenger without a class name proves nothing about an empty topic."""
    if not people:
        raise LookupError("no records")
    return people


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
