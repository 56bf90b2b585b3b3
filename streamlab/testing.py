"""`./lab test`: static checks, and tests grouped by what is real: nothing, Spark in its image, or a whole stack."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import docker

from streamlab.building import images
from streamlab.engines import engine, inside
from streamlab.errors import LabError, WrongRequest, unknown
from streamlab.lessons.bundle import files_below
from streamlab.paths import ANSIBLE, JOBS, ROOT
from streamlab.stacks.host_setup import ensure_engines, ensure_images
from streamlab.students import inventory
from streamlab.ui import say

ORDINARY = ("static", "unit", "jobs", "cluster")

#: Kinds that take too long for every change. lessons: each lesson run, repeated, broken and killed on a real stack;
#: exercises: each exercise solved, left open, and answered wrongly gap by gap, on YARN;
#: course: each handout followed from its first command to its last; seat: each lesson as a student types it, without
#: the lab's help; faults: recovery of what was killed, stopped or lost; larger: a stack whose workers leave and return;
#: services: a stack that is given the optional services, and loses them again;
#: gateway: students' pages and the board in a real browser, and who may open what; diagnoses: each cause that `invoke
#: why` knows, provoked on a real stack; grading: hand-ins of a class of five, of a class of 24, and of programs that do
#: not end, graded.
KINDS = (
    *(*ORDINARY, "lessons", "exercises", "course", "seat", "faults", "larger", "services"),
    *("diagnoses", "gateway", "grading"),
)

#: Program -> the Debian package that has it, of what the gateway's tests click with.
BROWSER = {"chromium": "chromium", "chromedriver": "chromium-driver", "certutil": "libnss3-tools"}

#: pytest's arguments if they are more than the kind's own folder. A short part of the seat tests runs every time, on
#: the stack that the kind `cluster` creates; the full kind ends with the seconds that each test took.
PYTEST_ARGUMENTS = {
    "cluster": ("tests/cluster", "tests/seat/test_start.py"),
    "seat": ("tests/seat", "--durations=0", "--durations-min=0.1"),
}

#: The tests' own class: its stacks run beside a user's without touching them.
INVENTORY = ROOT / "inventory" / "test.yml"
#: What the static checks need beyond requirements.lock; who only uses a cluster need not install it.
DEV_LOCK = ROOT / "requirements-dev.lock"
_SHELL = re.compile(rb"#!\s*\S*/(?:env\s+)?(?:ba|da)?sh\b")
DOCKER_PID = Path("/run/docker.pid")
JOB_TEST_SECONDS = 1200


def test(only: str | None) -> None:
    """Run the tests of one kind, or of all ordinary ones.

    An engine that was started for them is stopped again on a machine without systemd, where nobody else would stop it.

    Raises:
        LabError: a test failed.
    """
    if only and only not in KINDS:
        raise unknown("kind of test", only, KINDS, usage="--only {}")
    lab = inventory.load(INVENTORY)
    kinds = [only] if only else list(ORDINARY)
    started = bool(set(kinds) - {"static", "unit"}) and ensure_engines(lab, lab.students)
    try:
        failures = [kind for kind in kinds if not _run(kind, lab.students[0].docker_host)]
    finally:
        if started and not Path("/run/systemd/system").exists():
            stop_engine()
    if failures:
        raise LabError(
            f"tests failed: {', '.join(failures)}",
            evidence="the reports above say what is wrong",
            fix=f"repair what failed, then: ./lab test --only {failures[0]}",
        )


def _run(kind: str, docker_host: str) -> bool:
    say(f"\n== {kind} tests")
    began = time.monotonic()
    if kind == "gateway":
        require_browser()
    if kind == "static":
        passed = run_static_checks()
    else:
        passed = _in_image(docker_host) if kind == "jobs" else _succeeds(pytest_command(kind))
    say(f"{kind} tests: {'passed' if passed else 'FAILED'} in {time.monotonic() - began:.0f} s")
    return passed


def static_checks() -> dict[str, tuple[list[str], Path]]:
    """By name: the command of each static check as a person would type it, and the folder to type it in."""
    return {
        "ruff check": (["ruff", "check", "."], ROOT),
        "ruff format": (["ruff", "format", "--check", "."], ROOT),
        "mypy": (["mypy"], ROOT),
        "ansible-lint": (["ansible-lint"], ANSIBLE),  # where ansible.cfg says in which folders roles and modules are
        "shellcheck": (["shellcheck", *shell_scripts()], ROOT),
    }


def shell_scripts(top: Path = ROOT) -> list[str]:
    """The files below `top` whose first line names a shell, by path; not those that are still to be rendered."""
    found = []
    for folder, below, names in os.walk(top):
        below[:] = [name for name in below if name == ".ci" or not name.startswith(".")]
        for path in (Path(folder, name) for name in names if not name.endswith(".j2")):
            with path.open("rb") as file:
                if _SHELL.match(file.readline()):
                    found.append(path.relative_to(top).as_posix())
    return sorted(found)


def run_static_checks() -> bool:
    """Run every static check, even after a failed one; returns whether all passed."""
    ensure_tools()
    outcomes = []
    for name, ((program, *arguments), folder) in static_checks().items():
        began = time.monotonic()
        outcomes.append(_succeeds([str(Path(sys.executable).with_name(program)), *arguments], folder))
        say(f"{name}: {'passed' if outcomes[-1] else 'FAILED'} in {time.monotonic() - began:.1f} s")
    return all(outcomes)


def require_browser() -> None:
    """Install what drives a browser into the current environment, and refuse to begin without a browser.

    Raises:
        WrongRequest: a program is not installed.
    """
    missing = [program for program in BROWSER if shutil.which(program) is None]
    if missing:
        raise WrongRequest(
            "the gateway's tests click in a real browser",
            evidence=f"not installed: {', '.join(missing)}",
            fix=f"apt-get install {' '.join(BROWSER[program] for program in missing)}",
        )
    ensure_tools()


def ensure_tools() -> None:
    """Install what requirements-dev.lock lists into the current environment, unless it is installed already.

    Raises:
        LabError: pip could not install it.
    """
    stamp, wanted = Path(sys.prefix, "requirements-dev.sha256"), hashlib.sha256(DEV_LOCK.read_bytes()).hexdigest()
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return
    say(f"Adding to {Path(sys.prefix).name} the static checks' tools, from {DEV_LOCK.name} (once)")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--require-hashes", "--no-deps"]
    if not _succeeds([*pip, f"--requirement={DEV_LOCK}"]):
        raise LabError(
            "the static checks' tools could not be installed",
            evidence="pip's own words are above",
            fix="check the network, then try again; without a network: ./lab test --only unit",
        )
    stamp.write_text(wanted, encoding="utf-8")


def pytest_command(kind: str) -> list[str]:
    """What runs the tests of one kind on this machine."""
    return [sys.executable, "-m", "pytest", *PYTEST_ARGUMENTS.get(kind, (f"tests/{kind}",))]


def _succeeds(command: list[str], folder: Path = ROOT) -> bool:
    return subprocess.run(command, cwd=folder, check=False).returncode == 0


def _in_image(docker_host: str) -> bool:
    """Run tests/jobs inside the spark image: the versions under test are the cluster's, whatever this machine has."""
    ensure_images(docker_host)
    files = {**files_below(JOBS, under="jobs"), **files_below(ROOT / "tests" / "jobs", under="tests/jobs")}
    files["pyproject.toml"] = (ROOT / "pyproject.toml").read_bytes()
    command = ["timeout", str(JOB_TEST_SECONDS), "python3", "-m", "pytest", "-p", "no:cacheprovider", "tests/jobs"]
    with engine.connect(docker_host) as client:
        container = client.containers.create(
            images.image_tags()["spark"], command, working_dir="/tmp", init=True, network_mode="none",
            labels={"streamlab.builder": "true"},
            environment={"PYTHONPATH": "/tmp/jobs", "PYTHONDONTWRITEBYTECODE": "1"},
        )  # fmt: skip
        return _watch(container, files)


def _watch(container: docker.models.containers.Container, files: dict[str, bytes]) -> bool:
    try:
        inside.put_files(container, "/tmp", files)
        container.start()
        for chunk in container.logs(stream=True, follow=True):
            sys.stdout.write(chunk.decode("utf-8", "replace"))
            sys.stdout.flush()
        return container.wait()["StatusCode"] == 0
    finally:
        container.remove(force=True)


def stop_engine() -> None:
    """Stop the engine that the tests started, and wait until it has ended."""
    if not DOCKER_PID.exists():
        return
    pid = int(DOCKER_PID.read_text(encoding="utf-8"))
    os.kill(pid, signal.SIGTERM)
    ends = time.monotonic() + 60
    while DOCKER_PID.exists():
        if time.monotonic() > ends:
            raise LabError(
                "the Docker Engine that the tests started does not stop", evidence=f"process {pid}", fix=f"kill {pid}"
            )
        time.sleep(0.2)
    say("stopped the engine that was started for the tests")
