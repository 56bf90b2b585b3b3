"""The students of a class list: a host name for everybody, and what is wrong. Pure: rows in, students out."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from anyascii import anyascii

from streamlab.errors import WrongRequest
from streamlab.students.columns import Columns
from streamlab.students.inventory import GROUPS
from streamlab.students.problems import SAFE_NAME
from streamlab.students.sheet import Sheet

#: Lines that are about no student: Canvas writes the points of each task under the headings.
NO_STUDENT = ("points possible",)
#: In some learning platforms people choose what they are called; Ansible would run what is between these.
_TEMPLATE = re.compile(r"\{[{%#]")


@dataclass(frozen=True)
class Entry:
    """One line of a roster; `host` is the login or the name, made safe for containers, hosts and applications."""

    line: int
    name: str
    host: str
    settings: Mapping[str, str]


def safe(name: str) -> str:
    """``Zoë de Wit`` -> ``zoedewit``, ``Ёлка`` -> ``elka``: in the letters a-z and digits, at most 31."""
    return re.sub(r"[^a-z0-9]", "", anyascii(unicodedata.normalize("NFKC", name)).lower())[:31]


def safe_login(login: str) -> str:
    """A login made safe: of an address what is before the @, and an `s` before a student's number."""
    made = safe(login.partition("@")[0])
    return f"s{made}"[:31] if made[:1].isdigit() else made


def entries_of(sheet: Sheet, columns: Columns, known: Mapping[str, str] = MappingProxyType({})) -> list[Entry]:
    """The students of a sheet, in its order.

    Args:
        known: host -> name of the inventory that is there: who is in it keeps the host name, however it was made.
    """
    entries = []
    for row in sheet.rows:
        name = _tidy(" ".join(row.cells[place] for place in columns.name))
        cells = {own: row.cells[place] for own, place in columns.others.items() if row.cells[place]}
        if name.casefold() in NO_STUDENT:
            continue
        login = cells.pop("login", "")
        host = safe_login(login) if login else _kept(name, known) or safe(name)
        entries.append(Entry(row.line, name, host, cells))
    return entries


def _tidy(name: str) -> str:
    """A name as it is written; one that was typed on another system is the same."""
    return " ".join(unicodedata.normalize("NFC", name).split())


def _kept(name: str, known: Mapping[str, str]) -> str | None:
    """The host name that somebody of this name has already; None where nobody does, or several do."""
    hosts = [host for host, called in known.items() if _tidy(called) == name]
    if safe(name) in hosts:
        return safe(name)
    return hosts[0] if len(hosts) == 1 else None


def problems_of(entries: Sequence[Entry]) -> dict[int, str]:
    """What makes a roster unusable: the number of a line -> what is wrong there."""
    problems: dict[int, str] = {}
    seen: dict[str, Entry] = {}
    for entry in entries:
        first = seen.setdefault(entry.host, entry)
        if not entry.name:
            problems[entry.line] = "the name is empty"
        elif template := _template_in(entry):
            problems[entry.line] = f"{template!r} would be a template of Ansible's"
        elif not SAFE_NAME.fullmatch(entry.host):
            problems[entry.line] = f"{entry.name!r} becomes {entry.host!r}; it must begin with a letter a-z"
        elif entry.host in GROUPS:
            problems[entry.line] = f"{entry.name!r} becomes {entry.host!r}, which stands for everybody"
        elif first is not entry:
            problems[entry.line] = f"{entry.name!r} becomes {entry.host!r}, as {first.name!r} of line {first.line}"
    return problems


def _template_in(entry: Entry) -> str:
    """The cell that Ansible would run a part of; empty where there is none."""
    return next(filter(_TEMPLATE.search, (entry.name, *entry.settings.values())), "")


def require_usable(sheet: Sheet, columns: Columns, entries: Sequence[Entry], *, file: str) -> None:
    """Refuse a roster with every line that cannot be used, and with what to write there."""
    if not entries:
        raise WrongRequest(f"{file} names no student", evidence="it has no line below the headings", fix="add one each")
    problems = problems_of(entries)
    if problems:
        raise WrongRequest(
            f"{file} has names that cannot be used",
            evidence=[f"line {line}: {problem}" for line, problem in problems.items()],
            fix=_advice(sheet, columns, entries, problems),
        )


def _advice(sheet: Sheet, columns: Columns, entries: Sequence[Entry], problems: Mapping[int, str]) -> str:
    """How to tell apart, or to name at all, those whose names do not: by a login, written out for the first of them."""
    entry = next(one for one in entries if one.line in problems)
    if not entry.name or _template_in(entry):
        what = "without braces" if entry.name else "a name"
        return f"write {what} in line {entry.line}, or take the line out"
    login = _free_login(entry, {one.host for one in entries})
    if "login" in columns.others:
        return f"give each a login of their own, for example {login} in line {entry.line}"
    cells = next(row.cells for row in sheet.rows if row.line == entry.line)
    advice = (
        "add a column `login`; who has an empty cell there keeps what the name becomes. For example:\n"
        f"    line {sheet.first_line}: {sheet.written((*sheet.headings, 'login'))}\n"
        f"    line {entry.line}: {sheet.written((*cells, login))}"
    )
    places = sorted((*columns.unused, *columns.others.values()))
    told_apart = next((place for place in places if _tells_apart(sheet, place)), None)
    if told_apart is not None:
        advice += f"\n  or take a column that is there: --columns 'login={sheet.headings[told_apart]}'"
    return advice


def _free_login(entry: Entry, taken: Collection[str]) -> str:
    stem = safe_login(entry.host) or f"student{entry.line}"
    numbered = (f"{stem[: 31 - len(str(number))]}{number}" for number in itertools.count(2))
    return next(login for login in itertools.chain([stem], numbered) if login not in {*taken, *GROUPS})


def _tells_apart(sheet: Sheet, place: int) -> bool:
    """Whether a column would do for logins: every line has something else there."""
    logins = [safe_login(row.cells[place]) for row in sheet.rows]
    return bool(sheet.headings[place]) and len(set(logins)) == len(logins) and all(map(SAFE_NAME.fullmatch, logins))


def notes_of(sheet: Sheet, columns: Columns, entries: Sequence[Entry]) -> list[str]:
    """How a list was understood, as far as that is not obvious: a line each for the teacher."""
    notes = []
    if sheet.encoding:
        example = next((f", for example {entry.name}" for entry in entries if not entry.name.isascii()), "")
        doubt = "; if that is wrong, --encoding names another" if sheet.guessed else ""
        notes.append(f"read as {sheet.encoding}{example}{doubt}")
    places = {"name": columns.name, **{own: (place,) for own, place in columns.others.items()}}
    headings = {own: " + ".join(sheet.headings[place] for place in several) for own, several in places.items()}
    renamed = [f"{own} is {heading}" for own, heading in headings.items() if heading.casefold() != own]
    if renamed:
        notes.append(", ".join(renamed))
    unused = [
        sheet.headings[place] or f"column {place + 1}"
        for place in columns.unused
        if sheet.headings[place] or any(row.cells[place] for row in sheet.rows)
    ]
    if unused:
        notes.append(f"not used: {', '.join(unused)}")
    return notes
