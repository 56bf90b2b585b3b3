"""What tests/terminal.py makes of a screen."""

from __future__ import annotations

import terminal


def test_what_colours_and_moves_is_not_shown() -> None:
    screen = "\x1b[?2004h\x1b]0;student@edge: ~\x07\x1b[0;32mIn [\x1b[0;92;1m1\x1b[0;32m]: \x1b[0m1\r\n"
    assert terminal.shown(screen) == "In [1]: 1\n"


def test_lines_are_typed_without_the_test_s_indentation() -> None:
    assert terminal.lines_of("\n    a = 1\n    if a:\n        b = 2\n\n    c = 3\n    ") == [
        "a = 1", "if a:", "    b = 2", "", "c = 3",
    ]  # fmt: skip
    assert terminal.lines_of("1 + 1") == ["1 + 1"]


def test_a_block_at_the_end_is_closed_by_an_empty_line() -> None:
    assert terminal.lines_of("for n in range(3):\n    n") == ["for n in range(3):", "    n", ""]


def test_the_line_that_was_typed_is_not_its_answer() -> None:
    assert terminal.without_echo("1 + 1\n2\n", "1 + 1") == "2\n"
    assert terminal.without_echo("from a stream\n1 + 1\n2\n", "1 + 1") == "from a stream\n2\n"
    assert terminal.without_echo("2\n", "1 + 1") == "2\n"
