"""From a student's folder to a record on the control machine: the zip, the outbox, receipts, and what is refused."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import re
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import handed_in
from edge import hand_ins as node
from streamlab.edge import outbox
from streamlab.errors import LabError, WrongRequest
from streamlab.grading import collect, hand_in, packing
from streamlab.grading.store import CONTROL_MACHINE, Store
from streamlab.lessons import exercise, jobs
from streamlab.students import clusters
from streamlab.students.clusters import Cluster

AT = datetime(2026, 12, 1, 20, 0, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A student's home with an exercise in the folder my04, in which the student is."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(home)
    monkeypatch.setattr(hand_in, "STATE", home / ".streamlab")
    monkeypatch.setattr(Path, "home", lambda: home)
    exercise.hand_out("lesson04")
    return home / "my04"


@pytest.fixture
def sit(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Be on an edge node, with a gateway or without."""

    def at(*, gateway: bool) -> None:
        cluster = Cluster(clusters.DESCRIPTION, "ada", gateway=gateway)
        monkeypatch.setenv(clusters.VARIABLE, str(clusters.DESCRIPTION))
        monkeypatch.setattr(clusters, "read", lambda path: cluster)

    return at


def test_the_same_folder_gives_the_same_zip(folder: Path) -> None:
    first = packing.pack(jobs.load(folder))
    os.utime(folder / "exercise.py", (0, 0))
    (folder / "exercise.py").chmod(0o600)
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "x.pyc").write_bytes(b"x")
    assert packing.pack(jobs.load(folder)) == first
    found = packing.unpack(first.data, sha256=first.sha256, about="it")
    assert (found.job, found.lesson, sorted(found.files)) == (
        "my04", "lesson04", ["my04/__init__.py", "my04/exercise.py", "my04/job.yml"],
    )  # fmt: skip


def test_a_link_to_elsewhere_and_what_is_too_large_are_refused(folder: Path, error_of: Callable) -> None:
    (folder / "notes").symlink_to("/etc/passwd")
    assert "is not a file in this folder" in error_of(packing.pack, jobs.load(folder))
    (folder / "notes").unlink()
    (folder / "data.csv").write_bytes(b"x" * outbox.MOST_BYTES)
    error = error_of(packing.pack, jobs.load(folder))
    assert "too large to be handed in: 4 files, 1004 kB" in error
    assert "1000 kB  my04/data.csv" in error
    (folder / "data.csv").unlink()
    for number in range(packing.MOST_FILES):
        (folder / f"n{number}.txt").touch()
    assert "at most 100 files" in error_of(packing.pack, jobs.load(folder))


def test_a_name_that_would_not_be_accepted_is_not_handed_in(folder: Path, error_of: Callable) -> None:
    (folder / "ответ.txt").touch()
    assert "my04/ответ.txt" in error_of(packing.pack, jobs.load(folder))


def zipped(entries: dict[str, bytes], kind: int = zipfile.ZIP_STORED) -> tuple[bytes, str]:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", kind) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return buffer.getvalue(), hashlib.sha256(buffer.getvalue()).hexdigest()


JOB = b"exercise: lesson04\n"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ((b"no zip", hashlib.sha256(b"no zip").hexdigest()), "BadZipFile"),
        ((zipped({"my04/job.yml": JOB})[0], "0" * 64), "its SHA-256 is not"),
        (zipped({"my04/job.yml": JOB}), "exercise.py"),
        (zipped({"my04/job.yml": JOB, "my04/exercise.py": b"\xff"}), "UnicodeDecodeError"),
        (zipped({"my04/job.yml": JOB, "my04/exercise.py": b"", "my05/x": b""}), "too many values"),
        (zipped({"my04/job.yml": JOB, "my04/exercise.py": b"", "my04/../x": b""}), "'my04/../x'"),
        (zipped({"my04/job.yml": JOB, "my04/exercise.py": b"", "/etc/x": b""}), "'/etc/x'"),
        (zipped({"my04/job.yml": b"exercise: lesson99\n", "my04/exercise.py": b""}), "'lesson99'"),
        (zipped({"my04/job.yml": b"[" * 100_000, "my04/exercise.py": b""}), "Error"),
        (zipped({"my04/job.yml": b"- 1\n", "my04/exercise.py": b""}), "TypeError"),
        (zipped({"common/job.yml": JOB, "common/exercise.py": b""}), "cannot be called 'common'"),
        (zipped({"lesson04/job.yml": JOB, "lesson04/exercise.py": b""}), "cannot be called 'lesson04'"),
        (zipped({"my04/job.yml": JOB, "my04/exercise.py": b"0" * 10**7}, zipfile.ZIP_DEFLATED), "would not write"),
    ],
)
def test_what_is_no_hand_in_is_refused(data: tuple[bytes, str], why: str, error_of: Callable) -> None:
    assert why in error_of(packing.unpack, data[0], sha256=data[1], about="ada's 1")


def test_without_a_gateway_the_time_is_said_to_be_the_collection_s(
    folder: Path, sit: Callable, capsys: pytest.CaptureFixture
) -> None:
    sit(gateway=False)
    hand_in.hand_in("my04")
    first, second, third = capsys.readouterr().out.splitlines()
    assert first.startswith("my04, the exercise of lesson04: hand-in 1, ")
    assert second == f"  sha256 {packing.pack(jobs.load(folder)).sha256}"
    assert third == "  not received yet: the time that counts is when it is collected"
    hand_in.hand_in("my04")
    assert re.match(r"my04, .*: hand-in 1, 3\.6 kB, which is there already\n", capsys.readouterr().out)


def test_every_hand_in_is_kept_and_the_first_may_come_again(folder: Path, sit: Callable) -> None:
    sit(gateway=False)
    program = folder / "exercise.py"
    first = program.read_text(encoding="utf-8")
    for text in (first, f"{first}# more\n", first):
        program.write_text(text, encoding="utf-8")
        hand_in.hand_in("my04")
    names = outbox.names_in(folder.parent / ".streamlab" / "hand-ins")
    assert [name.number for name in names] == [1, 2, 3]
    assert (names[0].sha256 == names[2].sha256, names[0].sha256 == names[1].sha256) == (True, False)
    files = list((folder.parent / ".streamlab" / "hand-ins").iterdir())
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


def test_what_is_no_exercise_and_another_place_are_wrong_requests(
    folder: Path, sit: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(clusters.VARIABLE, raising=False)
    with pytest.raises(WrongRequest, match="handed in on the edge node"):
        hand_in.hand_in("my04")
    sit(gateway=False)
    with pytest.raises(WrongRequest, match="lesson04 is no exercise"):
        hand_in.hand_in("lesson04")


def test_with_a_gateway_its_receipt_is_waited_for(
    folder: Path, sit: Callable, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    sit(gateway=True)
    monkeypatch.setattr(hand_in, "RECEIPT_SECONDS", 0.01)
    with pytest.raises(LabError, match="hand-in 1 was not received within") as caught:
        hand_in.hand_in("my04")
    assert not isinstance(caught.value, WrongRequest)
    (name,) = outbox.names_in(node.outbox())
    node.keep_receipts(node.outbox(), {str(name): {"received_at": AT.isoformat(), "clock": "gateway"}})
    capsys.readouterr()
    hand_in.hand_in("my04")
    assert "  received 2026-12-01 20:00:00 UTC by the clock of the gateway\n" in capsys.readouterr().out
    hand_in.hand_in(None)
    assert capsys.readouterr().out.splitlines()[1].split()[:2] == ["1", "my04"]


def test_a_receipt_that_the_student_has_spoilt_is_none(folder: Path, sit: Callable) -> None:
    sit(gateway=False)
    hand_in.hand_in("my04")
    (name,) = outbox.names_in(node.outbox())
    for text in ("", "[]", '{"received_at": 3}', "x" * 2000):
        name.receipt(node.outbox()).write_text(text, encoding="utf-8")
        assert hand_in.receipt_of(node.outbox(), name) is None


class Stack:
    """A stack whose edge node is this process."""

    def answer(self, module: str, request: str, *, seconds: int, read: Callable[[Any], Any]) -> Any:
        assert module == "edge.hand_ins"
        said: list[Any] = []
        node.emit = lambda answer: said.append(answer)
        node.main(request)
        return read(json.loads(json.dumps(said[0])))

    student: Any = SimpleNamespace(name="ada", gateway=None)

    def __enter__(self) -> Stack:
        return self

    def __exit__(self, *_: object) -> None:
        pass


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Stack:
    monkeypatch.setattr(node, "emit", node.emit)  # which is put back
    monkeypatch.setattr(collect, "open_stack", lambda student: Stack())
    return Stack()


def test_collecting_keeps_what_is_new_and_leaves_receipts(
    folder: Path, sit: Callable, stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    sit(gateway=False)
    hand_in.hand_in("my04")
    store = Store("spring", str(tmp_path / "kept"))
    began = datetime.now(UTC).replace(microsecond=0)
    collect.collect(Stack.student, store)
    (first,) = store.hand_ins("lesson04")
    assert (first.student, first.job, first.number, first.clock) == ("ada", "my04", 1, CONTROL_MACHINE)
    assert began <= first.received_at <= datetime.now(UTC)
    assert store.contents(first).files["my04/exercise.py"] == (folder / "exercise.py").read_bytes()
    receipt = hand_in.receipt_of(node.outbox(), first.name)
    assert receipt == {"at": first.received_at, "clock": CONTROL_MACHINE}
    capsys.readouterr()
    collect.collect(Stack.student, store)
    assert capsys.readouterr().out == "ada: 0 new, 1 in all\n"
    assert store.hand_ins("lesson04") == [first]
    for path in (tmp_path / "kept").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_what_is_no_hand_in_is_said_and_the_rest_is_kept(
    folder: Path, sit: Callable, stack: Stack, tmp_path: Path
) -> None:
    sit(gateway=False)
    hand_in.hand_in("my04")
    (node.outbox() / f"0007-my04-{'0' * 64}.zip").write_bytes(b"none")
    (node.outbox() / f"0008-my05-{handed_in.packed().sha256}.zip").write_bytes(handed_in.packed().data)
    os.mkfifo(node.outbox() / f"0009-my04-{'1' * 64}.zip")
    (node.outbox() / f"0010-my04-{'2' * 64}.zip").symlink_to("/etc/passwd")
    store = Store("spring", str(tmp_path / "kept"))
    with pytest.raises(LabError, match="2 files in the outbox are no hand-ins") as caught:
        collect.collect(Stack.student, store)
    assert "its SHA-256 is not 000000000000…" in caught.value.evidence[0]
    assert "it holds my04" in caught.value.evidence[1]
    assert [one.number for one in store.hand_ins("lesson04")] == [1]


def test_an_outbox_is_given_in_pieces(folder: Path, sit: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    sit(gateway=False)
    for _ in range(3):
        with (folder / "exercise.py").open("a", encoding="utf-8") as program:
            program.write("# more\n")
        hand_in.hand_in("my04")
    monkeypatch.setattr(node, "ANSWER", 10_000)
    known: set[str] = set()
    sizes = []
    while found := node.unknown(node.outbox(), known):
        known |= {one["name"] for one in found}
        sizes.append(len(found))
        assert all(hashlib.sha256(base64.b64decode(one["data"])).hexdigest() in one["name"] for one in found)
    assert sum(sizes) == 3
    assert len(sizes) > 1


def test_a_record_that_somebody_has_changed_is_an_error(tmp_path: Path, error_of: Callable) -> None:
    store = Store("spring", str(tmp_path))
    one = handed_in.keep(store, "ada", AT)
    file = store.path(one, ".record.json")
    said = json.loads(file.read_text())
    for wrong in ({"student": "bob"}, {"received_at": "2026-12-01T20:00:00"}, {"number": "x"}, {"more": 1}):
        file.write_text(json.dumps(said | wrong), encoding="utf-8")
        assert "is not the record of a hand-in" in error_of(store.hand_ins, "lesson04")
    file.write_text(json.dumps(said), encoding="utf-8")
    one.name.zip(file.parent).write_bytes(b"")
    assert "its SHA-256 is not" in error_of(store.contents, one)
