"""Inside a container: a command that ends, and files placed or looked for."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from docker.errors import NotFound
from docker.models.containers import Container

from streamlab.engines.attached import attached

#: The user `student` of every image (images/base/Dockerfile).
STUDENT_UID = 10001


@dataclass(frozen=True)
class Result:
    """What a command inside a node came to."""

    code: int
    out: str
    err: str


def run_inside(
    container: Container,
    argv: Sequence[str],
    *,
    seconds: int,
    env: Mapping[str, str] | None = None,
    lines: Callable[[str, str], object] | None = None,
) -> Result:
    """Run a command in a node and wait for it, at most `seconds`.

    Output is collected; with `lines`, a function ``(stream: "out" | "err", line: str)``, it is handed over line by line
    as it comes as well. A command that is interrupted here is ended there too.
    """
    heard = {stream: _Lines(stream, lines) for stream in ("out", "err")}
    with attached(container, argv, seconds=seconds, env=env) as running:
        try:
            for stream, chunk in running.output():
                heard[stream].feed(chunk)
        finally:
            for lines_of in heard.values():
                lines_of.close()
        return Result(running.code(), heard["out"].text, heard["err"].text)


class _Lines:
    """Bytes in any pieces in, whole lines out."""

    def __init__(self, stream: str, receiver: Callable[[str, str], object] | None) -> None:
        self._stream, self._receiver = stream, receiver
        self._parts: list[bytes] = []
        self._rest = b""

    @property
    def text(self) -> str:
        return b"".join(self._parts).decode("utf-8", "replace")

    def feed(self, chunk: bytes) -> None:
        self._parts.append(chunk)
        if self._receiver is None:
            return
        *whole, self._rest = (self._rest + chunk).split(b"\n")
        for line in whole:
            self._receiver(self._stream, line.decode("utf-8", "replace"))

    def close(self) -> None:
        if self._rest and self._receiver is not None:
            self._receiver(self._stream, self._rest.decode("utf-8", "replace"))
            self._rest = b""


def put_files(container: Container, folder: str, files: Mapping[str, bytes]) -> None:
    """Write `files` (relative path -> contents) below an existing `folder` of a node."""
    container.put_archive(folder, tar_of(files))


def has_path(container: Container, path: str) -> bool:
    """Whether a node has a file at `path`."""
    try:
        container.client.api.get_archive(container.id, path)[0].close()
    except NotFound:
        return False
    return True


def tar_of(files: Mapping[str, bytes]) -> bytes:
    """A tar archive that anyone may read and the student may change, with the folders that the paths need."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        folders = sorted({"/".join(path.split("/")[:i]) for path in files for i in range(1, path.count("/") + 1)})
        for folder in folders:
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            entry.uid = entry.gid = STUDENT_UID
            archive.addfile(entry)
        for path in sorted(files):
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(files[path]), 0o644
            entry.uid = entry.gid = STUDENT_UID
            archive.addfile(entry, io.BytesIO(files[path]))
    return buffer.getvalue()
