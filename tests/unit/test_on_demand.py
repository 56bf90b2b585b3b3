"""JupyterLab on demand: its first visitor starts it, its token is nobody else's, and it does not end under its work.

The edge node's own script runs here, with a server of a few lines in JupyterLab's place and its minutes cut short.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from jinja2 import Environment

from streamlab.paths import ANSIBLE
from streamlab.work import notebook

EDGE = ANSIBLE / "roles" / "edge"
DEFAULTS = yaml.safe_load((EDGE / "defaults" / "main.yml").read_text(encoding="utf-8"))
#: How many of the script's minutes without a visitor end a service, and after how many it has long ended.
IDLE_MINUTES, LONG = 3, 10
#: In the place of `sleep`: a minute is short, and counted.
SLEEP = """#!/bin/sh
[ "$1" = 60 ] || exec /bin/sleep "$1"
echo >>"$HOME/minutes"
exec /bin/sleep 0.05
"""
#: Seconds that anything here may take.
SECONDS = 30

#: What answers as JupyterLab does: it keeps how it was started, starts what a kernel would if the test asks for it, and
#: says of its kernels what the test has written, to who knows the token.
SERVER = f"""#!{sys.executable} -I
import http.server, json, os, subprocess, sys, time
home = os.environ["HOME"]
with open(home + "/started", "w") as file:
    json.dump({{"arguments": sys.argv[1:], "environment": dict(os.environ), "pid": os.getpid()}}, file)
token = open(os.environ["JUPYTER_TOKEN_FILE"]).read()
if os.path.exists(home + "/job"):
    job = open(home + "/job").read()
    subprocess.Popen(["sh", "-c", job + "& echo $! >'" + home + "/job'; wait"])
    while "pyspark" in job and not os.path.exists(home + "/driver.py.ready"):
        time.sleep(0.05)
else:
    subprocess.Popen(["sleep", "61"])  # a kernel that does nothing
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        known = self.headers["Authorization"] == "token " + token
        self.send_response(200 if known else 403)
        self.end_headers()
        self.wfile.write(open(home + "/kernels", "rb").read() if known else b"")
port = next(int(argument.partition("=")[2]) for argument in sys.argv if argument.startswith("--port="))
http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""


def wait_until(condition: Callable[[], bool], what: str) -> None:
    ends = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < ends, f"waited {SECONDS} s until {what}"
        time.sleep(0.05)


@dataclass(frozen=True)
class OnDemand:
    """The script, rendered, in a home of its own."""

    home: Path
    port: int

    def connect(self) -> subprocess.CompletedProcess[str]:
        """One connection, as inetd hands it over."""
        env = {**os.environ, "HOME": str(self.home), "PATH": f"{self.home}/bin:{os.environ['PATH']}"}
        command = ["bash", str(self.home / "on-demand.sh"), "notebook", str(self.port)]
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=SECONDS, check=False)

    @property
    def started(self) -> dict:
        return json.loads((self.home / "started").read_text())

    def kernels(self, *states: str) -> None:
        said = [{"id": "1", "execution_state": state, "connections": 0} for state in states]
        (self.home / "kernels").write_text(json.dumps(said))

    def runs(self) -> bool:
        with socket.socket() as asked:
            return asked.connect_ex(("127.0.0.1", self.port)) == 0

    def require_end(self) -> None:
        wait_until(lambda: not self.runs(), "JupyterLab ends")

    def wait_long(self) -> None:
        """Until it has ended, or will not."""
        before = self._minutes
        wait_until(lambda: self._minutes >= before + LONG or not self.runs(), f"{LONG} minutes have passed")

    @property
    def _minutes(self) -> int:
        file = self.home / "minutes"
        return len(file.read_bytes()) if file.exists() else 0


@pytest.fixture
def on_demand(tmp_path: Path) -> Iterator[OnDemand]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    services = {"notebook": {"ports": [0], "inner": [port], "page": True}}
    services["mapred-history"] = DEFAULTS["edge_on_demand"]["mapred-history"]
    template = (EDGE / "templates" / "on-demand.sh.j2").read_text(encoding="utf-8")
    text = (
        Environment(trim_blocks=True)
        .from_string(template)
        .render(**{**DEFAULTS, "edge_on_demand": services, "edge_idle_minutes": IDLE_MINUTES})
    )
    (tmp_path / "on-demand.sh").write_text(text.replace("/tmp/", f"{tmp_path}/"))
    (tmp_path / "bin").mkdir()
    for name, program in {"python3": SERVER, "nc": "#!/bin/sh\necho passed on to $*\n", "sleep": SLEEP}.items():
        (tmp_path / "bin" / name).write_text(program)
        (tmp_path / "bin" / name).chmod(0o755)
    made = OnDemand(tmp_path, port)
    made.kernels("idle")
    yield made
    if (tmp_path / "started").exists() and made.runs():
        os.kill(made.started["pid"], 15)


def test_its_ports_are_those_that_the_commands_know() -> None:
    assert DEFAULTS["edge_on_demand"]["notebook"] == {
        "ports": [notebook.PORT],
        "inner": [notebook.INNER_PORT],
        "page": True,
    }


def test_the_token_is_in_a_private_file_and_in_no_argument(on_demand: OnDemand) -> None:
    (on_demand.home / ".jupyter.log").write_text("of an older version, readable")
    (on_demand.home / ".jupyter.log").chmod(0o644)
    assert on_demand.connect().stdout == f"passed on to -N 127.0.0.1 {on_demand.port}\n"
    files = [on_demand.home / name for name in (".jupyter-token", ".jupyter.log")]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    token = files[0].read_text()
    assert len(token) == 32
    started = on_demand.started
    assert f"--port={on_demand.port}" in started["arguments"]
    assert "--ip=127.0.0.1" in started["arguments"]
    assert token not in json.dumps(started)
    assert started["environment"]["JUPYTER_TOKEN_FILE"] == str(files[0])
    assert started["environment"]["PYTHONPATH"] == str(on_demand.home / notebook.LESSONS)


def test_it_ends_when_it_is_idle_and_has_the_same_token_when_it_starts_again(on_demand: OnDemand) -> None:
    on_demand.connect()
    token = (on_demand.home / ".jupyter-token").read_text()
    on_demand.require_end()
    assert on_demand.connect().returncode == 0
    assert (on_demand.home / ".jupyter-token").read_text() == token


def be_busy(on_demand: OnDemand) -> Callable[[], None]:
    on_demand.kernels("idle", "busy")
    return lambda: on_demand.kernels("idle", "idle")


def run_in_a_terminal(on_demand: OnDemand) -> Callable[[], None]:
    (on_demand.home / "job").write_text("sleep 61")
    return lambda: os.kill(int((on_demand.home / "job").read_text()), 15)


#: As the JVM of PySpark: it listens to its kernel, and for executors until its session is stopped (at SIGUSR1).
DRIVER = """
import signal, socket
kernel, executors = socket.create_server(("127.0.0.1", 0)), socket.create_server(("0.0.0.0", 0))
signal.signal(signal.SIGUSR1, lambda *_: executors.close())
signal.alarm(60)
open(__file__ + ".ready", "x")
while True:
    signal.pause()
"""


def have_a_session(on_demand: OnDemand) -> Callable[[], None]:
    (on_demand.home / "driver.py").write_text(DRIVER)
    (on_demand.home / "job").write_text(f"{sys.executable} '{on_demand.home}/driver.py' pyspark-shell")
    return lambda: os.kill(int((on_demand.home / "job").read_text()), signal.SIGUSR1)


def be_silent(on_demand: OnDemand) -> Callable[[], None]:
    """It refuses the token: the student has replaced the file."""
    on_demand.connect()
    token = (on_demand.home / ".jupyter-token").rename(on_demand.home / "kept")
    (on_demand.home / ".jupyter-token").write_text("another")
    return lambda: token.replace(on_demand.home / ".jupyter-token")


@pytest.mark.parametrize("work", [be_busy, run_in_a_terminal, have_a_session, be_silent])
def test_it_does_not_end_under_its_work(on_demand: OnDemand, work: Callable) -> None:
    end = work(on_demand)
    on_demand.connect()
    on_demand.wait_long()
    assert on_demand.runs()
    end()
    on_demand.require_end()


def test_it_does_not_end_under_a_visitor(on_demand: OnDemand) -> None:
    on_demand.connect()
    with socket.create_connection(("127.0.0.1", on_demand.port)):
        on_demand.wait_long()
        assert on_demand.runs()
    on_demand.require_end()
