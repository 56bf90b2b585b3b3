"""Who somebody is: login and logout, and the way from the login's host name on to a page's."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from urllib.parse import urlencode

import tornado.web

from portal import passwords, rules
from portal.base import COOKIE, Handler

#: Compared with when nobody has the name that was typed, so that an answer does not tell who is in the class.
NOBODY = "scrypt$4096$8$1$AAAAAAAAAAAAAAAAAAAAAA==$" + "A" * 86 + "=="


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
