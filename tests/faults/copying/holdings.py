"""Compare what every store holds now: ``python3 -m copying.holdings`` in the container in which the producer ran.

Answers ``{"acknowledged": n, "numbers_twice": n, "compared": see comparison.compare_all, "files": {"committed": n,
"uncommitted": n}, "failures": [line, …]}``. Files that the file sink's log does not name are of batches that were cut
off; no reader of the folder sees them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from common import request
from common.channel import emit
from common.checkpoint import Checkpoint
from common.file_sink import committed_files, parquet_rows
from common.kafka import Kafka
from common.lab import Lab
from common.settings import load_info
from copying import ACKNOWLEDGED, QUERIES
from copying.comparison import Record, compare_all, failures, offset_failures

#: Seconds that a topic may take to be read to its end.
READ_SECONDS = 300  # below what the client waits for an idle connection
COLUMNS = ("number", "kafka_partition", "kafka_offset")


def acknowledged() -> list[Record]:
    """The records that Kafka has acknowledged, in the order in which it did."""
    lines = Path(ACKNOWLEDGED).read_text(encoding="utf-8").splitlines()
    return [tuple(map(int, line.split())) for line in lines]


def in_source(kafka: Kafka, topic: str) -> list[Record]:
    return [(int(record.value), record.partition, record.offset) for record in kafka.consume_all(topic)]


def in_sink(kafka: Kafka, topic: str) -> Iterator[Record]:
    for record in kafka.consume_all(topic):
        yield (int(record.key), *map(int, record.value.split(":")))


def holdings(lab: Lab) -> dict[str, Any]:
    """Read everything, compare it, and say what must not be so."""
    settings, kafka = lab.settings, Kafka(lab.info.kafka, timeout=READ_SECONDS)
    topic, folder = settings.topic("source"), settings.output("parquet")
    sent, source = acknowledged(), in_source(kafka, topic)
    committed = committed_files(lab.hdfs, folder)
    files = {file.path for file in lab.hdfs.walk(folder) if file.name.endswith(".parquet")}
    rows = lab.cassandra.rows(f"SELECT {', '.join(COLUMNS)} FROM {settings.table('copies')}")
    compared = compare_all(
        sent,
        source,
        parquet=(tuple(row[name] for name in COLUMNS) for row in parquet_rows(lab.hdfs, committed)),
        kafka=in_sink(kafka, settings.topic("sink")),
        cassandra=(tuple(row[name] for name in COLUMNS) for row in rows),
    )
    checkpoints = {query: Checkpoint(lab.hdfs, settings.checkpoint(query)) for query in QUERIES.values()}
    reached = {query: one.end_offsets(one.commits[-1]).get(topic, {}) for query, one in checkpoints.items()}
    ends = kafka.end_offsets(topic)
    kafka.close()
    return {
        "acknowledged": len(sent),
        "numbers_twice": len(source) - len({number for number, *_ in source}),
        "compared": compared,
        "files": {"committed": len(committed), "uncommitted": len(files - set(committed))},
        "failures": [*failures(compared), *offset_failures(ends, reached)],
    }


def main() -> None:
    _, settings = request.settings_from(request.parse(["copying"], prog="copying.holdings"), load_info())
    with Lab(settings) as lab:
        emit(answer=holdings(lab))


if __name__ == "__main__":
    main()
