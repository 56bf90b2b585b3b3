"""Cards to print and cut: how each student of a class logs in."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import segno

from streamlab.engines import engine
from streamlab.errors import WrongRequest, unknown
from streamlab.gateway import authority, bring_up, gateway, pages, settings
from streamlab.gateway.secrets import class_folder, ensure_secrets
from streamlab.paths import private_file, typed
from streamlab.students.docker_hosts import by_docker_host
from streamlab.students.inventory import Lab
from streamlab.students.problems import INSTRUCTOR
from streamlab.students.student import Student
from streamlab.ui import say


@dataclass(frozen=True)
class Card:
    """What one person needs to know.

    Args:
        fingerprint: of the class's own authority; empty where browsers know the certificate anyhow.
    """

    name: str
    address: str
    secret: str
    fingerprint: str

    @property
    def qr_code(self) -> str:
        """The address as SVG. Not the secret: an address is kept by browsers, and shown by whoever scans it."""
        return segno.make(self.address, error="m").svg_inline(scale=3, border=2, lineclass=None, svgclass="qr")


def cards(lab: Lab, *, to: str | None, renew: str | None, student: str | None = None, limit: str | None = None) -> None:
    """Write the cards of these students, or give one person a new secret, or both.

    Raises:
        WrongRequest: the class has no gateway, or nobody has the name, or it is not said what to do.
    """
    if lab.students[0].gateway is None:
        raise WrongRequest(
            f"{lab.path.name} has no gateway to log in to", fix="add `gateway: {}` to the class's variables"
        )
    if to is None and renew is None:
        raise WrongRequest("cards to where?", fix="--to cards.html to print them, --to cards.csv for a spreadsheet")
    place = typed(to) if to else None
    if place and place.suffix not in (".html", ".csv"):
        raise WrongRequest(f"{place.name} is neither HTML nor CSV", fix="--to cards.html or --to cards.csv")
    if renew is not None:
        _renew(lab, renew)
    if place:
        made = cards_of(lab, lab.chosen(student, limit), with_instructor=student is None and limit is None)
        text = as_csv(made) if place.suffix == ".csv" else as_html(made, lab.students[0])
        with private_file(place) as file:
            file.write(text.encode())
        say(f"{place}: {len(made)} cards; only you may read the file, since the secrets are in it")


def cards_of(lab: Lab, students: Sequence[Student], *, with_instructor: bool) -> list[Card]:
    """Their cards; the instructor's is the first."""
    kept = class_folder(lab.students[0].lab_class)
    people = [*([(INSTRUCTOR, lab.students[0])] if with_instructor else []), *((one.name, one) for one in students)]
    secrets = ensure_secrets(kept, [name for name, _ in people])
    return [
        Card(name, pages.origin(its.domain, its) + "/", secrets[name], _fingerprint(kept, student))
        for name, student in people
        if (its := student.gateway)
    ]


def as_csv(made: Sequence[Card]) -> str:
    """A line for each card, for a spreadsheet or a mail merge."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(["name", "secret", "address", "fingerprint"])
    lines.writerows([card.name, card.secret, card.address, card.fingerprint] for card in made)
    return text.getvalue()


def as_html(made: Sequence[Card], student: Student) -> str:
    """A page to print; nothing in it is loaded from anywhere."""
    words, language = settings.texts(student.language), student.language
    return settings.template("cards.html.j2").render(
        cards=made, words=words, language=language, lab_class=student.lab_class
    )


def _fingerprint(kept: Path, student: Student) -> str:
    its = student.gateway
    if its is None or its.tls != "own":
        return ""
    return authority.fingerprint(authority.ensure_authority(kept, its, name=student.lab_class))


def _renew(lab: Lab, name: str) -> None:
    """Give one person another secret, and have the gateways that run know it: what the old one opened is closed."""
    names = [INSTRUCTOR, *(student.name for student in lab.students)]
    if name not in names:
        raise unknown("person with a card", name, names, usage="--renew {}")
    ensure_secrets(class_folder(lab.students[0].lab_class), names, renew=[name])
    for docker_host, group in by_docker_host(lab.students):
        with engine.connect(docker_host) as client:
            if gateway.parts_of(client, group[0].lab_class):
                bring_up.ensure(client, group, folder=lab.path.parent)
    say(f"{name} has a new secret; the old one and every session begun with it are worth nothing any more")
