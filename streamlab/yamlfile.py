"""YAML files that people write: read by one loader, which says what is wrong and in which line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from streamlab.errors import WrongRequest

#: As Ansible reads: what libyaml refuses and the one in Python takes would be refused later, in many more words.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def check_yaml(file: Path) -> Any:
    """The parsed file, or an error that names the line. A name that a mapping has twice is one: YAML takes the last."""
    try:
        loader = _LOADER(file.read_text(encoding="utf-8"))
        root = loader.get_single_node()
        twice = [f"{file}:{line}: {key!r} stands in line {first} already" for key, first, line in _twice(root, set())]
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
        text = file.read_text(encoding="utf-8").splitlines()
        raise WrongRequest(
            f"{file.name} is not valid YAML",
            evidence=[f"{file}:{line}: {error.problem}", *(text[line - 1 : line])],
            fix=f"correct line {line}",
        ) from None
    except (UnicodeDecodeError, yaml.reader.ReaderError) as error:
        raise WrongRequest(
            f"{file.name} is not text in UTF-8", evidence=f"{file}: {error.reason}", fix="save it as UTF-8"
        ) from None


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
