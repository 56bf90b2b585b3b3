"""Runs an exercise: each gap that a student has filled in, one after another, and keeps what came of it on HDFS.

A gap is a function of the student's. What it gives is judged from outside, by `common.exercise`: a DataFrame is written
to a folder of its own for that, a started query leaves what it writes. A gap that is open, or fails, is a sentence; the
gaps that need nothing from it go on.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming import StreamingQuery

from common import failure, request
from common.errors import JobError
from common.gap_states import DONE, FAILED, OPEN, RUNS, WAITS, WORDS
from common.hdfs import Hdfs
from common.outcome import Outcome, QueryReport
from common.settings import Settings
from common.streams import Streams

#: What a gap's query may take (s); these data are read in a few seconds, on a busy machine in a minute.
QUERY_SECONDS = 300.0
POLL_SECONDS = 0.5
#: Seconds after which it is said again that a query is at work.
TELL_SECONDS = 20.0
#: Triggers of Spark's with which a query ends by itself, as it prints them.
ENDING = ("AvailableNowTrigger", "OneTimeTrigger")

PROGRAM = "exercise.py"


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
        self._save()
        failed = {number: state for number, state in self.states.items() if state["state"] == FAILED}
        for number, state in failed.items():
            raise JobError(
                f"gap {number} failed: {state['words']}",
                evidence=state.get("place", ""),
                fix=f"correct gap {number} in {PROGRAM} and submit again",
            )
        counts = {name: sum(one["state"] == name for one in self.states.values()) for name in (DONE, OPEN, WAITS)}
        return Outcome(queries=tuple(self.queries), details=counts)

    def _call(
        self, number: int, gap: Callable[..., Any], given: tuple[Any, ...], accept: Callable[[Any], Any]
    ) -> Any | None:
        if any(one is None for one in given):
            self._note(number, WAITS, WORDS[WAITS])
            return None
        self._note(number, RUNS, WORDS[RUNS], said=False)
        self._save()  # what is known so far, should the run be ended now
        try:
            result = accept(gap(*given))
        except NotImplementedError:
            self._note(number, OPEN, WORDS[OPEN])
        except JobError as error:
            self._note(number, FAILED, error.what)
        except Exception as error:  # whatever a student's lines raise is that gap's outcome
            self._note(number, FAILED, failure.words(error))
            place = failure.place(error, PROGRAM, lambda: request.resource(self.settings.lesson, PROGRAM))
            if place:
                self.states[number]["place"] = place
                self.say(f"  {place}")
        else:
            self._note(number, DONE, WORDS[DONE])
            return result
        for query in self.spark.streams.active:
            query.stop()
        return None

    def _note(self, number: int, state: str, words: str, *, said: bool = True) -> None:
        self.states.setdefault(number, {}).update(state=state, words=words)
        if said:
            self.say(f"gap {number}: {words}")

    def _save(self) -> None:
        states = {str(number): state for number, state in self.states.items()}
        Hdfs(self.settings.info.webhdfs).write(self.settings.output("gaps.json"), json.dumps(states, indent=2) + "\n")

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
        name, began = query.name or "(no name)", time.monotonic()
        if not _ends_by_itself(query):
            query.stop()
            raise JobError(f"the query {name} goes on for ever: is `.trigger(availableNow=True)` missing?")
        told = began
        while not query.awaitTermination(POLL_SECONDS):
            now = time.monotonic()
            if now - began > QUERY_SECONDS:
                query.stop()
                raise JobError(f"the query {name} had not read everything after {QUERY_SECONDS:.0f} s")
            if now - told > TELL_SECONDS:
                told = now
                self.say(f"the query {name} is at work, for {now - began:.0f} s now")
        self.queries += Streams(self.spark, self.settings, say=self.say).finish(query)


def _ends_by_itself(query: StreamingQuery) -> bool:
    """Whether a query reads what is there and ends. Only Java's own object knows its trigger."""
    return query._jsq.streamingQuery().trigger().toString() in ENDING


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
