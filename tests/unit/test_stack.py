"""Programs of the lab that run in a node: what they need is placed there when it is not."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fake_engine import FakeEngine
from streamlab.engines import inside
from streamlab.engines.inside import Result
from streamlab.errors import LabError, WrongRequest
from streamlab.lessons import bundle
from streamlab.stacks import beside, stack
from streamlab.students import addresses
from streamlab.students.student import Student


class Node:
    """A node whose /tmp and whose student's home are folders here, and whose commands run here."""

    def __init__(self, tmp: Path, home: Path) -> None:
        self.tmp, self.home, self.placed, self.runs = tmp, home, [], 0

    def run(self, node: Any, argv: Sequence[str], *, seconds: int, lines: Any, limit: int | None) -> Result:
        self.runs += 1
        home = {"HOME": str(self.home), "PYTHONPATH": str(self.home), "PYTHONSTARTUP": str(self.home / "json.py")}
        home["STREAMLAB_LAB_JSON"] = str(self.tmp / "lab.json")
        done = subprocess.run(
            [sys.executable, *(part.replace(stack.TMP, str(self.tmp)) for part in argv[1:])],
            cwd=self.home, env=home, capture_output=True, text=True, timeout=seconds,
        )  # fmt: skip
        for line in done.stdout.split("\n")[:-1]:
            lines("out", line)
        return Result(done.returncode, done.stdout, done.stderr)

    def put(self, node: Any, folder: str, files: Mapping[str, bytes]) -> None:
        assert folder == stack.TMP
        self.placed.append(sorted(name.rpartition(".zip.")[0] for name in files))
        for name, data in files.items():
            (self.tmp / name).write_bytes(data)


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Node:
    made = Node(tmp_path / "tmp", tmp_path / "home")
    made.tmp.mkdir()
    made.home.mkdir()
    monkeypatch.setattr(inside, "run_inside", made.run)
    monkeypatch.setattr(inside, "put_files", made.put)
    return made


def run(*argv: str, **options: Any) -> Result:
    return stack.run_module(None, *argv, about="ada", seconds=20, **options)


def test_what_a_node_lacks_is_placed_once(node: Node) -> None:
    first, second = (run("zipfile", "--help") for _ in range(2))
    assert (first.code, second.code) == (0, 0)
    assert node.placed == [[tools().stem]]
    assert node.runs == 3  # the first was told of what was missing, and run again


def tools() -> Path:
    return Path(stack.zip_path(bundle.tools()))


@pytest.mark.parametrize("change", [lambda data: data[:-1000], lambda data: data + b" ", lambda data: b""])
def test_a_zip_that_was_cut_off_or_changed_is_replaced(node: Node, change: Callable[[bytes], bytes]) -> None:
    run("zipfile", "--help")
    (zipped,) = node.tmp.iterdir()
    whole = zipped.read_bytes()
    assert whole == bundle.tools().data
    zipped.write_bytes(change(whole))
    assert run("zipfile", "--help").code == 0
    assert (zipped.read_bytes(), len(node.placed)) == (whole, 2)


def test_a_zip_has_its_name_only_when_it_is_whole(node: Node) -> None:
    """Whoever is cut off while placing it leaves nothing that another takes for it."""
    stack._place(None, [bundle.tools()])
    assert [path.name.startswith(f"{tools().name}.") for path in node.tmp.iterdir()] == [True]
    assert run("zipfile", "--help").code == 0
    assert tools().name in {path.name for path in node.tmp.iterdir()}


def test_zips_that_nobody_has_used_for_long_are_removed(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    (node.tmp / "streamlab-0123456789ab.zip").write_bytes(b"an older checkout's")
    (node.tmp / "streamlab-proved-0123456789ab").write_bytes(b"")
    run("zipfile", "--help")
    assert len(list(node.tmp.iterdir())) == 3  # who has begun with it may still import from it
    monkeypatch.setattr(stack, "BOOT", stack.BOOT.replace(f"> {stack.UNUSED_SECONDS}", "> -1"))
    (node.tmp / tools().name).unlink()
    run("zipfile", "--help")
    assert {path.name for path in node.tmp.iterdir()} == {"streamlab-proved-0123456789ab", tools().name}


def test_a_program_that_fails_is_not_run_again(node: Node) -> None:
    run("zipfile", "--help")
    assert run("zipfile", "-l", "/nowhere.zip").code == 1
    assert node.runs == 3


def test_nothing_is_imported_from_the_student_s_folders(node: Node) -> None:
    """Not from the folder in which a program starts, nor from one that a variable names, nor from ~/.local."""
    own = node.home / f".local/lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
    own.mkdir(parents=True)
    (own / "usercustomize.py").write_text("print('hello')")
    for name in ("json", "socket", "random", "common", "edge", "runpy"):
        (node.home / f"{name}.py").write_text("raise RuntimeError('a student wrote this')")
    keys = ("student", "kafka", "webhdfs", "hdfs", "yarn")
    (node.tmp / "lab.json").write_text(json.dumps(dict.fromkeys(keys, "http://127.0.0.1:9") | {"cassandra": []}))
    printed: list[str] = []
    done = run("edge.health", "edge", printed=lambda stream, line: printed.append(line))
    assert (done.code, done.err, printed) == (0, "", [])


@pytest.fixture
def fake(student: Student, monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    """An engine with the network of ada's stack, whose edge node is described and nothing else."""
    made = FakeEngine()
    made.client.api.create_network(student.network)
    labels = {"streamlab.class": "spring", "streamlab.student": "ada", "streamlab.node": "edge"}
    mounts = [{"Name": "spring-ada-config", "Destination": beside.CONFIGURATION}]
    edge = SimpleNamespace(labels=labels, attrs={"Config": {"Image": "spark", "Env": ["A=1"]}, "Mounts": mounts})

    @contextmanager
    def opened(student: Student) -> Iterator[stack.StackOnEngine]:
        yield stack.StackOnEngine(student, made.client, edge)

    monkeypatch.setattr(beside, "open_on_engine", opened)
    return made


def address_of(fake: FakeEngine, container: Any) -> str:
    (endpoint,) = fake.containers[container.name]["NetworkSettings"]["Networks"].values()
    return endpoint["IPAMConfig"]["IPv4Address"]


def test_a_stack_is_asked_from_an_address_that_nobody_has(fake: FakeEngine, student: Student) -> None:
    with beside.open_beside(student) as one, beside.open_beside(student) as other:
        found = [address_of(fake, one.edge), address_of(fake, other.edge)]
        assert found == addresses.spare_addresses(student)[:2]
        assert fake.running() == {one.edge.name, other.edge.name}
        made = fake.containers[one.edge.name]["Config"]
        assert made["Labels"] == {"streamlab.class": "spring", "streamlab.student": "ada"}  # destroy finds it; no node
        assert made["HostConfig"]["AutoRemove"] is True  # and if this process is killed, nobody has to
        assert made["HostConfig"]["Binds"] == ["spring-ada-config:/etc/streamlab:ro"]
    assert fake.containers == {}


def test_a_stack_without_a_free_address_is_not_asked(
    fake: FakeEngine, student: Student, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beside, "spare_addresses", lambda student: ["10.89.1.30"])
    with (
        beside.open_beside(student),
        pytest.raises(LabError, match="no address is left"),
        beside.open_beside(student),
    ):
        pass
    assert fake.containers == {}


def asked(node: Node, program: str, read: Callable = lambda said: said) -> Any:
    """What a module of this text answers."""
    job = bundle.zip_of({"asked.py": program.encode()})
    return stack.answer_of(None, "asked", about="ada", seconds=20, read=read, zips=[job])


def test_what_a_program_prints_is_no_answer(node: Node) -> None:
    program = """
from common.channel import emit
print("hello"); print('{"answer": 1}'); print("no newline", end="")
emit(answer=[1])
print("bye")
"""
    assert asked(node, program) == [1]


def test_an_error_of_a_program_is_raised_again_in_its_three_parts(node: Node) -> None:
    program = """
from common.errors import WrongRequest
raise WrongRequest("no such thing", evidence=["known: a", "known: b"], fix="choose one")
"""
    with pytest.raises(WrongRequest) as caught:
        asked(node, program)
    assert str(caught.value) == "error: ada: no such thing\n  known: a\n  known: b\n  fix: choose one"


@pytest.mark.parametrize("program", ["print(5)", "from common.channel import emit; emit(answer=5)", "print('\\x1e{]')"])
def test_an_answer_that_is_not_understood_is_an_error(node: Node, program: str) -> None:
    with pytest.raises(LabError, match="ada: the node sent something that cannot be understood"):
        asked(node, program, read=dict)
