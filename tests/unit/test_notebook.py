"""JupyterLab's notebooks: what a student has changed stays."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from streamlab.engines.inside import Result
from streamlab.work import notebook


class Edge:
    """The edge node: its home is a folder of this machine, and its commands run here."""

    def put_archive(self, folder: str, data: bytes) -> None:
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            for entry in (entry for entry in archive if entry.isfile()):
                file = Path(folder, entry.name)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(archive.extractfile(entry).read())


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    before = notebook.HOME
    for name in ("HOME", "PLACED"):
        monkeypatch.setattr(notebook, name, getattr(notebook, name).replace(before, str(tmp_path)))

    def run(edge: Edge, argv: list[str], *, seconds: int) -> Result:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=seconds, check=False)
        return Result(done.returncode, done.stdout, done.stderr)

    monkeypatch.setattr(notebook, "run_inside", run)
    return tmp_path


def test_what_a_student_changed_stays_and_the_rest_is_renewed(home: Path, capsys: pytest.CaptureFixture) -> None:
    def place(version: str) -> str:
        notebook.place_lessons(Edge(), {f"lessons/{name}": f"{name} {version}".encode() for name in ("a.py", "b/c.py")})
        return capsys.readouterr().out

    lessons = home / "lessons"
    assert place("1") == ""
    assert (lessons / "a.py").read_text() == "a.py 1"
    (lessons / "a.py").write_text("mine")
    assert place("1") == "kept as you changed them: lessons/a.py\n"
    assert place("2") == "kept as you changed them: lessons/a.py\n"
    assert ((lessons / "a.py").read_text(), (lessons / "b" / "c.py").read_text()) == ("mine", "b/c.py 2")
    (lessons / "a.py").unlink()
    assert place("3") == ""
    assert (lessons / "a.py").read_text() == "a.py 3"
    assert place("4") == ""
    assert (lessons / "a.py").read_text() == "a.py 4"


def test_what_was_placed_before_there_was_a_list_is_kept_where_it_differs(
    home: Path, capsys: pytest.CaptureFixture
) -> None:
    (home / "lessons").mkdir()
    (home / "lessons" / "a.py").write_text("edited")
    notebook.place_lessons(Edge(), {"lessons/a.py": b"a", "lessons/b.py": b"b"})
    assert capsys.readouterr().out == "kept as you changed them: lessons/a.py\n"
    assert (home / "lessons" / "a.py").read_text() == "edited"
    before = (home / "lessons" / ".placed").stat().st_mtime_ns
    notebook.place_lessons(Edge(), {"lessons/b.py": b"b"})
    assert (home / "lessons" / ".placed").stat().st_mtime_ns == before


def test_a_notebook_of_the_student_s_is_not_replaced(home: Path) -> None:
    (home / "notebooks").mkdir()
    (home / "notebooks" / "lesson01.ipynb").write_text("mine")
    notebook.place_notebooks(SimpleNamespace(edge=Edge(), student=SimpleNamespace(language="en")))
    assert (home / "notebooks" / "lesson01.ipynb").read_text() == "mine"
    assert (home / "notebooks" / "lesson02.ipynb").is_file()
    assert (home / "lessons" / "lesson02" / "job.yml").is_file()
