"""What differs between what was sent and what each sink holds. Pure; a record is ``(number, partition, offset)``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

Record = tuple[int, int, int]

#: How many records of each kind of difference are named.
SHOWN = 10

#: Sink -> the difference that its guarantee allows. The source may hold what was stored though its acknowledgement was
#: lost; a Kafka sink writes at least once.
ALLOWED = {"source": "unexpected", "kafka": "duplicates"}


def compare(expected: Iterable[Hashable], found: Iterable[Hashable]) -> dict[str, Any]:
    """Count what is missing, unexpected, and there more than once.

    Args:
        expected: each record once.

    Returns:
        ``{"expected": n, "found": n, "missing" | "unexpected" | "duplicates": {"count": n, "first": [record, …]}}``,
        where a record that is there three times counts as two duplicates.
    """
    wanted, copies = set(expected), Counter(found)
    return {
        "expected": len(wanted),
        "found": copies.total(),
        "missing": _counted(Counter(wanted - copies.keys())),
        "unexpected": _counted(Counter(copies.keys() - wanted)),
        "duplicates": _counted(copies - Counter(copies.keys())),
    }


def _counted(records: Counter[Any]) -> dict[str, Any]:
    return {"count": records.total(), "first": sorted(records)[:SHOWN]}


def compare_all(
    acknowledged: Sequence[Record],
    source: Sequence[Record],
    *,
    parquet: Iterable[Record],
    kafka: Iterable[Record],
    cassandra: Iterable[Record],
) -> dict[str, dict[str, Any]]:
    """Compare the source topic with what was acknowledged, and each sink with the source topic."""
    return {
        "source": compare(placed(acknowledged, source), source),
        "parquet": compare(source, parquet),
        "kafka": compare(source, kafka),
        "cassandra": compare(source, cassandra),
    }


def placed(acknowledged: Iterable[Record], source: Iterable[Record]) -> list[Record]:
    """The same, with the source's offset where Kafka gave none.

    A request that is sent again after the broker has forgotten its offset is acknowledged with -1.
    """
    offsets = {(number, partition): offset for number, partition, offset in source}
    return [
        (number, partition, offsets.get((number, partition), offset) if offset < 0 else offset)
        for number, partition, offset in acknowledged
    ]


def failures(compared: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """One line for each difference that the sink's guarantee does not allow."""
    return [
        f"{sink}: {count} {difference}, the first: {', '.join(map(str, found[difference]['first']))}"
        for sink, found in compared.items()
        for difference in ("missing", "unexpected", "duplicates")
        if (count := found[difference]["count"]) and ALLOWED.get(sink) != difference
    ]


def offset_failures(ends: Mapping[int, int], checkpoints: Mapping[str, Mapping[int, int]]) -> list[str]:
    """One line for each query whose checkpoint does not end where the source topic does.

    Args:
        ends: partition -> the offset that the topic's next record will get.
        checkpoints: query -> the same, as its last finished batch has it.
    """
    return [
        f"{query}: its checkpoint ends at {dict(reached)}, the topic at {dict(ends)}"
        for query, reached in checkpoints.items()
        if dict(reached) != dict(ends)
    ]
