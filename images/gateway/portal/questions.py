"""Answers to nginx: whether a request for a page may go on, and what stands in the place of one that may not."""

from __future__ import annotations

from http import HTTPStatus
from typing import ClassVar
from urllib.parse import urlencode

import tornado.web

from portal import rules
from portal.base import Handler


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
