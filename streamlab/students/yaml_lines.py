"""Changes to a YAML file that people edit as well: every line that is not meant stays as it is, with its comments.

A library that keeps comments (ruamel.yaml) would write all of it anew, and lose the comment after a name that is taken
out. The texts here end with a line feed. Pure: text in, text out.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

Pair = tuple[yaml.Node, yaml.Node]


@dataclass(frozen=True)
class Edit:
    """One change: the characters from `start` to `end` become `text`."""

    start: int
    end: int
    text: str


def edited(text: str, edits: Iterable[Edit]) -> str:
    """The text with all of these changes, none of which overlap; of several at one place, in their order."""
    for edit in sorted(edits, key=lambda edit: edit.start)[::-1]:
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def pairs_at(root: yaml.Node | None, *path: str) -> dict[str, Pair]:
    """Name -> key and value, of the mapping at this path; empty where none is."""
    for name in path:
        root = next((value for key, value in _pairs(root) if key.value == name), None)
    return {key.value: (key, value) for key, value in _pairs(root)}


def put_under(text: str, owner: Pair, name: str, value: Any) -> Edit:
    """Set `name` in the mapping `owner`: what is there is replaced, else a line (or a part of the line) is added."""
    parent = owner[1]
    there = next((pair for pair in _pairs(parent) if pair[0].value == name), None)
    written = f"{name}: {_in_a_line(value)}"
    if there:
        end = _line_end(text, _last_line(*there)) if _is_block(there[1]) else there[1].end_mark.index
        return Edit(there[1].start_mark.index, end, _in_a_line(value))
    if isinstance(parent, yaml.MappingNode) and parent.flow_style:
        at = parent.end_mark.index - 1
        return Edit(at, at, f", {written}" if parent.value else written)
    return _line_after(text, owner, written)


def add_under(text: str, owner: Pair, values: Mapping[str, Mapping[str, Any]]) -> Edit:
    """Add these mappings, a block each, to the mapping `owner`."""
    written = yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True, width=10**6).rstrip("\n")
    return _line_after(text, owner, written)


def take_out(text: str, pair: Pair) -> Edit:
    """Remove a name and everything under it; comments before and after stay."""
    start = pair[0].start_mark.index - pair[0].start_mark.column
    return Edit(start, _line_end(text, _last_line(*pair)) + 1, "")


def _pairs(node: yaml.Node | None) -> list[Pair]:
    return node.value if isinstance(node, yaml.MappingNode) else []


def _is_block(node: yaml.Node) -> bool:
    return isinstance(node, yaml.CollectionNode) and not node.flow_style


def _last_line(key: yaml.Node, value: yaml.Node) -> int:
    """The last line of a pair: a block's own mark is after the comments that follow it."""
    while _is_block(value):
        key, value = value.value[-1] if isinstance(value, yaml.MappingNode) else (value.value[-1], value.value[-1])
    ends_before = value.end_mark.column == 0 and value.end_mark.line > value.start_mark.line
    return max(key.end_mark.line, value.end_mark.line - ends_before)


def _line_end(text: str, line: int) -> int:
    """Where a line ends, before its line feed."""
    at = -1
    for _ in range(line + 1):
        at = text.find("\n", at + 1)
        if at < 0:
            return len(text)
    return at


def _line_after(text: str, owner: Pair, written: str) -> Edit:
    """Lines after the last one of a block, or of a key that has nothing yet."""
    pairs = _pairs(owner[1])
    at = _line_end(text, _last_line(*owner)) + 1
    column = pairs[0][0].start_mark.column if pairs else owner[0].start_mark.column + 2
    return Edit(at, at, textwrap.indent(written, " " * column) + "\n")


def _in_a_line(value: Any) -> str:
    written = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10**6)
    return written.removesuffix("\n").removesuffix("\n...")
