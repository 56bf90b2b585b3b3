"""Facts about an application that stands still or failed, from which `streamlab.diagnoses.diagnosis` tells why.

``python3 -m edge.why [--app ID] NAME…`` takes the application with this id, else the last with one of these names, else
those that run now, else the last that has ended. It answers a list of what `facts` gives.
"""

from __future__ import annotations

import argparse
import subprocess
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from typing import Any

from common.channel import emit
from common.errors import JobError, Missing, Unreachable, WrongRequest
from common.hdfs import Hdfs
from common.settings import LabInfo, load_info

from .event_log import STREAMING, Query, Unreadable, events, find, queries
from .follow import KEPT as LOG_BYTES
from .follow import Follower
from .streams import SECONDS, numbers, read_to, total
from .yarn import FINAL, Yarn, held_mb, log_names

#: Applications that are looked at, of those that run.
MOST = 4
#: Failures, lost executors and stages of each kind that are told, the last or the worst ones.
TOLD = 3
#: Tasks of a stage that are looked at.
TASKS = 2000
#: Characters of a failure that are told: from its beginning, where Spark says what happened.
LENGTH = 4000

LOST = "SparkListenerExecutorRemoved"
PLANS = ("org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionStart",)
KINDS = (
    *STREAMING,
    LOST,
    *PLANS,
    "SparkListenerTaskEnd",
    "SparkListenerJobEnd",
    "SparkListenerEnvironmentUpdate",
)
#: What Kafka says of a topic that it does not have; Spark does not say which one it asked for.
NO_TOPIC = "UnknownTopicOrPartition"
ROWS = "number of output rows"


def chosen(yarn: Yarn, app_id: str | None, names: Sequence[str]) -> list[dict[str, Any]]:
    """The applications that are asked about, as YARN's REST interface has them, the latest first."""
    if app_id:
        try:
            return [yarn.application(app_id)]
        except Unreachable:
            raise
        except JobError as error:
            raise WrongRequest(
                f"YARN knows no application {app_id}",
                evidence=error.evidence[-1:],
                fix="invoke status lists those that it knows; it forgets them all when it is started again",
            ) from error
    found = sorted(yarn.everything(), key=lambda app: -app["startedTime"])
    if names:
        return [app for app in found if app["name"] in names][:1]
    return [app for app in found if app["state"] not in FINAL][:MOST] or found[:1]


def facts(yarn: Yarn, hdfs: Hdfs, info: LabInfo, app: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of an application.

    Returns:
        ``{"id", "name", "state", "final_status", "diagnostics": YARN's words, "seconds": since its start or that it
        took, "mb": that it holds, "pending_mb": of each container that it waits for, "free_mb", "total_mb": of YARN,
        "holders": [{"id", "name", "mb"}] of other applications, "unread": why its event log does not tell,
        "lost": why executors were lost, "failures": of tasks, "job_errors": of jobs, "stages": those that run, as
        `uneven` gives them, "queries": as `_query` gives them, "topics": as `_topics` gives them, "there": the names of
        all topics, where one that is not there was asked for, "log", "errors": the ends of what its driver printed and
        of what Spark logged beside it}``
    """
    others = [one for one in yarn.unfinished() if one["id"] != app["id"]]
    metrics = yarn.metrics()
    try:
        log = [*events(hdfs, find(hdfs, info.events, app["id"]), KINDS)]
        unread = ""
    except Unreadable as error:
        log, unread = [], str(error)
    found = queries(event for event in log if event["Event"] in STREAMING)
    topics = _topics(info, {topic for query in found for batch in query.batches for topic in read_to(batch)})
    ends = {topic: {part: end for part, (_, end) in parts.items()} for topic, parts in topics.items() if parts}
    now, dropping = time.time(), plans(log)
    printed, errors = _driver_log(yarn, app)
    return {
        "id": app["id"], "name": app["name"], "state": app["state"], "final_status": app["finalStatus"],
        "diagnostics": app["diagnostics"][-LENGTH:], "seconds": app["elapsedTime"] / 1000, "mb": held_mb(app),
        "pending_mb": [one["capability"]["memory"] for one in app.get("resourceRequests", []) if one["numContainers"]
                       and one["resourceName"] == "*"],
        "free_mb": metrics["availableMB"], "total_mb": metrics["totalMB"],
        "holders": [{"id": one["id"], "name": one["name"], "mb": held_mb(one)} for one in others],
        "unread": unread, "lost": _lost(log), "failures": _failures(log),
        "job_errors": _job_errors(log),
        "stages": stages(yarn, app),
        "queries": [_query(app, query, ends, now) | {"empty": dropping.get(query.run_id, [])} for query in found],
        "topics": topics,
        "there": _there(info) if _misses_a_topic(printed, errors, found) else [],
        "log": printed, "errors": errors,
    }  # fmt: skip


def _query(app: Mapping[str, Any], query: Query, ends: Mapping[str, Mapping[int, int]], now: float) -> dict[str, Any]:
    """As `numbers` gives it, with its last batches: when each was begun, how long it took, what it read and wrote; of
    its states: the rows they have, those that left, and those that a watermark dropped.
    """
    return numbers(app, query, ends, now) | {
        "error": query.error[:LENGTH],
        "batches": [
            {
                "number": batch["batchId"], "began": batch["timestamp"], "seconds": batch["batchDuration"] / 1000,
                "rows": int(total(batch, "numInputRows")), "written": batch["sink"].get("numOutputRows", -1),
                "state": sum(one["numRowsTotal"] for one in batch["stateOperators"]),
                "left": sum(one.get("numRowsRemoved", 0) for one in batch["stateOperators"]),
                "dropped": sum(one.get("numRowsDroppedByWatermark", 0) for one in batch["stateOperators"]),
                "stateful": bool(batch["stateOperators"]),
                "latest_event": batch["eventTime"].get("max", ""), "watermark": batch["eventTime"].get("watermark", ""),
            }
            for batch in query.batches
        ],
    }  # fmt: skip


def _topics(info: LabInfo, names: Iterable[str]) -> dict[str, dict[int, tuple[int, int]] | None]:
    """Topic -> partition -> its first and its next offset; None for a topic that is not there. Empty without Kafka."""
    if not (names := set(names)):
        return {}
    from common.kafka import Kafka

    with closing(Kafka(info.kafka, timeout=SECONDS)) as kafka:
        try:
            there = kafka.topics(names)
            return {name: kafka.offsets(name) if name in there else None for name in names}
        except JobError:
            return {}


def _misses_a_topic(printed: str, errors: str, found: Iterable[Query]) -> bool:
    return any(NO_TOPIC in text for text in (printed, errors, *(query.error for query in found)))


def _there(info: LabInfo) -> list[str]:
    from common.kafka import Kafka

    with closing(Kafka(info.kafka, timeout=SECONDS)) as kafka:
        try:
            return kafka.names()
        except JobError:
            return []


def _lost(log: Iterable[Mapping[str, Any]]) -> list[str]:
    return [event["Removed Reason"][:LENGTH] for event in log if event["Event"] == LOST][-TOLD:]


def _failures(log: Iterable[Mapping[str, Any]]) -> list[str]:
    """What tasks failed of, each once, the last ones; Spark tries most of them again."""
    reasons = (event["Task End Reason"] for event in log if event["Event"] == "SparkListenerTaskEnd")
    return _last(one.get("Full Stack Trace") or one.get("Loss Reason") for one in reasons)


def _job_errors(log: Iterable[Mapping[str, Any]]) -> list[str]:
    """What jobs failed of, as for tasks; a job that has failed is not tried again."""
    results = (event["Job Result"] for event in log if event["Event"] == "SparkListenerJobEnd")
    return _last(one.get("Exception", {}).get("Message") for one in results)


def _last(said: Iterable[str | None]) -> list[str]:
    return [*{text[:LENGTH]: None for text in said if text}][-TOLD:]


def stages(yarn: Yarn, app: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The stages that run, as `uneven` gives them. The driver is asked: their tasks are not in the log yet."""
    if app["state"] != "RUNNING":
        return []
    found = [uneven(stage, yarn.tasks(app["id"], stage, TASKS)) for stage in yarn.active_stages(app["id"])[:TOLD]]
    return [one for one in found if one["tasks"] >= 3]


def uneven(stage: Mapping[str, Any], tasks: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """How much longer the longest task of a stage has taken than the one in the middle, of those that were begun.

    Returns:
        ``{"stage", "name", "tasks": how many were begun, "median_s", "longest_s", "median_rows": of those that
        ended}``
    """
    seconds = sorted(task.get("duration", 0) / 1000 for task in tasks) or [0.0]
    rows = sorted(_rows(task["taskMetrics"]) for task in tasks if task["status"] == "SUCCESS") or [0]
    return {
        "stage": stage["stageId"], "name": stage["name"].rpartition(".zip/")[2], "tasks": len(tasks),
        "median_s": seconds[(len(seconds) - 1) // 2], "longest_s": seconds[-1],
        "median_rows": rows[(len(rows) - 1) // 2],
    }  # fmt: skip


def _rows(measured: Mapping[str, Any]) -> int:
    """The records that a task was given."""
    return int(measured["inputMetrics"]["recordsRead"] + measured["shuffleReadMetrics"]["recordsRead"])


def plans(log: Iterable[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """By streaming query (run id), the steps of its plans out of which no row has come, though rows went in.

    Returns:
        run id -> ``[{"step": as the plan describes it, "given": rows}]``, over all batches whose plan was read.
    """
    counted: Counter[int] = Counter()
    trees: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for event in log:
        if event["Event"] in PLANS:
            _, found, rest = event["description"].partition("runId = ")
            if found:
                trees[rest.split()[0]].append(event["sparkPlanInfo"])
        elif event["Event"] == "SparkListenerTaskEnd":
            for one in event["Task Info"].get("Accumulables", []):
                if one.get("Metadata") == "sql" and str(one.get("Update", "")).lstrip("-").isdigit():
                    counted[one["ID"]] += int(one["Update"])
    return {run: found for run, plan in trees.items() if (found := _emptied(plan, counted))}


def _emptied(trees: Iterable[Mapping[str, Any]], counted: Mapping[int, int]) -> list[dict[str, Any]]:
    given: Counter[str] = Counter()
    gave: Counter[str] = Counter()

    def walk(node: Mapping[str, Any]) -> int:
        below = sum(walk(child) for child in node["children"])
        ids = [one["accumulatorId"] for one in node["metrics"] if one["name"] == ROWS]
        if not ids:
            return below
        rows = sum(counted.get(one, 0) for one in ids)
        if node["nodeName"] == "Filter":
            given[node["simpleString"]] += below
            gave[node["simpleString"]] += rows
        return rows

    for tree in trees:
        walk(tree)
    return [{"step": step, "given": rows} for step, rows in given.items() if rows and not gave[step]]


def _driver_log(yarn: Yarn, app: Mapping[str, Any]) -> tuple[str, str]:
    """The ends of what the driver printed, and of what Spark logged beside it; empty for one that has succeeded."""
    follower, names = Follower(app["id"]), log_names(app)
    if app["state"] in FINAL:
        if app["finalStatus"] == "SUCCEEDED":
            return "", ""
        try:
            logs = {name: data for name, (_, data) in follower.aggregated_logs(names).items()}
        except subprocess.TimeoutExpired:
            logs = {}
    else:
        container = yarn.driver_container(app["id"])
        logs = {file: _end(yarn, container, file) for file in names} if container else {}
    printed, errors = (logs.get(file, b"").decode("utf-8", "replace") for file in names)
    return printed, errors


def _end(yarn: Yarn, container: tuple[str, str], file: str) -> bytes:
    try:
        return yarn.log_end(container[1], container[0], file, LOG_BYTES)[1]
    except OSError:  # it has just ended
        return b""


def main(argv: Sequence[str], info: LabInfo) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--app")
    parser.add_argument("names", nargs="*")
    asked = parser.parse_args(argv)
    yarn, hdfs = Yarn(), Hdfs(info.webhdfs, timeout=SECONDS)
    found = chosen(yarn, asked.app, asked.names)
    if not found and asked.names:
        raise Missing(f"{' and '.join(asked.names)} has not run since the ResourceManager started")
    emit(answer=[facts(yarn, hdfs, info, app) for app in found])


if __name__ == "__main__":
    import sys

    main(sys.argv[1:], load_info())
