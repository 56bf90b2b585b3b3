"""What runs, and whether it answers: asked of the engine and of every node, never of a file of ours."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from docker.models.containers import Container

from streamlab.engines import engine, memory
from streamlab.errors import LabError
from streamlab.stacks.channel import fields, list_of
from streamlab.stacks.stack import answer_of
from streamlab.students.docker_hosts import is_here
from streamlab.students.topology import Node, Student, nodes
from streamlab.ui import say, table

#: Seconds for one round of short questions to all nodes of a stack.
SECONDS = 20


#: State -> what is said of a stack that has no node to ask.
_WITHOUT_NODES = {
    "suspended": "suspended; invoke resume starts it again",
    "missing": "no stack; invoke provision makes one",
}


def look(students: Sequence[Student], silent: Mapping[str, LabError] | None = None) -> dict[str, Any]:
    """The state of every student's stack.

    Args:
        silent: Docker hosts of which it is known that they do not answer, and why; without it they are asked.

    Returns:
        ``{"students": [{"name", "state", "healthy", "nodes": [{"name", "service", "state", "healthy", "problem",
        "memory_bytes", "memory_limit_bytes"}], "applications": [{"id", "name", "state", "final_status"}]}]}``, where a
        student's state is healthy, unhealthy, suspended, missing, or unreachable where its Docker host does not answer.
    """
    silent = engine.unreachable(students) if silent is None else silent
    reached = [student for student in students if student.docker_host not in silent]
    with ThreadPoolExecutor(8) as pool:
        seen = {found["name"]: found for found in pool.map(_student, reached)}
    return {"students": [seen.get(s.name) or _unreachable(s, silent[s.docker_host].what) for s in students]}


def _unreachable(student: Student, why: str) -> dict[str, Any]:
    rows = [{**_node(node, None, {}, {}), "state": "unreachable", "problem": why} for node in nodes(student)]
    return {"name": student.name, "state": "unreachable", "healthy": False, "nodes": rows, "applications": []}


def is_healthy(student: Student) -> bool:
    """Whether every node of the stack runs and answers, each asked for itself."""
    with engine.connect(student.docker_host) as client:
        running = {name: c for name, c in engine.glance(client, student).items() if c.status == "running"}
        names = [node.name for node in nodes(student)]
        return set(names) <= set(running) and not any(_ask(running, names)["nodes"].values())


def _student(student: Student) -> dict[str, Any]:
    with engine.connect(student.docker_host) as client:
        found = engine.glance(client, student)
        running = {name: c for name, c in found.items() if c.status == "running"}
        answers = (
            _ask(running, [node.name for node in nodes(student)]) if running else {"nodes": {}, "applications": []}
        )
        ask_memory = partial(memory.in_use, here=is_here(student.docker_host))
        with ThreadPoolExecutor(8) as pool:
            used = dict(zip(running, pool.map(ask_memory, running.values()), strict=True))
    rows = [_node(node, found.get(node.name), answers["nodes"], used) for node in nodes(student)]
    healthy = all(row["healthy"] for row in rows)
    if not found:
        state = "missing"
    elif engine.is_suspended(found):
        state = "suspended"
    else:
        state = "healthy" if healthy else "unhealthy"
    return {
        "name": student.name,
        "state": state,
        "healthy": healthy,
        "nodes": rows,
        "applications": answers["applications"],
    }


def _ask(running: dict[str, Container], names: Sequence[str]) -> dict[str, Any]:
    """Have one running node ask all others; the edge if it runs, since that is where a student stands."""
    asker = running.get("edge") or next(iter(running.values()))
    try:
        return answer_of(asker, "edge.health", *names, about=asker.name, seconds=SECONDS, read=_answers)
    except LabError as error:
        return {"nodes": dict.fromkeys(names, (*error.evidence, error.what)[0]), "applications": []}


def _answers(said: Any) -> dict[str, Any]:
    problems = {str(node): None if why is None else str(why) for node, why in said["nodes"].items()}
    application = fields(id=str, name=str, state=str, final_status=str)
    return {"nodes": problems, "applications": list_of(application)(said["applications"])}


def _node(
    node: Node, container: Container | None, problems: dict[str, str | None], used: dict[str, int]
) -> dict[str, Any]:
    state = container.status if container else "missing"
    problem = problems.get(node.name, "it was not asked") if state == "running" else f"its container is {state}"
    return {
        "name": node.name,
        "service": node.service,
        "state": state,
        "healthy": problem is None,
        "problem": problem,
        "memory_bytes": used.get(node.name, 0),
        "memory_limit_bytes": node.memory_mb * 2**20,
    }


def describe(found: dict[str, Any], *, applications: int = 5) -> str:
    """The same for people: one table of nodes per student, and the last few applications."""
    parts = []
    for student in found["students"]:
        if student["state"] in _WITHOUT_NODES:
            parts.append(f"{student['name']}: {_WITHOUT_NODES[student['state']]}")
            continue
        if student["state"] == "unreachable":
            parts.append(f"{student['name']}: UNKNOWN, {student['nodes'][0]['problem']}")
            continue
        rows = [
            [
                node["name"],
                node["service"],
                "healthy" if node["healthy"] else f"UNHEALTHY: {node['problem']}",
                f"{node['memory_bytes'] / 2**20:.0f} of {node['memory_limit_bytes'] / 2**20:.0f} MB",
            ]
            for node in student["nodes"]
        ]
        used = sum(node["memory_bytes"] for node in student["nodes"]) / 2**20
        verdict = "healthy" if student["healthy"] else "NOT HEALTHY"
        parts.append(
            f"{student['name']}: {verdict}, {used:.0f} MB in use\n"
            + table(["node", "service", "health", "memory"], rows)
        )
        apps = student["applications"][-applications:]
        if apps:
            rows = [[app["id"], app["name"], app["state"], app["final_status"]] for app in apps]
            parts.append(table(["application", "name", "state", "final status"], rows))
    return "\n\n".join(parts)


def report(students: Sequence[Student], *, as_json: bool) -> None:
    """Print the state of the students' stacks.

    Raises:
        LabError: a Docker host does not answer; the others' students were shown.
    """
    silent = engine.unreachable(students)
    found = look(students, silent)
    say(json.dumps(found, indent=2) if as_json else describe(found))
    if silent:
        raise engine.not_reached(silent, students)
