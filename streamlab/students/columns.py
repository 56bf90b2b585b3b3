"""What each column of a class list holds: by the lab's own headings, those of learning platforms, and --columns."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from anyascii import anyascii

from streamlab.errors import WrongRequest, unknown
from streamlab.students.sheet import SEPARATORS, Sheet

#: What a roster may say of a student; an empty cell of another than `name` leaves the class's own value.
OWN = ("name", "login", "size", "docker_host", "id_number", "email", "username")

#: Headings of lists that Moodle, Canvas, Blackboard and others export, in their own languages, as `_plain` has them.
FULL = (
    *("full name", "fullname", "student", "student name", "participant"),
    *(
        "фио",
        "ф.и.о.",
        "имя и фамилия",
        "фамилия и имя",
        "фамилия имя",
        "фамилия имя отчество",
        "полное имя",
        "студент",
    ),
)
GIVEN = ("first name", "firstname", "given name", "forename", "имя", "ім'я", "vorname", "nombre", "prénom")
FAMILY = (
    *("last name", "lastname", "surname", "family name", "фамилия", "прізвище"),
    *("nachname", "apellido(s)", "apellidos", "nom", "nom de famille"),
)
#: In lists with these headings the family's name is written first.
FAMILY_FIRST = ("фамилия", "прізвище")
#: What a platform calls its users: the login here, in the letters that one may have; it is kept as it is written, too.
LOGIN = (
    *("username", "user name", "sis login id", "логин", "имя пользователя", "логін"),
    *("benutzername", "anmeldename", "nombre de usuario", "nom d'utilisateur"),
)
#: By which a gradebook names a student to a learning platform.
ID_NUMBER = (
    "id number",
    "sis user id",
    "student id",
    "индивидуальный номер",
    "matrikelnummer",
    "número de id",
    "numéro d'identification",
)
EMAIL = (
    *("email address", "e mail", "e mail address", "адрес электронной почты", "электронная почта"),
    *("e mail adresse", "dirección de correo", "adresse de courriel"),
)

#: How close a heading must be to one of ours to be taken for a slip of the pen.
SLIP = 0.75
EXAMPLE = "--columns 'name=Last name+First name,login=Email address'"


@dataclass(frozen=True)
class Columns:
    """In which cells of a row each of `OWN` is; a name may be put together from several."""

    name: tuple[int, ...]
    others: Mapping[str, int]
    unused: tuple[int, ...]


def find(sheet: Sheet, asked: str | None, *, file: str) -> Columns:
    """The columns of a sheet.

    Args:
        asked: as the option ``--columns`` has it; what it does not name is found by its heading.

    Raises:
        WrongRequest: no column has the names, one that is used is there twice, or a heading is a slip of the pen.
    """
    given = _asked(sheet.headings, asked)
    chosen = {**_known(sheet.headings, but=given), **given}
    evidence = [
        f"line {sheet.first_line}, separated by {SEPARATORS.get(sheet.separator, repr(sheet.separator))}: "
        f"{', '.join(sheet.headings) or 'nothing'}"
    ]
    used = [heading for own in OWN for heading in chosen.get(own, ())]
    plain = [_plain(heading) for heading in sheet.headings]
    twice = [heading for heading in used if plain.count(_plain(heading)) > 1]
    if twice:
        raise WrongRequest(
            f"{file} has the column {twice[0]!r} twice", evidence=evidence, fix="rename or remove one of them"
        )
    slips = _slips(
        [heading for heading in sheet.headings if heading not in used], missing=set(OWN) - {*chosen, "username"}
    )
    if slips:
        heading, own = next(iter(slips.items()))
        raise WrongRequest(
            f"{file} has a column {heading!r}, which is nearly `{own}`",
            evidence=evidence,
            fix=f"--columns '{own}={heading}' if that is meant, --columns '{own}=' if it is something else",
        )
    if not chosen.get("name"):
        raise WrongRequest(
            f"{file} has no column that is known to contain names",
            evidence=[*evidence, "known: name; First name, Last name; Student; ФИО; Фамилия, Имя; and more like these"],
            fix=f"call one `name` in the first line, or say which it is: {EXAMPLE}",
        )
    places = {own: tuple(plain.index(_plain(heading)) for heading in headings) for own, headings in chosen.items()}
    others = {own: place[0] for own, place in places.items() if own != "name" and place}
    taken = {place for several in places.values() for place in several}
    return Columns(places["name"], others, tuple(i for i in range(len(plain)) if i not in taken))


def _plain(heading: str) -> str:
    """A heading without what differs between exports of the same list: case, and the signs between words."""
    return re.sub(r"[\s_-]+", " ", re.sub("[’ʼ]", "'", heading).strip().casefold())


def _known(headings: Sequence[str], *, but: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Those of `OWN` that the headings themselves name, `but` those that --columns gives."""
    plain = {_plain(heading): heading for heading in headings if heading}
    found: dict[str, tuple[str, ...]] = {own: (plain[_plain(own)],) for own in OWN if _plain(own) in plain}
    for own, names in (("login", LOGIN), ("name", FULL), ("id_number", ID_NUMBER), ("email", EMAIL)):
        there = [plain[name] for name in names if name in plain]
        if there and own not in found and own not in but:
            found[own] = (_only(there, own),)
    if "login" in found and _plain(found["login"][0]) in LOGIN and "username" not in but:
        found.setdefault("username", found["login"])
    if "name" in but:
        return found
    given, family = ([plain[name] for name in names if name in plain] for names in (GIVEN, FAMILY))
    if given and not family and "name" in plain:  # as in `Vorname;Name`
        found["name"] = (_only(given, "name"), plain["name"])
    elif "name" not in found and (given or family):
        parts = [_only(there, "name") for there in (given, family) if there]
        first = any(name in plain for name in FAMILY_FIRST)
        found["name"] = tuple(reversed(parts) if first else parts)
    return found


def _only(there: Sequence[str], own: str) -> str:
    if len(there) > 1:
        raise WrongRequest(
            f"{' and '.join(repr(heading) for heading in there)} may both be the {own}",
            evidence="both headings are known for it",
            fix=f"say which one is: --columns '{own}={there[0]}'",
        )
    return there[0]


def _asked(headings: Sequence[str], asked: str | None) -> dict[str, tuple[str, ...]]:
    """What ``name=Last name+First name,login=`` says; an empty column is none."""
    parts = [part.strip() for part in (asked or "").split(",") if part.strip()]
    if asked is not None and not parts:
        raise WrongRequest("--columns says nothing", fix=EXAMPLE)
    return dict(_one_asked(part, headings) for part in parts)


def _one_asked(part: str, headings: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    own, equals, named = (word.strip() for word in part.partition("="))
    words = [word.strip() for word in named.split("+") if word.strip()]
    if not equals:
        raise WrongRequest(f"{part!r} of --columns is no NAME=COLUMN", fix=EXAMPLE)
    if own not in OWN:
        raise unknown("setting of a roster", own, OWN, usage="--columns '{}=…'")
    if len(words) > 1 and own != "name":
        raise WrongRequest(
            f"{own} cannot be combined from several columns",
            evidence=f"--columns {part!r}",
            fix=f"--columns '{own}={words[0]}'",
        )
    plain = {_plain(heading): heading for heading in headings if heading}
    for word in words:
        if _plain(word) not in plain:
            raise unknown("column", word, plain.values(), usage=f"--columns '{own}={{}}'")
    return own, tuple(plain[_plain(word)] for word in words)


def _slips(headings: Sequence[str], *, missing: set[str]) -> dict[str, str]:
    """Heading -> what of ours it was probably meant to be: `szie`, or `sizе` with a Cyrillic letter."""
    ours = {_plain(own): own for own in OWN if own in missing}
    near = {
        heading: difflib.get_close_matches(anyascii(_plain(heading)), ours, n=1, cutoff=SLIP)
        for heading in headings
        if heading
    }
    return {heading: ours[found[0]] for heading, found in near.items() if found}
