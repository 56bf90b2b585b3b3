"""Inside a container: a command that ends, and files placed or looked for."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from docker.errors import DockerException, NotFound
from docker.models.containers import Container

from streamlab.engines.attached import attached
from streamlab.errors import LabError

#: The user `student` of every image (images/base/Dockerfile).
STUDENT_UID = 10001


#: Bytes that a command may print, and of them in one line where lines are handed over as they come.
LIMIT, LINE_LIMIT = 16 << 20, 8 << 20
#: Bytes of the standard error that are kept where lines are handed over: a cause is at the end.
_KEPT = 1 << 16
#: Characters of a command's output that an error shows.
_SHOWN = 200

#: What is called with the stream ("out" or "err") and a line of it.
Receiver = Callable[[str, str], object]


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
    lines: Receiver | None = None,
    limit: int | None = LIMIT,
) -> Result:
    """Run a command in a node and wait for it, at most `seconds` and a few more to end it.

    Output is collected. With `lines`, a function of the stream ("out" or "err") and a line, it is handed over line by
    line as it comes instead, and only the end of the standard error is collected. A command that is interrupted here
    is ended there too.

    Args:
        limit: bytes that it may print; None for any number of lines.

    Raises:
        LabError: it did not end in time or printed too much, or the engine did not run it.
    """
    streams = {name: _Stream(name, lines) for name in ("out", "err")}
    who, came = f"{container.name or container.id[:12]}: {argv[0]}", 0
    try:
        with attached(container, argv, seconds=seconds, env=env) as running:
            try:
                for name, chunk in running.output():
                    came += len(chunk)
                    unfinished = streams[name].feed(chunk)
                    if (limit is not None and came > limit) or unfinished > LINE_LIMIT:
                        raise _too_much(who, came, streams[name])
            finally:
                for stream in streams.values():
                    stream.close()
            return Result(running.code(), streams["out"].text, streams["err"].text)
    except BrokenPipeError:
        raise  # nobody reads what `lines` prints
    except TimeoutError as error:
        raise LabError(
            f"{who} did not end within {seconds} s",
            evidence=f"{came} bytes of output arrived",
            fix="invoke status shows which node is unhealthy; invoke provision starts it again",
        ) from error
    except (DockerException, OSError) as error:
        raise LabError(
            f"{who} could not be run to completion", evidence=str(error), fix="invoke doctor looks for the cause"
        ) from error


def _too_much(who: str, came: int, stream: _Stream) -> LabError:
    return LabError(
        f"{who} printed too much",
        evidence=[f"{came} bytes arrived before it was ended", f"they begin with: {stream.beginning}"],
        fix="let it print less: a loop may print for ever, or a line may have no end",
    )


class _Stream:
    """Bytes in any pieces in; whole lines out where somebody receives them, else the text at the end."""

    def __init__(self, name: str, receiver: Receiver | None) -> None:
        self._name, self._receiver = name, receiver
        #: All that came, or where lines are handed over what came of the line that is not whole yet, and its length.
        self._parts: list[bytes] = []
        self._unfinished = 0
        self._beginning, self._end = b"", b""

    @property
    def text(self) -> str:
        return (self._end or b"".join(self._parts)).decode("utf-8", "replace")

    @property
    def beginning(self) -> str:
        return " ".join(self._beginning.decode("utf-8", "replace").split())

    def feed(self, chunk: bytes) -> int:
        """Take a piece; the bytes of the line that is not whole yet, where lines are handed over."""
        self._beginning += chunk[: _SHOWN - len(self._beginning)]
        if self._receiver is None:
            self._parts.append(chunk)
            return 0
        if self._name == "err":
            self._end = (self._end + chunk)[-_KEPT:]
        *whole, rest = chunk.split(b"\n")
        for line in whole:
            self._hand_over(self._receiver, line)
        self._parts.append(rest)
        self._unfinished += len(rest)
        return self._unfinished

    def close(self) -> None:
        """Hand over the last line, which may have no newline; not one that is too long."""
        if self._receiver is not None and 0 < self._unfinished <= LINE_LIMIT:
            self._hand_over(self._receiver, b"")

    def _hand_over(self, receiver: Receiver, last: bytes) -> None:
        line = b"".join([*self._parts, last])
        self._parts, self._unfinished = [], 0
        receiver(self._name, line.decode("utf-8", "replace"))


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


def tar_of(files: Mapping[str, bytes], *, uid: int = STUDENT_UID, private: bool = False) -> bytes:
    """A tar archive that its user may change, with the folders that the paths need.

    Args:
        uid: the user to whom all of it belongs.
        private: whether nobody else may read it.
    """
    for_file, for_folder = (0o600, 0o700) if private else (0o644, 0o755)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        folders = sorted({"/".join(path.split("/")[:i]) for path in files for i in range(1, path.count("/") + 1)})
        for folder in folders:
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, for_folder
            entry.uid = entry.gid = uid
            archive.addfile(entry)
        for path in sorted(files):
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(files[path]), for_file
            entry.uid = entry.gid = uid
            archive.addfile(entry, io.BytesIO(files[path]))
    return buffer.getvalue()
