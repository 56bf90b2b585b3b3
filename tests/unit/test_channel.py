"""What a node says is understood, or is an error that shows it; never a traceback, never what a terminal acts on."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from common import channel as node
from streamlab.errors import LabError, WrongRequest
from streamlab.stacks import channel


@pytest.fixture
def heard() -> Callable[..., tuple[list[dict], list[tuple[str, str]]]]:
    def listen(*lines: tuple[str, str]) -> tuple[list[dict], list[tuple[str, str]]]:
        told: list[dict] = []
        printed: list[tuple[str, str]] = []
        listener = channel.Listener("ada", tell=told.append, printed=lambda *line: printed.append(line))
        for line in lines:
            listener(*line)
        if listener.error:
            raise listener.error
        return told, printed

    return listen


def event(**values: Any) -> str:
    return channel.MARK + json.dumps(values)


def test_both_sides_know_one_mark(events: Callable) -> None:
    assert channel.MARK == node.MARK
    node.emit(made="topic x", number=3)
    assert events() == [{"made": "topic x", "number": 3}]


def test_events_and_text_are_told_apart(heard: Callable) -> None:
    lines = [
        ("out", "hello"),
        ("out", event(a=1)),
        ("out", '{"a": 2}'),
        ("out", "half a li" + event(a=3)),
        ("err", "x"),
    ]
    assert heard(*lines) == (
        [{"a": 1}, {"a": 3}],
        [("out", "hello"), ("out", '{"a": 2}'), ("out", "half a li"), ("err", "x")],
    )


def test_standard_error_holds_no_events(heard: Callable) -> None:
    assert heard(("err", event(a=1))) == ([], [("err", '{"a": 1}')])


def test_nothing_reaches_the_terminal_that_it_would_act_on(heard: Callable) -> None:
    told, printed = heard(
        ("out", "\x1b[2J\x1b]0;title\x07a\tb\x9b1m\r\u202egpj"),
        ("out", event(out="\x1b[31mred\n", more=[{"\x07": "\x00"}])),
    )
    assert printed == [("out", "]0;titlea\tb1mgpj")]
    assert told == [{"out": "red\n", "more": [{"": ""}]}]


@pytest.mark.parametrize("said", ["", "{", "nonsense", "[1]", "5", '"error"', "[" * 100_000, "{" + '"a":{' * 100_000])
def test_what_is_not_understood_is_an_error_that_shows_it(heard: Callable, said: str) -> None:
    with pytest.raises(LabError) as caught:
        heard(("out", channel.MARK + said))
    assert caught.value.what == "ada: the node sent something that cannot be understood"
    assert caught.value.evidence[0] == (said if len(said) <= channel.SHOWN else said[: channel.SHOWN] + "…")
    assert caught.value.fix == "run the same command again; if it fails again: invoke doctor"


@pytest.mark.parametrize(("wrong", "kind"), [(True, WrongRequest), (False, LabError)])
def test_an_error_of_the_node_s_is_the_same_here(heard: Callable, wrong: bool, kind: type) -> None:
    parts = {"what": "no such topic", "evidence": ["asked: k"], "fix": "make it", "wrong_request": wrong}
    with pytest.raises(LabError) as caught:
        heard(("out", event(error=parts)))
    assert type(caught.value) is kind
    assert str(caught.value) == "error: ada: no such topic\n  asked: k\n  fix: make it"


@pytest.mark.parametrize("error", [5, {}, {"what": "x"}, {"what": "x", "evidence": 5, "fix": "", "wrong_request": 1}])
def test_an_error_of_another_shape_is_not_understood(heard: Callable, error: Any) -> None:
    with pytest.raises(LabError, match="cannot be understood"):
        heard(("out", event(error=error)))


def test_an_answer_is_read_as_what_it_should_be() -> None:
    read = channel.list_of(channel.fields(name=str, passed=bool))
    good = [{"name": "x", "passed": True, "more": 1}]
    assert channel.understood(read, good, about="ada") == good
    for bad in (5, {}, [5], [{"name": "x"}], [{"name": 5, "passed": True}], [{"name": "x", "passed": 1}]):
        with pytest.raises(LabError, match="cannot be understood"):
            channel.understood(read, bad, about="ada")


@pytest.mark.parametrize("bad", [5, None, {}, ["1"], [1, None]])
def test_the_items_of_a_list_have_a_kind_as_well(bad: Any) -> None:
    read = channel.fields(free_mb=[int])
    assert read({"free_mb": [1, 2]}) == {"free_mb": [1, 2]}
    with pytest.raises(TypeError, match="free_mb is not a list of int"):
        read({"free_mb": bad})


def test_an_error_that_was_meant_goes_through() -> None:
    def refuse(said: object) -> None:
        raise WrongRequest("too large")

    with pytest.raises(WrongRequest, match="too large"):
        channel.understood(refuse, {}, about="ada")
