"""Whether a gateway answers, which of its parts run, and until when its certificate is good."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import docker
from cryptography import x509
from docker.models.containers import Container

from streamlab.engines import inside
from streamlab.errors import LabError
from streamlab.gateway import authority, gateway, pages
from streamlab.students.student import Student

#: Seconds in which a gateway has begun to answer, and in which one question is answered.
SECONDS, QUESTION_SECONDS = 30, 10


@dataclass(frozen=True)
class Health:
    """A class's gateway on one Docker host.

    Args:
        address: where people log in.
        parts: name -> "running", or what else the engine says of its container; "missing" where there is none.
        answers: whether the portal answers through nginx.
        expires: when the certificate does; None where there is none that can be read.
        tls: as the inventory has it; own certificates are made anew by `provision`.
    """

    address: str
    parts: Mapping[str, str]
    answers: bool
    expires: datetime | None
    tls: str = "own"

    @property
    def problem(self) -> str:
        """What is wrong in a few words; empty where nothing is."""
        absent = [f"{name} is {state}" for name, state in self.parts.items() if state != "running"]
        if absent:
            return ", ".join(absent)
        if not self.answers:
            return "it does not answer"
        if self.expires is None:
            return "its certificate cannot be read"
        left = self.expires - datetime.now(UTC)
        if left < timedelta(days=authority.RENEW_DAYS):
            return f"its certificate expire{'s' if left > timedelta() else 'd'} on {self.expires:%Y-%m-%d}"
        return ""

    @property
    def fix(self) -> str:
        """What to do about the problem."""
        if self.tls == "files" and "certificate" in self.problem:
            return "replace gateway.certificate and gateway.key with newer ones, then: invoke provision"
        return "invoke provision"

    def __str__(self) -> str:
        well = f"answers, certificate until {self.expires:%Y-%m-%d}" if self.expires else ""
        return f"gateway {self.address}: {f'NOT HEALTHY, {self.problem}' if self.problem else well}"

    def as_json(self) -> dict[str, object]:
        """The same for programs."""
        return {
            "address": self.address, "parts": dict(self.parts), "answers": self.answers,
            "certificate_expires": self.expires and self.expires.isoformat(), "problem": self.problem or None,
        }  # fmt: skip


def look(client: docker.DockerClient, student: Student) -> Health:
    """The health of the gateway that a student has.

    Raises:
        ValueError: the student has none.
    """
    its = student.gateway
    if its is None:
        raise ValueError(f"{student.name} has no gateway")
    found = gateway.parts_of(client, student.lab_class)
    parts = {part.name: found[part.name].status if part.name in found else "missing" for part in gateway.PARTS}
    front = found.get("front")
    answers = front is not None and front.status == "running" and _asked(front, its.domain).code == 0
    expires = _expires(gateway.file_in(front, "tls/server.pem")) if front is not None else None
    return Health(pages.origin(its.domain, its) + "/", parts, answers, expires, its.tls)


def _expires(pem: bytes) -> datetime | None:
    try:
        return x509.load_pem_x509_certificate(pem).not_valid_after_utc
    except ValueError:
        return None


def wait_until_it_answers(client: docker.DockerClient, lab_class: str, domain: str) -> None:
    """Ask through nginx for the portal, from inside, since what is published may be another machine's.

    Raises:
        LabError: it did not answer in time; what it printed last is the evidence.
    """
    ends = time.monotonic() + SECONDS
    front = client.containers.get(gateway.container_name(lab_class, "front"))
    while True:
        done = _asked(front, domain)
        if done.code == 0:
            return
        if time.monotonic() > ends:
            raise LabError(
                f"the gateway of {lab_class} did not answer within {SECONDS} s",
                evidence=[*gateway.last_lines(client, lab_class), *done.err.splitlines()[-1:]],
                fix=f"docker logs {front.name} says more; then run the same command again",
            )
        time.sleep(0.3)


def _asked(front: Container, domain: str) -> inside.Result:
    return inside.run_inside(front, ["python3", "-c", _QUESTION, domain], seconds=QUESTION_SECONDS)


#: Exits with 0 where the portal answers through nginx under the domain.
_QUESTION = """
import socket, ssl, sys
context = ssl._create_unverified_context()  # whose certificate it is, is the browsers' question
raw = socket.create_connection(("127.0.0.1", 8443), 3)
front = context.wrap_socket(raw, server_hostname=sys.argv[1])
front.sendall(f"GET /.lab/health HTTP/1.0\\r\\nHost: {sys.argv[1]}\\r\\n\\r\\n".encode())
sys.exit(b" 204 " not in front.recv(100))
"""
