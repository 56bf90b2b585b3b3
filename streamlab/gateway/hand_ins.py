"""What a class's gateway has taken of the students' hand-ins: out of its portal's state, through the engine."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable
from datetime import datetime

import docker
from docker.errors import NotFound

from streamlab.cancel import checkpoint
from streamlab.errors import LabError
from streamlab.gateway import gateway
from streamlab.students.student import Student

FOLDER = "/var/lib/gateway/hand-ins"
#: Bytes of all that one student has handed in; the portal takes less.
MOST_BYTES = 50_000_000


def taken(client: docker.DockerClient, student: Student) -> dict[str, tuple[bytes, datetime]]:
    """Name -> the zip, and when the portal received it, of all that it has taken from a student.

    Raises:
        LabError: the portal's container is missing, or what it has cannot be read.
    """
    portal = gateway.parts_of(client, student.lab_class).get("portal")
    if portal is None:
        raise LabError(
            f"the gateway of {student.lab_class} is missing",
            evidence="what students have handed in is kept by its portal",
            fix="invoke provision",
        )
    try:
        packed = _bounded(portal.get_archive(f"{FOLDER}/{student.name}")[0])
    except NotFound:
        return {}
    try:
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            files = {one.name.rpartition("/")[2]: archive.extractfile(one) for one in archive if one.isfile()}
            read = {name: file.read() for name, file in files.items() if file}
        return {
            name.removesuffix(".json"): (
                read[f"{name.removesuffix('.json')}.zip"],
                datetime.fromisoformat(json.loads(data)["received_at"]),
            )
            for name, data in read.items()
            if name.endswith(".json") and not name.startswith(".")
        }
    except (tarfile.TarError, ValueError, KeyError, TypeError) as error:
        raise LabError(
            f"what the gateway has of {student.name}'s hand-ins cannot be read",
            evidence=f"{type(error).__name__}: {error}",
            fix="try again; if it fails again, look into the portal's container",
        ) from error


def _bounded(pieces: Iterable[bytes]) -> bytes:
    found = bytearray()
    for piece in pieces:
        checkpoint()
        found += piece
        if len(found) > MOST_BYTES:
            raise LabError(
                "the gateway has more hand-ins than it should",
                evidence=f"more than {MOST_BYTES} bytes",
                fix="look into the portal's container",
            )
    return bytes(found)
