"""A schema taken apart into statements, by the same code as `cqlsh -f` uses.

What stands in a string or a comment may look like anything, so text that is cut at semicolons is cut wrongly: comments
are `--`, `//` and `/* */`, strings `'it''s'` and `$$ $$`, and a batch is one statement that holds others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from common.errors import JobError

#: What the lab fills in. Everywhere else a dollar is only a dollar.
REPLICATION = "$replication"
_REPLICATION = re.compile(r"(?<!\$)\$(?=replication\b)")

#: Commands of cqlsh's own, which Cassandra does not know: those that change nothing are left out, the rest refused.
ONLY_SHOWS = {"?", "clear", "cls", "consistency", "debug", "desc", "describe", "expand", "help", "history", "paging",
              "serial", "show", "tracing"}  # fmt: skip
NOT_CQL = {"capture", "copy", "exit", "login", "quit", "source"}

#: What is made, by either of its names in CQL.
KINDS = {"keyspace": "keyspace", "schema": "keyspace", "table": "table", "columnfamily": "table"}

#: A token: its kind, its text, and where in the schema it begins and ends.
Token = tuple[str, str, tuple[int, int]]


@dataclass(frozen=True)
class Statement:
    """One statement as the file has it, with the comments within it and without its semicolon."""

    text: str
    line: int  # where it begins, counted from 1
    column: int  # counted from 0
    words: tuple[str, ...]

    @property
    def lines(self) -> list[str]:
        return [line.strip() for line in self.text.split("\n")]

    @property
    def padded(self) -> str:
        """The statement at its own place in an empty file, so that the line in Cassandra's words is the file's."""
        return "\n" * (self.line - 1) + " " * self.column + self.text

    @property
    def only_shows(self) -> bool:
        return self.words[0].lower() in ONLY_SHOWS

    def made(self) -> tuple[str, tuple[str, ...]] | None:
        """The keyspace or table that this statement makes, as Cassandra knows its name; None for any other."""
        lower = tuple(word.lower() for word in self.words)
        kind = KINDS.get(lower[1]) if lower[0] == "create" and len(lower) > 2 else None
        if kind is None:
            return None
        rest = self.words[5:] if lower[2:5] == ("if", "not", "exists") else self.words[2:]
        name = rest[:3:2] if rest[1:2] == (".",) else rest[:1]
        return kind, tuple(_unquoted(part) for part in name)


def statements(text: str, *, replication: int, file: str) -> list[Statement]:
    """The statements of a schema in order, with `$replication` filled in.

    Raises:
        JobError: it is no CQL; the message names the file and the line.
    """
    source = text.removeprefix("\ufeff") + "\n;"  # the last statement may stand without its semicolon
    found = []
    for tokens in _split(source, file):
        start, end = tokens[0][2][0], tokens[-1][2][1]
        found.append(
            Statement(
                text="".join(_filled(source, tokens, replication)),
                line=_line(source, start),
                column=start - (source.rfind("\n", 0, start) + 1),
                words=tuple(source[begins:ends] for _, _, (begins, ends) in tokens),
            )
        )
        command = found[-1].words[0].lower()
        if command in NOT_CQL:
            raise JobError(
                f"{file}, line {_line(source, start)}: {command.upper()} is a command of cqlsh's own",
                evidence=source[start:end].splitlines()[0],
                fix="a schema is CQL alone: write statements there, and load data in prepare.py",
            )
    return found


def _split(source: str, file: str) -> Iterator[Sequence[Token]]:
    """The tokens of each statement, without the semicolon behind it."""
    from cqlshlib import cqlshhandling, pylexotron  # here, because few ask for a schema
    from cqlshlib.cql3handling import CqlRuleSet

    CqlRuleSet.commands_end_with_newline.update(cqlshhandling.my_commands_ending_with_newline)  # as cqlsh itself does
    try:
        # The lab's own word, as long as it is, in a form that CQL knows.
        parts, unfinished = CqlRuleSet.cql_split_statements(_REPLICATION.sub("x", source))
    except pylexotron.LexingError as error:
        line = source.splitlines()[error.linenum - 1]
        raise JobError(
            f"{file}, line {error.linenum}: no CQL from character {error.charnum} on", evidence=line.strip()
        ) from error
    for tokens in parts:
        unclosed = next((token for token in tokens if token[0].startswith("unclosed")), None)
        if unclosed:
            line = _line(source, unclosed[2][0])
            what = unclosed[0].removeprefix("unclosed").replace("Pg", "").lower()
            raise JobError(f"{file}, line {line}: a {what} begins here and does not end", evidence=_first(unclosed[1]))
    if unfinished:
        begins = next(tokens for tokens in reversed(parts) if tokens)[0]
        raise JobError(f"{file}, line {_line(source, begins[2][0])}: a batch begins here, and no APPLY BATCH ends it")
    for tokens in parts:
        while tokens and tokens[-1][0] == "endtoken":
            tokens = tokens[:-1]
        if tokens:
            yield tokens


def _filled(source: str, tokens: Sequence[Token], replication: int) -> Iterator[str]:
    """The statement's text; the lab's own word stands alone, or is a string of its own."""
    at = tokens[0][2][0]
    for _, _, (begins, ends) in tokens:
        word = source[begins:ends]
        yield source[at:begins]
        yield word.replace(REPLICATION, str(replication)) if word.strip("'") == REPLICATION else word
        at = ends


def _line(source: str, place: int) -> int:
    return source.count("\n", 0, place) + 1


def _first(text: str) -> str:
    return text.splitlines()[0]


def _unquoted(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name.lower()
