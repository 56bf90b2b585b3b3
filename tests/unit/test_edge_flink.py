"""Flink's jars on HDFS, and what its proof says when no application, or another answer, comes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from edge import flink

APP = "application_1700000000000_0007"
FOLDER = "/flink/2.2.1"


class Hdfs:
    """A file system in memory."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files, self.written = files, []

    def exists(self, path: str) -> bool:
        return any(name.startswith(path) for name in self.files)

    def list(self, path: str) -> list[SimpleNamespace]:
        return [SimpleNamespace(name=Path(n).name, length=len(d)) for n, d in self.files.items() if n.startswith(path)]

    def walk(self, path: str) -> list[SimpleNamespace]:
        return [SimpleNamespace(path=name) for name in self.files if name.startswith(path)]

    def write_pieces(self, path: str, pieces: Iterator[bytes], *, length: int) -> None:
        self.files[path] = b"".join(pieces)
        assert len(self.files[path]) == length
        self.written.append(path)

    def replace(self, path: str, to: str) -> None:
        self.files[to] = self.files.pop(path)

    def mkdirs(self, path: str) -> None:
        pass

    def delete(self, path: str) -> None:
        for name in self.walk(path):
            del self.files[name.path]

    def read_text(self, path: str) -> str:
        return self.files[path].decode()


@pytest.fixture
def lib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "lib").mkdir()
    for name, text in (("flink-dist.jar", "d" * 10), ("kafka.jar", "k" * 5)):
        (tmp_path / "lib" / name).write_text(text)
    monkeypatch.setattr(flink, "LIB", tmp_path / "lib")
    return tmp_path / "lib"


def test_jars_are_put_on_hdfs_once(lib: Path) -> None:
    hdfs = Hdfs({})
    assert flink.provide(hdfs, FOLDER) == 2
    assert hdfs.written == [f"{FOLDER}.partial/flink-dist.jar", f"{FOLDER}.partial/kafka.jar"]
    assert sorted(hdfs.files) == [f"{FOLDER}/flink-dist.jar", f"{FOLDER}/kafka.jar"]
    assert flink.provide(hdfs, FOLDER) == 0


def test_a_jar_that_is_not_whole_is_put_there_again(lib: Path) -> None:
    hdfs = Hdfs({f"{FOLDER}/flink-dist.jar": b"d", f"{FOLDER}/kafka.jar": b"k" * 5})
    assert flink.provide(hdfs, FOLDER) == 1
    assert hdfs.files[f"{FOLDER}/flink-dist.jar"] == b"d" * 10


@pytest.fixture
def prove(lib: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The proof, with what the client says, what YARN says of the application, and what this one writes."""
    (tmp_path / "config.yaml").write_text(f"yarn.provided.lib.dirs: hdfs://namenode:8020{FOLDER}\n")
    monkeypatch.setenv("FLINK_CONF_DIR", str(tmp_path))
    info = dict.fromkeys(("student", "kafka", "cassandra", "webhdfs", "yarn", "events"), "x")
    (tmp_path / "lab.json").write_text(json.dumps({**info, "hdfs": "hdfs://namenode:8020", "student": "ada"}))
    monkeypatch.setenv("STREAMLAB_LAB_JSON", str(tmp_path / "lab.json"))
    hdfs, killed = Hdfs({}), []
    monkeypatch.setattr(flink, "Hdfs", lambda url: hdfs)

    def ask(said: str, final: str = "SUCCEEDED", wrote: str = "1000", seconds: float = 60) -> str:
        proof = flink.Proof(seconds, [])

        def run(argv: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
            assert argv[-2:] == ["-Dexecution.target=yarn-application", "-Dyarn.application.name=ada-proof-flink"]
            assert f"'hdfs://namenode:8020/tmp/{proof.token}'" in Path(argv[2]).read_text()
            hdfs.files[f"/tmp/{proof.token}/part-0"] = wrote.encode()
            return subprocess.CompletedProcess(argv, 0, said, "")

        app = {"state": "FINISHED", "finalStatus": final, "diagnostics": "the reason"}
        monkeypatch.setattr(flink.subprocess, "run", run)
        monkeypatch.setattr(flink, "Yarn", lambda: SimpleNamespace(application=lambda _: app, kill=killed.append))
        answer = flink.prove_flink(proof)
        assert not hdfs.exists(f"/tmp/{proof.token}")
        return answer

    ask.killed = killed
    return ask


def test_what_an_application_counted_is_the_answer(prove: Any) -> None:
    assert prove(f"cluster id: {APP}") == "counted 1000 rows on YARN, after 2 jars were put on HDFS"
    assert prove(f"cluster id: {APP}") == "counted 1000 rows on YARN"


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"said": "java.net.ConnectException: refused"}, "no application reached .*ConnectException: refused"),
        ({"said": APP, "final": "FAILED"}, f"{APP} is FAILED: the reason"),
        ({"said": APP, "wrote": "999"}, f"1000 rows were made, and {APP} counted 999"),
        ({"said": APP, "wrote": ""}, f"1000 rows were made, and {APP} counted nothing"),
    ],
)
def test_anything_else_is_no_answer(prove: Any, given: dict[str, str], why: str) -> None:
    with pytest.raises(flink.Wrong, match=why):
        prove(**given)


def test_an_application_that_does_not_end_is_killed(prove: Any) -> None:
    with pytest.raises(flink.Wrong, match="no answer in time"):
        prove(APP, final="UNDEFINED", seconds=0.1)
    assert prove.killed == [APP]
