"""The services of a stack, those of every stack and those that the inventory's `services` adds, and their nodes. Pure.

An optional service has a node of its own kind, or nothing but files on the edge node, or both. A stack without it has
neither its image nor its node nor its configuration.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streamlab.errors import WrongRequest

if TYPE_CHECKING:
    from streamlab.students.student import Student

#: Kind of node -> the service it belongs to, in the order in which people read them; every stack has each of them.
SERVICE_OF = {
    "namenode": "hdfs",
    "datanode": "hdfs",
    "resourcemanager": "yarn",
    "nodemanager": "yarn",
    "kafka": "kafka",
    "cassandra": "cassandra",
    "edge": "spark",
}
SERVICES = tuple(dict.fromkeys(SERVICE_OF.values()))

#: Kinds of which a stack has exactly one; their nodes carry no number.
SINGLE = ("namenode", "resourcemanager", "edge")

#: Kind of node -> the image it runs. A NodeManager runs Spark's drivers and executors, so it has Spark's image.
IMAGE_OF = {
    "namenode": "hadoop",
    "datanode": "hadoop",
    "resourcemanager": "hadoop",
    "nodemanager": "spark",
    "kafka": "kafka",
    "cassandra": "cassandra",
    "edge": "spark",
}

#: Services that a service's own proof cannot do without.
RESTS_ON = {"spark": ("hdfs", "yarn"), "yarn": ("hdfs",), "hdfs": (), "kafka": (), "cassandra": ()}


@dataclass(frozen=True)
class OptionalService:
    """A service that a stack has where its inventory asks for it.

    Beside this, `ansible/roles` has a role of its name, which describes its configuration (`NAME_files`) and how its
    node is started (`NAME_nodes`); `edge/prove.py` has its proof, and `edge/health.py` the question to its node. The
    figures of its node (`node_memory_mb`, `node_idle_mb`, `pages`) are in the inventory, as those of all kinds.

    Args:
        rests_on: services that its proof cannot do without.
        kind: the kind of its node, of which a stack then has one; empty where it has none.
        image: the image of that node.
        commands: what the edge node has of it in its path, and so has another image for.
        in_jobs: whether jobs in Python import its client; NodeManagers, which run them, then have the edge's image.
        application: the type that YARN gives to its applications, where its programs bring some there themselves.
    """

    rests_on: tuple[str, ...]
    kind: str = ""
    image: str = ""
    commands: tuple[str, ...] = ()
    in_jobs: bool = False
    application: str = ""


#: By the name that `services` has, in the order in which people read them.
OPTIONAL: dict[str, OptionalService] = {
    "flink": OptionalService(
        rests_on=("hdfs", "yarn"), commands=("flink", "sql-client.sh", "yarn-session.sh"), application="Apache Flink"
    ),
    "hbase": OptionalService(
        rests_on=("hdfs",), kind="hbase", image="hbase", commands=("hbase", "zkCli.sh"), in_jobs=True
    ),
}


def in_order(services: Collection[str]) -> tuple[str, ...]:
    """Optional services, each once, in reading order."""
    return tuple(name for name in OPTIONAL if name in services)


def kinds(services: Collection[str]) -> dict[str, str]:
    """Kind of node -> its service, of a stack with these optional services."""
    return SERVICE_OF | {OPTIONAL[name].kind: name for name in in_order(services) if OPTIONAL[name].kind}


def all_kinds() -> dict[str, str]:
    """Kind of node -> its service, of all that a stack may have."""
    return kinds(OPTIONAL)


def node_names(kind: str, count: int) -> list[str]:
    """``kafka, 2`` -> ``["kafka1", "kafka2"]``; kinds of which there is one carry no number."""
    return [kind] if kind in SINGLE else [f"{kind}{i}" for i in range(1, count + 1)]


def kind_of(name: str) -> str:
    """``kafka2`` -> ``kafka``."""
    return name.rstrip("0123456789")


def service_of(name: str) -> str:
    """The service of a node by its name, or by a name that begins with its kind: ``kafka at broker:9092``."""
    return all_kinds()[kind_of(name.partition(" ")[0])]


def all_services() -> tuple[str, ...]:
    """All services that a stack may have."""
    return (*SERVICES, *OPTIONAL)


def rests_on(service: str) -> tuple[str, ...]:
    """The services that a service's own proof cannot do without."""
    return OPTIONAL[service].rests_on if service in OPTIONAL else RESTS_ON[service]


def image_of(kind: str, services: Collection[str]) -> str:
    """The image of a kind of node, in a stack with these optional services.

    The edge node's is Spark's, with the programs of each of them: `spark-flink`.
    """
    if kind == "edge" or (kind == "nodemanager" and any(OPTIONAL[name].in_jobs for name in services)):
        return "-".join(["spark", *(name for name in in_order(services) if OPTIONAL[name].commands)])
    return IMAGE_OF.get(kind) or OPTIONAL[all_kinds()[kind]].image


def clients_of(image: str) -> tuple[str, ...]:
    """The optional services of which an edge node's image has the programs, by its name; see `image_of`."""
    return in_order(image.partition(":")[0].split("-"))


def images_of(services: Collection[str]) -> tuple[str, ...]:
    """The images that a stack needs for these optional services, besides those of every stack."""
    of_nodes = (image_of(kind, services) for kind in (*kinds(services), "edge"))
    return tuple(dict.fromkeys(image for image in of_nodes if image not in IMAGE_OF.values()))


def yarn_tag(service: str) -> str:
    """The tag that YARN keeps with an application whose job says that it needs an optional service."""
    return f"needs-{service}"


def uses(service: str, application: Mapping[str, Any]) -> bool:
    """Whether an application, as `status.look` gives it, is one of this optional service, or of a job that needs it."""
    kind = OPTIONAL[service].application
    return yarn_tag(service) in application["tags"] or bool(kind and application["type"] == kind)


def require_service(student: Student, service: str, what: str = "") -> None:
    """Refuse what takes a service that a stack does not have.

    Args:
        what: what takes it, for the error; nothing if the service itself was asked for.

    Raises:
        WrongRequest: the stack does not have it; the line of the inventory that adds it is the fix.
    """
    if service not in student.all_services:
        raise _lacking(student, service, what)


def missing_commands(student: Student) -> dict[str, str]:
    """Command -> the error for who types it on the edge node, of the optional services that a stack does not have."""
    return {
        command: str(_lacking(student, name, f"the command {command}"))
        for name, service in OPTIONAL.items()
        if name not in student.services
        for command in service.commands
    }


def _lacking(student: Student, service: str, what: str) -> WrongRequest:
    return WrongRequest(
        f"{what + ' needs' if what else 'the request is about'} {service}, which {student.name}'s stack does not have",
        evidence=f"it has {', '.join(student.all_services)}",
        fix=f"in the inventory, for the student or the class: services: [{', '.join([*student.services, service])}]; "
        "then invoke provision",
    )
