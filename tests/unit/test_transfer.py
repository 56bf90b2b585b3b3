"""Files as a stream: what is sent arrives as it was, whole or not at all, and nothing that should not."""

from __future__ import annotations

import errno
import io
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from streamlab.edge.arrival import arrival
from streamlab.edge.filesystem import CHUNK, Disk, Found, Refused, amount, printable
from streamlab.edge.transfer import contents, gather, manifest, read_manifest

DISK = Disk()


def sent(*paths: Path) -> bytes:
    items = gather((DISK, str(path)) for path in paths)
    return b"".join([manifest(items).line(), *contents(items)])


def receive(stream: bytes, place: Path, *, is_folder: bool = False, force: bool = False) -> list[str]:
    source = io.BytesIO(stream)
    coming = read_manifest(source)
    received = arrival(DISK, str(place), coming, is_folder=is_folder, force=force).receive(source)
    assert source.read() == b""
    return [one.place for one in received]


def tree_of(folder: Path) -> dict[str, bytes | None]:
    """Path -> contents, or None for a folder."""
    found = sorted(folder.rglob("*"))
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in found}


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder with what is sent."""
    folder = tmp_path / "here"
    (folder / "data" / "пусто").mkdir(parents=True)
    (folder / "data" / "a b.csv").write_bytes(b"1\n2\n")
    (folder / "data" / "-x").write_bytes(b"")
    (folder / "data" / "run.sh").write_bytes(b"#!/bin/sh\n")
    (folder / "data" / "run.sh").chmod(0o755)
    Path(os.fsdecode(bytes(folder) + b"/data/no utf-8 \xff")).write_bytes(b"\0\xff")
    (folder / "one.csv").write_bytes(bytes(range(256)) * 10_000)
    return folder


@pytest.fixture
def there(tmp_path: Path) -> Path:
    """An empty folder in which it arrives."""
    folder = tmp_path / "there"
    folder.mkdir()
    return folder


def test_files_and_folders_arrive_as_they_were(here: Path, there: Path) -> None:
    assert receive(sent(here / "data", here / "one.csv"), there) == [f"{there}/data", f"{there}/one.csv"]
    assert tree_of(there) == tree_of(here)
    modes = {path.name: path.stat().st_mode & 0o111 for path in (there / "data").iterdir() if path.is_file()}
    assert {name for name, executable in modes.items() if executable} == {"run.sh"}


def test_a_single_one_takes_a_name_that_is_free(here: Path, there: Path) -> None:
    assert receive(sent(here / "one.csv"), there / "other.csv") == [f"{there}/other.csv"]
    assert receive(sent(here / "data"), there / "d") == [f"{there}/d"]
    assert sorted(path.name for path in there.iterdir()) == ["d", "other.csv"]
    assert tree_of(there / "d") == tree_of(here / "data")


def test_what_came_is_counted(here: Path, there: Path) -> None:
    stream, sizes = io.BytesIO(sent(here / "data", here / "one.csv")), []
    coming = read_manifest(stream)
    data, one = arrival(DISK, str(there), coming, is_folder=False, force=False).receive(stream, sizes.append)
    assert (coming.entries, coming.size) == (7, 2_560_016)
    assert (data.files, data.size, one.files, one.size) == (4, 16, 1, 2_560_000)
    assert sum(sizes) == coming.size
    assert max(sizes) <= CHUNK


def refused(call: Callable[[], object]) -> tuple[str, str, str, bool]:
    with pytest.raises(Refused) as caught:
        call()
    error = caught.value
    return error.what, error.evidence, error.fix, error.wrong


def test_nothing_is_written_over_unless_it_is_said(here: Path, there: Path) -> None:
    (there / "one.csv").write_text("years of work")
    stream = sent(here / "one.csv")
    assert refused(lambda: receive(stream, there)) == (
        f"{there}/one.csv already exists",
        "nothing was overwritten",
        "--force overwrites it; or choose another --to",
        True,
    )
    assert tree_of(there) == {"one.csv": b"years of work"}
    receive(stream, there, force=True)
    assert tree_of(there) == {"one.csv": (here / "one.csv").read_bytes()}


def test_a_folder_that_is_there_keeps_what_else_it_holds(here: Path, there: Path) -> None:
    (there / "data").mkdir()
    (there / "data" / "a b.csv").write_text("old")
    (there / "data" / "mine").write_text("years of work")
    what, _, fix, _ = refused(lambda: receive(sent(here / "data"), there))
    assert what == f"{there}/data already exists"
    assert fix.startswith("--force overwrites its files of the same names;")
    receive(sent(here / "data"), there, force=True)
    assert tree_of(there / "data") == {**tree_of(here / "data"), "mine": b"years of work"}


def test_a_file_and_a_folder_do_not_take_each_others_place(here: Path, there: Path) -> None:
    (there / "one.csv").mkdir()
    (there / "data").mkdir()
    (there / "data" / "a b.csv").mkdir()
    for name, where in (("one.csv", "one.csv"), ("data", "data/a b.csv")):
        before = tree_of(there)
        what, evidence, _, wrong = refused(lambda name=name: receive(sent(here / name), there, force=True))
        assert (what, wrong) == (f"{there}/{where} is a folder", True)
        assert evidence == "a file cannot take its place; nothing was overwritten"
        assert tree_of(there) == before
    (there / "free").write_text("")
    what, evidence, *_ = refused(lambda: receive(sent(here / "data"), there / "free", force=True))
    assert (what, evidence[:8]) == (f"{there}/free is a file", "a folder")


def test_what_takes_the_name_meanwhile_is_not_written_over(here: Path, there: Path) -> None:
    source = io.BytesIO(sent(here / "one.csv"))
    coming = read_manifest(source)
    made = arrival(DISK, str(there), coming, is_folder=False, force=False)
    (there / "one.csv").write_text("faster")
    what, *_ = refused(lambda: made.receive(source))
    assert what == f"{there}/one.csv already exists"
    assert tree_of(there) == {"one.csv": b"faster"}


def test_a_link_to_nothing_has_its_name_too(here: Path, there: Path) -> None:
    (there / "one.csv").symlink_to("nowhere")
    assert refused(lambda: receive(sent(here / "one.csv"), there))[0] == f"{there}/one.csv already exists"


@pytest.mark.parametrize(
    ("place", "what", "fix"),
    [
        ("none/", "no such folder: {}/none", "mkdir -p {}/none"),
        ("none/x", "no such folder: {}/none", "mkdir -p {}/none"),
        ("file/", "{}/file is not a folder", "choose another --to"),
        ("file/x", "{}/file is not a folder", "choose another --to"),
    ],
)
def test_a_folder_must_be_there(here: Path, there: Path, place: str, what: str, fix: str) -> None:
    (there / "file").write_text("x")
    is_folder = place.endswith("/")
    assert refused(lambda: receive(sent(here / "one.csv"), there / place, is_folder=is_folder)) == (
        what.format(there), "nothing was written", fix.format(there), True
    )  # fmt: skip
    several = refused(lambda: receive(sent(here / "one.csv", here / "data"), there / place))
    assert several[0] in (
        f"no such folder: {there}/{place.rstrip('/')}",
        f"{there}/{place.rstrip('/')} is not a folder",
    )


def test_what_does_not_fit_is_refused_before_it_comes(here: Path, there: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Disk, "free", lambda self, folder: 2_000)
    source = io.BytesIO(sent(here / "one.csv"))
    coming = read_manifest(source)
    assert refused(lambda: arrival(DISK, str(there), coming, is_folder=False, force=False)) == (
        f"no space for 2.6 MB in {there}", "2.0 kB are free there", "remove files there that nobody needs", False
    )  # fmt: skip


@pytest.mark.parametrize(
    ("number", "what", "wrong"),
    [
        (errno.EACCES, "no permission to write in {}", True),
        (errno.EROFS, "no permission to write in {}", True),
        (errno.ENOSPC, "cannot write in {}", False),
        (errno.EIO, "cannot write in {}", False),
    ],
)
def test_what_the_system_refuses_is_said_in_its_words(
    here: Path, there: Path, monkeypatch: pytest.MonkeyPatch, number: int, what: str, wrong: bool
) -> None:
    def refuse(path: Path, *_: object) -> None:
        raise OSError(number, os.strerror(number), str(path))

    stream = sent(here / "one.csv")
    monkeypatch.setattr(Path, "mkdir", refuse)
    said = refused(lambda: receive(stream, there))
    assert (said[0], said[1], said[3]) == (what.format(there), os.strerror(number), wrong)


def test_a_stream_that_breaks_off_leaves_nothing(here: Path, there: Path) -> None:
    stream = sent(here / "data", here / "one.csv")
    for length in (len(stream) - 1, len(stream) - 300_000, 400, 200):
        what, _, _, wrong = refused(lambda length=length: receive(stream[:length], there))
        assert (what, wrong) == ("the connection ended half-way", False)
        assert tree_of(there) == {}


class Breaking(io.BytesIO):
    """A connection on which nothing moves after its first line."""

    def read(self, size: int = -1) -> bytes:
        raise TimeoutError("timed out")


def test_a_connection_that_stands_still_leaves_nothing(here: Path, there: Path) -> None:
    source = Breaking(sent(here / "one.csv"))
    coming = read_manifest(source)
    made = arrival(DISK, str(there), coming, is_folder=False, force=False)
    assert refused(lambda: made.receive(source))[:2] == ("the connection ended half-way", "timed out")
    assert tree_of(there) == {}


def test_ctrl_c_leaves_nothing(here: Path, there: Path) -> None:
    source = io.BytesIO(sent(here / "one.csv"))

    def interrupted(size: int) -> None:
        raise KeyboardInterrupt

    coming = read_manifest(source)
    made = arrival(DISK, str(there), coming, is_folder=False, force=False)
    with pytest.raises(KeyboardInterrupt):
        made.receive(source, interrupted)
    assert tree_of(there) == {}


FIRST = {"names": ["a"], "entries": 2, "size": 3}
LAST = {"end": True}


@pytest.mark.parametrize(
    "lines",
    [
        [{**FIRST, "names": []}],
        [{**FIRST, "names": ["../a"]}],
        [{**FIRST, "names": [".."]}],
        [{**FIRST, "names": ["a/b"]}],
        [{**FIRST, "names": "a"}],
        [{**FIRST, "size": -1}],
        [{**FIRST, "size": 1e9}],
        [{**FIRST, "entries": True}],
        [["names"]],
        [FIRST, {"path": "/etc/passwd", "size": 0}],
        [FIRST, {"path": "a/../../x", "size": 0}],
        [FIRST, {"path": "a//x", "size": 0}],
        [FIRST, {"path": "b", "size": 0}],
        [FIRST, {"path": "a\0", "size": 0}],
        [FIRST, {"path": "a/\ud800", "size": 0}],
        [FIRST, {"path": 1, "size": 0}],
        [FIRST, {"path": "a", "size": 4}],
        [FIRST, {"path": "a", "size": None}],
        [FIRST, {"path": "a"}, {"path": "a/b"}, {"path": "a/c"}],
        [FIRST, {"path": "a"}, LAST],
        [FIRST, LAST],
    ],
)
def test_what_is_not_as_it_should_be_is_not_taken_in(there: Path, tmp_path: Path, lines: list) -> None:
    before = sorted(tmp_path.rglob("*"))
    stream = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    assert refused(lambda: receive(stream, there))[0] == "what arrived is not what was sent"
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("line", [b"x" * 70_000, b"[" * 65_000 + b"\n", b"{]\n", b"\xff\n"])
def test_a_line_of_any_kind_is_no_traceback(there: Path, line: bytes) -> None:
    stream = json.dumps(FIRST).encode() + b"\n" + line
    assert refused(lambda: receive(stream, there))[0] == "what arrived is not what was sent"


@pytest.mark.parametrize(
    "lines",
    [
        [FIRST, {"path": "a", "size": 0}, {"path": "a", "size": 0}, LAST],
        [FIRST, {"path": "a", "size": 0}, {"path": "a/b", "size": 0}, LAST],
        [FIRST, {"path": "a/b", "size": 0}, {"path": "a/c", "size": 0}, LAST],
    ],
)
def test_what_does_not_fit_together_is_not_taken_in(there: Path, lines: list) -> None:
    stream = b"".join(json.dumps({**line, "size": 0} if line is FIRST else line).encode() + b"\n" for line in lines)
    assert refused(lambda: receive(stream, there))[0].startswith("cannot write")
    assert tree_of(there) == {}


def test_links_are_followed(here: Path, there: Path) -> None:
    (here / "data" / "link").symlink_to("../one.csv")
    (here / "folder").symlink_to("data/пусто")
    receive(sent(here / "data", here / "folder"), there)
    assert not (there / "data" / "link").is_symlink()
    assert (there / "data" / "link").read_bytes() == (here / "one.csv").read_bytes()
    assert (there / "folder").is_dir()


def test_a_link_that_leads_round_in_a_circle_is_refused(here: Path) -> None:
    (here / "data" / "пусто" / "up").symlink_to("../..")
    (here / "other").symlink_to("data")
    what, *_ = refused(lambda: sent(here / "other"))
    assert what.endswith("links to a folder that it is in")


def test_what_cannot_be_sent_is_named(here: Path) -> None:
    os.mkfifo(here / "data" / "pipe")
    assert refused(lambda: sent(here / "data"))[:3] == (
        f"{here}/data/pipe is neither a file nor a folder", "", "leave it out"
    )  # fmt: skip
    assert refused(lambda: sent(here / "nothing"))[:3] == (
        f"no such file: {here}/nothing", "", f"look for its name in {here}"
    )  # fmt: skip
    assert refused(lambda: sent(here / "one.csv", here / "data/../one.csv"))[0] == "more than one is named one.csv"
    assert refused(lambda: sent(Path("/")))[0] == "/ holds everything"


class Changing(Disk):
    """A disk on which files are of another size when they are read."""

    def find(self, path: str) -> Found | None:
        return Found("log", is_folder=False, size=5)

    def read(self, path: str) -> Iterator[bytes]:
        yield path.rpartition("/")[2].encode()


def test_a_file_that_has_grown_is_sent_as_it_was_found(there: Path) -> None:
    items = gather([(Changing(), "/long-log")])
    receive(b"".join([manifest(items).line(), *contents(items)]), there)
    assert tree_of(there) == {"long-log": b"long-"}


def test_a_file_that_has_become_shorter_is_not_sent() -> None:
    items = gather([(Changing(), "/log")])
    assert refused(lambda: list(contents(items)))[:2] == (
        "/log changed while it was read", "it had 5 bytes, and then 3 bytes"
    )  # fmt: skip


def test_a_name_holds_nothing_that_a_terminal_obeys() -> None:
    assert printable("Ünï код.csv") == "Ünï код.csv"
    assert printable("a\x1b[31m\n\u202e\udcff") == "a\\x1b[31m\\n\\u202e\\udcff"


def test_sizes_are_read_by_people() -> None:
    sizes = [0, 1, 999, 1000, 123_456, 999_999, 1_000_000, 12_345_678, 10_737_418_240, 5 * 10**12]
    assert [amount(size) for size in sizes] == [
        *["0 bytes", "1 byte", "999 bytes", "1.0 kB", "123.5 kB", "1000.0 kB", "1.0 MB", "12.3 MB"],
        *["10.7 GB", "5000.0 GB"],
    ]
