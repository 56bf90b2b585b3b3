"""Who may act on a stack: only its owner, and only one command at a time if it changes the stack.

The lock is a container of the student's on the stack's own engine, so it holds for every machine that uses the engine.
Its name makes it exclusive. What it runs reads from a connection that the command keeps open: when the command ends,
in whatever way, or its machine does, the engine closes the connection and the lock is gone.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import docker
from docker.errors import APIError, ImageNotFound, NotFound

from streamlab.building import images
from streamlab.cancel import uninterrupted
from streamlab.engines.engine import CONFLICT
from streamlab.engines.labelled import OWNER
from streamlab.errors import LabError, WrongRequest
from streamlab.stacks.channel import plain
from streamlab.students.docker_hosts import Placed
from streamlab.students.student import this_owner

#: The label of a lock, with its holder as JSON.
LOCK = "streamlab.lock"
#: Seconds that a lock may take to begin or to end.
SETTLE_SECONDS = 10
PAUSE_SECONDS = 0.1


class Target(Placed, Protocol):
    """A student, or what an engine still has of one."""

    @property
    def lab_class(self) -> str: ...

    @property
    def owner(self) -> str: ...


@dataclass(frozen=True)
class Holder:
    """The command that has a lock."""

    operation: str
    where: str
    pid: int
    since: str

    def __str__(self) -> str:
        return f"{self.operation} by {self.where} (process {self.pid}), since {self.since}"


class Locked(LabError):
    """Another command changes the stack. Exit status 1: the request is right, and may be made again."""


def lock_name(target: Target) -> str:
    return f"{target.lab_class}-{target.name}-lock"


def holder_of(found: Sequence[Mapping[str, Any]]) -> Holder | None:
    """The holder of the lock, from the engine's list of a student's containers; None if nobody holds it."""
    for container in found:
        if LOCK in container["Labels"] and container["State"] in ("created", "running"):
            return _holder(container["Labels"])
    return None


def require_owner(found: Sequence[Mapping[str, Any]], target: Target) -> None:
    """Refuse a stack that somebody else has made.

    Raises:
        WrongRequest: it has another owner's label.
    """
    owners = {plain(container["Labels"].get(OWNER, target.owner)) for container in found}
    others = sorted(owners - {target.owner})
    if others:
        raise WrongRequest(
            f"{target.name}'s stack on {target.docker_host} belongs to somebody else",
            evidence=[f"it was made by {', '.join(others)}", f"you are        {target.owner}"],
            fix="use another lab_class in your inventory, or make it yours with --take-over: "
            f"invoke provision --student {target.name} --take-over",
        )


def require_unlocked(found: Sequence[Mapping[str, Any]], target: Target) -> None:
    """Refuse a stack that another command is changing.

    Raises:
        Locked: it is.
    """
    holder = holder_of(found)
    if holder:
        raise _locked(target, holder)


@contextmanager
def locked(client: docker.DockerClient, target: Target, operation: str) -> Iterator[None]:
    """Hold the stack's lock in the block. The lock is released even on Ctrl-C or a kill.

    Raises:
        Locked: another command has it.
    """
    holder = Holder(operation, this_owner(), os.getpid(), datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"))
    lock: _Lock | None = None
    try:
        with uninterrupted():
            lock = _acquire(client, target, holder)
        yield
    finally:
        if lock:
            with uninterrupted():
                lock.release()


@dataclass(frozen=True)
class _Lock:
    api: docker.APIClient
    container: str
    connection: Any

    def release(self) -> None:
        self.connection._response.close()
        # Gone or on its way already, since its input has ended; or the engine is, and the lock with it.
        with suppress(APIError, OSError):
            self.api.remove_container(self.container, force=True)


def _acquire(client: docker.DockerClient, target: Target, holder: Holder) -> _Lock | None:
    """The lock; None where this engine has no image to make one of, and so no stack that somebody could change."""
    ends = time.monotonic() + SETTLE_SECONDS
    while True:
        try:
            return _make(client, target, holder)
        except ImageNotFound:
            return None
        except APIError as error:
            if error.status_code != CONFLICT:
                raise
        _require_free(client, target, is_late=time.monotonic() > ends)
        time.sleep(PAUSE_SECONDS)


def _make(client: docker.DockerClient, target: Target, holder: Holder) -> _Lock:
    api = client.api
    made = api.create_container(
        images.image_tags()["kafka"], [], entrypoint=["cat"], name=lock_name(target), stdin_open=True,
        labels={
            "streamlab.class": target.lab_class, "streamlab.student": target.name, OWNER: target.owner,
            LOCK: json.dumps(asdict(holder)),
        },
        host_config=api.create_host_config(
            auto_remove=True, network_mode="none", mem_limit="32m", cap_drop=["ALL"],
            security_opt=["no-new-privileges:true"],
        ),
    )["Id"]  # fmt: skip
    try:
        connection = api.attach_socket(made, params={"stdin": 1, "stream": 1})
        api.start(made)
    except BaseException:
        with suppress(APIError):
            api.remove_container(made, force=True)
        raise
    return _Lock(api, made, connection)


def _require_free(client: docker.DockerClient, target: Target, *, is_late: bool) -> None:
    """Wait for a lock that begins or ends; remove one whose holder was killed before it could start it.

    It is removed by its id, which a lock that somebody else has made meanwhile does not have.
    """
    try:
        found = client.api.inspect_container(lock_name(target))
    except NotFound:
        return
    if found["State"]["Status"] == "running":
        holder = _holder(found["Config"]["Labels"])
        raise _locked(target, holder)
    if is_late:
        with suppress(APIError):
            client.api.remove_container(found["Id"], force=True)


def _holder(labels: Mapping[str, str]) -> Holder:
    try:
        said = {name: plain(str(value)) for name, value in json.loads(labels[LOCK]).items()}
        return Holder(said["operation"], said["where"], int(said["pid"]), said["since"])
    except (ValueError, KeyError, AttributeError):
        return Holder("a command", "somebody", 0, "an unknown time")


def _locked(target: Target, holder: Holder) -> Locked:
    return Locked(
        f"{target.name}'s stack is being changed by another command",
        evidence=str(holder),
        fix="let it end, then try again; if it hangs, end that process: the lock ends with it",
    )


def containers_of(client: docker.DockerClient, target: Target) -> list[dict[str, Any]]:
    """The engine's list of a student's containers, running or not, with a lock among them if there is one."""
    labels = [f"streamlab.class={target.lab_class}", f"streamlab.student={target.name}"]
    return client.api.containers(all=True, filters={"label": labels})
