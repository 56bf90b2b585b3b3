"""The portal's pages, and the answers to nginx's questions.

What nginx says of a request (X-Lab-…) replaces whatever a browser sent under these names; paths below /.lab/ are
nginx's own, but for those that `streamlab/gateway/nginx.conf.j2` passes on.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlencode

import tornado.web

from portal import config, passwords, rules
from portal.handouts import rendered
from portal.sessions import Session, Sessions
from portal.throttle import Throttle

HERE = Path(__file__).parent
#: Browsers send it to the one host name that set it, over TLS alone, and let no other host name set it.
COOKIE = "__Host-lab"
#: Wrong secrets a minute: for one name from one address, and from one address.
MOST_FOR_NAME, MOST_FOR_ADDRESS = 5, 60
#: Bytes of the audit log before a new one is begun.
MOST_AUDIT = 1_000_000
#: Compared with when nobody has the name that was typed, so that an answer does not tell who is in the class.
NOBODY = "scrypt$4096$8$1$AAAAAAAAAAAAAAAAAAAAAA==$" + "A" * 86 + "=="


class Portal:
    """What all handlers share."""

    def __init__(self, folder: Path = config.FOLDER, state: Path = Path("/var/lib/gateway")) -> None:
        self.folder, self.state = folder, state
        self.config = config.load(folder)
        self.sessions = Sessions(state / "sessions.db")
        self.by_name, self.by_address = Throttle(MOST_FOR_NAME), Throttle(MOST_FOR_ADDRESS)
        self.hashing = ThreadPoolExecutor(1)  # a crowd of attempts waits, instead of taking the memory

    def reload(self) -> None:
        """Read the configuration again; one that cannot be read leaves the old one in force."""
        try:
            self.config = config.load(self.folder)
        except (OSError, ValueError, KeyError, TypeError):
            logging.exception("portal.json cannot be read; what was read before stays in force")

    def audit(self, event: str, **said: str) -> None:
        """Write down who did what."""
        file = self.state / "audit.log"
        if file.exists() and file.stat().st_size > MOST_AUDIT:
            file.replace(file.with_suffix(".log.1"))
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        with file.open("a", encoding="utf-8") as log:
            log.write(json.dumps({"at": at, "event": event, **{key: value[:60] for key, value in said.items()}}) + "\n")

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
            "home": lab.origin(lab.domain), "lab": lab, "person": None,
        }  # fmt: skip

    def write_error(self, status_code: int, **_: Any) -> None:
        """A page in the class's language; nothing of the cause is shown."""
        texts = self.portal.config.texts
        title = texts.get(f"error.{status_code}") or HTTPStatus(status_code).phrase
        self.render("message.html", title=title, text=texts.get(f"error.{status_code}.text", ""))

    def require_own_page(self) -> None:
        """Refuse what another page has sent."""
        headers = self.request.headers
        asked = rules.Asked(
            self.request.method or "", site=headers.get("Sec-Fetch-Site", ""), origin=headers.get("Origin", "")
        )
        if not rules.comes_from_a_good_place(asked, self.portal.config.origin(self.host)):
            raise tornado.web.HTTPError(HTTPStatus.FORBIDDEN)


class Start(Handler):
    """The start page; the login where nobody is logged in."""

    def get(self) -> None:
        session = self.session()
        if session is None:
            self.render("login.html", problem="", to=self.get_query_argument("to", ""), name="")
            return
        person = self.portal.config.people[session.person]
        students = sorted(person.students & self.portal.config.pages.keys())
        self.render("home.html", person=person, students=students, lessons=self.portal.config.lessons)


class Login(Handler):
    async def post(self) -> None:
        self.require_own_page()
        name, secret = (self.get_body_argument(field, "") for field in ("name", "secret"))
        name, portal = name.strip().lower()[:40], self.portal
        wait = max(portal.by_name.wait((name, self.address)), portal.by_address.wait(self.address))
        if wait:
            self.again(HTTPStatus.TOO_MANY_REQUESTS, "login.wait", name, seconds=str(wait))
            return
        person = portal.config.people.get(name)
        known = person.secret_hash if person else NOBODY
        right = await asyncio.get_running_loop().run_in_executor(portal.hashing, passwords.matches, secret, known)
        if not (person and right):
            portal.by_name.failed((name, self.address))
            portal.by_address.failed(self.address)
            portal.audit("refused", name=name, address=self.address)
            self.again(HTTPStatus.FORBIDDEN, "login.wrong", name)
            return
        self.give(portal.sessions.begin(person.name, self.host, person.credential))
        portal.audit("login", name=name, address=self.address)
        self.redirect(rules.safe_path(self.get_body_argument("to", "/")), status=HTTPStatus.SEE_OTHER)

    def again(self, status: int, problem: str, name: str, **said: str) -> None:
        self.set_status(status)
        text = self.portal.config.texts[problem].format(**said)
        self.render("login.html", problem=text, to=self.get_body_argument("to", ""), name=name)


class Logout(Handler):
    def post(self) -> None:
        self.require_own_page()
        session = self.session()
        if session:
            self.portal.sessions.end(session.login)
            self.portal.audit("logout", name=session.person, address=self.address)
        self.clear_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="Lax")
        self.redirect("/", status=HTTPStatus.SEE_OTHER)


class Handout(Handler):
    def get(self, name: str) -> None:
        session = self.session()
        if session is None:
            self.redirect("/?" + urlencode({"to": self.request.path}))
            return
        lesson = next((one for one in self.portal.config.lessons if one["name"] == name), None)
        if lesson is None:
            raise tornado.web.HTTPError(HTTPStatus.NOT_FOUND)
        text = (self.portal.folder / "handouts" / f"{name}.md").read_text(encoding="utf-8")
        person = self.portal.config.people[session.person]
        self.render("handout.html", person=person, lesson=lesson, html=rendered(text))


class Authority(Handler):
    """The certificate of the class's authority, to be installed in a browser."""

    def get(self) -> None:
        file = self.portal.folder / "tls" / "ca.pem"
        if not self.portal.config.fingerprint or not file.exists():
            raise tornado.web.HTTPError(HTTPStatus.NOT_FOUND)
        self.set_header("Content-Type", "application/x-x509-ca-cert")
        self.set_header("Content-Disposition", f'attachment; filename="{self.portal.config.lab_class}-ca.crt"')
        self.finish(file.read_bytes())


class Hand(Handler):
    """From the login's host name on to a page's, with a code that is good once."""

    def get(self) -> None:
        host, to = self.get_query_argument("host", "")[:260], rules.safe_path(self.get_query_argument("to", "/"))
        if self.portal.config.student_of(host) is None:
            raise tornado.web.HTTPError(HTTPStatus.NOT_FOUND)
        session = self.session()
        if session is None:
            self.redirect("/?" + urlencode({"to": "/enter?" + urlencode({"host": host, "to": to})}))
        elif not self.portal.may_open(session, host):
            raise tornado.web.HTTPError(HTTPStatus.FORBIDDEN)
        else:
            code = self.portal.sessions.code_for(session, host)
            self.redirect(f"{self.portal.config.origin(host)}/.lab/enter?" + urlencode({"code": code, "to": to}))


class Enter(Handler):
    """At a page's host name: a cookie in exchange for the code."""

    def get(self) -> None:
        token = self.portal.sessions.redeem(self.get_query_argument("code", "")[:100], self.host)
        if token:
            self.give(token)
        # Without a token the page asks for the login again, which makes another code.
        to = rules.safe_path(self.get_query_argument("to", "/"))
        self.redirect(to if token else self.portal.config.origin(self.portal.config.domain) + "/")


class Question(Handler):
    """nginx asks of every request for a page whether it may go on."""

    def get(self) -> None:
        headers, session = self.request.headers, self.session()
        asked = rules.Asked(
            headers.get("X-Lab-Method", ""), headers.get("X-Lab-Path", ""), headers.get("X-Lab-Upgrade", ""),
            headers.get("Sec-Fetch-Site", ""), headers.get("Sec-Fetch-Mode", ""), headers.get("Sec-Fetch-Dest", ""),
            headers.get("Origin", ""),
        )  # fmt: skip
        allowed = session is not None and self.portal.may_open(session, self.host)
        own = self.portal.config.origin(self.host)
        self.set_status(rules.decide(asked, logged_in=session is not None, allowed=allowed, own_origin=own))

    post = put = delete = patch = head = options = get  # whatever the request is that nginx asks about


class Begin(Handler):
    """nginx has a request for a page from somebody who is not logged in there."""

    def get(self) -> None:
        to = self.request.headers.get("X-Lab-Path", "/")
        query = urlencode({"host": self.host, "to": to})
        self.redirect(f"{self.portal.config.origin(self.portal.config.domain)}/enter?{query}")

    def post(self) -> None:
        raise tornado.web.HTTPError(HTTPStatus.UNAUTHORIZED)

    put = delete = patch = head = options = post


class Message(Handler):
    """A page in the place of one that nginx has not got."""

    status: ClassVar[int] = HTTPStatus.FORBIDDEN

    def get(self) -> None:
        self.set_status(self.status)
        self.write_error(self.status)

    post = put = delete = patch = head = options = get


class Absent(Message):
    status = HTTPStatus.BAD_GATEWAY


class Logs(Handler):
    """In the place of a daemon's folder of logs."""

    def get(self) -> None:
        texts = self.portal.config.texts
        self.render("message.html", title=texts["logs.title"], text=texts["logs.text"])


class Style(Handler):
    def get(self) -> None:
        self.set_header("Content-Type", "text/css; charset=utf-8")
        self.set_header("Cache-Control", "max-age=3600")
        self.finish((HERE / "style.css").read_bytes())


class Health(Handler):
    def get(self) -> None:
        self.set_status(HTTPStatus.NO_CONTENT)


class Missing(Handler):
    def prepare(self) -> None:
        raise tornado.web.HTTPError(HTTPStatus.NOT_FOUND)
