"""An export is used when it is whole and meant for this lab, and else not at all."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from streamlab import offline
from streamlab.building import build, images, travel
from streamlab.engines import engine, throwaway
from streamlab.errors import LabError, WrongRequest
from streamlab.students.inventory import Lab
from streamlab.students.student import Gateway, Student

LAB = Lab(Path("class.yml"), ())
JAR = f"jars/{hashlib.sha256(b'a jar').hexdigest()}.jar"
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


class Engine:
    """An engine that takes and gives an archive, and has every image whose name went into it."""

    def __init__(self, archive: bytes = b"") -> None:
        self.archive = archive
        self.images = SimpleNamespace(list=lambda name: [name] if self.archive else [])

    def version(self) -> dict[str, str]:
        return {"Arch": "amd64"}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own, with a jar, the wheels of an image and the control program's."""
    kept = tmp_path / "cache"
    for module in (offline, throwaway):
        monkeypatch.setattr(module, "CACHE", kept)
    for name in (JAR, "wheels/0123/numpy.whl", f"{offline.control_wheels().relative_to(kept)}/invoke.whl"):
        (kept / name).parent.mkdir(parents=True, exist_ok=True)
        (kept / name).write_text("a jar" if name == JAR else name)
    return kept


@pytest.fixture
def client(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    there = Engine(b"layers")
    artifacts = {cache / JAR, cache / "wheels/0123/numpy.whl"}
    monkeypatch.setattr(offline, "own_engine", lambda lab: "unix:///here")
    monkeypatch.setattr(offline, "ensure_images", lambda docker_host, wanted: False)
    monkeypatch.setattr(engine, "connect", lambda docker_host, **_: nullcontext(there))
    monkeypatch.setattr(build, "all_artifacts", lambda client, images, *, fetch_at: artifacts)
    monkeypatch.setattr(travel, "saved", lambda client, tags: iter([client.archive]))
    monkeypatch.setattr(travel, "load", lambda client, archive, *, line: setattr(client, "archive", b"".join(archive)))
    return there


#: Nobody of the class has an optional service.
PACKED = [image.name for image in images.with_parents([*images.PRODUCTS, images.GATEWAY])]


@pytest.fixture
def exported(client: Engine, tmp_path: Path) -> Path:
    offline.export(LAB, str(tmp_path / "packed"))
    return tmp_path / "packed"


def test_everything_is_packed_with_its_hash(exported: Path) -> None:
    manifest = json.loads((exported / "manifest.json").read_text())
    assert {path.relative_to(exported).as_posix() for path in exported.rglob("*") if path.is_file()} == {
        *manifest["files"], "manifest.json",
    }  # fmt: skip
    assert manifest["files"]["images.tar"] == {"bytes": 6, "sha256": hashlib.sha256(b"layers").hexdigest()}
    tags = images.all_tags()
    assert manifest["images"] == [tags[name] for name in PACKED]
    assert (manifest["processor"], manifest["python"]) == ("amd64", PYTHON)


def test_what_was_packed_is_taken_in_elsewhere_and_a_second_time_nothing(
    exported: Path, cache: Path, client: Engine, capsys: pytest.CaptureFixture
) -> None:
    before = {path: path.read_text() for path in cache.rglob("*") if path.is_file()}
    for path in before:
        path.unlink()
    for folder in cache.glob("wheels/*"):
        folder.rmdir()
    client.archive = b""
    capsys.readouterr()
    offline.import_(LAB, str(exported))
    assert {path: path.read_text() for path in cache.rglob("*") if path.is_file()} == before
    assert client.archive == b"layers"
    assert (
        capsys.readouterr().out
        == f"{len(PACKED)} images and 3 packages imported, the rest were there: invoke provision\n"
    )
    offline.import_(LAB, str(exported))
    assert capsys.readouterr().out == "no images and no packages imported, the rest were there: invoke provision\n"


def test_a_class_with_a_gateway_takes_its_image_along(
    client: Engine, student: Student, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Sequence[str]] = []
    monkeypatch.setattr(offline, "ensure_images", lambda docker_host, wanted: asked.append(wanted))
    offline.export(Lab(Path("class.yml"), (student,)), str(tmp_path / "plain"))
    offline.export(Lab(Path("class.yml"), (replace(student, gateway=Gateway()),)), str(tmp_path / "gateway"))
    assert asked == [images.PRODUCTS, (*images.PRODUCTS, images.GATEWAY)]


def test_nothing_is_written_over(exported: Path) -> None:
    with pytest.raises(WrongRequest, match="already exists"):
        offline.export(LAB, str(exported))


def test_of_an_export_that_breaks_off_nothing_stays(
    client: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaking(client: Any, tags: Any) -> Any:
        yield b"half"
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(travel, "saved", breaking)
    with pytest.raises(LabError, match="could not be written"):
        offline.export(LAB, str(tmp_path / "packed"))
    assert not list(tmp_path.glob("packed*"))


def damaged(folder: Path) -> None:
    (folder / "images.tar").write_bytes(b"lAyers")


def shortened(folder: Path) -> None:
    (folder / "images.tar").write_bytes(b"lay")


def missing(folder: Path) -> None:
    (folder / "cache" / JAR).unlink()


def linked(folder: Path) -> None:
    jar = folder / "cache" / JAR
    jar.symlink_to(jar.rename(folder / "elsewhere"))


def linked_folder(folder: Path) -> None:
    jars = folder / "cache" / "jars"
    jars.symlink_to(jars.rename(folder / "elsewhere"))


@pytest.mark.parametrize(
    ("harm", "evidence"),
    [
        (damaged, "images.tar is damaged: its SHA-256 begins with "),
        (shortened, "images.tar has 3 bytes; 6 were written"),
        (missing, f"cache/{JAR} is missing"),
        (linked, f"cache/{JAR} is a link, or below one"),
        (linked_folder, f"cache/{JAR} is a link, or below one"),
    ],
)
def test_a_file_that_is_not_whole_is_refused_and_nothing_is_used(
    exported: Path, cache: Path, client: Engine, harm: Callable, evidence: str
) -> None:
    harm(exported)
    (cache / "wheels/0123/numpy.whl").unlink()
    (cache / "wheels/0123").rmdir()
    client.archive = b""
    with pytest.raises(WrongRequest) as caught:
        offline.import_(LAB, str(exported))
    assert caught.value.what == f"1 of 4 files of {exported} are not what was exported"
    assert caught.value.evidence[0].startswith(evidence)
    assert (client.archive, (cache / "wheels/0123").exists()) == (b"", False)


def change(folder: Path, **values: Any) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**manifest, **values}))


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ({"python": "3.9"}, "was exported for another Python"),
        ({"processor": "s390x"}, "it was exported for another processor"),
        ({"images": []}, "was exported from another version of the lab"),
        ({"format": 2}, "does not have the expected format"),
        ({"files": {}}, "does not have the expected format"),
        ({"files": None}, "cannot be read"),
    ],
)
def test_what_is_meant_for_something_else_is_refused(exported: Path, values: dict, what: str) -> None:
    change(exported, **values)
    with pytest.raises(WrongRequest, match=what):
        offline.import_(LAB, str(exported))


def test_a_folder_without_a_manifest_is_none(tmp_path: Path, error_of: Callable) -> None:
    assert error_of(offline.import_, LAB, str(tmp_path)).startswith(
        f"error: {tmp_path} is not an export\n  it has no manifest.json\n"
    )


@pytest.mark.parametrize(
    "name",
    ["cache/../../etc/passwd", "/etc/passwd", "other/file", "cache/jars/../../x", ".", "", "cache", "cache/x/y",
     "cache/jars/x/y.jar", "cache/wheels/x.whl", "cache/wheels/../x.whl", "/cache/jars/x.jar"],
)  # fmt: skip
def test_a_manifest_that_names_a_file_elsewhere_is_refused(exported: Path, name: str) -> None:
    assert not offline.is_ours(name)
    files = json.loads((exported / "manifest.json").read_text())["files"]
    change(exported, files={**files, name: files["images.tar"]})
    with pytest.raises(WrongRequest, match="does not have the expected format"):
        offline.import_(LAB, str(exported))


def test_a_jar_whose_name_is_not_its_hash_is_refused(exported: Path) -> None:
    """A manifest can be written by whoever wrote the folder, a locked hash cannot."""
    wrong = f"cache/jars/{'0' * 64}.jar"
    (exported / "cache" / JAR).rename(exported / wrong)
    files = json.loads((exported / "manifest.json").read_text())["files"]
    change(exported, files={wrong if name == f"cache/{JAR}" else name: entry for name, entry in files.items()})
    with pytest.raises(WrongRequest) as caught:
        offline.import_(LAB, str(exported))
    assert caught.value.evidence == [
        f"{wrong} has another SHA-256, which begins with {hashlib.sha256(b'a jar').hexdigest()[:12]}"
    ]


def test_what_the_manifest_does_not_name_is_not_taken_in(exported: Path, cache: Path) -> None:
    shutil.rmtree(cache / "wheels")
    (exported / "cache" / "jars" / "more.jar").write_text("no one asked")
    (exported / "cache" / "wheels" / "0123" / "more.whl").write_text("no one asked")
    offline.import_(LAB, str(exported))
    assert [path.name for path in cache.rglob("*.jar")] == [Path(JAR).name]
    assert {path.name for path in cache.rglob("*.whl")} == {"numpy.whl", "invoke.whl"}


def test_the_script_looks_for_wheels_where_they_are_kept() -> None:
    """`lab` has no Python yet when it looks."""
    script = (offline.ROOT / "lab").read_text()
    assert 'wheels=$packed/wheels/lab-$(printf %.16s "$wanted")' in script
    assert "packed=$word/cache" in script
    assert offline.control_wheels().name == f"lab-{hashlib.sha256(offline.LOCK.read_bytes()).hexdigest()[:16]}"
