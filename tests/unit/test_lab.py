"""The script `lab`: one .venv, made once, for whoever calls it from wherever, and by no two at a time."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamlab.paths import ROOT

PROGRAM = "import os, sys; print(os.getcwd(), *sys.argv[1:], sys.prefix)"
#: Seconds that a .venv may take to be made on a busy machine, twice.
SECONDS = 120


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout of nothing but the script, a program that says where it runs, and a lock that asks for nothing."""
    root = tmp_path_factory.mktemp("a checkout")
    shutil.copy(ROOT / "lab", root)
    (root / "requirements.lock").write_text("# nothing\n")
    (root / "streamlab").mkdir()
    (root / "streamlab" / "__init__.py").touch()
    (root / "streamlab" / "__main__.py").write_text(PROGRAM)
    return root


@pytest.fixture(scope="module")
def made(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """What two first runs at once print; one is called by its path, the other by a link, from elsewhere."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "mylab").symlink_to(checkout / "lab")
    commands = [([str(checkout / "lab"), "a b"], checkout), (["./mylab", "a b"], elsewhere)]
    processes = [
        subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for command, cwd in commands
    ]
    try:
        yield [process.communicate(timeout=SECONDS)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()


def test_of_two_first_runs_one_makes_it_and_the_other_waits(made: list[str], checkout: Path) -> None:
    assert sorted(output.splitlines()[0] for output in made) == [
        "Making .venv from requirements.lock (once)",
        "Waiting for another ./lab, which makes .venv",
    ]
    assert all(len(output.splitlines()) == 2 for output in made)
    assert not (checkout / ".streamlab").stat().st_mode & 0o077


def test_it_stays_where_it_is_typed_and_finds_its_checkout_by_a_link(made: list[str], checkout: Path) -> None:
    assert made[0].splitlines()[1] == f"{checkout} a b {checkout}/.venv"
    assert made[1].splitlines()[1].endswith(f"/elsewhere0 a b {checkout}/.venv")
    assert not (Path(made[1].splitlines()[1].split(" a b ")[0]) / ".venv").exists()


def test_a_changed_lock_empties_no_environment_that_is_in_use(made: list[str], checkout: Path) -> None:
    in_use = checkout / ".venv" / "in-use"
    in_use.touch()
    (checkout / "requirements.lock").write_text("# nothing, too\n")
    done = subprocess.run([checkout / "lab"], capture_output=True, text=True, check=True, timeout=SECONDS)
    assert done.stdout.splitlines()[0] == "Updating .venv from requirements.lock"
    assert in_use.exists()
    (checkout / ".venv" / "requirements.sha256").unlink()  # as an update that broke off
    done = subprocess.run([checkout / "lab"], capture_output=True, text=True, check=True, timeout=SECONDS)
    assert done.stdout.splitlines()[0] == "Making .venv from requirements.lock (once)"
    assert not in_use.exists()


def test_one_that_never_ends_is_not_waited_for(made: list[str], checkout: Path) -> None:
    script = (checkout / "lab").read_text()
    hasty = checkout / "hasty"
    hasty.write_text(script.replace("lock 600", "lock 0.5"))
    hasty.chmod(0o755)
    (checkout / "requirements.lock").write_text("# something else\n")
    lock = checkout / ".streamlab" / "venv.lock"
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        done = subprocess.run([hasty], capture_output=True, text=True, check=False, timeout=SECONDS)
    assert (done.returncode, done.stdout) == (2, "Waiting for another ./lab, which makes .venv\n")
    assert done.stderr == (
        f"error: another ./lab has been making .venv for more than 0.5 s\n  it holds {lock}\n"
        "  fix: end it, then try again\n"
    )


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_another_user_s_checkout_is_refused(made: list[str], checkout: Path) -> None:
    (checkout / "requirements.lock").write_text("# something newer\n")
    for folder in (checkout, *checkout.parents[:2]):  # pytest's own are 0700
        folder.chmod(0o755)
    command = ["setpriv", "--reuid=65534", "--clear-groups", checkout / "lab"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"error: this checkout belongs to another user\n  {checkout} cannot be written to\n"
        "  fix: work in your own clone\n"
    )
