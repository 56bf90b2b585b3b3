"""A class of 24 at its gateway, all at once: the way to the start page, a page of a stack, and what memory that takes.

Each student is a client of its own that knows a card, and whose TLS connections trust the class's authority alone. One
of them has a stack: its page is what all ask for when a stack's page is measured, each with a login of its own.
"""

from __future__ import annotations

import csv
import statistics
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import urllib3
import yaml

from benchmarks.run import Side
from benchmarks.stacks import lab, timed
from streamlab.engines import engine, memory
from streamlab.errors import LabError
from streamlab.gateway import gateway
from streamlab.gateway.secrets import class_folder
from streamlab.paths import ROOT
from streamlab.students.docker_hosts import LOCAL

CLASS, WITH_STACK, COUNT = "labbenchgate", "bench01", 24
DOMAIN, PORT = "bench.localhost", 28447
#: Pages that each student opens one after the other, beside all others.
PAGES = 20
SECONDS = 60


class Visitor:
    """Somebody with a card and nothing else; each host name has its connection and its cookie, as in a browser."""

    def __init__(self, card: Mapping[str, str], authority: Path) -> None:
        self._card, self._authority = card, authority
        self._pools: dict[str, urllib3.HTTPSConnectionPool] = {}
        self._cookies: dict[str, str] = {}

    def ask(
        self, host: str, path: str = "/", form: Mapping[str, str] | None = None, *, expected: int = 200
    ) -> urllib3.BaseHTTPResponse:
        """One request.

        Raises:
            LabError: another status than the expected one came back.
        """
        if host not in self._pools:  # `localhost` and what is below it lead here without being looked up
            self._pools[host] = urllib3.HTTPSConnectionPool(
                "127.0.0.1", PORT, ca_certs=str(self._authority), server_hostname=host, assert_hostname=host,
                timeout=SECONDS, retries=False,
            )  # fmt: skip
        headers = {"Host": f"{host}:{PORT}", "Cookie": self._cookies.get(host, "")}
        if form is not None:
            headers |= {"Origin": f"https://{host}:{PORT}", "Content-Type": "application/x-www-form-urlencoded"}
        answer = self._pools[host].request(
            "GET" if form is None else "POST", path, headers=headers, redirect=False,
            body=None if form is None else urlencode(form),
        )  # fmt: skip
        if answer.status != expected:
            raise LabError(
                f"{self._card['name']} got {answer.status} for {path} of {host}, not {expected}",
                evidence=answer.data.decode(errors="replace").splitlines()[:8],
            )
        if "set-cookie" in answer.headers:
            self._cookies[host] = answer.headers["set-cookie"].partition(";")[0]
        return answer

    def log_in(self) -> None:
        """From the address on the card to the start page."""
        self.ask(DOMAIN)
        self.ask(
            DOMAIN, "/login", {"name": self._card["name"], "secret": self._card["secret"], "to": "/"}, expected=303
        )
        if self._card["name"].encode() not in (page := self.ask(DOMAIN)).data:
            raise LabError(f"the page after {self._card['name']}'s login is another's", evidence=str(page.data[:200]))

    def go_on(self, host: str) -> None:
        """From the login to a page's host name, by the code that is good once."""
        code = urlsplit(
            self.ask(DOMAIN, "/enter?" + urlencode({"host": host, "to": "/"}), expected=302).headers["location"]
        )
        self.ask(host, f"{code.path}?{code.query}", expected=302)


@contextmanager
def the_class() -> Iterator[Callable[[str], Visitor]]:
    """The gateway of 24, and who comes with a card of it; one of them has a stack."""
    with tempfile.TemporaryDirectory() as folder:
        inventory, cards = Path(folder, "class.yml"), Path(folder, "cards.csv")
        Path(folder, "group_vars").symlink_to(ROOT / "inventory" / "group_vars", target_is_directory=True)
        inventory.write_text(yaml.safe_dump(_described()), encoding="utf-8")
        lab("destroy", "--yes", "--inventory", str(inventory))
        try:
            lab("provision", "--inventory", str(inventory), "--limit", WITH_STACK)
            lab("cards", "--inventory", str(inventory), "--to", str(cards))
            known = {card["name"]: card for card in csv.DictReader(cards.read_text(encoding="utf-8").splitlines())}
            yield lambda name: Visitor(known[name], class_folder(CLASS) / "ca.pem")
        finally:
            lab("destroy", "--yes", "--inventory", str(inventory))


def _described() -> dict[str, object]:
    hosts = {
        f"bench{number:02}": {
            "port_base": 30000 + 100 * number,
            "subnet": f"10.89.{192 + number // 8}.{number % 8 * 32}/27",
        }
        for number in range(1, COUNT + 1)
    }
    return {
        "all": {
            "vars": {
                "lab_class": CLASS,
                "at_work": 0.05,
                "gateway": {"domain": DOMAIN, "port": PORT, "ssh_port": 22227},
            },
            "children": {
                "docker_hosts": {"hosts": {"this_machine": {"ansible_connection": "local"}}},
                "students": {"hosts": hosts},
            },
        }
    }


def at_once(actions: list[Callable[[], object]]) -> None:
    """All of them begin together; the first that fails is raised when all are over."""
    begin = threading.Barrier(len(actions))

    def one(action: Callable[[], object]) -> None:
        begin.wait(SECONDS)
        action()

    with ThreadPoolExecutor(len(actions)) as pool:
        list(pool.map(one, actions))


@contextmanager
def logins() -> Iterator[tuple[Side, None]]:
    """Seconds until the last of 24 has read the own start page."""
    with the_class() as visitor:
        yield lambda: timed(lambda: at_once([visitor(f"bench{n:02}").log_in for n in range(1, COUNT + 1)])), None


@contextmanager
def pages() -> Iterator[tuple[Side, Side]]:
    """The 95th percentile of the seconds that the ResourceManager's list of nodes takes 24 browsers, and one alone."""
    host = f"{WITH_STACK}-rm.{DOMAIN}"
    with the_class() as visitor:
        browsers = [visitor(WITH_STACK) for _ in range(COUNT)]
        for browser in browsers:
            browser.log_in()
            browser.go_on(host)

        def measured(count: int) -> float:
            seconds: list[float] = []

            def reads(browser: Visitor) -> None:
                seconds.extend(timed(lambda: browser.ask(host, "/cluster/nodes")) for _ in range(PAGES))

            at_once([lambda browser=browser: reads(browser) for browser in browsers[:count]])
            return statistics.quantiles(seconds, n=20)[-1]

        yield lambda: measured(COUNT), lambda: measured(1)


@contextmanager
def in_use() -> Iterator[tuple[Side, None]]:
    """Megabytes of the gateway's containers once 24 have logged in, without page cache."""
    with the_class() as visitor, engine.connect(LOCAL) as client:
        at_once([visitor(f"bench{n:02}").log_in for n in range(1, COUNT + 1)])
        parts = gateway.parts_of(client, CLASS).values()
        yield lambda: sum(memory.in_use(part, here=True) for part in parts) / 2**20, None
