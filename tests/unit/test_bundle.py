"""Bundles: the same tree gives the same bytes, and only what a job needs is inside."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from streamlab.lessons import bundle
from streamlab.paths import JOBS

FILES = {"words/count.py": "import common\n", "words/data/a.csv": "1\n", "words/job.yml": "title: w\n"}


def names(packed: bundle.Bundle) -> list[str]:
    return zipfile.ZipFile(io.BytesIO(packed.data)).namelist()


def test_the_same_files_give_the_same_bytes_in_any_order() -> None:
    files = {"b": b"2", "a": b"1", "a/c": b"3"}
    packed = bundle.zip_of(files)
    assert packed == bundle.zip_of(dict(reversed(files.items())))
    assert names(packed) == ["a", "a/c", "b"]
    assert packed.sha256 == hashlib.sha256(packed.data).hexdigest()
    assert packed.short == packed.sha256[:12]


def test_a_zip_carries_no_time_no_owner_and_no_compression() -> None:
    (entry,) = zipfile.ZipFile(io.BytesIO(bundle.zip_of({"a": b"x" * 1000}).data)).infolist()
    assert entry.date_time == (1980, 1, 1, 0, 0, 0)
    assert (entry.compress_type, entry.compress_size) == (zipfile.ZIP_STORED, 1000)
    assert (entry.create_system, entry.external_attr) == (3, 0o644 << 16)


def test_another_content_or_name_gives_another_hash() -> None:
    hashes = {bundle.zip_of(files).sha256 for files in ({"a": b"1"}, {"a": b"2"}, {"b": b"1"}, {})}
    assert len(hashes) == 4


def test_times_and_permissions_of_files_do_not_matter(tree: Callable) -> None:
    folder = tree(FILES) / "words"
    before = bundle.job_bundle(folder)
    os.utime(folder / "count.py", (0, 0))
    (folder / "count.py").chmod(0o700)
    assert bundle.job_bundle(folder) == before
    (folder / "count.py").write_text("import common \n")
    assert bundle.job_bundle(folder) != before


def test_what_python_and_editors_leave_behind_stays_out(tree: Callable) -> None:
    folder = tree(FILES) / "words"
    before = bundle.job_bundle(folder)
    left = ["__pycache__/count.cpython-311.pyc", "data/__pycache__/x", "old.pyc", ".ipynb_checkpoints/count.py"]
    left += [".git/config", ".env", "data/.venv/x.py", "venv/pyvenv.cfg", "venv/lib/x.py", "node_modules/x/x.js"]
    tree({f"words/{name}": "" for name in left})
    assert bundle.job_bundle(folder) == before


def test_a_link_within_the_folder_is_packed_as_what_it_names(tree: Callable) -> None:
    folder = tree(FILES) / "words"
    (folder / "b.csv").symlink_to("data/a.csv")
    assert bundle.files_below(folder, under="words")["words/b.csv"] == b"1\n"


@pytest.mark.parametrize("target", ["../key", "/etc/passwd", "nothing", "data", "../words/../key", ".."])
def test_a_link_that_names_no_file_of_the_folder_is_refused(tree: Callable, target: str, error_of: Callable) -> None:
    folder = tree({**FILES, "key": "secret"}) / "words"
    (folder / "data" / "b.csv").symlink_to(target if target.startswith("/") else f"../{target}")
    shown = (folder / "data" / "b.csv").readlink()
    assert error_of(bundle.job_bundle, folder) == (
        f"error: {folder} has a link that cannot be packed\n"
        f"  {folder}/data/b.csv -> {shown} is not a file in this folder\n"
        "  fix: remove the link, or put the file itself in its place"
    )


def test_what_is_too_large_is_named_and_not_read(
    tree: Callable, monkeypatch: pytest.MonkeyPatch, error_of: Callable
) -> None:
    folder = tree(FILES) / "words"
    with (folder / "data" / "big.csv").open("wb") as file:
        file.truncate(2**40)  # a file with no data in it, that no memory could hold
    (folder / "data" / "b.csv").write_bytes(b"x" * 300_000)
    assert error_of(bundle.job_bundle, folder) == (
        f"error: {folder} is too large to be packed: 1099511.9 MB, and 50 MB is the limit\n"
        "  1099511.6 MB  data/big.csv\n  0.3 MB  data/b.csv\n  0.0 MB  count.py\n"
        "  fix: move data to HDFS, and out of the folder: invoke put big.csv --to hdfs:words/"
    )
    (folder / "data" / "big.csv").unlink()
    monkeypatch.setattr(bundle, "MAX_BYTES", 300_000 + sum(map(len, FILES.values())))
    assert "words/data/b.csv" in names(bundle.job_bundle(folder))


def test_a_checkout_may_stand_anywhere(tree: Callable) -> None:
    below = {f"__pycache__/{name}": text for name, text in FILES.items()}
    assert list(bundle.files_below(tree(below) / "__pycache__" / "words", under="words")) == list(FILES)


def test_a_job_s_bundle_holds_the_job_and_common_and_nothing_else() -> None:
    found = names(bundle.job_bundle(JOBS / "lesson08"))
    assert {name.partition("/")[0] for name in found} == {"lesson08", "common"}
    assert {"lesson08/job.yml", "lesson08/train.py", "common/launch.py"} <= set(found)
    assert found == sorted(found)


def test_the_tools_hold_the_edge_package_and_common() -> None:
    found = names(bundle.tools())
    assert {name.partition("/")[0] for name in found} == {"edge", "common"}
    assert {"edge/__init__.py", "edge/health.py", "common/settings.py"} <= set(found)


def test_two_copies_of_a_lesson_give_one_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hashes = set()
    for place in ("here", "elsewhere"):
        for name in ("lesson08", "common"):
            shutil.copytree(JOBS / name, tmp_path / place / name, copy_function=shutil.copyfile)
        monkeypatch.setattr(bundle, "JOBS", tmp_path / place)
        hashes.add(bundle.job_bundle(tmp_path / place / "lesson08").sha256)
    monkeypatch.undo()
    assert hashes == {bundle.job_bundle(JOBS / "lesson08").sha256}


def test_a_bundle_is_written_where_it_was_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    to = tmp_path / "new" / "job.zip"
    bundle.write(JOBS / "lesson08", str(to))
    packed = bundle.job_bundle(JOBS / "lesson08")
    assert to.read_bytes() == packed.data
    assert [path.name for path in to.parent.iterdir()] == ["job.zip"]
    assert capsys.readouterr().out == f"{to}  sha256 {packed.sha256}\n"


def test_a_bundle_is_named_after_its_job_and_its_hash_where_no_path_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(bundle, "STATE", tmp_path)
    bundle.write(JOBS / "lesson08", None)
    packed = bundle.job_bundle(JOBS / "lesson08")
    path = tmp_path / "bundles" / f"lesson08-{packed.short}.zip"
    assert path.read_bytes() == packed.data
    assert str(path) in capsys.readouterr().out


def test_a_bundle_that_cannot_be_written_leaves_the_one_that_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    to = tmp_path / "job.zip"
    to.write_bytes(b"whole")

    def full(self: Path, data: bytes) -> None:
        with self.open("wb") as file:
            file.write(data[:9])
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="no space left"):
        bundle.write(JOBS / "lesson08", str(to))
    assert to.read_bytes() == b"whole"
