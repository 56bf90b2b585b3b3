"""HDFS over its REST interface (WebHDFS), with the standard library alone: 0.02 s a call; `hdfs dfs` starts a JVM."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any
from urllib.error import HTTPError
from urllib.parse import parse_qsl, quote, urlencode, urlsplit
from urllib.request import OpenerDirector, ProxyHandler, Request, build_opener

from common.errors import JobError, Missing, Unreachable
from common.settings import USER

CHUNK = 1 << 16
#: The pieces in which a file of any size comes.
PIECE = 1 << 20


@dataclass(frozen=True)
class Status:
    """One file or folder. `length` is in bytes, `replication` the copies of each block; both are 0 for a folder.
    `modified_ms` is when it was last changed, in milliseconds since 1970."""

    path: str
    is_dir: bool
    length: int
    replication: int = 0
    modified_ms: int = 0

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]


class Hdfs:
    """A client of one NameNode. Every call ends within `timeout` seconds, with an answer or an error."""

    def __init__(self, url: str, *, user: str = USER, timeout: float = 20.0) -> None:
        self.url = url.rstrip("/")
        self.user = user
        self.timeout = timeout
        # A laptop's proxy settings, inherited by a container, would send a stack's own names to the proxy.
        self._opener: OpenerDirector = build_opener(ProxyHandler({}))

    def status(self, path: str) -> Status:
        """What stands at `path`; Missing when nothing does."""
        entry = self._json("GET", path, "GETFILESTATUS")["FileStatus"]
        return _status(path.rstrip("/") or "/", entry)

    def exists(self, path: str) -> bool:
        try:
            self.status(path)
        except Missing:
            return False
        return True

    def list(self, path: str) -> list[Status]:
        """The entries of the folder `path` by name; for a file, the file itself, as `hdfs dfs -ls` has it."""
        entries = self._json("GET", path, "LISTSTATUS")["FileStatuses"]["FileStatus"]
        parent = path.rstrip("/")
        found = [_status(f"{parent}/{e['pathSuffix']}" if e["pathSuffix"] else parent, e) for e in entries]
        return sorted(found, key=lambda status: status.path)

    def walk(self, path: str) -> Iterator[Status]:
        """All files at or under `path`, depth first, by name."""
        for entry in self.list(path):
            if entry.is_dir:
                yield from self.walk(entry.path)
            else:
                yield entry

    def read(self, path: str) -> bytes:
        return self._call("GET", path, "OPEN")

    def read_text(self, path: str) -> str:
        return self.read(path).decode("utf-8")

    def read_pieces(self, path: str) -> Iterator[bytes]:
        """A file of any size, piece by piece; `timeout` is for each of them."""
        request = self._request("GET", path, "OPEN")
        with self._answered(path), self._opener.open(request, timeout=self.timeout) as response:
            while part := response.read(PIECE):
                yield part

    def written(self, path: str) -> int:
        """How many bytes of a file can be read, of one that is still being written too.

        A DataNode is asked: the NameNode does not know how much of its last block is there.
        """
        with self._answered(path), self._opener.open(self._of_datanode(path), timeout=self.timeout) as response:
            return int(response.headers["Content-Length"])

    def part(self, path: str, start: int, size: int) -> bytes:
        """At most `size` bytes of a file from byte `start` on, of one that is still being written too."""
        return self._send(self._of_datanode(path, offset=start, length=size), path)

    def _of_datanode(self, path: str, offset: int = 0, **parameters: int) -> Request:
        """The request for a file's bytes to the DataNode that the NameNode names. The NameNode itself refuses an offset
        in a block that is being written.
        """
        place = urlsplit(self._json("GET", path, "OPEN", noredirect="true")["Location"])
        query = dict(parse_qsl(place.query)) | {"offset": str(offset)} | {k: str(v) for k, v in parameters.items()}
        return Request(place._replace(path=quote(place.path, safe="/%"), query=urlencode(query)).geturl())

    def write(self, path: str, data: bytes | str, *, replication: int | None = None) -> None:
        """Make `path` hold exactly `data` (text as UTF-8), with the folders above it, replacing what was there.

        Args:
            replication: copies of each block, where it is not to be HDFS's own number.
        """
        body = data.encode("utf-8") if isinstance(data, str) else data
        more = {"replication": str(replication)} if replication else {}
        self._send(Request(self._place(path, overwrite="true", **more), data=body, method="PUT"), path)

    def write_pieces(self, path: str, pieces: Iterable[bytes], *, length: int) -> None:
        """Make a new file of `length` bytes, which come piece by piece; `timeout` is for each of them.

        An error when something has that name. Where the pieces end too soon, the file is there and shorter.
        """
        place = urlsplit(self._place(path, overwrite="false"))
        connection = HTTPConnection(place.netloc, timeout=self.timeout)
        with self._answered(path), closing(connection):
            # One that refuses says so before it was sent everything, and takes no more.
            with suppress(ConnectionError):
                headers = {"Content-Length": str(length)}
                connection.request("PUT", f"{place.path}?{place.query}", body=pieces, headers=headers)
            response = connection.getresponse()
            if response.status >= 300:
                raise HTTPError(place.geturl(), response.status, response.reason, response.headers, response)

    def rename(self, path: str, to: str) -> None:
        """Give what stands at `path` the name `to`, at once; an error when `to` is taken or `path` is not there."""
        self.status(path)
        if not self._json("PUT", path, "RENAME", destination=to)["boolean"]:
            raise JobError(
                f"HDFS does not rename {path} to {to}", evidence="that name is taken, or its folder is missing"
            )

    def replace(self, path: str, to: str) -> None:
        """Give what stands at `path` the name `to`, at once, in place of a file that has it."""
        self._call("PUT", path, "RENAME", destination=to, renameoptions="OVERWRITE")

    def set_replication(self, path: str, copies: int) -> None:
        """Ask for so many copies of each block of the file `path`; HDFS makes or drops them by and by."""
        self._call("PUT", path, "SETREPLICATION", replication=str(copies))

    def set_space_quota(self, path: str, size: int | None) -> None:
        """Let all files below the folder `path` have `size` bytes, all copies counted; None is no limit."""
        self._call("PUT", path, "SETQUOTA", storagespacequota=str(-1 if size is None else size))

    def space_used(self, path: str) -> int:
        """What all files below the folder `path` use, all copies counted (bytes)."""
        return int(self._json("GET", path, "GETCONTENTSUMMARY")["ContentSummary"]["spaceConsumed"])

    def holders(self, path: str) -> set[str]:
        """The DataNodes that have a block of the file `path`."""
        blocks = self._json("GET", path, "GETFILEBLOCKLOCATIONS")["BlockLocations"]["BlockLocation"]
        return {host for block in blocks for host in block["hosts"]}

    def mkdirs(self, path: str) -> None:
        self._call("PUT", path, "MKDIRS")

    def delete(self, path: str) -> bool:
        """Remove `path` and all below it. False when it was not there."""
        return self._json("DELETE", path, "DELETE", recursive="true")["boolean"]

    def free(self) -> int:
        """How many bytes the DataNodes could still take, all copies counted."""
        return self._json("GET", "/", "GETSTATUS")["FsStatus"]["remaining"]

    def _json(self, method: str, path: str, operation: str, **parameters: str) -> dict[str, Any]:
        return json.loads(self._call(method, path, operation, **parameters))

    def _call(self, method: str, path: str, operation: str, **parameters: str) -> bytes:
        return self._send(self._request(method, path, operation, **parameters), path)

    def _request(self, method: str, path: str, operation: str, **parameters: str) -> Request:
        query = urlencode({"op": operation, "user.name": self.user, **parameters})
        return Request(f"{self.url}/webhdfs/v1{quote(path)}?{query}", method=method)

    def _place(self, path: str, **parameters: str) -> str:
        """Where a file's bytes go: by design of WebHDFS the NameNode names a DataNode, which then takes them."""
        place = self._json("PUT", path, "CREATE", noredirect="true", **parameters)["Location"]
        # The NameNode leaves letters outside ASCII as they are, which is no valid address.
        return quote(place, safe=":/?&=%+,")

    def _send(self, request: Request, path: str) -> bytes:
        deadline = time.monotonic() + self.timeout
        with self._answered(path), self._opener.open(request, timeout=self.timeout) as response:
            return _body(response, deadline)

    @contextmanager
    def _answered(self, path: str) -> Iterator[None]:
        """Say in the lab's way what HDFS does not do, and that it does not answer."""
        try:
            yield
        except HTTPError as error:
            raise _refusal(error, path) from error
        except (OSError, HTTPException) as error:  # no route, refused, name unknown, cut off, time out
            raise Unreachable(
                "HDFS gives no answer", evidence=[f"asked: {self.url}", f"{type(error).__name__}: {error}"]
            ) from error


def _body(response: HTTPResponse, deadline: float) -> bytes:
    """All of a response; the socket's own timeout counts per packet, so a slow drip needs this deadline."""
    parts = []
    while part := response.read(CHUNK):
        parts.append(part)
        if time.monotonic() > deadline:
            raise TimeoutError(f"the answer was not complete in time ({sum(map(len, parts))} bytes came)")
    return b"".join(parts)


def _refusal(error: HTTPError, path: str) -> JobError:
    text = error.read().decode("utf-8", "replace")
    try:
        reason = json.loads(text)["RemoteException"]
    except (ValueError, KeyError):
        reason = {"exception": f"HTTP {error.code}", "message": text[:200]}
    if reason["exception"] == "FileNotFoundException":
        return Missing(f"no such file: {path}")
    return JobError(f"HDFS refuses {path}", evidence=f"{reason['exception']}: {reason['message'].splitlines()[0]}")


def _status(path: str, entry: dict[str, Any]) -> Status:
    is_dir, copies = entry["type"] == "DIRECTORY", entry.get("replication", 0)
    return Status(
        path=path,
        is_dir=is_dir,
        length=entry["length"],
        replication=copies,
        modified_ms=entry.get("modificationTime", 0),
    )
