"""Pages to open and logs to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from streamlab.cancel import waiting
from streamlab.engines import engine, inside, labelled
from streamlab.errors import WrongRequest
from streamlab.gateway.pages import origin, url
from streamlab.gateway.pages import pages as pages_of
from streamlab.stacks import operation
from streamlab.stacks.operation import Access, Operation
from streamlab.stacks.stack import failed, open_stack
from streamlab.students.docker_hosts import forwarding, is_here, machine
from streamlab.students.student import Student
from streamlab.students.topology import nodes
from streamlab.ui import say, table

LOG_SECONDS = 120
LOGS = Operation("logs", Access.READ, LOG_SECONDS + 30)
#: Where an application's own page is: what it is called, the page it is below, and the path there.
APPLICATION_PAGES = (
    ("a running application", "resourcemanager", "proxy"),
    ("a finished application", "spark-history", "history"),
)


def links(student: Student) -> str:
    """The pages of a student's stack as a table; those of a cluster that is described, as its description has them.

    Raises:
        WrongRequest: the description has none.
    """
    cluster = student.cluster
    if cluster is None:
        ports = [page.host_port for node in nodes(student) for page in node.pages]
        return _table(pages(student)) + ("" if student.gateway else way_there(student, ports))
    if not cluster.pages:
        raise WrongRequest(
            f"no pages are known of {cluster.student}'s cluster",
            evidence=f"{cluster.path} has no `pages`",
            fix='add to it: "pages": {"YARN ResourceManager": ADDRESS}',
        )
    return _table(cluster.pages)


def pages(student: Student) -> dict[str, str]:
    """Title -> address of each page of a student's stack, and where an application's page is."""
    if student.gateway:
        home = f"{origin(student.gateway.domain, student.gateway)}/"
        return {"log in and start here": home, **{page.title: url(student, page) for page in pages_of(student)}}
    found = {page.title: page.url for node in nodes(student) for page in node.pages}
    for what, page, path in APPLICATION_PAGES:
        if page in student.host_ports:
            found[what] = f"http://127.0.0.1:{student.host_ports[page]}/{path}/APPLICATION_ID/"
    return found


def _table(found: Mapping[str, str]) -> str:
    return table(["page", "address"], [[title, address] for title, address in found.items()])


def way_there(student: Student, ports: Sequence[int]) -> str:
    """Where the pages are another machine's: a line that says so, with the command that brings them here."""
    if is_here(student.docker_host):
        return ""
    return f"\nthese are {machine(student.docker_host)}'s; here they are while this runs: " + forwarding(
        student.docker_host, ports
    )


def node_log(student: Student, name: str, *, lines: int) -> None:
    """Print the last lines that a node printed; the engine keeps no more than 20 MB of them."""
    with engine.connect(student.docker_host) as client:
        container = labelled.node(client, student, name, running=False)
        log = container.logs(tail=lines, stream=True, follow=False)  # a stream can be closed, an answer is waited for
        with waiting(log.close):
            text = b"".join(log).decode("utf-8", "replace")
    say(text.rstrip())


def require_application_id(text: str) -> None:
    """Refuse what cannot be the id of an application of YARN's.

    Raises:
        WrongRequest: it is something else.
    """
    if not text.startswith("application_"):
        raise WrongRequest(
            f"{text!r} is not an application id", evidence="expected application_…_…", fix="invoke status lists them"
        )


def application_log(student: Student, app_id: str) -> None:
    """Print everything that an application's containers printed, from YARN's aggregated log, as it comes."""
    require_application_id(app_id)
    empty = True

    def show(stream: str, line: str) -> None:
        nonlocal empty
        if stream == "out":
            empty = empty and not line.strip()
            say(line)

    command = ["yarn", "logs", "-applicationId", app_id]
    with open_stack(student) as stack:
        done = inside.run_inside(stack.edge, command, seconds=LOG_SECONDS, lines=show, limit=None)
    if done.code != 0 or empty:
        raise failed(f"{'no log' if empty else 'not the whole log'} of {app_id}", done, seconds=LOG_SECONDS)


def log(student: Student, *, node: str | None, app: str | None, lines: int) -> None:
    """Print what a node or an application said; exactly one of the two is named."""
    if app is not None and node is None:
        operation.act(lambda student: application_log(student, app), student, LOGS)
    elif node is not None and app is None:
        operation.act(lambda student: node_log(student, node, lines=lines), student, LOGS)
    else:
        names = ", ".join(n.name for n in nodes(student))
        raise WrongRequest("logs of what?", evidence=f"nodes: {names}", fix="--node kafka1, or --app application_…")
