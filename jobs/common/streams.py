"""Streaming queries with a name and a checkpoint each: started, watched, stopped between batches, and reported.

Progress is read by polling, not by a listener: a listener's events arrive some time after the query has ended, so the
last batch would be missing from the report or be printed after the outcome.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql.streaming import StreamingQuery

from common.errors import JobError
from common.hdfs import Hdfs
from common.outcome import QueryReport
from common.settings import Settings

POLL_S = 0.5
MARKER_S = 2.0
#: Short: while we wait for the NameNode, batches end; Spark remembers the last hundred for us to count.
MARKER_TIMEOUT_S = 5.0
#: How long a stop waits for the running batch before it interrupts it; `invoke stop` kills the application after 90 s.
GRACE_S = 60.0
#: How many batches the report lists one by one; a stream that runs for days is counted all the same.
LISTED_BATCHES = 1000


@dataclass
class _Watched:
    query: StreamingQuery
    last_batch: int = -1
    batches: int = 0
    input_rows: int = 0
    dropped: int = 0
    milliseconds: int = 0
    watermark: str | None = None
    rows: list[int] = field(default_factory=list)


class Streams:
    """The streaming queries of one step. Finite by default: each reads what is there now and ends."""

    def __init__(
        self,
        spark: SparkSession,
        settings: Settings,
        *,
        continuous: bool | None = None,
        stop_asked: Callable[[], bool] | None = None,
        say: Callable[[str], None] = lambda line: print(line, flush=True),
    ) -> None:
        """`continuous` overrides the settings'; `stop_asked` is asked every two seconds (the marker file on HDFS)."""
        self.spark = spark
        self.settings = settings
        self.continuous = settings.continuous if continuous is None else continuous
        self.say = say
        self._hdfs = Hdfs(settings.info.webhdfs, timeout=MARKER_TIMEOUT_S)
        self._stop_asked = stop_asked or self._marker_stands
        self._watched: dict[str, _Watched] = {}
        self._throwaway: list[str] = []

    def trigger(self, every: str = "5 seconds") -> dict[str, Any]:
        """For `DataStreamWriter.trigger`: read what is there and end, or go on with a batch `every` so often."""
        return {"processingTime": every} if self.continuous else {"availableNow": True}

    def throwaway(self, name: str) -> str:
        """A checkpoint that is deleted when the step ends, for a query that cannot resume, as into a memory sink.

        Left to itself Spark puts a temporary checkpoint at the root of the default file system.
        """
        place = self.settings.throwaway(name, uuid.uuid4().hex[:12])
        self._throwaway.append(place)
        return place

    def finish(self, *queries: StreamingQuery) -> tuple[QueryReport, ...]:
        """Wait until every query has ended or a stop is asked for; what each did. A failure in one stops all.

        Waited for are `queries` and all others that run in this session: nobody else would wait for them.
        """
        try:
            for query in (*queries, *self.spark.streams.active):
                if query.id not in {watched.query.id for watched in self._watched.values()}:
                    self._watched[query.name or query.id] = _Watched(query)
            self._watch()
        finally:
            for name, watched in self._watched.items():
                watched.query.stop()
                self._note(watched)
                if not watched.batches:
                    self.say(f"{name}: nothing new")
            for place in self._throwaway:
                self._remove(place)
        return tuple(_report(name, watched) for name, watched in self._watched.items())

    def _watch(self) -> None:
        next_look = time.monotonic() + MARKER_S
        while active := [watched for watched in self._watched.values() if watched.query.isActive]:
            active[0].query.awaitTermination(POLL_S)
            for watched in self._watched.values():
                self._note(watched)
                self._raise_failure(watched.query)
            if time.monotonic() >= next_look:
                if self._stop_asked():
                    self._stop_between_batches()
                    return
                next_look = time.monotonic() + MARKER_S

    @staticmethod
    def _raise_failure(query: StreamingQuery) -> None:
        if not query.isActive and query.exception() is not None:
            query.awaitTermination()  # raises the failure itself, with its cause

    def _stop_between_batches(self) -> None:
        self.say("stop asked: ending after the running batch")
        deadline = time.monotonic() + GRACE_S
        for watched in self._watched.values():
            stop_at_rest(watched.query, deadline)

    def _note(self, watched: _Watched) -> None:
        """Count and print the batches that ended since the last look."""
        latest = watched.query.lastProgress
        if latest is None or latest["batchId"] == watched.last_batch:
            return
        for progress in watched.query.recentProgress:
            # A look that found nothing new is reported too, under the number that the next real batch will have.
            if progress["batchId"] > watched.last_batch and "addBatch" in progress["durationMs"]:
                _count(watched, progress)
                self.say(batch_line(progress))

    def _marker_stands(self) -> bool:
        try:
            return self._hdfs.exists(self.settings.stop_marker(self.spark.sparkContext.applicationId))
        except JobError:  # a NameNode that is away for a moment must not end the stream
            return False

    def _remove(self, place: str) -> None:
        try:
            self._hdfs.delete(place)
        except JobError as error:  # a folder left behind is no reason to fail a step that did its work
            self.say(f"left behind: {place} ({error.what})")


def stop_at_rest(query: StreamingQuery, deadline: float) -> None:
    """Stop a query between two batches. What Spark starts in that very moment is interrupted and repeated later.

    Interrupted while it closes a file on HDFS, a query has not been stopped but has failed ("Failed to shutdown
    streamer"): Spark does not know that exception as one of its own interrupt.

    Args:
        deadline: on the monotonic clock, from which on its batch is waited for no longer.
    """
    while query.isActive and query.status["isTriggerActive"] and time.monotonic() < deadline:
        time.sleep(0.05)
    query.stop()


def batch_line(progress: dict[str, Any]) -> str:
    """One batch as a student reads it: `l08-score: batch 3, 60 rows, 1.2 s`."""
    seconds = progress["durationMs"].get("triggerExecution", 0) / 1000
    name = progress["name"] or progress["id"]
    return f"{name}: batch {progress['batchId']}, {progress['numInputRows']} rows, {seconds:.1f} s"


def _count(watched: _Watched, progress: dict[str, Any]) -> None:
    watched.last_batch = progress["batchId"]
    watched.batches += 1
    watched.input_rows += progress["numInputRows"]
    watched.milliseconds += progress["durationMs"].get("triggerExecution", 0)
    watched.dropped += sum(one.get("numRowsDroppedByWatermark", 0) for one in progress["stateOperators"])
    watched.watermark = progress.get("eventTime", {}).get("watermark", watched.watermark)
    if len(watched.rows) < LISTED_BATCHES:
        watched.rows.append(progress["numInputRows"])


def _report(name: str, watched: _Watched) -> QueryReport:
    return QueryReport(
        name=name,
        id=watched.query.id,
        batches=watched.batches,
        input_rows=watched.input_rows,
        rows=tuple(watched.rows),
        seconds=round(watched.milliseconds / 1000, 1),
        last_watermark=watched.watermark,
        dropped_by_watermark=watched.dropped,
    )
