"""A stack asked from beside it, by what its student cannot change."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from docker.errors import APIError
from docker.models.containers import Container

from streamlab.engines import engine
from streamlab.errors import LabError
from streamlab.stacks.stack import Stack, open_on_engine
from streamlab.students.addresses import spare_addresses
from streamlab.students.student import Student

#: Where a node has its configuration, which nobody in it can change.
CONFIGURATION = "/etc/streamlab"
#: The memory of a container that asks a stack, and the seconds after which it ends though its command was killed.
BESIDE_MEMORY, BESIDE_SECONDS = "1g", 1800


@contextmanager
def open_beside(student: Student) -> Iterator[Stack]:
    """The student's stack, asked from a temporary container beside it in place of the edge node.

    The container has the edge's image, network and configuration, and nothing that the student can change: what is
    asked there, and with which code, is the lab's own. If this process is killed, the container ends by itself, and the
    engine removes it.

    Raises:
        LabError: the edge node does not run, or the stack's network has no address left.
    """
    with open_on_engine(student) as stack:
        edge = stack.edge.attrs
        config = next(mount["Name"] for mount in edge["Mounts"] if mount["Destination"] == CONFIGURATION)
        # One for each address that is tried: of nodes, some may not run just now, and other commands ask from here too.
        for address in spare_addresses(student):
            at = stack.client.api.create_endpoint_config(ipv4_address=address)
            with engine.temporary_container(
                stack.client, edge["Config"]["Image"], ["sleep", str(BESIDE_SECONDS)], init=True, auto_remove=True,
                name=f"{student.prefix}-asks-{uuid.uuid4().hex[:8]}", environment=edge["Config"]["Env"],
                labels={name: stack.edge.labels[name] for name in ("streamlab.class", "streamlab.student")},
                volumes={config: {"bind": CONFIGURATION, "mode": "ro"}},
                network=student.network, networking_config={student.network: at},
                mem_limit=BESIDE_MEMORY, pids_limit=256, cap_drop=["ALL"], security_opt=["no-new-privileges:true"],
            ) as container:  # fmt: skip
                if _is_started(container):
                    yield replace(stack, edge=container)
                    return
    raise LabError(
        f"{student.name}: no address is left in {student.subnet} to ask the stack from",
        evidence="every address that is not a node's is in use",
        fix="wait until other commands for this student have ended, or give the student a larger subnet",
    )


def _is_started(container: Container) -> bool:
    """Start a container, unless its address is in use."""
    try:
        container.start()
    except APIError as error:
        if "in use" not in str(error.explanation):
            raise
        return False
    return True
