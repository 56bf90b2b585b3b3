"""The socket of an ``ssh://`` Docker host, brought here by the machine's own ssh with its keys and settings.

The Docker SDK's two ways wait for ever for a machine that is gone, and take a library more. Here the SDK sees a socket
like any other. A tunnel ends with the process that opened it, however that ends: its other end waits for us to hang up.

Processes that this one starts, such as a playbook's modules, use the same tunnels: three modules per student would open
a thousand connections for a class, and an sshd refuses many that come at once. They find the sockets in the folder that
the environment names, under a name that follows from the host.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import random
import re
import select
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from streamlab.students.docker_hosts import remote_socket, ssh_destination

#: Seconds within which another machine must have let us in.
CONNECT_SECONDS = 15
#: Seconds for which a connection that sshd refuses for their number is tried again, and the first pause between two.
RETRY_SECONDS, PAUSE_SECONDS = 45, 0.5
#: What ssh says of a connection that was closed before a word was said, as sshd does beyond its MaxStartups.
_TOO_MANY = re.compile(r"(kex|ssh)_exchange_identification: .*(closed by remote host|reset by peer)", re.IGNORECASE)

#: The variable that names the folder with the sockets of the process that started this one.
FOLDER_VARIABLE = "STREAMLAB_TUNNELS"

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
    """This machine's end of a socket; `process` is its ssh, or None where another process opened it."""

    socket: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def docker_host(self) -> str:
        return f"unix://{self.socket}"

    @property
    def log(self) -> Path:
        return self.socket.with_suffix(".log")

    def words(self) -> list[str]:
        """The last lines that ssh printed."""
        with suppress(FileNotFoundError):
            said = self.log.read_text(encoding="utf-8", errors="replace")
            return [line.strip() for line in said.splitlines() if line.strip()][-3:]
        return []

    def is_open(self) -> bool:
        if self.process:
            return self.process.poll() is None
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.socket)) == 0

    def hang_up(self) -> None:
        if self.process:
            to, _ = _pipes(self.process)
            with suppress(BrokenPipeError):
                to.close()  # `cat` at the other end reads to the end of its input, and ssh ends with it

    def close(self) -> None:
        if self.process is None:
            return
        self.hang_up()
        try:
            self.process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        _, back = _pipes(self.process)
        back.close()
        self.socket.unlink(missing_ok=True)


_open: dict[str, Tunnel] = {}
_folder: Path | None = None
_briefly = threading.Lock()
#: By host: a machine that does not answer is waited for by those who want it, and by nobody else.
_of_host: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)


def through(docker_host: str) -> Tunnel:
    """The tunnel to an ``ssh://`` host: this process's, else that of the process that started it, else a new one.

    Raises:
        ConnectionError: ssh was not let in; its own words say why.
    """
    with _briefly:
        lock = _of_host[docker_host]
    with lock:
        there = _open.get(docker_host) or _inherited(docker_host)
        if there and there.is_open():
            return there
        if there:
            there.close()
        _open[docker_host] = _dig(docker_host)
        return _open[docker_host]


def argv(docker_host: str, socket: str) -> list[str]:
    """The ssh that makes the other machine's socket this one's `socket`."""
    options = [part for option in _OPTIONS for part in ("-o", option)]
    *port, destination = ssh_destination(docker_host)
    forwarded = f"{socket}:{remote_socket(docker_host)}"
    return ["ssh", "-T", *options, "-L", forwarded, *port, "--", destination, "cat"]


def _socket_name(docker_host: str) -> str:
    return f"{hashlib.sha256(docker_host.encode()).hexdigest()[:16]}.sock"


def _inherited(docker_host: str) -> Tunnel | None:
    folder = os.environ.get(FOLDER_VARIABLE)
    return Tunnel(Path(folder, _socket_name(docker_host))) if folder else None


def _own_folder() -> Path:
    """The folder of this process's sockets, which those that it starts are told of, and nobody else may enter."""
    global _folder
    with _briefly:
        if _folder is None:
            _folder = Path(tempfile.mkdtemp(prefix="streamlab-ssh-"))
            os.environ.setdefault(FOLDER_VARIABLE, str(_folder))
        return _folder


def _dig(docker_host: str) -> Tunnel:
    """A new tunnel; where too many come at once it is tried again, with longer pauses of random length.

    Raises:
        ConnectionError: ssh was not let in.
    """
    ends, pause = time.monotonic() + RETRY_SECONDS, PAUSE_SECONDS
    while True:
        try:
            return _dig_once(docker_host, _own_folder() / _socket_name(docker_host))
        except ConnectionError as error:
            wait = pause * random.uniform(0.5, 1.5)  # else all that were refused together come back together
            if not _TOO_MANY.search(str(error)) or time.monotonic() + wait > ends:
                raise
        time.sleep(wait)
        pause *= 2


def _dig_once(docker_host: str, at: Path) -> Tunnel:
    at.unlink(missing_ok=True)  # of a tunnel that has ended: ssh makes no second socket of a name
    try:
        with at.with_suffix(".log").open("w", encoding="utf-8") as errors:
            process = subprocess.Popen(
                argv(docker_host, str(at)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
                start_new_session=True,  # Ctrl-C is ours to answer: the way to the engine is needed for cleaning up
            )  # fmt: skip
    except OSError as error:
        raise ConnectionError(f"ssh cannot be run: {error.strerror}") from None
    made = Tunnel(at, process)
    try:
        if not _echoes(process):
            raise ConnectionError("; ".join(made.words()) or f"ssh had no answer within {CONNECT_SECONDS} s")
    except BaseException:
        process.kill()
        made.close()
        raise
    return made


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    assert process.stdin is not None  # `_dig_once` asks for both
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
    """Close every tunnel of this process. Call it before `exec` replaces this program."""
    global _folder
    for tunnel in [*_open.values()]:
        tunnel.hang_up()  # all of them before one is waited for
    while _open:
        _open.popitem()[1].close()
    if _folder:
        if os.environ.get(FOLDER_VARIABLE) == str(_folder):
            del os.environ[FOLDER_VARIABLE]
        shutil.rmtree(_folder, ignore_errors=True)
        _folder = None
