"""`invoke board`: asks every stack in turn until Ctrl-C, and shows the class in a browser."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from streamlab.board import needs
from streamlab.board.collect import Collector, unknown
from streamlab.board.feed import Feed
from streamlab.board.serve import Server
from streamlab.board.store import Store
from streamlab.cancel import Cancelled
from streamlab.engines import engine
from streamlab.errors import LabError
from streamlab.gateway import pages, settings
from streamlab.lessons import jobs
from streamlab.stacks import parallel
from streamlab.stacks.operation import Access, Operation
from streamlab.stacks.parallel import Outcome
from streamlab.students.docker_hosts import by_docker_host
from streamlab.students.student import Student
from streamlab.students.topology import nodes
from streamlab.ui import progress, say
from streamlab.work import check

#: Seconds between two looks at a stack in which a stream runs, and at any other.
EVERY_LIVE, EVERY = 2.0, 8.0
#: Seconds in which a stack answers.
SECONDS = 45
#: Stacks of a Docker host that are asked at a time, at the least (one that hangs must not hold up all) and at the most.
LEAST, MOST = 2, 6


def board(students: Sequence[Student], *, port: int) -> None:
    """Show the class until Ctrl-C: on the gateways that it has, else on this machine's loopback.

    Args:
        port: of the loopback.

    Raises:
        WrongRequest: the port is taken.
        LabError: another board feeds the gateways now.
    """
    store, collector, levels = Store(), Collector(students), dict[str, str]()
    store.publish("class", "", about(students))
    with _shown(store, students, port) as feeds, progress("board", elsewhere=False) as line:
        problems: dict[str, str] = {}

        def finished(student: Student, outcome: Outcome) -> float:
            facts = unknown(student, outcome.error) if outcome.error else outcome.answer
            said = collector.state(student, facts)
            store.publish("student", student.name, said)
            levels[student.name] = said["level"]
            if feeds and all(feed.is_replaced for feed in feeds):
                raise LabError(
                    "another board has taken the place of this one",
                    evidence=feeds[0].address,
                    fix="look at that one, or run this again, which ends it in turn",
                )
            for feed in feeds:
                if feed.problem != problems.get(feed.address, ""):
                    problems[feed.address] = feed.problem
                    line.close()
                    say(f"{feed.address}: {feed.problem or 'the gateway is fed again'}")
            line.update(f"{_summary(levels, len(students))}; last at {time.strftime('%H:%M:%S')}; Ctrl-C ends it")
            return EVERY_LIVE if said["streams"] else EVERY

        asking = Operation("board", Access.READ, SECONDS, at_once)
        try:
            parallel.repeat(students, collector.ask, asking, finished=finished)
        except Cancelled:
            raise
        except KeyboardInterrupt:
            return


def at_once(docker_host: str) -> int:
    """Stacks of one Docker host that are asked at a time: half its processors stay with the students."""
    try:
        return max(LEAST, min(MOST, engine.processors(docker_host) // 2))
    except engine.NoEngine:
        return LEAST


def about(students: Sequence[Student]) -> dict[str, Any]:
    """What stays the same while the board is shown.

    Returns:
        ``{"lessons": [{"name", "title"}], those that some stack can run,
        "students": {name: [{"title", "url"}], the pages of the stack}}``
    """
    known = (jobs.load(jobs.JOBS / name) for name in jobs.known_jobs())
    lessons = [lesson for lesson in known if any(check.can_run(student, lesson) for student in students)]
    return {
        "lessons": [{"name": lesson.name, "title": lesson.title} for lesson in lessons],
        "students": {student.name: _pages(student) for student in students},
    }


def _pages(student: Student) -> list[dict[str, str]]:
    if student.gateway is None:
        return [{"title": page.title, "url": page.url} for node in nodes(student) for page in node.pages]
    words = settings.texts(student.language)
    return [{"title": settings.title(page, words), "url": pages.url(student, page)} for page in pages.pages(student)]


def _summary(levels: dict[str, str], of: int) -> str:
    counted = Counter(levels.values())
    shown = [f"{counted[level]} {level}" for level in needs.LEVELS if counted[level]]
    return f"{len(levels)} of {of} students asked: {', '.join(shown)}"


@contextmanager
def _shown(store: Store, students: Sequence[Student], port: int) -> Iterator[Sequence[Feed]]:
    """Where browsers find the board while the block runs; the streams to the gateways, if there are any."""
    having = [student for student in students if student.gateway]
    with _fed(store, having) if having else _served(store, students[0], port) as feeds:
        try:
            yield feeds
        finally:
            store.close()


@contextmanager
def _served(store: Store, student: Student, port: int) -> Iterator[Sequence[Feed]]:
    words = settings.texts(student.language)
    with Server(store, port, lab_class=student.lab_class, language=student.language, texts=words) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.2}, daemon=True)
        thread.start()
        say(f"the board of {student.lab_class}, for a browser on this machine: {server.address}")
        try:
            yield ()
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def _fed(store: Store, students: Sequence[Student]) -> Iterator[Sequence[Feed]]:
    feeds = [
        Feed(store, docker_host, group[0].lab_class, its)
        for docker_host, group in by_docker_host(students)
        if (its := group[0].gateway)
    ]
    try:
        for feed in feeds:
            feed.start()
            say(f"the board of {students[0].lab_class}, for the instructor's card: {feed.address}")
        yield feeds
    finally:
        for feed in feeds:
            feed.stop()
