"""What in a student's state needs somebody's attention, and whose comes first. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

#: From what needs help first to a stack that does not run.
LEVELS = ("help", "watch", "fine", "off")
#: Seconds without a batch after which a stream stands still, unless it has nothing to do.
STILL_SECONDS = 60
#: Seconds for which a lag must have grown.
GROWING_SECONDS = 30
#: Seconds for which an application may wait for memory.
WAITING_SECONDS = 45
#: Seconds after which a failure is no news any more.
RECENT_SECONDS = 2 * 3600
#: Submits of one job after which a check that is not right yet is worth a look.
MANY_ATTEMPTS = 5
#: The share of a limit at which it is worth a look.
NEAR = 0.9

#: One reason: ``{"level": one of LEVELS, "code": the text's key after `board.need.`, "said": what is filled into it}``.
#: Names that end in `_since` are seconds since the epoch.
Need = dict[str, Any]


def needs(state: Mapping[str, Any]) -> list[Need]:
    """Every reason to look at a student, the most urgent first.

    Args:
        state: as `collect.state` makes it, without "needs" and "level".
    """
    found = [*_of_stack(state), *_of_streams(state), *_of_applications(state), *_of_jobs(state), *_of_limits(state)]
    return sorted(found, key=lambda need: LEVELS.index(need["level"]))


def level(state: Mapping[str, Any], reasons: Sequence[Need]) -> str:
    """How urgent it is as a whole."""
    if state["state"] in ("suspended", "missing"):
        return "off"
    return min((need["level"] for need in reasons), key=LEVELS.index, default="fine")


def _need(level: str, code: str, **said: Any) -> Need:
    return {"level": level, "code": code, "said": said}


def _of_stack(state: Mapping[str, Any]) -> Iterator[Need]:
    if state["busy"]:
        yield _need("fine", "busy", command=state["busy"])
    if state["state"] in ("unreachable", "unknown"):
        yield _need("help", state["state"], problem=state["problem"])
    elif state["state"] == "unhealthy":
        for node in state["nodes"]:
            if node["problem"]:
                # A command that changes the stack stops nodes and starts them again.
                yield _need("watch" if state["busy"] else "help", "node", node=node["name"], problem=node["problem"])


def _of_streams(state: Mapping[str, Any]) -> Iterator[Need]:
    if state["streams_problem"]:
        yield _need("watch", "streams", problem=state["streams_problem"])
    for stream in state["streams"]:
        query = stream["query"]
        if stream["error"]:
            yield _need("help", "stream.failed", query=query, error=stream["error"])
        elif state["now"] - stream["at"] > STILL_SECONDS and (stream["lag"] or not stream["idle"]):
            yield _need("watch", "stream.still", query=query, quiet_since=stream["at"])
        elif _grows(stream["history"]):
            yield _need("watch", "stream.behind", query=query, lag=stream["lag"])


def _grows(history: Sequence[Sequence[float | None]]) -> bool:
    """Whether the lag has only grown for some time.

    Args:
        history: ``[seconds since the epoch, lag, input rows per second]``, the oldest first.
    """
    lags = [(at, lag) for at, lag, _ in history if at is not None and lag is not None]
    recent = [lag for at, lag in lags if at >= lags[-1][0] - 2 * GROWING_SECONDS]
    spans = bool(lags) and lags[-1][0] - lags[0][0] >= GROWING_SECONDS
    return spans and recent[-1] > recent[0] and all(one <= other for one, other in pairwise(recent))


def _of_applications(state: Mapping[str, Any]) -> Iterator[Need]:
    failed: dict[str, int] = {}
    last: dict[str, Mapping[str, Any]] = {}
    for app in state["applications"]:  # the oldest first
        failed[app["name"]] = failed.get(app["name"], 0) + 1 if app["state"] == "FAILED" else 0
        last[app["name"]] = app
    for name, app in last.items():
        if app["state"] == "ACCEPTED" and state["now"] - app["started"] > WAITING_SECONDS:
            yield _need("watch", "application.waits", name=name, waiting_since=app["started"])
        elif failed[name] and state["now"] - app["finished"] < RECENT_SECONDS:
            again = failed[name] > 1
            code = "application.failed.again" if again else "application.failed"
            said = {"times": failed[name]} if again else {}
            yield _need("help" if again else "watch", code, name=name, failed_since=app["finished"], **said)


def _of_jobs(state: Mapping[str, Any]) -> Iterator[Need]:
    for job in state["jobs"]:
        if job["of"] and job["right"] < job["of"] and job["attempts"] >= MANY_ATTEMPTS:
            said = {name: job[name] for name in ("job", "right", "of", "attempts")}
            yield _need("watch", "check", **said)


def _of_limits(state: Mapping[str, Any]) -> Iterator[Need]:
    for code in ("disk", "hdfs"):
        used, most = state[f"{code}_mb"] or (0, 0)
        if most and used >= NEAR * most:
            yield _need("help" if used > most else "watch", code, used=used, most=most)
