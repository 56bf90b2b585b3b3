"""The instructor's board in a real browser: what it shows is true, new and harmless, and nobody else's."""

from __future__ import annotations

import http.client
import json
import math
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from shlex import quote
from statistics import median
from typing import Any

import pytest
from selenium.webdriver.common.keys import Keys

from browser import Browser
from lab_runner import LabRunner, press_ctrl_c
from streamlab.engines import engine
from streamlab.gateway import gateway
from streamlab.students import inventory
from visitor import Site

#: Seconds that something may take to be on the board, but for the streams.
SECONDS = 90
#: How old what is on the board may be.
FRESH_SECONDS = 10.0
#: Seconds for which the streams of the test run.
STREAMING_SECONDS = 150


@pytest.fixture(scope="module")
def board(site: Site) -> Iterator[subprocess.Popen[str]]:
    """`invoke board`, for the length of this module's tests."""
    with site.lab.begun("board", student=False) as process:
        assert process.stdout is not None
        address = process.stdout.readline()
        assert address.endswith(f"for the instructor's card: {site.home}/board\n"), address
        yield process


@pytest.fixture
def opened(site: Site, board: subprocess.Popen[str], logged_in: Callable[[str], Browser]) -> Browser:
    """The board, after the instructor has logged in, once every student has been asked."""
    chromium = logged_in("instructor")
    assert "Who needs help" in chromium.text()
    chromium.open(f"{site.home}/board")
    chromium.wait(lambda: chromium.script(ASKED) == len(students(site)), SECONDS)
    return chromium


#: How many students have been asked.
ASKED = (
    "return [...document.querySelectorAll('table.class tbody td.asked')].filter(e => /\\d/.test(e.textContent)).length"
)
ROWS = (
    "return [...document.querySelectorAll('table.class tbody tr')].map(e => [e.dataset.name, e.className, e.innerText])"
)


def students(site: Site) -> list[str]:
    return [student.name for student in inventory.load(site.lab.inventory).students]


def lab_of(site: Site, name: str) -> LabRunner:
    return replace(site.lab, student=name)


def rows(chromium: Browser) -> dict[str, tuple[str, str]]:
    """Student -> level and text of the row, in the order in which they are shown."""
    return {name: (level, text) for name, level, text in chromium.script(ROWS)}


def test_the_class_is_there_with_its_health_and_its_disk(site: Site, opened: Browser) -> None:
    shown = rows(opened)
    assert sorted(shown) == sorted(students(site))
    for level, text in shown.values():
        assert level in ("fine", "watch", "help")
        assert "MB" in text
        assert "YARN" in text
        assert "HDFS" in text
    assert opened.complaints() == []


def test_a_student_s_page_is_behind_the_row_and_reached_by_keyboard(site: Site, opened: Browser) -> None:
    (name, *_) = rows(opened)
    body = opened.driver.switch_to.active_element
    for _ in range(12):
        body.send_keys(Keys.TAB)
        body = opened.driver.switch_to.active_element
        if body.text == name:
            break
    time.sleep(4)  # the row is drawn anew meanwhile, and keeps the focus
    assert opened.driver.switch_to.active_element.text == name
    opened.driver.switch_to.active_element.send_keys(Keys.ENTER)
    opened.wait(lambda: opened.driver.current_url.endswith(f"/board/students/{name}") and "kafka1" in opened.text())
    page = opened.text()
    assert page.count("✓ answers") == 7
    assert "All students" in page
    (link,) = [link for link in opened.links() if link.startswith(f"https://{name}-rm.")]
    assert "Logged in as: student" in opened.open(link)


def test_it_fits_a_screen_a_tablet_and_a_phone(opened: Browser, site: Site, tmp_path: Path) -> None:
    for address in (f"{site.home}/board", f"{site.home}/board/students/ada"):
        opened.open(address)
        opened.wait(lambda: "MB" in opened.text())
        for width in (1280, 768, 390):
            assert opened.picture(tmp_path / "board.png", width=width).stat().st_size > 5000
            assert opened.script("return document.documentElement.scrollWidth") <= width
            assert opened.script("return document.body.innerText.includes('ada')")


def test_what_fails_comes_first_and_what_is_suspended_last(site: Site, opened: Browser) -> None:
    first, *_, last = sorted(students(site))
    student = inventory.load(site.lab.inventory).student(last)
    with engine.connect(student.docker_host) as client:
        node = client.containers.get(f"{student.prefix}-kafka1")
        node.pause()
        try:
            opened.wait(lambda: next(iter(rows(opened))) == last, SECONDS)
            assert "kafka1: " in rows(opened)[last][1]
            assert rows(opened)[last][0] == "help"
        finally:
            node.unpause()
    opened.wait(lambda: rows(opened)[last][0] != "help", SECONDS)
    lab_of(site, first)("suspend", "--force")
    try:
        opened.wait(lambda: list(rows(opened))[-1] == first, SECONDS)
        assert "Suspended." in rows(opened)[first][1]
    finally:
        lab_of(site, first)("resume")
    opened.wait(lambda: rows(opened)[first][0] != "off", SECONDS)


FORGED = "<img src=x onerror=alert(1)>"
YARN = "http://resourcemanager:8088/ws/v1/cluster/apps"
#: To YARN, without Spark: an application whose name is markup, and which fails. What is sent has its id filled in.
SUBMIT = f"""
id=$(curl -s -X POST '{YARN}/new-application?user.name=student' | jq -r '."application-id"')
sed "s/ID/$id/" app.json | curl -sf -X POST -H 'Content-Type: application/json' -d @- '{YARN}?user.name=student'
"""
APPLICATION = {
    "application-id": "ID", "application-name": FORGED, "application-type": "X", "max-app-attempts": 1,
    "am-container-spec": {"commands": {"command": "false"}},
}  # fmt: skip


def test_what_a_stack_says_is_text_and_small(site: Site, opened: Browser) -> None:
    bob = lab_of(site, "bob")
    bob.inside("mkdir -p .streamlab/checks; cp -r .streamlab/checks checks.kept")
    bob.inside("cd .streamlab/checks; head -c 5000000 /dev/zero >lesson01.json; echo '{\"at\": 1}' >'<b>x.json'")
    bob.inside('cd .streamlab/checks; echo \'{"at": 1, "right": 1, "of": 99999999999}\' >lesson02.json')
    bob.inside(f"echo {quote(json.dumps(APPLICATION))} >app.json; {SUBMIT}")
    try:
        opened.open(f"{site.home}/board/students/bob")
        opened.wait(lambda: FORGED in opened.text(), SECONDS)
        opened.wait(lambda: "of 99999999999 right" in opened.text(), SECONDS)
        assert "lesson01" not in opened.text().partition("Jobs")[2].partition("Last applications")[0]
        assert opened.script("return document.images.length") == 0
        assert opened.complaints() == []
    finally:
        bob.inside("rm -rf .streamlab/checks; mv checks.kept .streamlab/checks")


@pytest.mark.usefixtures("board")
def test_checks_and_attempts_of_a_lesson_are_in_its_column(site: Site, opened: Browser) -> None:
    ada = lab_of(site, "ada")
    ada("submit", "--job", "lesson01", seconds=600)
    said = ada.inside("invoke check --job lesson01").splitlines()[-1].partition(": ")[2].split()  # 13 of 13 as expected
    result = f"✓ {said[0]}/{said[2]}"
    opened.wait(lambda: result in rows(opened)["ada"][1], SECONDS)
    cell = "return document.querySelector('tr[data-name=ada] td.lesson.right').title"
    assert opened.script(cell).startswith(f"lesson01: {said[0]} of {said[2]} right, ")
    assert "; submits: " in opened.script(cell)


#: What the class's page says of a student's stream: its batch is in what is shown when one points at it.
STREAM = """
return [...document.querySelectorAll('table.class tbody tr')].map(row => {
  const stream = [...row.querySelectorAll('.stream')].find(e => e.title.startsWith('truth'));
  return [row.dataset.name, stream && stream.title, stream && stream.textContent];
})
"""


@pytest.fixture
def streaming(site: Site) -> Iterator[list[str]]:
    """A stream in everybody's stack that falls behind, and then catches up; all begin together."""
    program = Path(__file__).with_name("truth.py").read_text(encoding="utf-8")
    names = students(site)
    for name in names:
        one = lab_of(site, name)
        one.inside(f"kafka-topics.sh --bootstrap-server kafka1:9092 --delete --if-exists --topic board-truth; "
                   f"rm -f truth.jsonl; cat >truth.py <<'END'\n{program}\nEND\n")  # fmt: skip
    for name in names:
        run = f"spark-submit --num-executors 1 truth.py {STREAMING_SECONDS} >truth.log 2>&1"
        lab_of(site, name).inside(f"(setsid sh -c {quote(run)} >/dev/null 2>&1 </dev/null & echo $! >truth.pid)")
    try:
        yield names
    finally:
        for name in names:
            lab_of(site, name).inside("kill -- -$(cat truth.pid) 2>/dev/null; true")


def test_streams_on_the_board_are_at_most_ten_seconds_behind_the_truth(
    site: Site, opened: Browser, streaming: list[str]
) -> None:
    """The batch and the lag that are shown were true at most ten seconds before, by lastProgress and Kafka."""
    opened.wait(lambda: all(title for _, title, _ in opened.script(STREAM)), 240)
    seen: list[tuple[float, str, int, int]] = []
    ends = time.time() + STREAMING_SECONDS * 0.8
    while time.time() < ends:
        at = time.time()
        for name, title, text in opened.script(STREAM):
            if title and "batch " in title and "lag " in text:
                batch = int(title.rpartition(" ")[2])
                lag = int(text.partition("lag ")[2].partition(" ")[0].replace(",", ""))
                seen.append((at, name, batch, lag))
        time.sleep(0.5)
    truth = {name: true_lines(site, name) for name in streaming}
    begins = max(lines[0]["t"] for lines in truth.values()) + FRESH_SECONDS  # all have started, and share the machine
    ages: dict[str, list[float]] = {name: [] for name in streaming}
    for at, name, batch, lag in seen:
        if begins < at < truth[name][-1]["t"]:
            ages[name].append(age(truth[name], at, batch, lag))
    told = {name: (len(found), median(found), max(found)) for name, found in ages.items() if found}
    print(f"looks, and the age of what they showed, median and worst in seconds: {told}")
    assert min(len(found) for found in ages.values()) > 20, told
    assert all(len({batch for _, who, batch, _ in seen if who == name}) > 5 for name in streaming), told
    assert max(max(found) for found in ages.values()) <= FRESH_SECONDS, told


def true_lines(site: Site, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lab_of(site, name).inside("cat truth.jsonl").splitlines()]


def age(lines: list[dict[str, Any]], at: float, batch: int, lag: int) -> float:
    """Seconds since this batch was the last one, and the topic's end where this lag has it; 0 while both are so.

    A batch that never was, or an end that was not the topic's since, is infinitely old.
    """
    known = [line for line in lines if line["t"] <= at + 1]
    mine = [line for line in known if line["batch"] == batch]
    end = lag + mine[-1]["read"] if mine else 0
    # Between two lines half a second apart there may be two records more.
    if not mine or not mine[0]["end"] - 2 <= end <= known[-1]["end"] + 2:
        return math.inf
    was = min(mine[-1]["t"], max(line["t"] for line in known if line["end"] <= end + 2))
    return max(0.0, round(at - was, 1))


def test_a_board_ends_when_another_takes_its_place_and_leaves_nothing_when_it_ends(
    site: Site, board: subprocess.Popen[str], opened: Browser
) -> None:
    """The last of this module: it ends what the others look at."""
    student = inventory.load(site.lab.inventory).students[0]
    with site.lab.begun("board", student=False) as process:
        _, said = board.communicate(timeout=SECONDS)
        assert board.returncode == 1
        assert said.startswith("error: another board has taken the place of this one\n")
        opened.wait(lambda: opened.script(ASKED) == len(students(site)), SECONDS)
        began = time.monotonic()
        ended = press_ctrl_c(process)
        assert (ended.code, ended.err) == (0, "")
        assert time.monotonic() - began < 30
    opened.wait(lambda: "The board has stopped" in opened.text(), SECONDS)
    assert "ada" in opened.text()
    with engine.connect(student.docker_host) as client:
        portal = gateway.parts_of(client, student.lab_class)["portal"]
        assert "portal.feed" not in str(portal.top()["Processes"])


def events(site: Site, cookie: str) -> tuple[int, dict[str, Any]]:
    """The status of the stream of events, and its first one."""
    connection = http.client.HTTPConnection(site.domain, site.port)
    connection.sock = site.connect(site.domain)
    try:
        connection.request("GET", "/board/events", headers={"Cookie": cookie})
        answer = connection.getresponse()
        with suppress(ValueError):
            return answer.status, json.loads(answer.readline().removeprefix(b"data: "))
        return answer.status, {}
    finally:
        connection.close()


def test_events_are_the_instructor_s_and_end_with_the_login(site: Site) -> None:
    cookie = site.log_in("instructor").cookie()
    assert events(site, cookie)[0] == 200
    assert events(site, site.log_in("bob").cookie())[0] == 403
    assert events(site, "__Host-lab=" + "x" * 43)[0] == 401
    site.ask(site.domain, "/logout", "POST", body="", cookie=cookie, origin=site.home)
    assert events(site, cookie)[0] == 401
