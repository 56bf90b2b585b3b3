"""What a job left is brought to this machine, and nothing that was there is written over."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from streamlab.students.topology import Student
from streamlab.work import fetch


class Edge:
    """The edge node: what `edge.fetch` copies to a folder of it, and what of that is left. None is a folder."""

    def __init__(self, files: dict[str, bytes | None]) -> None:
        self.files = files
        self.parcels: set[str] = set()

    def answer(self, module: str, job: str, parcel: str, *, seconds: int, read: Callable) -> list[str]:
        assert (module, job) == ("edge.fetch", "lesson08")
        self.parcels.add(parcel)
        return read(list(self.files))

    def get_archive(self, path: str) -> tuple[Iterator[bytes], dict]:
        assert path in self.parcels
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            for name, data in self.files.items():
                entry = tarfile.TarInfo(f"{Path(path).name}/{name}")
                entry.size, entry.type = len(data or b""), tarfile.DIRTYPE if data is None else tarfile.REGTYPE
                archive.addfile(entry, io.BytesIO(data or b""))
        data = buffer.getvalue()
        return iter([data[:700], data[700:]]), {}

    def run(self, edge: Any, command: list[str], *, seconds: int) -> None:
        assert command[:2] == ["rm", "-rf"]
        self.parcels.remove(command[2])


@pytest.fixture
def left(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[dict[str, bytes]], Edge]:
    def on_hdfs(files: dict[str, bytes | None]) -> Edge:
        edge = Edge(files)

        @contextmanager
        def opened(student: Student) -> Iterator[Any]:
            yield SimpleNamespace(answer=edge.answer, edge=edge)

        monkeypatch.setattr(fetch, "open_stack", opened)
        monkeypatch.setattr(fetch, "run_inside", edge.run)
        monkeypatch.setattr(fetch, "STATE", tmp_path / "state")
        return edge

    return on_hdfs


def test_output_is_brought_and_listed(
    left: Callable, student: Student, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    edge = left({"plots/roc.png": b"\x89PNG", "report.json": b"{}"})
    paths = fetch.fetch_output(student, "lesson08", str(tmp_path / "mine"))
    assert [path.read_bytes() for path in paths] == [b"\x89PNG", b"{}"]
    assert capsys.readouterr().out == f"{tmp_path}/mine/plots/roc.png  4 bytes\n{tmp_path}/mine/report.json  2 bytes\n"
    assert edge.parcels == set()
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_second_time_what_is_no_longer_left_is_gone(left: Callable, student: Student, tmp_path: Path) -> None:
    left({"old.txt": b"1"})
    (old,) = fetch.fetch_output(student, "lesson08", None)
    assert old == tmp_path / "state" / "output" / "ada" / "lesson08" / "old.txt"
    left({"new.txt": b"2"})
    fetch.fetch_output(student, "lesson08", None)
    assert [path.name for path in old.parent.iterdir()] == ["new.txt"]


def test_a_folder_of_yours_is_never_written_over(
    left: Callable, student: Student, tree: Callable, error_of: Callable
) -> None:
    left({"new.txt": b"2"})
    mine = tree({"mine/thesis.txt": "years of work"}) / "mine"
    assert error_of(fetch.fetch_output, student, "lesson08", str(mine)) == (
        f"error: {mine} is there already\n  nothing was written over\n  fix: choose another --to"
    )
    assert (mine / "thesis.txt").read_text() == "years of work"


def test_without_output_that_is_said(left: Callable, student: Student, error_of: Callable) -> None:
    edge = left({})
    assert error_of(fetch.fetch_output, student, "lesson08", None) == (
        "error: lesson08 of ada has left no output\n"
        "  /user/student/lesson08/out on HDFS is empty or missing\n"
        "  fix: invoke submit --job lesson08"
    )
    assert edge.parcels == set()


def test_what_has_become_a_folder_meanwhile_is_an_error_in_words(
    left: Callable, student: Student, error_of: Callable
) -> None:
    left({"plots": None, "report.json": b"{}"})
    assert error_of(fetch.fetch_output, student, "lesson08", None) == (
        "error: plots of ada cannot be brought\n  it is not a file any more\n  fix: run the same command again"
    )


@pytest.mark.parametrize("path", ["../../.bashrc", "/etc/passwd", "plots/../../x"])
def test_a_path_that_leads_elsewhere_is_not_followed(left: Callable, student: Student, path: str) -> None:
    left({path: b"1"})
    with pytest.raises(ValueError, match="is not below the output folder"):
        fetch.fetch_output(student, "lesson08", None)
