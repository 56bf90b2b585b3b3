"""What runs, and whether it answers: asked of the engine and of every node, never of a file of ours."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from streamlab.engines import disk, engine, labelled, memory
from streamlab.engines.disk import Usage
from streamlab.engines.here import Here
from streamlab.errors import LabError
from streamlab.stacks import health, parallel
from streamlab.stacks.operation import Access, Operation
from streamlab.stacks.parallel import Outcome
from streamlab.stacks.stack import answer_of
from streamlab.students.clusters import Cluster
from streamlab.students.docker_hosts import by_docker_host, is_here
from streamlab.students.inventory import Lab
from streamlab.students.services import service_of
from streamlab.students.student import Student
from streamlab.students.topology import Node, nodes
from streamlab.ui import say, table

if TYPE_CHECKING:
    from docker.models.containers import Container

    from streamlab.gateway.health import Health

#: States from which an application does not come back.
FINAL = ("FINISHED", "FAILED", "KILLED")
LOOK = Operation("status", Access.READ, seconds=60, at_once=lambda docker_host: 8)

#: State -> what is said of a stack that has no node to ask.
_WITHOUT_NODES = {
    "suspended": "suspended; invoke resume starts it again",
    "missing": "no stack; invoke provision makes one",
}


def look(students: Sequence[Student]) -> dict[str, Any]:
    """The state of every student's stack. What one of them, or its Docker host, does not answer is in its own part.

    Returns:
        ``{"students": [{"name", "state", "healthy", "busy", "nodes": [{"name", "service", "state", "healthy",
        "problem", "memory_bytes", "memory_limit_bytes"}], "applications": [{"id", "name", "type", "tags", "state",
        "final_status", "started", "finished": seconds since the epoch, or 0}] or None where YARN does not answer,
        "submits": [lessons that are about to be submitted], "in_use": {"yarn_mb", "hdfs_mb": [used, most; 0 without a
        limit], of those that say}, "checks": what checks said on the edge node, as `edge.checks.kept` gives it,
        "services": [those that the inventory adds]}]}``, where a student's state is healthy, unhealthy, suspended,
        missing, unreachable where its Docker host does not answer, or unknown; `busy` is the command that changes the
        stack now. Memory is None where there is no engine to ask.
    """
    return _states(_ask_all(students))


def _ask_all(students: Sequence[Student]) -> list[tuple[Student, Outcome]]:
    return list(zip(students, parallel.run(students, of_student, LOOK), strict=True))


def _states(asked: Sequence[tuple[Student, Outcome]]) -> dict[str, Any]:
    return {"students": [unknown(one, outcome.error) if outcome.error else outcome.answer for one, outcome in asked]}


def unknown(student: Student, error: LabError) -> dict[str, Any]:
    """The state of a student whose stack, or whose Docker host, did not answer."""
    state = "unreachable" if isinstance(error, engine.NoEngine) else "unknown"
    rows = [{**_node(node, None, {}, {}), "state": state, "problem": error.what} for node in nodes(student)]
    return _found(student, state, healthy=False, rows=rows, applications=None)


def _add_elsewhere(lab: Lab, found: dict[str, Any], students: Sequence[Student]) -> None:
    """Add to the state of each student who has no stack on `docker_host`: "elsewhere", the Docker hosts that have one.

    A Docker host that does not answer is a warning.
    """
    without = {state["name"]: state for state in found["students"] if state["state"] == "missing"}
    sought = [student for student in students if student.name in without]
    if sought:
        from streamlab.stacks import location  # which takes Docker's SDK

        there = location.find(lab, sought)
        location.warn(there.silent)
        for student in sought:
            if student.name in there.elsewhere:
                where = [one.docker_host for one in there.elsewhere[student.name]]
                without[student.name].update(docker_host=student.docker_host, elsewhere=where)


def unfinished(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The applications of one student, as `look` gives it, that may still run."""
    return [app for app in found["applications"] or () if app["state"] not in FINAL]


def is_healthy(student: Student) -> bool:
    """Whether every node of the stack runs and answers, each asked for itself."""
    with engine.connect(student.docker_host) as client:
        running = {name: c for name, c in labelled.summaries(client, student).items() if c.status == "running"}
        names = [node.name for node in nodes(student)]
        return set(names) <= set(running) and not any(health.ask(running, names)["nodes"].values())


def of_student(student: Student) -> dict[str, Any]:
    """The state of one student's stack, as `look` gives it.

    Raises:
        LabError: its Docker host does not answer, or did not say what was asked.
    """
    if student.cluster is not None:
        return _by_description(student, student.cluster)
    from streamlab.stacks import access

    with engine.connect(student.docker_host) as client:
        everything = labelled.everything(client, student)
        found = labelled.nodes_among(everything)
        running = {name: c for name, c in found.items() if c.status == "running"}
        answers = health.ask(running, [node.name for node in nodes(student)]) if running else health.NOBODY_ASKED
        ask_memory = partial(memory.in_use, here=is_here(student.docker_host))
        with ThreadPoolExecutor(8) as pool:
            used = dict(zip(running, pool.map(ask_memory, running.values()), strict=True))
    rows = [_node(node, found.get(node.name), answers["nodes"], used) for node in nodes(student)]
    healthy = all(row["healthy"] for row in rows)
    if not found:
        state = "missing"
    elif labelled.is_suspended(found):
        state = "suspended"
    else:
        state = "healthy" if healthy else "unhealthy"
    holder = access.holder_of([container.attrs for container in everything])
    return _found(
        student, state, healthy=healthy, rows=rows, applications=answers["applications"],
        submits=answers["submits"], in_use=answers["in_use"], checks=answers["checks"],
        busy=str(holder) if holder else None,
    )  # fmt: skip


def _by_description(student: Student, cluster: Cluster) -> dict[str, Any]:
    """The state as the nodes tell it, or where none is named the services; containers and memory are an engine's."""
    answers = answer_of(
        Here(cluster.env), "edge.health", *cluster.nodes, about=student.name, seconds=health.SECONDS, read=health.read
    )
    rows = [
        {
            "name": name, "service": service_of(name), "state": "running" if problem is None else "unknown",
            "healthy": problem is None, "problem": problem, "memory_bytes": None, "memory_limit_bytes": None,
        }
        for name, problem in answers["nodes"].items()
    ]  # fmt: skip
    healthy = all(row["healthy"] for row in rows)
    return _found(
        student, "healthy" if healthy else "unhealthy", healthy=healthy, rows=rows,
        applications=answers["applications"], submits=answers["submits"], in_use=answers["in_use"],
        checks=answers["checks"] if cluster.is_here else [],
    )  # fmt: skip


def _found(
    student: Student,
    state: str,
    *,
    healthy: bool,
    rows: list[dict[str, Any]],
    applications: list[dict[str, Any]] | None,
    submits: Sequence[str] = (),
    in_use: Mapping[str, Any] = MappingProxyType({}),
    checks: Sequence[Mapping[str, Any]] = (),
    busy: str | None = None,
) -> dict[str, Any]:
    return {
        "name": student.name, "state": state, "healthy": healthy, "busy": busy, "nodes": rows,
        "applications": applications, "submits": list(submits), "in_use": dict(in_use), "checks": list(checks),
        "services": list(student.services),
    }  # fmt: skip


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


def describe(found: dict[str, Any], *, applications: int = 5, usages: Mapping[str, Usage] | None = None) -> str:
    """The same for people: one table of nodes per student, and the last few applications.

    Args:
        usages: student -> what the stack uses of its disk, of those that were measured.
    """
    measured = usages or {}
    return "\n\n".join(_described(one, applications, measured.get(one["name"])) for one in found["students"])


def _described(student: Mapping[str, Any], applications: int, usage: Usage | None) -> str:
    name, notes = student["name"], [f"being changed by another command: {student['busy']}"] if student["busy"] else []
    notes += [f"with {', '.join(student['services'])}"] if student.get("services") else []
    notes += [str(usage)] if usage else []
    if student.get("elsewhere"):
        where = ", ".join(student["elsewhere"])
        return f"{name}: the stack is on {where}, not on {student['docker_host']}; invoke move brings it there"
    if student["state"] in _WITHOUT_NODES:
        return "\n".join([f"{name}: {_WITHOUT_NODES[student['state']]}", *notes])
    if student["state"] in ("unreachable", "unknown"):
        return f"{name}: UNKNOWN, {student['nodes'][0]['problem']}"
    rows = [[node["name"], node["service"], _health(node), _memory(node)] for node in student["nodes"]]
    verdict = "healthy" if student["healthy"] else "NOT HEALTHY"
    columns = ["node", "service", "health", "memory"]
    if any(node["memory_bytes"] is None for node in student["nodes"]):
        rows, columns = [row[:-1] for row in rows], columns[:-1]
    else:
        verdict += f", {sum(node['memory_bytes'] for node in student['nodes']) / 2**20:.0f} MB in use"
    lines = [f"{name}: {verdict}", *notes, table(columns, rows)]
    if student["applications"] is None:
        return "\n".join([*lines, "", "applications: YARN does not answer"])
    rows = [[app["id"], app["name"], app["state"], app["final_status"]] for app in student["applications"]]
    if rows:
        lines += ["", table(["application", "name", "state", "final status"], rows[-applications:])]
    return "\n".join(lines)


def _health(node: Mapping[str, Any]) -> str:
    return "healthy" if node["healthy"] else f"UNHEALTHY: {node['problem']}"


def _memory(node: Mapping[str, Any]) -> str:
    if node["memory_bytes"] is None:
        return ""
    return f"{node['memory_bytes'] / 2**20:.0f} of {node['memory_limit_bytes'] / 2**20:.0f} MB"


def _gateways(students: Sequence[Student]) -> list[Health]:
    """The health of the gateway on each Docker host of these students, where the inventory has one."""
    having = [student for student in students if student.gateway]
    if not having:
        return []
    from streamlab.gateway import health as of_gateway  # which takes Docker's SDK

    found = []
    for docker_host, group in by_docker_host(having):
        with engine.connect(docker_host) as client:
            found.append(of_gateway.look(client, group[0]))
    return found


def report(lab: Lab, students: Sequence[Student], *, as_json: bool, with_disk: bool = False) -> None:
    """Print the state of the students' stacks.

    Args:
        with_disk: measure what each stack uses of its disk, which takes longer the more files there are.

    Raises:
        LabError: a student's state could not be found out; the others were shown.
    """
    asked = _ask_all(students)
    found = _states(asked)
    _add_elsewhere(lab, found, students)
    measured = disk.of_all([student for student, outcome in asked if not outcome.error]) if with_disk else []
    usages = {usage.student.name: usage for usage in measured}
    for student in found["students"]:
        if student["name"] in usages:
            usage = usages[student["name"]]
            student["disk_bytes"], student["disk_limit_bytes"] = usage.nodes, usage.student.disk_mb * 2**20
    gateways = _gateways([student for student, outcome in asked if not outcome.error])
    if as_json:
        say(json.dumps(found | {"gateways": [one.as_json() for one in gateways]}, indent=2))
    else:
        say("\n\n".join([describe(found, usages=usages), *map(str, gateways)]))
    parallel.require_done([outcome for _, outcome in asked], LOOK)
