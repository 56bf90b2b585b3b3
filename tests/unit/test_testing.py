from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from streamlab import testing
from streamlab.errors import WrongRequest
from streamlab.options import HELP
from streamlab.paths import ROOT


def test_each_kind_is_a_folder_and_help_names_it() -> None:
    """All but the static checks, which are of the whole tree."""
    folders = {path.name for path in (ROOT / "tests").iterdir() if any(path.glob("test_*.py"))}
    kinds = [kind for kind in testing.KINDS if kind != "static"]
    assert folders == set(kinds)
    assert HELP["test.only"] == "one kind: " + ", ".join(testing.KINDS[:-1]) + f" or {testing.KINDS[-1]}"


def test_contributors_read_of_each_kind_what_it_needs() -> None:
    rows = re.findall(r"^\| `(\w+)` \| .+ \| .+ \|$", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE)
    assert tuple(rows) == testing.KINDS


def test_an_ordinary_run_has_a_short_part_of_the_seat_s_sessions_on_the_same_stack() -> None:
    command = testing.pytest_command("cluster")
    assert command == [sys.executable, "-m", "pytest", "tests/cluster", "tests/seat/test_start.py"]
    assert all((ROOT / path).exists() for path in command[3:])
    assert testing.pytest_command("unit")[3:] == ["tests/unit"]


def test_static_checks_come_first_and_are_what_a_person_would_type() -> None:
    assert testing.ORDINARY[:2] == ("static", "unit")
    typed = [(" ".join(command), folder) for command, folder in testing.static_checks().values()]
    assert typed[:4] == [
        ("ruff check .", ROOT), ("ruff format --check .", ROOT), ("mypy", ROOT), ("ansible-lint", ROOT / "ansible"),
    ]  # fmt: skip
    assert typed[4][0].startswith("shellcheck .ci/run images/")
    assert len(typed) == 5


def test_shell_scripts_are_found_by_their_first_line(tree: Callable) -> None:
    top = tree(
        {
            "a/start": "#!/bin/sh\n", "lab": "#!/usr/bin/env bash\n", ".ci/run": "#!/bin/bash -eu\n",
            "train": "#!/usr/bin/env python3\n", "run.j2": "#!/bin/sh\n{{ x }}", "notes": "run it with #!/bin/sh\n",
            "fish": "#!/usr/bin/fish\n", ".venv/bin/activate": "#!/bin/sh\n", "empty": "",
        }
    )  # fmt: skip
    assert testing.shell_scripts(top) == [".ci/run", "a/start", "lab"]


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Three static checks, of which the second fails; those that have run leave a file here."""
    for name, status in (("first", 0), ("second", 1), ("third", 0)):
        script = tmp_path / name
        script.write_text(f"#!/bin/sh\ntouch {name}.ran\nexit {status}\n")
        script.chmod(0o755)
    named = {name: ([name], tmp_path) for name in ("first", "second", "third")}
    monkeypatch.setattr(testing, "static_checks", lambda: named)
    monkeypatch.setattr(testing, "ensure_tools", lambda: None)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    return tmp_path


def test_a_failed_check_fails_the_run_and_the_others_still_report(
    checks: Path, capsys: pytest.CaptureFixture, error_of: Callable
) -> None:
    assert error_of(testing.test, "static") == (
        "error: tests failed: static\n"
        "  the reports above say what is wrong\n"
        "  fix: repair what failed, then: ./lab test --only static"
    )
    assert sorted(path.name for path in checks.glob("*.ran")) == ["first.ran", "second.ran", "third.ran"]
    verdicts = re.findall(r"^(\w+(?: tests)?): (passed|FAILED) in", capsys.readouterr().out, re.MULTILINE)
    assert verdicts == [("first", "passed"), ("second", "FAILED"), ("third", "passed"), ("static tests", "FAILED")]


def test_static_checks_that_pass_pass_without_an_engine(
    checks: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(testing, "ensure_engines", lambda *_: pytest.fail("static checks need no engine"))
    (checks / "second").write_text("#!/bin/sh\n")
    testing.test("static")
    assert "static tests: passed in" in capsys.readouterr().out


@pytest.fixture
def dev_lock(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A lock of its own, and a place that stands for .venv; pip asks nobody."""
    monkeypatch.setattr(testing, "DEV_LOCK", tmp_path / "requirements-dev.lock")
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    return tmp_path / "requirements-dev.lock"


def test_tools_are_installed_once_for_each_lock(dev_lock: Path, capsys: pytest.CaptureFixture) -> None:
    said = []
    for text in ("# none\n", "# none\n", "# none any more\n"):
        dev_lock.write_text(text)
        testing.ensure_tools()
        said.append(bool(capsys.readouterr().out))
    assert said == [True, False, True]


def test_tools_that_cannot_be_had_are_asked_for_again(dev_lock: Path, error_of: Callable) -> None:
    dev_lock.write_text(f"nobody-has-this==1 --hash=sha256:{'0' * 64}\n")
    for _ in range(2):
        assert error_of(testing.ensure_tools).startswith("error: the static checks' tools could not be installed\n")


def test_without_a_browser_its_tests_do_not_begin(monkeypatch: pytest.MonkeyPatch, error_of: Callable) -> None:
    monkeypatch.setattr(testing.shutil, "which", lambda program: None if "chrom" in program else f"/usr/bin/{program}")
    monkeypatch.setattr(testing, "ensure_tools", lambda: pytest.fail("nothing is installed for tests that cannot run"))
    assert error_of(testing.require_browser) == (
        "error: the gateway's tests click in a real browser\n"
        "  not installed: chromium, chromedriver\n"
        "  fix: apt-get install chromium chromium-driver"
    )


def test_an_unknown_kind_is_a_wrong_request() -> None:
    with pytest.raises(WrongRequest, match="seat") as raised:
        testing.test("seats")
    assert "seat" in raised.value.fix
