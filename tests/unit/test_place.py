"""What people call a place of a stack, and how a node says why it does not take something."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from common.errors import JobError, WrongRequest
from common.hdfs import Status
from edge import place
from edge.filesystem import Found, Refused
from edge.place import HdfsFileSystem, parse, saying_why

URI = "hdfs://namenode:8020"


@pytest.mark.parametrize(
    ("typed", "on_hdfs", "path"),
    [
        ("", False, "/home/student"),
        (".", False, "/home/student"),
        ("~", False, "/home/student"),
        ("~/a", False, "/home/student/a"),
        ("~a", False, "/home/student/~a"),
        ("data/", False, "/home/student/data"),
        ("./-x", False, "/home/student/-x"),
        ("-x", False, "/home/student/-x"),
        ("/tmp/a b", False, "/tmp/a b"),
        ("../x", False, "/home/x"),
        ("Данные/день.csv", False, "/home/student/Данные/день.csv"),
        ("hdfs", False, "/home/student/hdfs"),
        ("hdfs:", True, "/user/student"),
        ("hdfs:data/a", True, "/user/student/data/a"),
        ("hdfs:/data", True, "/data"),
        ("hdfs:///", True, "/"),
        ("hdfs:///data/", True, "/data"),
        ("hdfs:////data", True, "/data"),
        ("hdfs://namenode/data", True, "/data"),
        ("hdfs://namenode:8020/data/a b", True, "/data/a b"),
        ("hdfs://namenode", True, "/"),
        ("hdfs:../other", True, "/user/other"),
    ],
)
def test_a_path_is_of_the_node_unless_it_says_hdfs(typed: str, on_hdfs: bool, path: str) -> None:
    assert parse(typed, URI) == (on_hdfs, path)


@pytest.mark.parametrize(
    ("typed", "what", "fix"),
    [
        ("hdfs://other:8020/a", "hdfs://other:8020 is not this stack's HDFS", "leave the name out: hdfs:///a"),
        ("hdfs://namenode:9870/a", "hdfs://namenode:9870 is not this stack's HDFS", "leave the name out: hdfs:///a"),
        ("s3a://bucket/a", "no file system here is called s3a://", "a path is one of the edge node, or hdfs:///path"),
    ],
)
def test_another_file_system_is_refused(typed: str, what: str, fix: str) -> None:
    with pytest.raises(Refused) as caught:
        parse(typed, URI)
    assert (caught.value.what, caught.value.fix, caught.value.wrong) == (what, fix, True)


def failing(error: BaseException) -> Callable[[], None]:
    def run() -> None:
        with saying_why():
            raise error

    return run


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            Refused("no", evidence="because", fix="so", wrong=False),
            {"what": "no", "evidence": ["because"], "wrong": False, "fix": "so"},
        ),
        (Refused("no"), {"what": "no", "evidence": [], "wrong": True, "fix": "try again"}),
        (
            JobError("HDFS refuses /a", evidence=["1", "2"]),
            {"what": "HDFS refuses /a", "evidence": ["1", "2"], "wrong": False, "fix": "try again"},
        ),
        (WrongRequest("no", fix="so"), {"what": "no", "evidence": [], "wrong": True, "fix": "so"}),
        (
            UnicodeEncodeError("utf-8", "a\udcff", 1, 2, "surrogates not allowed"),
            {"what": "a\\udcff is no name on HDFS", "evidence": ["it is not UTF-8"], "wrong": True, "fix": "rename it"},
        ),
    ],
)
def test_a_node_says_why_as_a_line_of_json(
    error: BaseException, said: dict, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(place.signal, "signal", lambda *_: None)
    with pytest.raises(SystemExit) as caught:
        failing(error)()
    assert caught.value.code == 1
    assert json.loads(capsys.readouterr().err) == said


class OneFile:
    """An HDFS with 900 bytes free, and one file."""

    def status(self, path: str) -> Status:
        return Status(path, is_dir=False, length=5)

    def free(self) -> int:
        return 900


def test_hdfs_has_room_for_its_copies() -> None:
    fs = HdfsFileSystem(OneFile(), copies=3)
    assert fs.free("/") == 300
    assert fs.find("/a/b") == Found("b", is_folder=False, size=5)
    assert fs.shown("/a/\x1b") == "hdfs:/a/\\x1b"
