"""JupyterLab on the edge node, for those who want one: loopback, a token, and a kernel on the student's YARN.

The edge node itself starts it for the first who opens its page, and ends it when it is idle
(ansible/roles/edge/templates/on-demand.sh.j2).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from docker.models.containers import Container

from streamlab.engines.inside import put_files, run_inside
from streamlab.errors import LabError
from streamlab.gateway.pages import pages, url
from streamlab.lessons import handouts
from streamlab.paths import JOBS
from streamlab.stacks import operation
from streamlab.stacks.operation import Access, Operation
from streamlab.stacks.stack import StackOnEngine, open_on_engine
from streamlab.students.student import Student
from streamlab.students.topology import Page, nodes
from streamlab.ui import say
from streamlab.work.look import way_there

HOME = "/home/student"
FOLDER = "notebooks"
#: What the notebooks import: the lessons themselves, as this checkout has them.
LESSONS = "lessons"
#: What the lab has placed of these, by `sha256sum`: a file that differs is the student's by now.
PLACED = f"{HOME}/{LESSONS}/.placed"
TOKEN = f"{HOME}/.jupyter-token"
LOG = f"{HOME}/.jupyter.log"
#: Where the edge node answers for JupyterLab, and where that listens once it runs.
PORT, INNER_PORT = 8888, 18888
#: Seconds that JupyterLab has to start and to answer; the edge node gives up earlier.
START_SECONDS = 120
NOTEBOOK = Operation("notebook", Access.USE, seconds=300)


def notebook(student: Student, *, stop: bool) -> None:
    """Print the address of a JupyterLab that runs and has the lessons' notebooks; or stop it.

    Raises:
        LabError: it did not answer in time; its own last words are the evidence.
    """
    operation.act(lambda student: _notebook(student, stop=stop), student, NOTEBOOK)


def _notebook(student: Student, *, stop: bool) -> None:
    with open_on_engine(student) as stack:
        if stop:
            say("stopped" if _stop(stack.edge) else "no JupyterLab runs")
            return
        place_notebooks(stack)
        _require_answer(stack.edge)
        token = _token(stack.edge)
        if student.gateway:
            say(f"{next(url(student, one) for one in pages(student) if one.port == PORT)}lab?token={token}")
            return
        published = page(student)
        say(f"{published.url}lab?token={token}{way_there(student, [published.host_port])}")


def page(student: Student) -> Page:
    """Where the student's JupyterLab is published, without a gateway."""
    return next(p for node in nodes(student) for p in node.pages if p.container_port == PORT)


def place_notebooks(stack: StackOnEngine) -> None:
    """Put each lesson's starter notebook where the student works, unless a file of that name is there."""
    folder = f"{HOME}/{FOLDER}"
    run_inside(stack.edge, ["mkdir", "-p", folder], seconds=30)
    there = set(run_inside(stack.edge, ["ls", folder], seconds=30).out.split())
    starters = {f"{path.parent.name}.ipynb": path.read_bytes() for path in JOBS.glob("*/start.ipynb")}
    put_files(stack.edge, folder, {name: data for name, data in starters.items() if name not in there})
    place_lessons(stack.edge, handouts.for_students(stack.student.language, under=LESSONS))


def place_lessons(edge: Container, lessons: Mapping[str, bytes]) -> None:
    """Put the lessons (path below the home -> contents) there, but for files that the student has changed."""
    found = _hashes(run_inside(edge, ["sha256sum", *(f"{HOME}/{path}" for path in lessons)], seconds=30).out)
    placed = _hashes(run_inside(edge, ["cat", PLACED], seconds=30).out)
    new = {path: hashlib.sha256(data).hexdigest() for path, data in lessons.items()}
    changed = [path for path in lessons if path in found and found[path] not in (new[path], placed.get(path))]
    wanted = {path: data for path, data in lessons.items() if path not in changed and found.get(path) != new[path]}
    after = {**placed, **{path: new[path] for path in lessons if path not in changed}}
    if after != placed or wanted:
        manifest = "".join(f"{digest}  {HOME}/{path}\n" for path, digest in sorted(after.items()))
        put_files(edge, HOME, {**wanted, PLACED.removeprefix(f"{HOME}/"): manifest.encode()})
    if changed:
        say(f"kept as you changed them: {', '.join(sorted(changed))}")


def _hashes(lines: str) -> dict[str, str]:
    """Path below the home -> SHA-256, of lines as `sha256sum` prints them."""
    pairs = (line.split("  ", 1) for line in lines.splitlines() if "  " in line)
    return {path.removeprefix(f"{HOME}/"): digest for digest, path in pairs}


def _token(edge: Container) -> str:
    return run_inside(edge, ["cat", TOKEN], seconds=30).out.strip()


def _stop(edge: Container) -> bool:
    """Stop JupyterLab, whoever has its page open; the next one to be started has another token."""
    run_inside(edge, ["rm", "-f", TOKEN], seconds=30)
    return run_inside(edge, ["python3", "-I", "-m", "jupyterlab", "stop", str(INNER_PORT)], seconds=60).code == 0


def _require_answer(edge: Container) -> None:
    """Ask for JupyterLab's page, which starts it, on the edge itself: what it publishes may be another machine's."""
    # Whatever proxy the node was given: one that does not know this machine's own address says no.
    opener = "urllib.request.build_opener(urllib.request.ProxyHandler({}))"
    ask = f"import urllib.request; {opener}.open('http://127.0.0.1:{PORT}/api', timeout={START_SECONDS})"
    if run_inside(edge, ["python3", "-I", "-c", ask], seconds=START_SECONDS + 10).code != 0:
        raise LabError(
            "JupyterLab did not start",
            evidence=run_inside(edge, ["tail", "-n", "5", LOG], seconds=30).out.splitlines(),
            fix=f"on the edge node (invoke shell): cat {LOG}",
        )
