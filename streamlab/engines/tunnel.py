"""The socket of an ``ssh://`` Docker host, brought here by the machine's own ssh with its keys and settings.

The Docker SDK's two ways wait for ever for a machine that is gone, and take a library more. Here the SDK sees a socket
like any other. A tunnel serves one process, and ends with it however that ends: its other end waits for us to hang up.
"""

from __future__ import annotations

import atexit
import select
import shutil
import subprocess
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from streamlab.students.docker_hosts import remote_socket, ssh_destination

#: Seconds within which another machine must have let us in.
CONNECT_SECONDS = 15

_OPTIONS = (
    "BatchMode=yes",  # a key, or nothing: nobody is asked for a password in the middle of a playbook
    f"ConnectTimeout={CONNECT_SECONDS - 5}",
    "ServerAliveInterval=10",
    "ServerAliveCountMax=3",
    "ExitOnForwardFailure=yes",
    "ControlPath=none",  # a connection that is shared with others would not end with us
)


@dataclass(frozen=True)
class Tunnel:
    """A running ssh, and the folder with its end of the socket."""

    process: subprocess.Popen[bytes]
    folder: Path

    @property
    def docker_host(self) -> str:
        return f"unix://{self.folder}/docker.sock"

    def words(self) -> list[str]:
        """The last lines that ssh had to say."""
        said = (self.folder / "ssh.log").read_text(encoding="utf-8", errors="replace")
        return [line.strip() for line in said.splitlines() if line.strip()][-3:]

    def close(self) -> None:
        to, back = _pipes(self.process)
        with suppress(BrokenPipeError):
            to.close()  # `cat` at the other end reads to the end of its input, and ssh ends with it
        try:
            self.process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        back.close()
        shutil.rmtree(self.folder, ignore_errors=True)


_open: dict[str, Tunnel] = {}
_one_at_a_time = threading.Lock()


def through(docker_host: str) -> Tunnel:
    """The tunnel to an ``ssh://`` host; the one that is there already, if it still stands.

    Raises:
        ConnectionError: ssh was not let in; its own words say why.
    """
    with _one_at_a_time:
        there = _open.get(docker_host)
        if there and there.process.poll() is None:
            return there
        if there:
            there.close()
        _open[docker_host] = _dig(docker_host)
        return _open[docker_host]


def argv(docker_host: str, socket: str) -> list[str]:
    """The ssh that makes the other machine's socket this one's `socket`."""
    options = [part for option in _OPTIONS for part in ("-o", option)]
    return ["ssh", "-T", *options, "-L", f"{socket}:{remote_socket(docker_host)}", *ssh_destination(docker_host), "cat"]


def _dig(docker_host: str) -> Tunnel:
    folder = Path(tempfile.mkdtemp(prefix="streamlab-ssh-"))
    try:
        with (folder / "ssh.log").open("w", encoding="utf-8") as errors:
            process = subprocess.Popen(
                argv(docker_host, f"{folder}/docker.sock"), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,  # Ctrl-C is ours to answer: the way to the engine is needed for cleaning up
            )  # fmt: skip
    except OSError as error:
        shutil.rmtree(folder)
        raise ConnectionError(f"ssh cannot be run: {error.strerror}") from None
    made = Tunnel(process, folder)
    try:
        if not _echoes(process):
            raise ConnectionError("; ".join(made.words()) or f"ssh had no answer within {CONNECT_SECONDS} s")
    except BaseException:
        process.kill()
        made.close()
        raise
    return made


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    assert process.stdin is not None  # `_dig` asks for both
    assert process.stdout is not None
    return process.stdin, process.stdout


def _echoes(process: subprocess.Popen[bytes]) -> bool:
    """Whether the other end sends back a line in time: forwarding is set up before the command there runs."""
    to, back = _pipes(process)
    try:
        to.write(b"there?\n")
        to.flush()
    except BrokenPipeError:
        return False
    ends = time.monotonic() + CONNECT_SECONDS
    while not select.select([back], [], [], 0.2)[0]:
        if time.monotonic() > ends:
            return False
    return bool(back.readline())


@atexit.register
def close_all() -> None:
    """End every tunnel; who becomes another program calls it before."""
    while _open:
        _open.popitem()[1].close()
