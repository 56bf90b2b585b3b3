"""The instructor's board, as pages and as a stream of events. What a stack has said is shown by the script as text."""

from __future__ import annotations

import json
from http import HTTPStatus
from urllib.parse import urlencode

import tornado.iostream
import tornado.web

from portal.base import Handler

#: Browsers that follow the board at the same time.
MOST_FOLLOWERS = 20
#: What the texts begin with that its script knows.
TEXTS = ("board.", "age.", "applications.", "home.pages")


class BoardHandler(Handler):
    """What only an instructor may open, and no page elsewhere by itself."""

    def prepare(self) -> None:
        self.require_own_page()

    def require_instructor(self) -> None:
        person = self.person()
        if person is None:
            raise tornado.web.HTTPError(HTTPStatus.UNAUTHORIZED)
        if not person.instructor:
            raise tornado.web.HTTPError(HTTPStatus.FORBIDDEN)


class Page(BoardHandler):
    """The page of the class, or of one student; its script follows the events."""

    def get(self, student: str = "") -> None:
        if self.person() is None:
            self.redirect("/?" + urlencode({"to": self.request.path}))
            return
        self.require_instructor()
        self.set_header(
            "Content-Security-Policy",
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
            "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        )
        texts = {key: text for key, text in self.portal.config.texts.items() if key.startswith(TEXTS)}
        self.render("board.html", person=self.person(), student=student, texts=json.dumps(texts, ensure_ascii=False))


class Events(BoardHandler):
    """Server-sent events, for as long as the login is good."""

    async def get(self) -> None:
        self.require_instructor()
        hub = self.portal.board
        if hub.followers >= MOST_FOLLOWERS:
            raise tornado.web.HTTPError(HTTPStatus.SERVICE_UNAVAILABLE)
        hub.followers += 1
        try:
            self.set_header("Content-Type", "text/event-stream")
            async for events in hub.follow():
                if (person := self.person()) is None or not person.instructor:
                    return
                self.write(events)
                await self.flush()
        except tornado.iostream.StreamClosedError:
            pass  # the browser is gone
        finally:
            hub.followers -= 1
