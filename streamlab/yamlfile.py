"""Reads the YAML files that people write; errors say what is wrong and in which line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from streamlab.errors import WrongRequest, unknown

#: How deep a file may be nested, and how many values it may have with all its aliases written out. libyaml crashes the
#: process at some ten thousand levels, and what shows a value writes it out.
MOST_LEVELS, MOST_VALUES = 50, 1_000_000

#: Characters of a line that are shown.
SHOWN = 120


if TYPE_CHECKING:
    _Base = yaml.SafeLoader
else:
    _Base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the latter where PyYAML was built without libyaml


class _Loader(_Base):
    """As Ansible reads: what libyaml refuses and the one in Python takes would be refused later, in many more words."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:  # as of 2024-02-30
            what = f"{node.value!r:.60} is no {node.tag.rpartition(':')[2]} ({error})"
            raise yaml.constructor.ConstructorError(None, None, what, node.start_mark) from None


def texts(file: Path, language: str) -> dict[str, Any]:
    """What students read, from a file of ours that has it by language; in English where it is not written in theirs."""
    said = yaml.safe_load(file.read_text(encoding="utf-8"))
    return said.get(language, said["en"])


def check_yaml(file: Path) -> Any:
    """The parsed file, or an error that names the line. A name that a mapping has twice is one: YAML takes the last."""
    try:
        text = file.read_text(encoding="utf-8")
        _require_small(text)
        loader = _Loader(text)
        root = loader.get_single_node()
        twice = [f"{file}:{line}: {key!r} is in line {first} already" for key, first, line in _twice(root, set())]
        if twice:
            raise WrongRequest(f"{file.name} has a name twice", evidence=twice, fix="keep one of the two, or rename it")
        line = _in_itself(root, (), set())
        if line:
            raise WrongRequest(
                f"{file.name} has something that contains itself",
                evidence=f"{file}:{line}: an alias (*name) of what it is a part of",
                fix="write it out",
            )
        return loader.construct_document(root) if root else None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = mark.line + 1 if mark else 1
        found = [written[:SHOWN] for written in text.splitlines()[line - 1 : line]]
        raise WrongRequest(
            f"{file.name} is not valid YAML",
            evidence=[f"{file}:{line}: {error.problem}", *found],
            fix=f"correct line {line}",
        ) from None
    except (UnicodeDecodeError, yaml.reader.ReaderError) as error:
        raise WrongRequest(
            f"{file.name} is not text in UTF-8", evidence=f"{file}: {error.reason}", fix="save it as UTF-8"
        ) from None


def _require_small(text: str) -> None:
    """Refuse what is nested deeper, or is larger, than any file of people's.

    Raises:
        yaml.MarkedYAMLError: with the line in which it becomes so.
    """
    anchors: dict[str | None, tuple[int, int]] = {}
    above: list[tuple[str | None, int, int]] = [(None, 0, 0)]  # of each that is begun: anchor, levels below it, values
    for event in yaml.parse(text, Loader=_Loader):
        levels, values = 1, 1
        if isinstance(event, yaml.CollectionStartEvent):
            above.append((event.anchor, 1, 1))
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, levels, values = above.pop()
            anchors[anchor] = levels, values
        elif isinstance(event, yaml.AliasEvent):
            levels, values = anchors.get(event.anchor, (1, 1))
        elif not isinstance(event, yaml.ScalarEvent):
            continue
        if max(len(above), levels) > MOST_LEVELS or values > MOST_VALUES:
            what = f"more than {MOST_LEVELS} levels, or than {MOST_VALUES} values with aliases written out"
            begins = event.start_mark
            assert begins is not None  # only an event that was made by hand has none
            mark = yaml.Mark(begins.name, begins.index, begins.line, begins.column, None, 0)
            raise yaml.MarkedYAMLError(problem=what, problem_mark=mark)
        if not isinstance(event, yaml.CollectionStartEvent):
            anchor, deepest, sum_of = above[-1]
            above[-1] = anchor, max(deepest, levels + 1), sum_of + values


def _in_itself(node: yaml.Node | None, above: tuple[yaml.Node, ...], done: set[int]) -> int | None:
    """The line in which something begins that is a part of itself, by an alias; None where nothing is."""
    if node in above:
        return node.start_mark.line + 1
    if not isinstance(node, yaml.CollectionNode) or id(node) in done:
        return None
    parts = (part for item in node.value for part in (item if isinstance(item, tuple) else (item,)))
    line = next(filter(None, (_in_itself(part, (*above, node), done) for part in parts)), None)
    done.add(id(node))
    return line


def _twice(node: yaml.Node | None, seen: set[int]) -> Iterator[tuple[str, int, int]]:
    """Each name that one mapping has more than once: the name, the line of the first, and the line of another."""
    if not isinstance(node, yaml.CollectionNode) or id(node) in seen:
        return
    seen.add(id(node))  # an alias leads to what was seen already, and perhaps to itself
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _twice(item, seen)
        return
    lines: dict[tuple[str, str], int] = {}
    for key, value in node.value:
        if isinstance(key, yaml.ScalarNode):
            name, line = (key.tag, key.value), key.start_mark.line + 1
            if name in lines:
                yield key.value, lines[name], line
            lines.setdefault(name, line)
        yield from _twice(value, seen)


# What a file's values must be. `at` is the path of keys that leads to them, for the line in which they stand.


def mapping_of(value: Any, file: Path, *at: str) -> dict[str, Any]:
    """A mapping whose names are texts.

    Raises:
        WrongRequest: it is something else, as for all of these.
    """
    if not isinstance(value, dict):
        what = f"{_dotted(at)} is {type(value).__name__}, not a mapping"
        raise wrong_at(file, at, what, "write `name: value` lines")
    for key in value:
        if not isinstance(key, str):  # 7 and yes are a number and a truth to YAML
            what = f"{_dotted(at)} has the name {key!r}, which is no text"
            raise wrong_at(file, (*at, str(key)), what, "put quotation marks around it")
    return value


def require_known(values: Mapping[str, Any], allowed: set[str], file: Path, *at: str) -> None:
    """Refuse a key that is none of those `allowed`."""
    for key in values:
        if key not in allowed:
            error = unknown("key", str(key), allowed)
            what = f"{_dotted(at)} has the unknown key {key!r} ({error.evidence[0]})"
            raise wrong_at(file, (*at, str(key)), what, error.fix)


def text_of(values: Mapping[str, Any], key: str, file: Path, *at: str) -> str:
    """The text that must be there under `key`."""
    value = values.get(key)
    if value is not None and not isinstance(value, str):
        what = f"{_dotted((*at, key))} is {value!r:.60}, which is no text"
        raise wrong_at(file, (*at, key), what, "put quotation marks around it")
    if not value or not value.strip():
        raise wrong_at(file, (*at, key), f"{_dotted(at)} has no {key}", f"add `{key}: …`")
    return value


def flag_of(values: Mapping[str, Any], key: str, file: Path, *at: str) -> bool:
    """True or false; false where there is none."""
    value = values.get(key, False)
    if not isinstance(value, bool):
        raise wrong_at(file, (*at, key), f"{_dotted((*at, key))} is {value!r:.60}", "write true or false")
    return value


def number_of(values: Mapping[str, Any], key: str, file: Path, *at: str, at_least: int) -> int:
    """The whole number that must be there; true is none."""
    value = values.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < at_least:
        what = f"{_dotted((*at, key))} is {value!r:.60}"
        raise wrong_at(file, (*at, key), what, f"give a whole number, {at_least} or more")
    return value


def names_of(values: Mapping[str, Any], key: str, file: Path, *at: str) -> tuple[str, ...]:
    """A list of texts; empty where there is none."""
    value = values.get(key) or []
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        what = f"{_dotted((*at, key))} is {value!r:.60}, not a list of names"
        raise wrong_at(file, (*at, key), what, f"write `{key}: [{value if isinstance(value, str) else 'name, …'}]`")
    return tuple(value)


def _dotted(at: Sequence[str]) -> str:
    return ".".join(at) or "the file"


def wrong_at(file: Path, at: Sequence[str], what: str, fix: str) -> WrongRequest:
    """An error that names the file, and the line of the key at the path `at`."""
    where = f"{file}:{_line(file, at)}"
    return WrongRequest(f"{file.parent.name}/{file.name} cannot be used", evidence=f"{where}: {what}", fix=fix)


def _line(file: Path, at: Sequence[str]) -> int:
    """The line of the key at the path `at`, or of the last key above it that is there."""
    node, line = yaml.compose(file.read_text(encoding="utf-8")), 1
    for key in at:
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        found = next(((name, value) for name, value in pairs if name.value == key), None)
        if found is None:
            break
        line, node = found[0].start_mark.line + 1, found[1]
    return line
