"""The portal's own pages: the start page, handouts, and files that every page needs."""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import urlencode

import tornado.web

from portal.base import HERE, Handler
from portal.handouts import rendered


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
