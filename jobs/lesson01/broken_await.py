"""A mistake to look at: `query = stream.writeStream.….start().awaitTermination()`."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from common.hdfs import Hdfs
from common.outcome import Outcome
from common.settings import Settings
from common.streams import stop_at_rest
from lesson01.stream import generated

FIRST, SECOND = "l01-first", "l01-second"
#: How long we watch the line that waits for ever.
PATIENCE_S = 8.0
#: The most that one batch may take.
BATCH_S = 60.0


def run(spark: SparkSession, settings: Settings) -> Outcome:
    """Show what the chained call returns, that the next line is not reached, and what to write instead."""
    home = settings.broken("await")
    Hdfs(settings.info.webhdfs).delete(home)
    stream = generated(spark)
    returned = chained(stream, "l01-finite", f"{home}/finite", availableNow=True)
    print(f"query = …start().awaitTermination()  gives {returned!r}: nothing to ask, nothing to stop", flush=True)
    failure = asked(lambda: returned.stop())
    print(f"query.stop()                         gives {failure}", flush=True)
    reached = next_line_reached(spark, stream, home)
    side_by_side = sorted(started_together(spark, stream, home))
    print(f"start() both, then awaitAnyTermination(): running together: {', '.join(side_by_side)}", flush=True)
    return Outcome(details={"returned": repr(returned), "stop": failure, "reached": reached, "together": side_by_side})


def chained(stream: DataFrame, name: str, place: str, **trigger: bool | str) -> Any:
    """The helper with the mistake: it hands back what awaitTermination() returns, not the query."""
    return (
        stream.writeStream.queryName(name)
        .format("noop")
        .option("checkpointLocation", place)
        .trigger(**trigger)
        .start()
        .awaitTermination()
    )


def next_line_reached(spark: SparkSession, stream: DataFrame, home: str) -> bool:
    """Run two lines of a script, the first with the mistake and a stream without an end, and see how far it gets."""

    def script() -> None:
        chained(stream, FIRST, f"{home}/first", processingTime="1 second")
        chained(stream, SECOND, f"{home}/second", processingTime="1 second")

    thread = threading.Thread(target=script, daemon=True)
    thread.start()
    thread.join(PATIENCE_S)
    running = active(spark)
    print(
        f"{PATIENCE_S:.0f} s into a script that starts {FIRST}, then {SECOND}: running {', '.join(running)}", flush=True
    )
    print(f"the line that starts {SECOND} was {'reached' if SECOND in running else 'never reached'}", flush=True)
    while thread.is_alive():  # no variable holds the query; the session still knows it
        for query in spark.streams.active:
            stop_at_rest(query, time.monotonic() + BATCH_S)
        thread.join(0.5)
    return SECOND in running


def started_together(spark: SparkSession, stream: DataFrame, home: str) -> list[str]:
    """The same two queries as it should be: start both, keep both, then wait for either."""
    queries = [
        stream.writeStream.queryName(name)
        .format("noop")
        .option("checkpointLocation", f"{home}/right/{name}")
        .trigger(processingTime="1 second")
        .start()
        for name in (FIRST, SECOND)
    ]
    spark.streams.awaitAnyTermination(2)
    running = active(spark)
    for query in queries:
        stop_at_rest(query, time.monotonic() + BATCH_S)
    return running


def active(spark: SparkSession) -> list[str]:
    return sorted(query.name for query in spark.streams.active)


def asked(what: Callable[[], object]) -> str:
    try:
        return str(what())
    except AttributeError as error:
        return f"AttributeError: {error}"
