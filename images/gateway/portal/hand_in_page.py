"""The page on which a student hands in the folder of an exercise, and sees what was received."""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import urlencode

from portal.base import Handler
from portal.hand_ins import JOB

#: Characters of what the edge node says that are shown.
LONGEST = 600


class HandIn(Handler):
    """GET shows it; POST hands in the folder that is named."""

    def get(self) -> None:
        person = self.person()
        if person is None:
            self.redirect("/?" + urlencode({"to": "/hand-in"}))
            return
        self.show()

    def show(self, problem: str = "", *, said: str = "", job: str = "") -> None:
        student = self.require_student()
        taken = self.portal.hand_ins.of(student)
        self.render("hand_in.html", person=self.person(), taken=taken, problem=problem, said=said[:LONGEST], job=job)

    async def post(self) -> None:
        self.require_own_page()
        student, job = self.require_student(), self.get_body_argument("job", "").strip()[:40]
        if not JOB.fullmatch(job):
            self.set_status(HTTPStatus.BAD_REQUEST)
            self.show("handin.name", job=job)
            return
        try:
            said = await self.portal.hand_ins.pack(student, job)
        except (TimeoutError, OSError):
            self.set_status(HTTPStatus.BAD_GATEWAY)
            self.show("state.none", job=job)
            return
        if said:
            self.set_status(HTTPStatus.BAD_REQUEST)
            self.show("handin.refused", said=said, job=job)
        else:
            self.redirect("/hand-in", status=HTTPStatus.SEE_OTHER)
