"""The page about ssh: what a laptop needs, and the public keys that a student enters without the instructor."""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import urlencode

from portal.base import Handler
from portal.keys import MOST, fingerprint

#: Seconds for which a changed key waits for the edge node, before the page says that it has not got it yet.
RENEW_SECONDS = 8.0


class Ssh(Handler):
    """GET shows it; POST adds a key, or removes the one with a fingerprint."""

    def get(self) -> None:
        person = self.person()
        if person is None:
            self.redirect("/?" + urlencode({"to": "/ssh"}))
            return
        self.require_student()
        self.show("ssh.waits" if self.get_query_argument("waits", "") else "")

    def show(self, note: str = "", *, wrong: bool = False, typed: str = "") -> None:
        student, portal = self.require_student(), self.portal
        entered = [(key.split()[0], fingerprint(key)) for key in portal.keys.of(student)]
        given = [(key.split()[0], fingerprint(key)) for key in portal.config.ssh[student]["keys"]]
        self.render(
            "ssh.html", person=self.person(), student=student, entered=entered, given=given, note=note, wrong=wrong,
            typed=typed, most=MOST,
        )  # fmt: skip

    async def post(self) -> None:
        self.require_own_page()
        student, portal = self.require_student(), self.portal
        removed, typed = self.get_body_argument("remove", ""), self.get_body_argument("key", "")[:5000]
        try:
            if removed:
                portal.keys.remove(student, removed)
            else:
                portal.keys.add(student, typed)
        except ValueError:
            self.set_status(HTTPStatus.BAD_REQUEST)
            self.show("ssh.wrong", wrong=True, typed=typed)
            return
        portal.audit("key removed" if removed else "key added", name=student, address=self.address)
        known = await portal.edges.renew(student, wait=RENEW_SECONDS)
        self.redirect("/ssh" if known else "/ssh?waits=1", status=HTTPStatus.SEE_OTHER)
