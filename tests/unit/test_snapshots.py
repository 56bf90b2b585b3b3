"""The shelf of snapshots: what is refused, what is listed, and that nothing on it is half a snapshot."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from streamlab.building.versions import load_versions
from streamlab.errors import LabError, WrongRequest
from streamlab.keeping import snapshots
from streamlab.keeping.snapshots import Manifest
from streamlab.students.inventory import Lab
from streamlab.students.student import Student


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(snapshots, "SNAPSHOTS", tmp_path)
    monkeypatch.setattr(snapshots, "products", lambda nodes: {"hadoop": "3.5.0", "kafka": "4.3.1"})
    return tmp_path / "spring"


@pytest.fixture
def kept(shelf: Path, student: Student) -> tuple[Path, Manifest]:
    """A whole snapshot of one file."""
    with snapshots.new("spring", "exam") as folder:
        (folder / "kafka1.tar.gz").write_bytes(b"x" * 2**20)
        manifest = Manifest(
            name="exam",
            lab_class="spring",
            student="ada",
            made="2025-01-01 00:00:00 UTC",
            lab_version="1.0",
            products=snapshots.products(student.node_counts),
            nodes=dict(student.node_counts),
            files={"kafka1.tar.gz": snapshots.described(folder / "kafka1.tar.gz")},
        )
        snapshots.write_manifest(folder, manifest)
    return shelf / "exam", manifest


@pytest.fixture
def lab(student: Student) -> Lab:
    return Lab(Path("class.yml"), (student,))


def test_a_whole_snapshot_is_read_as_it_was_written(kept: tuple[Path, Manifest], student: Student) -> None:
    folder, manifest = kept
    assert snapshots.read(folder) == manifest
    snapshots.require_whole(folder, manifest)
    snapshots.require_fit(manifest, student)
    assert [file.name for file in folder.parent.iterdir()] == ["exam"]


@pytest.mark.parametrize("name", ["", "../x", "Exam", "a b", "-x", "x" * 42, "a.partial"])
def test_a_name_that_is_no_folder_s_is_refused(shelf: Path, name: str) -> None:
    with pytest.raises(WrongRequest, match="a snapshot cannot be called"):
        snapshots.require_free("spring", name)


def test_a_name_that_is_taken_is_refused(kept: tuple[Path, Manifest], error_of: Callable) -> None:
    snapshots.require_free("autumn", "exam")
    assert error_of(snapshots.require_free, "spring", "exam") == (
        "error: there is a snapshot exam already\n"
        f"  {kept[0]}\n"
        "  fix: choose another --name, or invoke snapshots --remove exam"
    )


def test_a_snapshot_that_was_interrupted_is_none(shelf: Path) -> None:
    def write() -> None:
        with snapshots.new("spring", "exam") as folder:
            (folder / "kafka1.tar.gz").touch()
            assert snapshots.found("spring") == []
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write()
    assert list(shelf.iterdir()) == []


def test_a_full_disk_is_said_and_nothing_stays(shelf: Path, error_of: Callable) -> None:
    def write() -> None:
        with snapshots.new("spring", "exam"):
            raise OSError(28, "No space left on device")

    assert "the snapshot exam could not be kept\n  [Errno 28] No space left on device" in error_of(write)
    assert list(shelf.iterdir()) == []


def test_one_that_is_not_there_is_refused_with_the_nearest(kept: tuple[Path, Manifest], error_of: Callable) -> None:
    assert error_of(snapshots.folder_of, "spring", "exams") == (
        "error: no snapshot named 'exams'\n  known: exam\n  fix: did you mean --name exam?"
    )


def test_a_file_that_is_missing_or_changed_is_named(kept: tuple[Path, Manifest], error_of: Callable) -> None:
    folder, manifest = kept
    fix = "  fix: invoke snapshots --remove exam, and take it again"
    (folder / "kafka1.tar.gz").write_bytes(b"x" * (2**20 - 1) + b"y")
    assert error_of(snapshots.require_whole, folder, manifest) == (
        "error: the snapshot exam is damaged\n"
        f"  kafka1.tar.gz is not what was written: 1048576 bytes, or its SHA-256 differs\n{fix}"
    )
    (folder / "kafka1.tar.gz").unlink()
    assert error_of(snapshots.require_whole, folder, manifest) == (
        f"error: the snapshot exam is damaged\n  kafka1.tar.gz is missing\n{fix}"
    )


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"name": "exam"}'])
def test_a_manifest_that_is_none_is_named(kept: tuple[Path, Manifest], text: str) -> None:
    (kept[0] / "manifest.json").write_text(text)
    with pytest.raises(WrongRequest, match="damaged") as caught:
        snapshots.read(kept[0])
    assert caught.value.evidence[0].startswith("manifest.json: ")


def test_another_version_of_a_product_is_refused(
    kept: tuple[Path, Manifest], student: Student, error_of: Callable
) -> None:
    older = replace(kept[1], products={"hadoop": "3.5.0", "kafka": "4.2.0"})
    assert error_of(snapshots.require_fit, older, student) == (
        "error: the snapshot exam is from another version\n"
        "  kafka 4.2.0, here 4.3.1\n"
        "  fix: take it again with these versions"
    )


def test_another_number_of_nodes_is_refused(kept: tuple[Path, Manifest], student: Student, error_of: Callable) -> None:
    larger = replace(student, node_counts={**student.node_counts, "kafka": 3})
    assert "from a stack with other nodes\n  kafka: 1, ada has 3\n" in error_of(snapshots.require_fit, kept[1], larger)


def test_a_service_that_the_stack_does_not_have_is_refused(
    kept: tuple[Path, Manifest], student: Student, error_of: Callable
) -> None:
    """Its node's data would be left behind, without a word."""
    richer = replace(kept[1], nodes={**kept[1].nodes, "hbase": 1})
    assert "from a stack with other nodes\n  hbase: 1, ada has 0\n" in error_of(snapshots.require_fit, richer, student)


def test_the_version_of_a_service_with_data_of_its_own_is_kept() -> None:
    assert "hbase" not in snapshots.products({"kafka": 1})
    assert snapshots.products({"kafka": 1, "hbase": 1})["hbase"] == load_versions().products["hbase"].version


def test_what_is_there_is_listed(
    kept: tuple[Path, Manifest], lab: Lab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    (kept[0].parent / "lost").mkdir()
    snapshots.report(lab)
    monkeypatch.setattr(snapshots, "products", lambda nodes: {"hadoop": "4"})
    snapshots.report(lab)
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [
        "name  made                     of   size    lab  state",
        "exam  2025-01-01 00:00:00 UTC  ada  1.0 MB  1.0  ready",
    ]
    assert lines[2].split()[:2] == ["lost", "manifest.json:"]
    assert lines[4].endswith("1.0  from another version")


def test_an_empty_shelf_says_how_one_is_taken(shelf: Path, lab: Lab, capsys: pytest.CaptureFixture) -> None:
    snapshots.report(lab)
    assert capsys.readouterr().out == "no snapshots of the class spring: invoke snapshot --name NAME takes one\n"


def test_one_is_removed_when_that_is_confirmed(
    kept: tuple[Path, Manifest], lab: Lab, capsys: pytest.CaptureFixture
) -> None:
    with pytest.raises(LabError, match="there is no terminal to confirm on"):
        snapshots.remove(lab, "exam", yes=False)
    assert kept[0].exists()
    snapshots.remove(lab, "exam", yes=True)
    assert list(kept[0].parent.iterdir()) == []
    assert capsys.readouterr().out == "removed the snapshot exam\n"
    with pytest.raises(WrongRequest, match="no snapshot named"):
        snapshots.remove(lab, "exam", yes=True)


def test_the_manifest_is_plain_data(kept: tuple[Path, Manifest]) -> None:
    """Another tool, or a person, may read it."""
    found = json.loads((kept[0] / "manifest.json").read_text())
    assert set(found["files"]["kafka1.tar.gz"]) == {"bytes", "sha256"}
    assert found["nodes"]["kafka"] == 1
