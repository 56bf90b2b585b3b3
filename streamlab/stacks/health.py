"""What a stack says of itself when one of its nodes asks the others (`edge.health`); none of it is trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from streamlab.errors import LabError
from streamlab.stacks.channel import fields, list_of
from streamlab.stacks.stack import answer_of
from streamlab.ui import one_line

if TYPE_CHECKING:
    from docker.models.containers import Container

#: Seconds for one round of short questions to all nodes of a stack.
SECONDS = 20

#: The answer of a stack in which nothing runs.
NOBODY_ASKED: Mapping[str, Any] = {"nodes": {}, "applications": [], "submits": [], "in_use": {}, "checks": []}


def ask(running: dict[str, Container], names: Sequence[str]) -> dict[str, Any]:
    """Have one running node ask all others; the edge if it runs, since that is where a student stands."""
    asker = running.get("edge") or next(iter(running.values()))
    try:
        return answer_of(asker, "edge.health", *names, about=asker.name, seconds=SECONDS, read=read)
    except LabError as error:
        why = (*error.evidence, error.what)[0]
        return {**NOBODY_ASKED, "nodes": dict.fromkeys(names, why), "applications": None}


def read(said: Any) -> dict[str, Any]:
    """What `edge.health` answers, as far as it is what it should be.

    Raises:
        ValueError, TypeError, KeyError, AttributeError: it is something else.
    """
    problems = {str(node): None if why is None else one_line(str(why)) for node, why in said["nodes"].items()}
    applications = said["applications"]
    return {
        "nodes": problems,
        "applications": None if applications is None else list_of(_application)(applications),
        "submits": [one_line(lesson) for lesson in fields(submits=[str])(said)["submits"]],
        "in_use": {what: _pair(pair) for what in ("yarn_mb", "hdfs_mb") if (pair := said["in_use"].get(what))},
        "checks": list_of(_check)(said["checks"]),
    }


def _pair(said: Any) -> list[int]:
    used, most = fields(pair=[int])({"pair": said})["pair"]
    return [used, most]


def _check(said: Any) -> dict[str, Any]:
    found = fields(job=str, exercise=str, at=int, right=int, of=int)(said)
    return {name: one_line(found[name]) for name in ("job", "exercise")} | {
        name: found[name] for name in ("at", "right", "of")
    }


def _application(said: Any) -> dict[str, Any]:
    texts = dict.fromkeys(("id", "name", "type", "state", "final_status"), str)
    found = fields(**texts, tags=[str], started=int, finished=int)(said)
    known = {name: one_line(found[name]) for name in texts} | {"tags": [one_line(tag) for tag in found["tags"]]}
    return known | {name: found[name] for name in ("started", "finished")}
