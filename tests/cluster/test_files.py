"""Files of one's own come into a stack, to the edge node and to HDFS, and back: whole, or not at all."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab_runner import LabRunner, press_ctrl_c

#: Where a folder of the tests is, as `put` and `get` call it, and how its names are listed.
PLACES = {
    "edge": ("", "ls -A ~/{}"),
    "hdfs": ("hdfs:", "hdfs dfs -ls -C hdfs:///user/student/{} | sed 's#.*/##'"),
}


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, lab: LabRunner) -> Iterator[tuple[str, Callable[[], list[str]]]]:
    """An empty folder in a stack, and what it holds."""
    prefix, listed = PLACES[request.param]
    name = f"files-{uuid.uuid4().hex[:8]}"
    make, remove = (
        ("hdfs dfs -mkdir -p {0}", "hdfs dfs -rm -r -skipTrash {0}") if prefix else ("mkdir {0}", "rm -r {0}")
    )
    lab.inside(make.format(name))
    yield f"{prefix}{name}/", lambda: lab.inside(listed.format(name)).splitlines()
    lab.inside(remove.format(name))


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """Files with names as people give them."""
    data = tmp_path / "Мои данные"
    (data / "sub" / "пусто").mkdir(parents=True)
    (data / "-x").write_bytes(b"")
    (data / "50% & more?.csv").write_text("1,é\n")
    (data / "sub" / "part.bin").write_bytes(os.urandom(5_000_000))
    return tmp_path


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
        for path in sorted(folder.rglob("*"))
    }


def test_what_is_put_can_be_got_back(lab: LabRunner, place: tuple, here: Path) -> None:
    where, names = place
    (here / "back").mkdir()
    said = lab("put", str(here / "Мои данные"), "--to", where)
    assert said.endswith(f"{where.rstrip('/').removeprefix('hdfs:')}/Мои данные  3 files, 5.0 MB\n")
    assert names() == ["Мои данные"]
    lab("get", f"{where}Мои данные", "--to", str(here / "back"))
    assert digests(here / "back" / "Мои данные") == digests(here / "Мои данные")


def test_what_is_there_is_written_over_only_when_that_is_said(lab: LabRunner, place: tuple, here: Path) -> None:
    where, names = place
    (here / "a b.csv").write_text("first")
    lab("put", str(here / "a b.csv"), "--to", where)
    (here / "a b.csv").write_text("second")
    ran = lab.run("put", str(here / "a b.csv"), "--to", where)
    assert ran.code == 2
    assert ran.err.endswith("/a b.csv already exists\n  nothing was overwritten\n  fix: --force overwrites it; "
                            "or choose another --to\n")  # fmt: skip
    lab("put", str(here / "a b.csv"), "--to", where, "--force")
    ran = lab.run("get", f"{where}a b.csv", "--to", str(here))
    assert ran.code == 2
    (here / "a b.csv").unlink()
    lab("get", f"{where}a b.csv", "--to", str(here))
    assert (here / "a b.csv").read_text() == "second"
    assert names() == ["a b.csv"]


def test_who_is_the_student_owns_what_is_put(lab: LabRunner, here: Path) -> None:
    (here / "mine.sh").write_text("#!/bin/sh\necho ran\n")
    (here / "mine.sh").chmod(0o700)
    lab("put", str(here / "mine.sh"), "--to", "~/mine.sh", "--force")
    assert lab.inside("stat -c %U:%G:%a mine.sh; ./mine.sh; rm mine.sh") == "student:student:755\nran\n"


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["x", "--to", "none/"], "no such folder: /home/student/none"),
        (["x", "--to", "hdfs:none/"], "no such folder: hdfs:/user/student/none"),
        (["x", "--to", "/opt"], "no permission to write in /opt"),
        (["x", "--to", "hdfs://elsewhere/x"], "hdfs://elsewhere is not this stack's HDFS"),
        (["nothing"], "no such file: {}/nothing"),
    ],
)
def test_what_cannot_be_put_is_a_wrong_request(lab: LabRunner, here: Path, arguments: list[str], what: str) -> None:
    (here / "x").write_text("x")
    ran = lab.run("put", str(here / arguments[0]), *arguments[1:])
    assert (ran.code, ran.out, ran.err.splitlines()[0]) == (2, "", f"error: {what.format(here)}")
    assert ran.err.splitlines()[-1].startswith("  fix: ")


@contextmanager
def half_way(lab: LabRunner, file: Path, where: str, names: Callable[[], list[str]]) -> Iterator[subprocess.Popen]:
    """A `put` that is at work."""
    with file.open("wb") as large:
        large.truncate(6 << 30)
    with lab.begun("put", str(file), "--to", where) as process:
        ends = time.monotonic() + 30
        while not names():
            assert time.monotonic() < ends
        yield process


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGKILL])
def test_a_put_that_is_ended_leaves_nothing(lab: LabRunner, place: tuple, tmp_path: Path, how: int) -> None:
    where, names = place
    with half_way(lab, tmp_path / "large", where, names) as process:
        assert "large" not in names()
        if how == signal.SIGINT:
            assert press_ctrl_c(process).err == "interrupted\n"
        else:
            os.killpg(process.pid, how)
        process.wait(60)
    ends = time.monotonic() + 10
    while names():
        assert time.monotonic() < ends, names()
        time.sleep(0.2)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGHUP, signal.SIGTERM])
def test_a_get_that_is_ended_leaves_nothing(lab: LabRunner, tmp_path: Path, how: int) -> None:
    lab.inside("truncate -s 6G large")
    with lab.begun("get", "large", "--to", str(tmp_path)) as process:
        ends = time.monotonic() + 30
        while not list(tmp_path.iterdir()):
            assert time.monotonic() < ends
            time.sleep(0.1)
        os.killpg(process.pid, how)
        process.wait(60)
    assert list(tmp_path.iterdir()) == []
    assert lab.inside("rm large; pgrep -f edge[.]get || echo none") == "none\n"
