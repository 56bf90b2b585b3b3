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

from streamlab.errors import LabError
from streamlab.students.student import Student
from streamlab.work import fetch

pytestmark = pytest.mark.usefixtures("alone")


class Edge:
    """The edge node: what `edge.fetch` copies to a folder of it, and what of that is left. None is a folder."""

    def __init__(self, files: dict[str, bytes], kind: bytes = tarfile.REGTYPE) -> None:
        self.files, self.kind = files, kind
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
                entry = tarfile.TarInfo(name if name.startswith("/") else f"{Path(path).name}/{name}")
                entry.size, entry.type, entry.linkname = len(data), self.kind, "/etc/passwd"
                archive.addfile(entry, io.BytesIO(data))
        data = buffer.getvalue()
        return iter([data[:700], data[700:]]), {}

    def run(self, edge: Any, command: list[str], *, seconds: int) -> None:
        assert command[:2] == ["rm", "-rf"]
        self.parcels.remove(command[2])


@pytest.fixture
def left(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Edge]:
    def on_hdfs(files: dict[str, bytes], kind: bytes = tarfile.REGTYPE) -> Edge:
        edge = Edge(files, kind)

        @contextmanager
        def opened(student: Student) -> Iterator[Any]:
            yield SimpleNamespace(answer=edge.answer, edge=edge)

        monkeypatch.setattr(fetch, "open_on_engine", opened)
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
        f"error: {mine} already exists\n  nothing was overwritten\n  fix: choose another --to"
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


@pytest.mark.parametrize("path", ["../../.bashrc", "/etc/passwd", "plots/../../x", "..", ""])
def test_a_path_that_leads_elsewhere_makes_nothing(left: Callable, student: Student, path: str, tmp_path: Path) -> None:
    edge = left({"a.txt": b"1", path: b"1"})
    with pytest.raises(LabError) as caught:
        fetch.fetch_output(student, "lesson08", str(tmp_path / "new" / "mine"))
    assert caught.value.evidence[0].endswith("is not below the output folder")
    assert (list(tmp_path.iterdir()), edge.parcels) == ([], set())


def test_a_name_cannot_write_to_the_terminal_as_it_likes(
    left: Callable, student: Student, capsys: pytest.CaptureFixture
) -> None:
    left({"\x1b[2Ja\nb.txt": b"1"})
    fetch.fetch_output(student, "lesson08", None)
    assert capsys.readouterr().out.endswith("/lesson08/\\x1b[2Ja\\nb.txt  1 bytes\n")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_what_is_no_regular_file_is_refused(left: Callable, student: Student, kind: bytes, tmp_path: Path) -> None:
    left({"a.txt": b""}, kind)
    with pytest.raises(LabError) as caught:
        fetch.fetch_output(student, "lesson08", None)
    assert caught.value.evidence[0].endswith("/a.txt is not a regular file")
    assert list(tmp_path.iterdir()) == []


def test_a_copy_that_fails_leaves_what_was_there(left: Callable, student: Student) -> None:
    left({"old.txt": b"1"})
    (old,) = fetch.fetch_output(student, "lesson08", None)
    left({"new.txt": b"1", "new.txt/below": b"1"})
    with pytest.raises(LabError, match="the output of lesson08 cannot be written to"):
        fetch.fetch_output(student, "lesson08", None)
    assert [path.name for path in old.parent.parent.iterdir()] == ["lesson08"]
    assert [path.name for path in old.parent.iterdir()] == ["old.txt"]


def test_no_more_than_the_limit_is_taken(
    left: Callable, student: Student, monkeypatch: pytest.MonkeyPatch, error_of: Callable, tmp_path: Path
) -> None:
    edge = left({"plot.png": b"x" * 30_000})
    monkeypatch.setattr(fetch, "MAX_BYTES", 20_000)
    monkeypatch.setattr(edge, "get_archive", lambda path: (iter([b"x" * 9_000] * 3 + [None]), {}))
    assert error_of(fetch.fetch_output, student, "lesson08", None) == (
        "error: the output of lesson08 is larger than 0 MB\n"
        "  nothing was written\n"
        "  fix: invoke get hdfs:lesson08/out --to DIR, which copies any size"
    )
    assert (list(tmp_path.iterdir()), edge.parcels) == ([], set())


def test_a_sparse_file_counts_with_its_whole_size(
    left: Callable, student: Student, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As GNU tar writes one: a header that says a terabyte, and one byte of it."""
    headers = {"GNU.sparse.major": "0", "GNU.sparse.minor": "1", "GNU.sparse.map": "0,1", "GNU.sparse.size": str(2**40)}
    sparse = io.BytesIO()
    with tarfile.open(fileobj=sparse, mode="w", format=tarfile.PAX_FORMAT) as archive:
        entry = tarfile.TarInfo("out/a.bin")
        entry.size, entry.pax_headers = 1, headers
        archive.addfile(entry, io.BytesIO(b"x"))
    edge = left({"a.bin": b"x"})
    monkeypatch.setattr(edge, "get_archive", lambda path: (iter([sparse.getvalue()]), {}))
    with pytest.raises(LabError, match="is larger than 500 MB"):
        fetch.fetch_output(student, "lesson08", None)
    assert list(tmp_path.iterdir()) == []
