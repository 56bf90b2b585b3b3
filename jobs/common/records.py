"""Kafka's records as Python reads and writes them: text in UTF-8, and compressions that need a library of their own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from common.errors import JobError

#: What Python's client needs to read records that were sent with a compression other than gzip.
CODEC_PACKAGES = {"snappy": "python-snappy", "lz4": "lz4", "zstd": "zstandard"}


@dataclass(frozen=True)
class Record:
    """A record as read back; key and value decoded from UTF-8, None where the record has none."""

    partition: int
    offset: int
    timestamp_ms: int
    key: str | None
    value: str | None


def record_of(raw: Any) -> Record:
    """A record of Kafka's Python client."""
    return Record(
        partition=raw.partition,
        offset=raw.offset,
        timestamp_ms=raw.timestamp,
        key=_text(raw.key),
        value=_text(raw.value),
    )


def _text(data: bytes | None) -> str | None:
    return None if data is None else data.decode("utf-8", "replace")


def encoded(text: str | None) -> bytes | None:
    """A key or a value as it is sent."""
    return None if text is None else text.encode("utf-8")


def unreadable(topic: str, words: str) -> JobError:
    """The error for records that were sent with a compression for which this Python has no library."""
    found = re.search(r"Libraries for (\w+) compression", words)
    codec = found[1] if found else "a codec that is not known here"
    package = CODEC_PACKAGES.get(codec)
    return JobError(
        f"topic {topic} holds records that are compressed with {codec}, and Python cannot read them here",
        evidence=words,
        fix=f"install Python's package {package} where this runs; the lab's own nodes have it: "
        "invoke images, then invoke provision"
        if package
        else "send the records without compression, or with gzip",
    )
