"""A class list as an LMS or Excel writes it, read into rows of cells: whatever its encoding and its separator."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from streamlab.errors import WrongRequest

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
#: By what a file begins with. UTF-32 comes first: its mark begins as UTF-16's does.
MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
#: Workbooks: a zip (xlsx, ods), or what Excel wrote before it.
WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
#: What a list without a mark, and not in UTF-8, may be in: code pages that Excel and older systems write.
CODE_PAGES = (
    *("cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258", "cp866", "koi8-r"),
    *("cp932", "gb18030", "cp949", "big5", "utf-16-le", "utf-16-be"),
)
#: The line by which Excel learns the separator.
_SEPARATOR_LINE = re.compile(r"sep=(.)\r?\n", re.IGNORECASE)


@dataclass(frozen=True)
class Row:
    """One line of a list that is not empty; as many cells as there are headings."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Sheet:
    """A class list; `encoding` is empty where it is UTF-8, and `guessed` where the file itself does not tell it."""

    headings: tuple[str, ...]
    rows: tuple[Row, ...]
    separator: str
    encoding: str = ""
    guessed: bool = False
    first_line: int = 1

    def written(self, cells: tuple[str, ...]) -> str:
        """Cells as a line of this list."""
        line = io.StringIO()
        csv.writer(line, delimiter=self.separator, lineterminator="").writerow(cells)
        return line.getvalue()


def read(file: Path, encoding: str | None = None) -> Sheet:
    """The list in a file.

    Args:
        encoding: as the file is known to be written; else it is found out.

    Raises:
        WrongRequest: there is none, or it is no text with a line for each student.
    """
    if not file.is_file():
        raise WrongRequest(f"no roster {file}", evidence="there is no such file", fix="--from students.csv")
    text, found, guessed = decode(file.read_bytes(), encoding, file.name)
    named = _SEPARATOR_LINE.match(text)
    separator = named[1] if named else separator_of(text)
    lines = _lines(file, text[named.end() if named else 0 :], separator, 2 if named else 1)
    first, headings = next(lines, (1, ()))
    used = len(headings)
    while used and not headings[used - 1].strip():  # a column that Excel adds because a cell was once touched
        used -= 1
    return Sheet(
        tuple(heading.strip() for heading in headings[:used]),
        tuple(_row(file, line, cells, used) for line, cells in lines),
        separator,
        found,
        guessed,
        first,
    )


def decode(data: bytes, encoding: str | None, name: str) -> tuple[str, str, bool]:
    """The text of a file, the encoding in which it was read (none where that is UTF-8), and whether it is a guess.

    Raises:
        WrongRequest: it is no text, or not in the `encoding` that was given.
    """
    if data.startswith(WORKBOOKS):
        raise WrongRequest(
            f"{name} is a workbook, not CSV",
            evidence="it begins as a file of Excel's or LibreOffice's own does",
            fix="open it there and save it as CSV in UTF-8",
        )
    if encoding and not _is_encoding(encoding):
        raise WrongRequest(
            f"there is no encoding {encoding!r}",
            evidence=f"for example: {', '.join(CODE_PAGES)}",
            fix="--encoding cp1251",
        )
    marked = next((codec for mark, codec in MARKS.items() if data.startswith(mark)), None)
    for codec in [encoding] if encoding else [marked] if marked else ["utf-8", None]:
        chosen = codec or _code_page(data)
        try:
            text = data.decode(chosen) if chosen else "\0"
        except UnicodeError as error:
            reason = f"{chosen}: {error}"
            continue
        if chosen and "\0" not in text:
            return text, "" if codecs.lookup(chosen).name in ("utf-8", "utf-8-sig") else chosen, codec is None
        reason = "it has bytes that are no letters"
    raise WrongRequest(f"{name} cannot be read as text", evidence=reason, fix="save it as CSV in UTF-8")


def _is_encoding(name: str) -> bool:
    try:
        "a".encode(name)
    except (LookupError, ValueError):  # there is none, or it is none of text
        return False
    return True


def _code_page(data: bytes) -> str | None:
    # It and its models take a tenth of a second to import, and hardly any roster needs them.
    import chardet

    found = chardet.detect(data, include_encodings=CODE_PAGES, prefer_superset=True, compat_names=False)
    return found["encoding"]


def separator_of(text: str) -> str:
    """The separator: the one that splits the first line into most cells, and then all others into as many."""

    def judged(separator: str) -> tuple[int, bool]:
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
        try:
            widths = [len(row) for row in rows if row]
        except csv.Error:
            return 0, False
        return widths[0] if widths else 0, len(set(widths)) == 1

    best = max(SEPARATORS, key=judged)
    return best if judged(best)[0] > 1 else ","


def _lines(file: Path, text: str, separator: str, first: int) -> Iterator[tuple[int, list[str]]]:
    """The lines that have anything in them, with the number of each."""
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        for row in rows:
            if any(cell.strip() for cell in row):
                yield rows.line_num + first - 1, row
    except csv.Error as error:
        line = max(1, rows.line_num) + first - 1
        raise WrongRequest(
            f"{file.name} is not CSV", evidence=f"line {line}: {error}", fix=f"correct line {line}, or the next"
        ) from None


def _row(file: Path, line: int, cells: list[str], width: int) -> Row:
    if any(cell.strip() for cell in cells[width:]):
        raise WrongRequest(
            f"{file.name} is not CSV",
            evidence=f"line {line}: it has more cells than the first line",
            fix=f"correct line {line}, or give every column a heading in the first line",
        )
    return Row(line, tuple(cell.strip() for cell in cells[:width]) + ("",) * (width - len(cells)))
