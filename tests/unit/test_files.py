"""`put` and `get` with a node's own side of a copy, as a process of this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from fake_node import ERR, Command, FakeNode
from streamlab import paths
from streamlab.errors import LabError, WrongRequest
from streamlab.paths import JOBS, ROOT
from streamlab.stacks.stack import Stack
from streamlab.students.student import Student
from streamlab.work import files

pytestmark = pytest.mark.usefixtures("reached")


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeNode:
    """The edge node."""
    info = {"student": "ada", "kafka": "", "cassandra": [], "webhdfs": "", "hdfs": "hdfs://namenode:8020", "yarn": ""}
    (tmp_path / "lab.json").write_text(json.dumps(info))
    env = {**os.environ, "PYTHONPATH": f"{ROOT}/streamlab:{JOBS}", "STREAMLAB_LAB_JSON": f"{tmp_path}/lab.json"}

    def run(command: Command) -> int:
        argv = command.argv[4:]  # without timeout
        assert argv[:3] == ["python3", "-I", "-c"]  # the way it begins, and the zips, come before the module
        process = subprocess.Popen(
            [sys.executable, "-m", *argv[6:]], env=env, stdin=command.socket.fileno(), stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )  # fmt: skip

        def hand_on_errors() -> None:
            with suppress(OSError):
                for line in process.stderr:
                    command.write(line, ERR)

        errors = threading.Thread(target=hand_on_errors)
        errors.start()
        try:
            while piece := process.stdout.read1():
                command.write(piece)
        finally:
            process.stdout.close()
            errors.join()
            process.stderr.close()
            code = process.wait(10)
        return code

    made = FakeNode(run)

    @contextmanager
    def opened(student: Student) -> Iterator[Stack]:
        yield Stack(student, None, made)

    monkeypatch.setattr(files, "open_stack", opened)
    return made


@pytest.fixture
def there(tmp_path: Path) -> Path:
    """A folder of the node's."""
    (tmp_path / "there").mkdir()
    return tmp_path / "there"


@pytest.fixture
def here(tree: Callable, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the person is in."""
    folder = tree({"here/a b.csv": "1,2\n", "here/день/x": "x" * 1500, "here/день/y": ""}) / "here"
    monkeypatch.chdir(folder)
    return folder


def test_files_and_folders_go_and_come_back(
    node: FakeNode, here: Path, there: Path, student: Student, capsys: pytest.CaptureFixture
) -> None:
    files.put_each([student], ["a b.csv", "день"], str(there), force=False)
    assert capsys.readouterr().out == f"{there}/a b.csv  4 bytes\n{there}/день  2 files, 1.5 kB\n"
    (here.parent / "back").mkdir()
    files.get_each([student], [f"{there}/день", f"{there}/a b.csv"], "../back/", force=False)
    assert capsys.readouterr().out == f"{here.parent}/back/день  2 files, 1.5 kB\n{here.parent}/back/a b.csv  4 bytes\n"
    assert (here.parent / "back" / "день" / "x").read_text() == "x" * 1500


def test_a_node_s_refusal_is_the_labs_error(
    node: FakeNode, here: Path, there: Path, student: Student, error_of: Callable
) -> None:
    (there / "a b.csv").write_text("years of work")
    assert error_of(files.put_each, [student], ["a b.csv"], str(there), force=False) == (
        f"error: {there}/a b.csv already exists\n  nothing was overwritten\n"
        "  fix: --force overwrites it; or choose another --to"
    )
    assert (there / "a b.csv").read_text() == "years of work"
    assert error_of(files.put_each, [student], ["a b.csv"], f"{there}/no/", force=False) == (
        f'error: no such folder: {there}/no\n  nothing was written\n  fix: on the edge node: mkdir -p "{there}/no"'
    )
    with pytest.raises(WrongRequest, match="hdfs://other is not this stack's HDFS"):
        files.put_each([student], ["a b.csv"], "hdfs://other/x", force=False)
    with pytest.raises(WrongRequest, match=f"no such file: {there}/x"):
        files.get_each([student], [f"{there}/x"], "", force=False)
    files.put_each([student], ["a b.csv"], str(there), force=True)
    assert (there / "a b.csv").read_text() == "1,2\n"


def test_what_is_wrong_here_is_found_before_a_stack_is_asked(here: Path, student: Student, error_of: Callable) -> None:
    assert error_of(files.put_each, [student], [], "", force=False) == (
        "error: put what?\n  fix: invoke put FILE… --to PLACE"
    )
    assert error_of(files.get_each, [student], [], "", force=False) == (
        "error: get what?\n  fix: invoke get PATH… --to DIR"
    )
    assert error_of(files.put_each, [student], ["b.csv"], "", force=False) == (
        f"error: no such file: {here}/b.csv\n  fix: look for its name in {here}"
    )


def test_a_place_here_that_is_taken_ends_what_the_node_sends(
    node: FakeNode, here: Path, there: Path, student: Student
) -> None:
    with (there / "a b.csv").open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(WrongRequest, match=f"{here}/a b.csv already exists"):
        files.get_each([student], [f"{there}/a b.csv"], "", force=False)
    for thread in node.threads:
        thread.join(10)
    assert sorted(path.name for path in here.iterdir()) == ["a b.csv", "день"]


def test_a_copy_that_is_left_leaves_nothing_there(
    node: FakeNode, here: Path, there: Path, student: Student, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C, for example: the node reads to the end of what came, and it is not all."""

    def interrupted(items: object) -> Iterator[bytes]:
        yield b'{"path": "a b.csv", "size": 4}\n1,'
        raise KeyboardInterrupt

    monkeypatch.setattr(files, "contents", interrupted)
    with pytest.raises(KeyboardInterrupt):
        files.put_each([student], ["a b.csv"], str(there), force=False)
    for thread in node.threads:
        thread.join(10)
    assert list(there.iterdir()) == []


def test_several_students_files_come_to_a_folder_of_each(
    node: FakeNode, here: Path, there: Path, student: Student, monkeypatch: pytest.MonkeyPatch
) -> None:
    (there / "work.txt").write_text("mine")
    bob = Student(**{**vars(student), "name": "bob"})
    files.get_each([student, bob], [f"{there}/work.txt"], "handed-in", force=False)
    found = sorted(str(path.relative_to(here)) for path in here.glob("handed-in/*/*"))
    assert found == ["handed-in/ada/work.txt", "handed-in/bob/work.txt"]


@pytest.mark.parametrize(
    ("err", "text"),
    [
        (
            '{"what": "no \\u001b[31m", "evidence": ["a", "b"], "fix": "so", "wrong": false}\n',
            "error: no \\x1b[31m\n  a\n  b\n  fix: so",
        ),
        ("warning\nTraceback\nValueError: x\n", "error: ada: the copy failed\n  warning\n  Traceback\n  ValueError: x"),
        ("[1]\n", "error: ada: the copy failed\n  [1]"),
        ("[" * 100_000 + "\n", "error: ada: the copy failed\n  [["),
        ('{"what": "no"}\n', 'error: ada: the copy failed\n  {"what": "no"}'),
    ],
)
def test_a_node_s_words_are_taken_for_no_more_than_words(
    there: Path, here: Path, student: Student, monkeypatch: pytest.MonkeyPatch, error_of: Callable, err: str, text: str
) -> None:
    def run(command: Command) -> int:
        if "common.errors" in command.argv:
            return 0  # the lab's tools are there
        command.write(err.encode(), ERR)
        return 1

    @contextmanager
    def opened(student: Student) -> Iterator[Stack]:
        yield Stack(student, None, FakeNode(run))

    monkeypatch.setattr(files, "open_stack", opened)
    assert error_of(files.put_each, [student], ["a b.csv"], "", force=False).startswith(text)
    assert error_of(files.get_each, [student], ["a"], "", force=False).startswith(text)


@pytest.mark.parametrize(
    "said", ["", "5", "[" * 100_000, '{"received": 5}', '{"received": [{"place": "a", "files": "1"}]}']
)
def test_what_a_node_says_that_it_took_in_is_understood_or_an_error(
    here: Path, student: Student, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    def run(command: Command) -> int:
        if "common.errors" not in command.argv:
            command.write(b"send it\n")
            command.input.read()
            command.write(said.encode())
        return 0

    @contextmanager
    def opened(student: Student) -> Iterator[Stack]:
        yield Stack(student, None, FakeNode(run))

    monkeypatch.setattr(files, "open_stack", opened)
    with pytest.raises(LabError, match="ada: the node sent something that cannot be understood"):
        files.put_each([student], ["a b.csv"], "", force=False)


def test_a_connection_that_breaks_down_is_no_traceback(
    here: Path, student: Student, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def opened(student: Student) -> Iterator[Stack]:
        raise ConnectionResetError(104, "Connection reset by peer")
        yield

    monkeypatch.setattr(files, "open_stack", opened)
    with pytest.raises(LabError, match="the connection to the stack was lost"):
        files.put_each([student], ["a b.csv"], "", force=False)


def test_a_path_is_meant_from_where_it_was_typed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir("/")
    assert paths.typed("a/../b c") == Path("/b c")
    monkeypatch.chdir(tmp_path)
    assert (paths.typed(""), paths.typed("a"), paths.typed("/a/")) == (tmp_path, tmp_path / "a", Path("/a"))
    monkeypatch.setenv("HOME", "/home/ada")
    assert paths.typed("~/a") == Path("/home/ada/a")
