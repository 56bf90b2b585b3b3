"""JupyterLab on the edge node, for those who want one: loopback, a token, and a kernel on the student's YARN."""

from __future__ import annotations

import secrets
import time

from docker.models.containers import Container

from streamlab.engines.inside import put_files, run_inside
from streamlab.errors import LabError
from streamlab.lessons.bundle import files_below
from streamlab.paths import JOBS
from streamlab.stacks.stack import Stack, open_stack
from streamlab.students.topology import Page, Student, nodes
from streamlab.ui import say
from streamlab.work.look import way_there

HOME = "/home/student"
FOLDER = "notebooks"
#: What the notebooks import: the lessons themselves, as this checkout has them.
LESSONS = "lessons"
TOKEN = f"{HOME}/.jupyter-token"
LOG = f"{HOME}/.jupyter.log"
PORT = 8888
#: The server itself looks into no folder of the student's; the kernels that it starts do, as the student's own.
JUPYTERLAB = ("python3", "-I", "-m", "jupyterlab")
START_SECONDS = 60


def notebook(student: Student, *, stop: bool) -> None:
    """Start JupyterLab unless it runs, and print its address; or stop it.

    Raises:
        LabError: it did not answer in time; its own last words are the evidence.
    """
    with open_stack(student) as stack:
        if stop:
            say("stopped" if _stop(stack.edge) else "no JupyterLab runs")
            return
        place_notebooks(stack)
        if not _answers(stack.edge):
            _start(stack.edge)
            _wait(stack)
        published = page(student)
        say(f"{published.url}lab?token={_token(stack.edge)}{way_there(student, [published.host_port])}")


def page(student: Student) -> Page:
    """Where the student's JupyterLab is published."""
    return next(p for node in nodes(student) for p in node.pages if p.container_port == PORT)


def place_notebooks(stack: Stack) -> None:
    """Put each lesson's starter notebook where the student works, unless a file of that name is there."""
    folder = f"{HOME}/{FOLDER}"
    run_inside(stack.edge, ["mkdir", "-p", folder], seconds=30)
    there = set(run_inside(stack.edge, ["ls", folder], seconds=30).out.split())
    starters = {f"{path.parent.name}.ipynb": path.read_bytes() for path in JOBS.glob("*/start.ipynb")}
    put_files(stack.edge, folder, {name: data for name, data in starters.items() if name not in there})
    put_files(stack.edge, HOME, files_below(JOBS, under=LESSONS))


def _token(edge: Container) -> str:
    return run_inside(edge, ["cat", TOKEN], seconds=30).out.strip()


def _start(edge: Container) -> None:
    token = secrets.token_urlsafe(24)
    script = (
        f"umask 077; printf %s '{token}' > {TOKEN}; cd {HOME}/{FOLDER}; "
        # All addresses of the container; the engine publishes it on the host's loopback alone.
        f"PYTHONPATH={HOME}/{LESSONS} exec {' '.join(JUPYTERLAB)} --no-browser --ip=0.0.0.0 --port={PORT} "
        f"--IdentityProvider.token='{token}' >{LOG} 2>&1"
    )
    edge.exec_run(["sh", "-c", script], detach=True)


def _stop(edge: Container) -> bool:
    return run_inside(edge, [*JUPYTERLAB, "stop", str(PORT)], seconds=60).code == 0


def _answers(edge: Container) -> bool:
    """Asked on the edge itself: what it publishes may be another machine's."""
    # Whatever proxy the node was given: one that does not know this machine's own address says no.
    opener = "urllib.request.build_opener(urllib.request.ProxyHandler({}))"
    ask = f"import urllib.request; {opener}.open('http://127.0.0.1:{PORT}/api', timeout=2)"
    return run_inside(edge, ["python3", "-I", "-c", ask], seconds=10).code == 0


def _wait(stack: Stack) -> None:
    ends = time.monotonic() + START_SECONDS
    while not _answers(stack.edge):
        if time.monotonic() > ends:
            words = run_inside(stack.edge, ["tail", "-n", "5", LOG], seconds=30).out.splitlines()
            raise LabError(
                f"JupyterLab did not answer within {START_SECONDS} s",
                evidence=words,
                fix=f"invoke shell --command 'cat {LOG}'",
            )
        time.sleep(0.3)
