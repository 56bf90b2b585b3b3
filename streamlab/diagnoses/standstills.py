"""Causes for which an application that runs, or waits to, gets nowhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from streamlab.diagnoses.diagnosis import Diagnosis, Facts, running, span

#: How much longer than the task in the middle the longest one takes where data is uneven, and by how many seconds.
SKEW, SKEW_SECONDS = 3.0, 5.0
#: Batches in a row that are too slow, before that is called a cause: the first of a query always is.
SLOW = 3
#: Batches that are shown as evidence.
SHOWN = 3

_BEHIND = re.compile(r"Current batch is falling behind\. The trigger interval is (\d+) milliseconds?")


def waiting_for_memory(facts: Facts) -> Diagnosis | None:
    """A container that YARN cannot give now."""
    need = max(facts["pending_mb"], default=0)
    if need <= facts["free_mb"]:
        return None
    holders = sorted((one for one in facts["holders"] if one["mb"]), key=lambda one: -one["mb"])
    given = {
        "has": f"has {facts['mb']} MB" if facts["mb"] else "has no container yet",
        "need": need, "free": facts["free_mb"], "total": facts["total_mb"],
        "first": holders[0]["id"] if holders else facts["id"],
    }  # fmt: skip
    if need > facts["total_mb"]:
        return Diagnosis("more memory than there is", given)
    return Diagnosis("waiting for memory", given, [f"{one['mb']} MB: {one['name']} ({one['id']})" for one in holders])


def dropped_by_filter(facts: Facts) -> Diagnosis | None:
    """A condition that no row fulfils."""
    for query in running(facts):
        if query["empty"] and not any(batch["written"] > 0 for batch in query["batches"]):
            step = max(query["empty"], key=lambda one: one["given"])
            return Diagnosis(
                "filter drops everything",
                {"query": query["query"], "rows": step["given"]},
                [step["step"][: SHOWN * 100]],
            )
    return None


def dropped_by_watermark(facts: Facts) -> Diagnosis | None:
    """Rows that come later than the watermark allows."""
    for query in running(facts):
        with_rows = [batch for batch in query["batches"] if batch["rows"]]
        late = [batch for batch in with_rows if batch["dropped"]]
        # Dropping a few is what a watermark is for: here each of the last batches has dropped, and written nothing.
        if not late or len(with_rows) < 2 or any(not one["dropped"] or one["written"] > 0 for one in with_rows[-2:]):
            continue
        given = {"query": query["query"], "watermark": late[-1]["watermark"], "latest": late[-1]["latest_event"]}
        # What is dropped is counted after the rows of a group were counted together in each partition.
        lines = [f"batch {one['number']}: {one['rows']} rows read, {one['dropped']} dropped" for one in late[-SHOWN:]]
        return Diagnosis("watermark drops rows", given, lines)
    return None


def held_by_watermark(facts: Facts) -> Diagnosis | None:
    """Groups that wait for a watermark to pass them."""
    for query in running(facts):
        stateful = [batch for batch in query["batches"] if batch["stateful"]]
        if not stateful or not stateful[-1]["state"] or any(one["written"] > 0 or one["left"] for one in stateful):
            continue
        watermark = next((one["watermark"] for one in reversed(stateful) if one["watermark"]), "")
        if not watermark:
            continue
        latest = max(one["latest_event"] for one in stateful)
        given = {
            "query": query["query"], "groups": f"{stateful[-1]['state']} groups",
            "latest": f" ({latest})" if latest else "",
            "watermark": "has never moved" if watermark.startswith("1970-01-01") else f"stands at {watermark}",
        }  # fmt: skip
        lines = [f"batch {one['number']}: {one['rows']} rows read, {one['state']} groups kept" for one in stateful]
        return Diagnosis("watermark does not move on", given, lines[-SHOWN:])
    return None


def skewed(facts: Facts) -> Diagnosis | None:
    """A task that has much more to do than the others."""
    for stage in facts["stages"]:
        longest, median = stage["longest_s"], stage["median_s"]
        if longest - median > SKEW_SECONDS and longest > SKEW * median:
            given = {**stage, "longest": span(longest), "median": span(median)}
            return Diagnosis(
                "skew", given, [f"{stage['median_rows']} rows in the task in the middle of those that ended"]
            )
    return None


def slow(facts: Facts) -> Diagnosis | None:
    """Batches that take longer than the time from one to the next, or that process less than comes."""
    said = _BEHIND.findall(facts["errors"])
    interval = int(said[-1]) / 1000 if said else 0.0
    for query in running(facts):
        last = [batch for batch in query["batches"] if batch["rows"]][-SLOW:]
        if len(last) < SLOW or query["idle"]:
            continue
        given = {
            "query": query["query"], "batches": SLOW, "interval": span(interval),
            "processed": round(query["processed_rows_per_second"]), "input": round(query["input_rows_per_second"]),
            "behind": f" It is {query['lag']} records behind the end of its topics." if query["lag"] else "",
        }  # fmt: skip
        lines = [f"batch {batch['number']}: {batch['rows']} rows in {span(batch['seconds'])}" for batch in last]
        if interval and all(batch["seconds"] > interval for batch in last):
            return Diagnosis("batch slower than its trigger", given, lines)
        if query["lag"] and query["processed_rows_per_second"] < query["input_rows_per_second"]:
            return Diagnosis("slower than its input", given, lines)
    return None


def no_new_data(facts: Facts) -> Diagnosis | None:
    """Queries that have read everything, or to which nothing comes."""
    queries = running(facts)
    if not queries or any(one["lag"] or (one["lag"] is None and not one["idle"]) for one in queries):
        return None
    lines = []
    for query in queries:
        rows = [batch for batch in query["batches"] if batch["rows"]]
        since = f"last rows in batch {rows[-1]['number']}, begun {rows[-1]['began']}" if rows else "no row so far"
        lines.append(f"{query['query']}: {since}")
    if all(not batch["rows"] for query in queries for batch in query["batches"]):
        held = {
            name: sum(end - first for first, end in parts.values()) for name, parts in facts["topics"].items() if parts
        }
        before = [f"topic {name} has {count} records from before" for name, count in held.items() if count]
        if before:
            return Diagnosis("begun at the end of the topic", evidence=[*lines, *before])
    return Diagnosis("no new data", evidence=lines)


#: In this order they are looked for: what keeps a query from running at all first, then what it does with its rows.
STANDSTILLS: Sequence[Callable[[Facts], Diagnosis | None]] = (
    waiting_for_memory, dropped_by_filter, dropped_by_watermark, held_by_watermark, skewed, slow, no_new_data,
)  # fmt: skip
