"""A stack's volumes change what they hold for what lies beside it, and back, wherever that is cut off."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from streamlab.edge import exchange

OLD = {"hdfs": {"name/image": "old", "seen": "old"}, "edge": {"metastore/db": "old", "mine.py": "mine"}}
NEW = {"hdfs": {"name/image": "new", "extra": "new"}, "edge": {"metastore/db": "new"}}
RESTORED = {"hdfs": NEW["hdfs"], "edge": {"metastore/db": "new", "mine.py": "mine"}}


def put(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def held(top: Path) -> dict[str, dict[str, str]]:
    """Volume -> what is in it, hidden folders included."""
    return {
        volume.name: {str(f.relative_to(volume)): f.read_text() for f in volume.rglob("*") if f.is_file()}
        for volume in top.iterdir()
    }


@contextmanager
def cut_off(monkeypatch: pytest.MonkeyPatch, *, after: int) -> Iterator[None]:
    """So many renames succeed, and the block ends with the next."""
    rename, done = Path.rename, []

    def failing(self: Path, target: Path) -> Path:
        if len(done) == after:
            raise OSError("gone")
        done.append(target)
        return rename(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", failing)
        with pytest.raises(OSError, match="gone"):
            yield


@pytest.fixture
def places(tmp_path: Path) -> list[str]:
    """Two volumes, of one of which a single folder counts, with what comes unpacked beside."""
    for name, files in OLD.items():
        put(tmp_path / name, files)
    named = [f"{tmp_path}/hdfs", f"{tmp_path}/edge:metastore"]
    exchange.main("begin", *named)
    for name, files in NEW.items():
        put(tmp_path / name / exchange.BESIDE / "new", files)
    return named


def test_what_comes_takes_the_place_of_what_was(tmp_path: Path, places: list[str]) -> None:
    exchange.main("swap", *places)
    exchange.main("prove", *places)
    exchange.main("end", *places)
    assert held(tmp_path) == RESTORED


def state(places: list[str], capsys: pytest.CaptureFixture) -> str:
    exchange.main("state", *places)
    return json.loads(capsys.readouterr().out.lstrip("\x1e"))["answer"]


def test_how_far_a_restore_has_come_can_be_asked(places: list[str], capsys: pytest.CaptureFixture) -> None:
    found = [state(places, capsys)]
    for step in ("swap", "prove", "end"):
        exchange.main(step, *places)
        found.append(state(places, capsys))
    assert found == ["begun", "swapped", "proved", "none"]


@pytest.mark.parametrize("step", ["end", "begin"])
def test_what_was_swapped_and_has_not_been_proved_is_undone(tmp_path: Path, places: list[str], step: str) -> None:
    """Whoever comes next, after one who was killed during the proofs, must not delete what was there."""
    exchange.main("swap", *places)
    exchange.main(step, *places)
    for name, files in OLD.items():
        assert held(tmp_path)[name] == files


@pytest.mark.parametrize("renames", range(2))
def test_what_was_proved_stays_though_clearing_is_cut_off(
    tmp_path: Path, places: list[str], monkeypatch: pytest.MonkeyPatch, renames: int
) -> None:
    exchange.main("swap", *places)
    exchange.main("prove", *places)
    with cut_off(monkeypatch, after=renames):
        exchange.main("end", *places)
    exchange.main("end", *places)
    assert held(tmp_path) == RESTORED


def test_marking_and_clearing_may_both_be_cut_off(
    tmp_path: Path, places: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No volume gets its old data back while another one keeps the new."""
    exchange.main("swap", *places)
    exchange.main("prove", places[0])
    with cut_off(monkeypatch, after=1):
        exchange.main("end", *places)
    exchange.main("end", *places)
    assert held(tmp_path) == RESTORED


def test_deleting_what_was_there_may_be_cut_off(
    tmp_path: Path, places: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its marks are out of the way before the first file is deleted."""
    exchange.main("swap", *places)
    exchange.main("prove", *places)

    def fail(path: Path) -> None:
        raise OSError("gone")

    with monkeypatch.context() as patched:
        patched.setattr(exchange.shutil, "rmtree", fail)
        with pytest.raises(OSError, match="gone"):
            exchange.main("end", *places)
    exchange.main("end", *places)
    assert held(tmp_path) == RESTORED


def test_what_was_comes_back(tmp_path: Path, places: list[str]) -> None:
    exchange.main("swap", *places)
    exchange.main("back", *places)
    assert held(tmp_path) == OLD


def test_given_up_before_the_swap_nothing_has_changed(tmp_path: Path, places: list[str]) -> None:
    exchange.main("end", *places)
    assert held(tmp_path) == OLD


def test_nothing_may_come(tmp_path: Path) -> None:
    put(tmp_path / "edge", OLD["edge"])
    for step in ("begin", "swap", "prove", "end"):
        exchange.main(step, f"{tmp_path}/edge:metastore")
    assert held(tmp_path) == {"edge": {"mine.py": "mine"}}


@pytest.mark.parametrize("renames", range(6))
@pytest.mark.parametrize("step", ["back", "end", "begin"])
def test_a_swap_that_is_cut_off_anywhere_is_undone(
    tmp_path: Path, places: list[str], monkeypatch: pytest.MonkeyPatch, renames: int, step: str
) -> None:
    """A whole swap is two renames out and two in for the one volume, one and one for the other."""
    with cut_off(monkeypatch, after=renames):
        exchange.main("swap", *places)
    exchange.main(step, *places)
    assert held(tmp_path) == OLD


def test_a_way_back_that_is_cut_off_can_be_gone_again(
    tmp_path: Path, places: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange.main("swap", *places)
    with cut_off(monkeypatch, after=1):
        exchange.main("back", *places)
    exchange.main("back", *places)
    assert held(tmp_path) == OLD
