"""Runs an exercise: each gap that a student has filled in, one after another, and keeps what came of it on HDFS.

A gap is a function of the student's. What it gives is judged from outside, by `common.exercise`: a DataFrame is written
to a folder of its own for that, a started query leaves what it writes. A gap that is open, or fails, is a sentence; the
gaps that need nothing from it go on.
"""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Callable
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming import StreamingQuery

from common.errors import JobError
from common.hdfs import Hdfs
from common.outcome import Outcome, QueryReport
from common.settings import Settings
from common.streams import Streams

#: What a gap's query may take (s); these data are read in a few seconds, on a busy machine in a minute.
QUERY_SECONDS = 300.0
#: A query that has waited for so long (s), instead of reading or ending, is one that does not end by itself.
IDLE_SECONDS = 10.0
POLL_SECONDS = 0.5

DONE, OPEN, FAILED, WAITS = "done", "open", "failed", "waits"


class Gaps:
    """The gaps of one run, in order. What each gives goes to the next ones; None where it gave nothing."""

    def __init__(
        self,
        spark: SparkSession,
        settings: Settings,
        *,
        say: Callable[[str], None] = lambda line: print(line, flush=True),
    ) -> None:
        self.spark = spark
        self.settings = settings
        self.say = say
        self.states: dict[int, dict[str, Any]] = {}
        self.queries: list[QueryReport] = []

    def frame(
        self, number: int, gap: Callable[..., DataFrame], *given: Any, mode: str = "append", keep: bool = True
    ) -> DataFrame | None:
        """Call a gap that returns a DataFrame, and write its rows as JSON below out/gapN for the check.

        Args:
            given: what the gap is called with; one that is None is what an earlier gap did not give.
            mode: the output mode, of a stream with an aggregation. In complete mode the last result is what is kept,
                in update mode each batch is, in a folder batch=N.
            keep: False where a later gap shows whether the rows are right.
        """

        def kept(frame: object) -> DataFrame:
            if not isinstance(frame, DataFrame):
                raise JobError(_instead(frame, "a DataFrame"))
            self.states[number]["columns"] = [[field.name, field.dataType.simpleString()] for field in frame.schema]
            if keep:
                self._keep(number, frame, mode)
            return frame

        return self._call(number, gap, given, kept)

    def query(
        self,
        number: int,
        gap: Callable[..., StreamingQuery],
        *given: Any,
        look: Callable[[], Any] = lambda: None,
    ) -> StreamingQuery | None:
        """Call a gap that starts a query and returns it; wait until it has ended. Its name is kept.

        Args:
            look: asked when the query has ended, for what is gone with the driver, such as a memory sink's table; what
                it gives is kept as the gap's value, and what it raises is the gap's failure.
        """

        def ended(query: object) -> StreamingQuery:
            if not isinstance(query, StreamingQuery):
                raise JobError(_instead(query, "the query that start() returns"))
            self.states[number]["query"] = query.name
            self._wait(query)
            self.states[number]["value"] = json.loads(json.dumps(look(), default=str))
            return query

        return self._call(number, gap, given, ended)

    def value(self, number: int, gap: Callable[..., Any], *given: Any) -> Any:
        """Call a gap that returns something that JSON can hold, such as a number or a list; kept for the check."""

        def kept(value: Any) -> Any:
            if value is None:
                raise JobError(_instead(value, "a value"))
            self.states[number]["value"] = json.loads(json.dumps(value, default=str))
            return value

        return self._call(number, gap, given, kept)

    def action(self, number: int, gap: Callable[..., Any], *given: Any) -> bool | None:
        """Call a gap that does something, such as to write a batch or to create a table, and returns nothing."""
        return self._call(number, gap, given, lambda _: True)

    def outcome(self) -> Outcome:
        """What came of all gaps, kept on HDFS for the check.

        Raises:
            JobError: a gap failed; its traceback was printed above.
        """
        states = {str(number): state for number, state in self.states.items()}
        Hdfs(self.settings.info.webhdfs).write(self.settings.output("gaps.json"), json.dumps(states, indent=2) + "\n")
        failed = {number: state for number, state in self.states.items() if state["state"] == FAILED}
        for number, state in failed.items():
            raise JobError(
                f"gap {number} failed: {state['words']}",
                evidence="the traceback above ends in your line",
                fix=f"correct gap {number} in exercise.py and submit again",
            )
        counts = {name: sum(one["state"] == name for one in self.states.values()) for name in (DONE, OPEN, WAITS)}
        return Outcome(queries=tuple(self.queries), details=counts)

    def _call(
        self, number: int, gap: Callable[..., Any], given: tuple[Any, ...], accept: Callable[[Any], Any]
    ) -> Any | None:
        if any(one is None for one in given):
            self._note(number, WAITS, "it waits for an earlier gap")
            return None
        self._note(number, DONE, "done", said=False)
        try:
            result = accept(gap(*given))
        except NotImplementedError:
            self._note(number, OPEN, "it is open")
        except JobError as error:
            self._note(number, FAILED, error.what)
        except Exception as error:  # whatever a student's lines raise is that gap's outcome
            traceback.print_exc()
            self._note(number, FAILED, f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:300]}")
        else:
            self._note(number, DONE, "done")
            return result
        for query in self.spark.streams.active:
            query.stop()
        return None

    def _note(self, number: int, state: str, words: str, *, said: bool = True) -> None:
        self.states.setdefault(number, {}).update(state=state, words=words)
        if said:
            self.say(f"gap {number}: {words}")

    def _keep(self, number: int, frame: DataFrame, mode: str) -> None:
        place = self.settings.output(f"gap{number}")
        if not frame.isStreaming:
            frame.write.mode("overwrite").json(place, ignoreNullFields=False)
            return
        name = f"{self.settings.lesson}-gap{number}"
        writer = frame.writeStream.queryName(name).outputMode(mode).trigger(availableNow=True)
        writer = writer.option("checkpointLocation", self.settings.checkpoint(f"gap{number}"))
        if mode == "append":
            writer = writer.format("json").option("ignoreNullFields", "false").option("path", place)
        else:
            writer = writer.foreachBatch(_batches(place, mode))
        query = writer.start()
        self._wait(query)
        operators = [one for batch in query.recentProgress for one in batch["stateOperators"]]
        self.states[number]["removed"] = sum(one["numRowsRemoved"] for one in operators)

    def _wait(self, query: StreamingQuery) -> None:
        ends, busy = time.monotonic() + QUERY_SECONDS, time.monotonic()
        while not query.awaitTermination(POLL_SECONDS):
            name, now, status = query.name or "(no name)", time.monotonic(), query.status
            if status["isTriggerActive"] or not status["message"].startswith("Waiting"):
                busy = now
            if now - busy > IDLE_SECONDS:
                query.stop()
                raise JobError(f"the query {name} waits for more data: is `.trigger(availableNow=True)` missing?")
            if now > ends:
                query.stop()
                raise JobError(f"the query {name} had not read everything after {QUERY_SECONDS:.0f} s")
        self.queries += Streams(self.spark, self.settings, say=self.say).finish(query)


def _batches(place: str, mode: str) -> Callable[[DataFrame, int], None]:
    def write(batch: DataFrame, batch_id: int) -> None:
        folder = place if mode == "complete" else f"{place}/batch={batch_id}"
        batch.write.mode("overwrite").json(folder, ignoreNullFields=False)

    return write


def _instead(found: object, expected: str) -> str:
    if found is None:
        return f"it returns nothing, where {expected} is expected: is `return` missing?"
    hint = ": is `.start()` missing?" if type(found).__name__ == "DataStreamWriter" else ""
    return f"it returns a {type(found).__name__}, where {expected} is expected{hint}"
