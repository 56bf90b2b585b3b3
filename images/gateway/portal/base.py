"""What all pages of the portal share: the state of the process, sessions, and headers.

What nginx says of a request (X-Lab-…) replaces whatever a browser sent under these names; paths below /.lab/ are
nginx's own, but for those that `streamlab/gateway/nginx.conf.j2` passes on.
"""

from __future__ import annotations

import json
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path
from typing import Any

import tornado.web

from portal import config, rules
from portal.config import Person
from portal.edges import Edges
from portal.hand_ins import HandIns
from portal.hub import Hub
from portal.keys import Keys
from portal.sessions import Session, Sessions
from portal.throttle import Throttle

HERE = Path(__file__).parent
#: Browsers send it to the one host name that set it, over TLS alone, and let no other host name set it.
COOKIE = "__Host-lab"
#: Wrong secrets a minute: for one name from one address, and from one address.
MOST_FOR_NAME, MOST_FOR_ADDRESS = 5, 60
#: Bytes of the audit log before a new one is begun.
MOST_AUDIT = 1_000_000


class Portal:
    """What all handlers share."""

    def __init__(self, folder: Path = config.FOLDER, state: Path = Path("/var/lib/gateway")) -> None:
        self.folder, self.state = folder, state
        self.config = config.load(folder)
        self.sessions = Sessions(state / "sessions.db")
        self.by_name, self.by_address = Throttle(MOST_FOR_NAME), Throttle(MOST_FOR_ADDRESS)
        self.hashing = ThreadPoolExecutor(1)  # a crowd of attempts waits, instead of taking the memory
        self.keys = Keys(state, self.config.owners())
        self.edges = Edges(self.keys.of)
        self.hand_ins = HandIns(state, audit=self.audit)
        self.terminals: set[Any] = set()  # those that are open
        self.board = Hub()

    def reload(self) -> None:
        """Read the configuration again; one that cannot be read leaves the old one in force."""
        try:
            self.config = config.load(self.folder)
        except (OSError, ValueError, KeyError, TypeError):
            logging.exception("portal.json cannot be read; what was read before stays in force")
        else:
            self.keys.reload(self.config.owners())

    def audit(self, event: str, **said: str) -> None:
        """Write down who did what."""
        file = self.state / "audit.log"
        if file.exists() and file.stat().st_size > MOST_AUDIT:
            file.replace(file.with_suffix(".log.1"))
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        with file.open("a", encoding="utf-8") as log:
            log.write(json.dumps({"at": at, "event": event, **{key: value[:60] for key, value in said.items()}}) + "\n")

    def own_student(self, person: Person) -> str | None:
        """The student who somebody is; the instructor is none."""
        return person.name if person.name in self.config.ssh else None

    def may_open(self, session: Session, host: str) -> bool:
        """Whether the session's person may open this page now."""
        person = self.config.people.get(session.person)
        return person is not None and self.config.student_of(host) in person.students


class Handler(tornado.web.RequestHandler):
    """A page of the portal's own."""

    @property
    def portal(self) -> Portal:
        return self.settings["portal"]

    @property
    def host(self) -> str:
        return self.request.headers.get("X-Lab-Host", "")

    @property
    def address(self) -> str:
        return self.request.headers.get("X-Lab-Address", "")

    def session(self) -> Session | None:
        """The browser's session at this host name; none if the secret was renewed since."""
        cookies = self.request.headers.get("Cookie", "")
        token = self.get_cookie(COOKIE)
        if not token or cookies.count(f"{COOKIE}=") != 1:
            return None
        found = self.portal.sessions.find(token, self.host)
        person = self.portal.config.people.get(found.person) if found else None
        return found if found and person and person.credential == found.credential else None

    def person(self) -> Person | None:
        """Who is logged in."""
        session = self.session()
        return self.portal.config.people[session.person] if session else None

    def require_student(self) -> str:
        """The student who is logged in; others are refused, or sent to the login first."""
        person = self.person()
        if person is None:
            raise tornado.web.HTTPError(HTTPStatus.UNAUTHORIZED)
        student = self.portal.own_student(person)
        if student is None:
            raise tornado.web.HTTPError(HTTPStatus.NOT_FOUND)
        return student

    def give(self, token: str) -> None:
        self.set_cookie(COOKIE, token, path="/", secure=True, httponly=True, samesite="Lax")

    def set_default_headers(self) -> None:
        origin, domain = self.portal.config.origin, self.portal.config.domain
        self.set_header("Server", "portal")
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Referrer-Policy", "same-origin")
        self.set_header("Cross-Origin-Opener-Policy", "same-origin")
        self.set_header(
            "Content-Security-Policy",
            # A form's answer may lead on to a page: browsers look at where it leads, too.
            f"default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self' {origin(f'*.{domain}')} "
            f"{origin(domain)}; frame-ancestors 'none'; base-uri 'none'",
        )

    def get_template_namespace(self) -> dict[str, Any]:
        lab = self.portal.config
        return {
            **super().get_template_namespace(), "t": lambda key, **said: lab.texts[key].format(**said),
            "home": lab.origin(lab.domain), "lab": lab, "person": None, "age": self.age,
        }  # fmt: skip

    def age(self, seconds: float) -> str:
        """How long ago something was, in the class's language."""
        seconds = max(0, round(seconds))
        units = (("d", 86400), ("h", 3600), ("m", 60))
        unit, size = next((one for one in units if seconds >= one[1]), ("s", 1))
        return self.portal.config.texts[f"age.{unit}"].format(n=seconds // size)

    def write_error(self, status_code: int, **_: Any) -> None:
        """A page in the class's language; nothing of the cause is shown."""
        texts = self.portal.config.texts
        title = texts.get(f"error.{status_code}") or HTTPStatus(status_code).phrase
        self.render("message.html", title=title, text=texts.get(f"error.{status_code}.text", ""))

    def require_own_page(self) -> None:
        """Refuse what another page has sent, unless somebody follows a link."""
        headers = self.request.headers
        asked = rules.Asked(
            self.request.method or "", site=headers.get("Sec-Fetch-Site", ""), mode=headers.get("Sec-Fetch-Mode", ""),
            destination=headers.get("Sec-Fetch-Dest", ""), origin=headers.get("Origin", ""),
        )  # fmt: skip
        if not rules.comes_from_a_good_place(asked, self.portal.config.origin(self.host)):
            raise tornado.web.HTTPError(HTTPStatus.FORBIDDEN)
