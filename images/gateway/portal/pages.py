"""The portal's own pages: the start page, handouts, and files that every page needs."""

from __future__ import annotations

import time
from http import HTTPStatus
from urllib.parse import urlencode

import tornado.web

from portal.base import HERE, Handler
from portal.handouts import COURSE, rendered

#: What pages load, by name.
FILES = {
    **{name: HERE / name for name in ("style.css", "terminal.js", "board.css", "board.js", "board-parts.js")},
    **{name: HERE.parent / "xterm" / name for name in ("xterm.js", "xterm.css", "addon-fit.js")},
}
#: Seconds for which the start page waits for a stack, and after which it is opened again while the stack is asked.
LOOK_SECONDS, AGAIN_SECONDS = 2.0, 4


class Start(Handler):
    """The start page; the login where nobody is logged in."""

    async def get(self) -> None:
        person = self.person()
        if person is None:
            self.render("login.html", problem="", to=self.get_query_argument("to", ""), name="")
            return
        own = self.portal.own_student(person)
        seen, asking = await self.portal.edges.look(own, wait=LOOK_SECONDS) if own else (None, False)
        self.render(
            "home.html", person=person, students=sorted(person.students & self.portal.config.pages.keys()), own=own,
            lessons=self.portal.config.lessons, seen=seen, again=AGAIN_SECONDS if asking else None, now=time.time(),
        )  # fmt: skip


class Handout(Handler):
    def get(self, name: str) -> None:
        person = self.person()
        if person is None:
            self.redirect("/?" + urlencode({"to": self.request.path}))
            return
        lab = self.portal.config
        titles = {COURSE: lab.texts["home.course"], **{one["name"]: one["title"] for one in lab.lessons}}
        if name not in titles:
            raise tornado.web.HTTPError(HTTPStatus.NOT_FOUND)
        text = (self.portal.folder / "handouts" / f"{name}.md").read_text(encoding="utf-8")
        own = self.portal.own_student(person)
        self.render("handout.html", person=person, own=own, title=titles[name], html=rendered(text))


class Authority(Handler):
    """The certificate of the class's authority, to be installed in a browser."""

    def get(self) -> None:
        file = self.portal.folder / "tls" / "ca.pem"
        if not self.portal.config.fingerprint or not file.exists():
            raise tornado.web.HTTPError(HTTPStatus.NOT_FOUND)
        self.set_header("Content-Type", "application/x-x509-ca-cert")
        self.set_header("Content-Disposition", f'attachment; filename="{self.portal.config.lab_class}-ca.crt"')
        self.finish(file.read_bytes())


class File(Handler):
    """A style sheet or a script, the same for everybody; a browser asks each time whether its copy is still the one."""

    def get(self, name: str) -> None:
        self.set_header("Content-Type", f"text/{'css' if name.endswith('.css') else 'javascript'}; charset=utf-8")
        self.set_header("Cache-Control", "no-cache")
        self.finish(FILES[name].read_bytes())


class Health(Handler):
    def get(self) -> None:
        self.set_status(HTTPStatus.NO_CONTENT)


class Missing(Handler):
    def prepare(self) -> None:
        raise tornado.web.HTTPError(HTTPStatus.NOT_FOUND)
