"""Who comes to a gateway with a card, and sends exactly what a test says."""

from __future__ import annotations

import csv
import hashlib
import http.client
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from lab_runner import LabRunner


@dataclass(frozen=True)
class Answer:
    """What came back: header names are lower-case, and one that came twice has both values."""

    status: int
    headers: Mapping[str, list[str]]
    body: bytes

    @property
    def leads_to(self) -> str:
        return self.headers.get("location", [""])[0]

    def cookie(self) -> str:
        """The session that it sets, as a browser sends it back."""
        found = SimpleCookie(self.headers["set-cookie"][0])["__Host-lab"]
        assert (found["secure"], found["httponly"], found["path"], found["domain"]) == (True, True, "/", "")
        return f"__Host-lab={found.value}"


@dataclass(frozen=True)
class Site:
    """The gateway of the class, and what is printed on its cards."""

    lab: LabRunner
    domain: str
    port: int
    cards: Mapping[str, Mapping[str, str]]
    authority: Path

    def origin(self, host: str) -> str:
        return f"https://{host}:{self.port}"

    @property
    def home(self) -> str:
        return self.origin(self.domain)

    def page(self, student: str, label: str) -> str:
        """The host name of a page."""
        return f"{student}-{label}.{self.domain}"

    def connect(self, sni: str) -> ssl.SSLSocket:
        """A TLS connection whose certificate has been checked against the class's authority alone."""
        context = ssl.create_default_context(cafile=str(self.authority))
        return context.wrap_socket(socket.create_connection(("127.0.0.1", self.port), 30), server_hostname=sni)

    def ask(
        self, host: str, path: str = "/", method: str = "GET", *, sni: str = "", body: str | None = None, **headers: str
    ) -> Answer:
        """One request, with exactly these headers; ``sec_fetch_site`` is Sec-Fetch-Site."""
        connection = http.client.HTTPConnection(host, self.port)
        connection.sock = self.connect(sni or host)
        try:
            given = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, given)
            answer = connection.getresponse()
            found: dict[str, list[str]] = {}
            for name, value in answer.getheaders():
                found.setdefault(name.lower(), []).append(value)
            with suppress(http.client.IncompleteRead):
                return Answer(answer.status, found, b"" if answer.status == 101 else answer.read(10_000_000))
            raise AssertionError("the answer was cut off")
        finally:
            connection.close()

    def status(self, host: str, path: str, method: str = "GET", **headers: str) -> int:
        """The status of an answer, of which no more is read: it may have no end."""
        connection = http.client.HTTPConnection(host, self.port)
        connection.sock = self.connect(host)
        try:
            connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
            return connection.getresponse().status
        finally:
            connection.close()

    def raw(self, request: bytes, *, sni: str = "") -> bytes:
        """The beginning of the answer to bytes as they are."""
        with self.connect(sni or self.domain) as connection:
            connection.sendall(request)
            return connection.recv(4096)

    def log_in(self, name: str, secret: str = "") -> Answer:
        form = urlencode({"name": name, "secret": secret or self.cards[name]["secret"], "to": "/"})
        kind = "application/x-www-form-urlencoded"
        return self.ask(self.domain, "/login", "POST", body=form, origin=self.home, content_type=kind)

    def enter_key(self, cookie: str, key: str = "", *, remove: str = "", origin: str = "") -> Answer:
        """The form for public keys of ssh, filled in."""
        form, kind = urlencode({"key": key, "remove": remove}), "application/x-www-form-urlencoded"
        headers = {"cookie": cookie, "origin": origin or self.home, "content_type": kind}
        return self.ask(self.domain, "/ssh", "POST", body=form, **headers)

    def renew(self, name: str) -> None:
        """Give somebody a new card."""
        file = self.authority.with_name("renewed.csv")
        self.lab("cards", "--renew", name, "--to", str(file), student=False)
        (new,) = [line for line in csv.DictReader(file.read_text().splitlines()) if line["name"] == name]
        self.cards[name]["secret"] = new["secret"]  # type: ignore[index]

    def hand_over(self, cookie: str, host: str, to: str = "/") -> str:
        """The path with the code that opens a page's host name."""
        answer = self.ask(self.domain, "/enter?" + urlencode({"host": host, "to": to}), cookie=cookie)
        assert answer.leads_to.startswith(f"{self.origin(host)}/.lab/enter?"), answer
        parts = urlsplit(answer.leads_to)
        return f"{parts.path}?{parts.query}"

    def session(self, name: str, host: str) -> str:
        """The cookie of somebody who has logged in and gone on to a page."""
        return self.ask(host, self.hand_over(self.log_in(name).cookie(), host)).cookie()


def site_of(runner: LabRunner, folder: Path) -> Site:
    """What a card says, and the authority's certificate that the gateway offers, if it is the one on the card."""
    runner("cards", "--to", str(folder / "cards.csv"), student=False)
    lines = list(csv.DictReader((folder / "cards.csv").read_text().splitlines()))
    parts = urlsplit(lines[0]["address"])
    assert parts.hostname
    unknown = ssl.create_default_context()
    unknown.check_hostname, unknown.verify_mode = False, ssl.CERT_NONE
    raw = socket.create_connection(("127.0.0.1", parts.port or 443), 30)
    connection = http.client.HTTPConnection(parts.hostname, parts.port)
    connection.sock = unknown.wrap_socket(raw, server_hostname=parts.hostname)
    connection.request("GET", "/ca.crt")
    offered = connection.getresponse().read()
    der = ssl.PEM_cert_to_DER_cert(offered.decode())
    assert hashlib.sha256(der).hexdigest().upper() == lines[0]["fingerprint"].replace(":", "")
    (folder / "ca.crt").write_bytes(offered)
    cards = {line["name"]: line for line in lines}
    return Site(runner, parts.hostname, parts.port or 443, cards, folder / "ca.crt")
