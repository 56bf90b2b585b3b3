"""The board on this machine's loopback, for a class without a gateway: a token in its address, as JupyterLab has one.

The page, its script and its style are the portal's own files; only what they are fed with, and who may look, is here.
Python's own server, because there are six addresses that are only read: Tornado, which the portal has, would be another
package that every control machine installs.
"""

from __future__ import annotations

import hmac
import json
import secrets
import sys
import threading
from collections.abc import Mapping
from html import escape
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from streamlab.board.store import Store
from streamlab.errors import WrongRequest
from streamlab.paths import IMAGES

ADDRESS = "127.0.0.1"
#: Host names under which a browser may know this machine; with another one, a page from elsewhere has led it here.
HOSTS = (ADDRESS, "localhost")
#: Browsers that follow the board at the same time: each has a thread.
MOST_FOLLOWERS = 20
#: Seconds in which a browser sends a request, and takes a message.
SECONDS = 30
PORTAL = IMAGES / "gateway" / "portal"
FILES = {
    "style.css": "text/css",
    "board.css": "text/css",
    "board.js": "text/javascript",
    "board-parts.js": "text/javascript",
}
#: What the texts begin with that the script knows.
TEXTS = ("board.", "age.", "applications.", "home.pages")
#: As the portal says it; `images/gateway/portal/board.py` explains what the page needs.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'none'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
PAGE = """<!doctype html>
<html lang="{language}">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>{title} · {lab_class}</title>
  <link rel="stylesheet" href="/.lab/style.css">
  <link rel="stylesheet" href="/.lab/board.css">
  <script type="module" src="/.lab/board.js"></script>
</head>
<body class="board">
  <a class="skip" href="#main">{skip}</a>
  <header><a class="brand" href="/board">{lab_class}</a></header>
  <main id="main">
    <h1>{heading}</h1>
    <div id="board" data-student="{student}" data-texts="{texts}"><noscript>{script}</noscript></div>
  </main>
</body>
</html>
"""


class Server(ThreadingHTTPServer):
    """Serves a store to who has the token.

    Args:
        port: 0 for any that is free.
        texts: key -> text in the class's language.

    Raises:
        WrongRequest: the port is taken.
    """

    daemon_threads = True

    def __init__(self, store: Store, port: int, *, lab_class: str, language: str, texts: Mapping[str, str]) -> None:
        self.store, self.lab_class, self.language, self.texts = store, lab_class, language, texts
        self.token = secrets.token_urlsafe(24)
        self.followers = threading.BoundedSemaphore(MOST_FOLLOWERS)
        try:
            super().__init__((ADDRESS, port), Handler)
        except (OSError, OverflowError) as error:
            raise WrongRequest(
                f"the board cannot be served at port {port}", evidence=str(error), fix="choose another one: --port 8899"
            ) from error

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away in the middle of a request is no error."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    @property
    def address(self) -> str:
        """What a browser is given."""
        return f"http://{ADDRESS}:{self.server_port}/board?token={self.token}"

    def page(self, student: str) -> str:
        """The page of the class, or of one student."""
        texts = {key: text for key, text in self.texts.items() if key.startswith(TEXTS)}
        said = {
            "language": self.language, "lab_class": self.lab_class, "title": texts["board.title"], "student": student,
            "heading": student or texts["board.title"],
            "skip": self.texts["skip"], "script": texts["board.script"], "texts": json.dumps(texts, ensure_ascii=False),
        }  # fmt: skip
        return PAGE.format(**{name: escape(text) for name, text in said.items()})


class Handler(BaseHTTPRequestHandler):
    """Answers GET, and nothing else."""

    server: Server
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "board", ""
    timeout = SECONDS

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if urlsplit(f"//{self.headers.get('Host', '')}").hostname not in HOSTS:
            self._refuse(HTTPStatus.MISDIRECTED_REQUEST, "this host name is not the board's")
        elif self.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
            self._refuse(HTTPStatus.FORBIDDEN, "another page asked for this")
        elif self._is_token(parse_qs(parts.query).get("token", [""])[0]):
            cookie = f"{self._cookie}={self.server.token}; Path=/; HttpOnly; SameSite=Strict"
            self._answer(HTTPStatus.SEE_OTHER, "", b"", {"Location": parts.path, "Set-Cookie": cookie})
        elif not self._is_token(self._session()):
            self._refuse(HTTPStatus.FORBIDDEN, "open the address that `invoke board` printed, with its token")
        else:
            self._show(parts.path)

    @property
    def _cookie(self) -> str:
        return f"board-{self.server.server_port}"  # a browser sends the cookies of all ports to each

    def _session(self) -> str:
        # Not `SimpleCookie`: another program's cookie that it cannot read would hide ours.
        parts = (part.strip().partition("=") for part in self.headers.get("Cookie", "").split(";"))
        return next((value for name, _, value in parts if name == self._cookie), "")

    def _is_token(self, said: str) -> bool:
        return hmac.compare_digest(said.encode(), self.server.token.encode())

    def _show(self, path: str) -> None:
        name = path.removeprefix("/.lab/")
        student = path.removeprefix("/board/students/")
        if path == "/board/events":
            self._follow()
        elif path == "/favicon.ico":  # which browsers ask for by themselves
            self._answer(HTTPStatus.NO_CONTENT, "", b"")
        elif name in FILES:
            self._answer(HTTPStatus.OK, FILES[name], (PORTAL / name).read_bytes())
        elif path == "/board":
            self._answer(HTTPStatus.OK, "text/html", self.server.page("").encode())
        elif student != path and student.isalnum() and len(student) < 100:
            self._answer(HTTPStatus.OK, "text/html", self.server.page(student).encode())
        else:
            self._refuse(HTTPStatus.NOT_FOUND, "there is no such page")

    def _follow(self) -> None:
        """Server-sent events, until the browser is gone."""
        if not self.server.followers.acquire(blocking=False):
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, "too many browsers follow the board")
            return
        try:
            self.close_connection = True
            self._begin(HTTPStatus.OK, {"Content-Type": "text/event-stream"})
            for news in self.server.store.follow():
                events = [b"data: " + message.encoded() + b"\n\n" for message in news]
                self.wfile.write(b"".join(events) or b": \n\n")
        except OSError:
            pass  # the browser is gone
        finally:
            self.server.followers.release()

    def _refuse(self, status: HTTPStatus, why: str) -> None:
        self._answer(status, "text/plain", f"{why}\n".encode())

    def _answer(self, status: HTTPStatus, kind: str, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        shown = {"Content-Type": f"{kind}; charset=utf-8"} if kind else {}
        self._begin(status, {**shown, **(headers or {}), "Content-Length": str(len(body))})
        self.wfile.write(body)

    def _begin(self, status: HTTPStatus, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        safe = {
            "Content-Security-Policy": POLICY, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
        }  # fmt: skip
        for name, value in {**safe, **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """The token is in an address, and the terminal has better things to show."""
