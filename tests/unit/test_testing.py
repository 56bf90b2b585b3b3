from __future__ import annotations

import sys

import pytest

from streamlab import testing
from streamlab.errors import WrongRequest
from streamlab.options import HELP
from streamlab.paths import ROOT


def test_each_kind_is_a_folder_and_help_names_it() -> None:
    folders = {path.name for path in (ROOT / "tests").iterdir() if any(path.glob("test_*.py"))}
    assert folders == set(testing.KINDS)
    assert HELP["test.only"] == "one kind: " + ", ".join(testing.KINDS[:-1]) + f" or {testing.KINDS[-1]}"


def test_an_ordinary_run_has_a_short_part_of_the_seat_s_sessions_on_the_same_stack() -> None:
    command = testing.pytest_command("cluster")
    assert command == [sys.executable, "-m", "pytest", "tests/cluster", "tests/seat/test_start.py"]
    assert all((ROOT / path).exists() for path in command[3:])
    assert testing.pytest_command("unit")[3:] == ["tests/unit"]


def test_an_unknown_kind_is_a_wrong_request() -> None:
    with pytest.raises(WrongRequest, match="seat") as raised:
        testing.test("seats")
    assert "seat" in raised.value.fix
