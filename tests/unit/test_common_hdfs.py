"""The WebHDFS client against a server of our own that speaks the parts of WebHDFS the client uses."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from common.errors import JobError, Missing, Unreachable
from common.hdfs import Hdfs, Status


class NameNode(BaseHTTPRequestHandler):
    """Files as a dictionary; a folder is what is a prefix of a file. Behaves as Hadoop 3.5.0 was seen to."""

    files: dict[str, bytes]
    copies: dict[str, int]
    quotas: dict[str, int]

    def do_GET(self) -> None:
        path, operation, _ = self._asked()
        if path == "/slow":
            self._drip()
        elif operation == "OPEN" and path in self.files:
            self._answer(self.files[path])
        elif operation == "GETFILEBLOCKLOCATIONS" and path in self.files:
            hosts = [f"datanode{i + 1}" for i in range(self.copies[path])]
            self._answer_json({"BlockLocations": {"BlockLocation": [{"hosts": hosts[:1]}, {"hosts": hosts}]}})
        elif operation == "GETSTATUS":
            self._answer_json({"FsStatus": {"used": 1, "remaining": 600, "capacity": 1000}})
        elif operation == "GETFILESTATUS" and self._is_there(path):
            self._answer_json({"FileStatus": self._entry(path, "")})
        elif operation == "LISTSTATUS" and self._is_there(path):
            self._answer_json({"FileStatuses": {"FileStatus": self._entries(path)}})
        else:
            self._refuse(404, "FileNotFoundException", f"File does not exist: {path}")

    def do_PUT(self) -> None:
        path, operation, query = self._asked()
        if path.startswith("/forbidden"):
            self._refuse(403, "AccessControlException", "Permission denied: user=student\n\tat Java")
        elif operation == "CREATE" and "second" not in query:
            assert query["noredirect"] == ["true"]
            self.copies[path] = int(query.get("replication", ["1"])[0])
            overwrite = query["overwrite"][0]
            place = (
                f"http://127.0.0.1:{self.server.server_port}/webhdfs/v1{path}?op=CREATE&second=1&overwrite={overwrite}"
            )
            self._answer_json({"Location": place.replace("%C3%A9", "é")})
        elif operation == "CREATE" and query["overwrite"] == ["false"] and path in self.files:
            self.close_connection = True  # as a DataNode, which does not wait for what it will not take
            self._refuse(403, "FileAlreadyExistsException", f"{path} already exists")
        elif operation == "CREATE":
            self.files[path] = self.rfile.read(int(self.headers["Content-Length"]))
            self._answer(b"", 201)
        elif operation == "SETQUOTA":
            self.quotas[path] = int(query["storagespacequota"][0])
            self._answer(b"")
        elif operation == "SETREPLICATION":
            self.copies[path] = int(query["replication"][0])
            self._answer_json({"boolean": True})
        elif operation == "RENAME":
            to = query["destination"][0]
            free = to not in self.files or query.get("renameoptions") == ["OVERWRITE"]
            if free:
                self.files[to] = self.files.pop(path)
            self._answer_json({"boolean": free})

    def do_DELETE(self) -> None:
        path, _, _ = self._asked()
        gone = [name for name in self.files if name == path or name.startswith(f"{path}/")]
        for name in gone:
            del self.files[name]
        self._answer_json({"boolean": bool(gone)})

    def _asked(self) -> tuple[str, str, dict[str, list[str]]]:
        parts = urlsplit(self.path)
        query = parse_qs(parts.query)
        path = unquote(parts.path).removeprefix("/webhdfs/v1")
        return path.rstrip("/"), query["op"][0], query

    def _is_there(self, path: str) -> bool:
        return path in self.files or any(name.startswith(f"{path}/") for name in self.files)

    def _entry(self, path: str, suffix: str) -> dict[str, object]:
        kind = "FILE" if path in self.files else "DIRECTORY"
        copies = self.copies.get(path, 0)
        return {"pathSuffix": suffix, "type": kind, "length": len(self.files.get(path, b"")), "replication": copies}

    def _entries(self, path: str) -> list[dict[str, object]]:
        if path in self.files:
            return [self._entry(path, "")]
        names = {name.removeprefix(f"{path}/").split("/")[0] for name in self.files if name.startswith(f"{path}/")}
        return [self._entry(f"{path}/{name}", name) for name in names]

    def _answer_json(self, value: object) -> None:
        self._answer(json.dumps(value).encode())

    def _answer(self, body: bytes, code: int = 200) -> None:
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _refuse(self, code: int, exception: str, message: str) -> None:
        self._answer(json.dumps({"RemoteException": {"exception": exception, "message": message}}).encode(), code)

    def _drip(self) -> None:
        """Never silent for long, never finished: only a deadline for the whole answer ends this."""
        self.send_response(200)
        self.end_headers()
        try:
            for _ in range(50):
                self.wfile.write(b"x" * 70_000)
                time.sleep(0.1)
        except OSError:
            pass

    def log_message(self, *_: object) -> None:
        pass


#: What was last set, path -> bytes; -1 is none.
QUOTAS: dict[str, int] = {}


@pytest.fixture
def hdfs() -> Iterator[Hdfs]:
    handler = type("Handler", (NameNode,), {"files": {}, "copies": {}, "quotas": QUOTAS})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Hdfs(f"http://127.0.0.1:{server.server_port}", timeout=1.0)
    server.shutdown()
    server.server_close()


def test_what_is_written_is_read(hdfs: Hdfs) -> None:
    hdfs.write("/a/b.txt", "né\n")
    assert hdfs.read_text("/a/b.txt") == "né\n"
    assert hdfs.status("/a/b.txt") == Status("/a/b.txt", is_dir=False, length=4, replication=1)
    hdfs.write("/a/b.txt", b"")
    assert hdfs.read("/a/b.txt") == b""


def test_a_file_is_written_and_read_in_pieces(hdfs: Hdfs) -> None:
    hdfs.write_pieces("/a b", iter([b"x" * 70_000, b"", b"y"]), length=70_001)
    assert b"".join(hdfs.read_pieces("/a b")) == b"x" * 70_000 + b"y"
    with pytest.raises(Missing, match="no such file: /nope"):
        list(hdfs.read_pieces("/nope"))


def test_what_is_written_in_pieces_takes_no_name_of_another(hdfs: Hdfs) -> None:
    hdfs.write("/a", "mine")
    with pytest.raises(JobError) as error:
        hdfs.write_pieces("/a", (bytes(1 << 20) for _ in range(50)), length=50 << 20)
    assert error.value.evidence == ["FileAlreadyExistsException: /a already exists"]
    assert hdfs.read("/a") == b"mine"


def test_a_file_takes_the_place_of_another(hdfs: Hdfs) -> None:
    hdfs.write("/new", "new")
    hdfs.write("/old", "old")
    hdfs.replace("/new", "/old")
    assert (hdfs.exists("/new"), hdfs.read("/old")) == (False, b"new")


def test_what_is_free_is_known(hdfs: Hdfs) -> None:
    assert hdfs.free() == 600


def test_a_quota_is_set_and_taken_away(hdfs: Hdfs) -> None:
    QUOTAS.clear()
    hdfs.set_space_quota("/", 5 * 2**30)
    hdfs.set_space_quota("/tmp", None)
    assert QUOTAS == {"": 5 * 2**30, "/tmp": -1}


def test_a_file_has_as_many_copies_as_are_asked_for(hdfs: Hdfs) -> None:
    hdfs.write("/a", b"x", replication=2)
    assert hdfs.status("/a").replication == 2
    assert hdfs.holders("/a") == {"datanode1", "datanode2"}
    hdfs.set_replication("/a", 1)
    assert hdfs.status("/a").replication == 1
    assert hdfs.holders("/a") == {"datanode1"}


def test_names_may_have_spaces_percents_and_accents(hdfs: Hdfs) -> None:
    hdfs.write("/a b/50%é.txt", "x")
    assert hdfs.read_text("/a b/50%é.txt") == "x"


def test_folders_are_listed_and_walked_by_name(hdfs: Hdfs) -> None:
    for path in ("/a/2", "/a/1", "/a/deep/er"):
        hdfs.write(path, "x")
    assert [entry.name for entry in hdfs.list("/a/")] == ["1", "2", "deep"]
    assert [entry.path for entry in hdfs.walk("/a")] == ["/a/1", "/a/2", "/a/deep/er"]
    assert [entry.path for entry in hdfs.walk("/a/1")] == ["/a/1"]


def test_a_file_takes_a_name_that_is_free(hdfs: Hdfs) -> None:
    hdfs.write("/a.partial", "x")
    hdfs.rename("/a.partial", "/a")
    assert (hdfs.exists("/a.partial"), hdfs.read("/a")) == (False, b"x")
    hdfs.write("/b", "y")
    with pytest.raises(JobError, match="HDFS does not rename /b"):
        hdfs.rename("/b", "/a")


def test_deleting_twice_is_allowed(hdfs: Hdfs) -> None:
    hdfs.write("/a/b", "x")
    assert (hdfs.delete("/a"), hdfs.delete("/a"), hdfs.exists("/a/b")) == (True, False, False)


def test_what_is_not_there_is_missing(hdfs: Hdfs) -> None:
    for ask in (hdfs.read, hdfs.list, hdfs.status):
        with pytest.raises(Missing, match="no such file: /nope"):
            ask("/nope")


def test_a_refusal_carries_the_servers_first_line(hdfs: Hdfs) -> None:
    with pytest.raises(JobError) as error:
        hdfs.write("/forbidden/a", "x")
    assert str(error.value) == (
        "error: HDFS refuses /forbidden/a\n  AccessControlException: Permission denied: user=student"
    )


def test_an_answer_that_drips_is_cut_off(hdfs: Hdfs) -> None:
    began = time.monotonic()
    with pytest.raises(Unreachable, match="HDFS gives no answer"):
        hdfs.read("/slow")
    assert time.monotonic() - began < 3


def test_nobody_there_is_said_at_once() -> None:
    with pytest.raises(Unreachable) as error:
        Hdfs("http://127.0.0.1:1", timeout=1.0).exists("/")
    assert error.value.evidence[0] == "asked: http://127.0.0.1:1"
