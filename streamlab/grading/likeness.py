"""How alike hand-ins are: a list for a person to look at, never a grade. Pure.

Right answers to a small gap look alike anyway. So programs are compared by their tokens without names, layout and
comments, where renaming hides nothing, and it is said besides which gaps are the same word for word, comments and all.
"""

from __future__ import annotations

import ast
import io
import itertools
import keyword
import re
import tokenize
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

#: From which likeness (percent) on a pair is listed, and from how many tokens on: what is shorter is alike by chance.
LEAST, LEAST_TOKENS = 90, 40
_SQL_GAP = re.compile(r"^-- BEGIN GAP (\d+)\n(.*?)^-- END GAP \1\n", re.MULTILINE | re.DOTALL)
_LAYOUT = {
    tokenize.NEWLINE, tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING, tokenize.ENDMARKER,
}  # fmt: skip


@dataclass(frozen=True)
class Pair:
    """Two students' hand-ins.

    Args:
        percent: how alike the filled gaps are, without names and comments.
        same: the functions of gaps, or the gaps of a script, that are the same word for word.
    """

    first: str
    second: str
    percent: int
    same: tuple[str, ...]


def gaps_in(program: str, task: str) -> dict[str, str]:
    """Function -> its text, of each function of a program whose text differs from the one in the exercise as given out.

    In a script of SQL it is the gaps themselves. A program that is neither has none.
    """
    given = {name: _tokens(text) for name, text in _parts(task).items()}
    return {name: text for name, text in _parts(program).items() if _tokens(text) != given.get(name)}


def pairs(filled: Mapping[str, Mapping[str, str]], *, least: int = LEAST) -> list[Pair]:
    """The pairs of students whose gaps are alike, the most alike first.

    Args:
        filled: student -> what `gaps_in` has found.
        least: percent from which on a pair is alike.
    """
    found = [_pair(one, other, filled[one], filled[other]) for one, other in itertools.combinations(sorted(filled), 2)]
    return sorted((pair for pair in found if pair.percent >= least), key=lambda pair: (-len(pair.same), -pair.percent))


def _pair(first: str, second: str, one: Mapping[str, str], other: Mapping[str, str]) -> Pair:
    both = one.keys() & other.keys()
    tokens, others = ([token for name in sorted(each) for token in _nameless(each[name])] for each in (one, other))
    ratio = SequenceMatcher(None, tokens, others, autojunk=False).ratio()
    if min(len(tokens), len(others)) < LEAST_TOKENS:
        ratio = 0.0
    same = (name for name in sorted(both) if _tokens(one[name], comments=True) == _tokens(other[name], comments=True))
    return Pair(first, second, round(100 * ratio), tuple(same))


def _parts(program: str) -> dict[str, str]:
    """The functions of a program, or the gaps of a script of SQL, whose comments are written as Python's then."""
    gaps = {f"gap {number}": text.replace("--", "#") for number, text in _SQL_GAP.findall(program)}
    return gaps or _functions(program)


def _functions(program: str) -> dict[str, str]:
    """Function -> its body's text, without the docstring, which is the task."""
    try:
        tree = ast.parse(program)
    except (SyntaxError, ValueError, RecursionError):
        return {}
    lines = program.splitlines()
    found = {}
    for function in (node for node in tree.body if isinstance(node, ast.FunctionDef)):
        body = function.body[1:] if ast.get_docstring(function) is not None else function.body
        first = function.body[0].end_lineno if len(body) < len(function.body) else function.lineno
        found[function.name] = "\n".join(lines[first or 0 : function.end_lineno])
    return found


def _tokens(text: str, *, comments: bool = False) -> list[str]:
    """The words of some lines of Python, whatever their layout."""
    dropped = _LAYOUT if comments else {*_LAYOUT, tokenize.COMMENT}
    try:
        found = list(tokenize.generate_tokens(io.StringIO(f"if 1:\n{text}\n").readline))[3:]
    except (tokenize.TokenError, SyntaxError):
        return text.split()
    return [token.string for token in found if token.type not in dropped]


def _nameless(text: str) -> Sequence[str]:
    """The same without names: each is replaced by its place among the names of these lines."""
    seen: dict[str, str] = {}
    return [
        seen.setdefault(token, f"name{len(seen)}") if token.isidentifier() and not keyword.iskeyword(token) else token
        for token in _tokens(text)
    ]
