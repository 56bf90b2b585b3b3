"""The terminal in the browser: typed into as a student does, cut off, resized, and asked for by who may not."""

from __future__ import annotations

import os
import secrets
import signal
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from browser import Browser
from lab_runner import LabRunner
from streamlab.engines import engine
from streamlab.gateway import gateway
from streamlab.students import inventory
from visitor import Site

#: Seconds in which a shell has begun, and in which a command of Hadoop's has answered on a busy machine.
SECONDS = 90
PROMPT = "student@edge"


class Screen:
    """The terminal's page in a browser."""

    def __init__(self, chromium: Browser, site: Site) -> None:
        self.chromium = chromium
        chromium.open(f"{site.home}/terminal")
        self.until(PROMPT)

    @property
    def text(self) -> str:
        rows = self.chromium.script("return document.querySelector('.xterm-rows')?.innerText || ''")
        return rows.replace("\xa0", " ")

    @property
    def note(self) -> str:
        return self.chromium.driver.find_element(By.ID, "note").text

    def type(self, text: str) -> None:
        self.chromium.driver.find_element(By.CSS_SELECTOR, ".xterm-helper-textarea").send_keys(text)

    def until(self, text: str) -> None:
        self.chromium.wait(lambda: text in self.text, SECONDS)

    def run(self, command: str) -> str:
        """What a command prints, up to a mark of this call's own, which is not in what was typed."""
        mark = secrets.token_hex(4)
        self.type(f"clear; {command}; echo {mark[:4]}''{mark[4:]}\n")
        self.until(mark)
        return self.text.partition(mark)[0]


@pytest.fixture
def screen(site: Site, logged_in: Callable[[str], Browser]) -> Screen:
    site.lab.inside("tmux -L browser kill-server 2>/dev/null || true")
    return Screen(logged_in("ada"), site)


def test_a_student_types_a_command_of_hadoop_s(screen: Screen) -> None:
    assert "/user" in screen.run("hdfs dfs -ls /")
    assert screen.chromium.complaints() == []


def test_a_command_has_what_it_has_in_a_shell_of_the_lab(screen: Screen, site: Site) -> None:
    own = {"SSH_CLIENT", "SSH_CONNECTION", "SSH_TTY", "MAIL", "_", "SHLVL", "USER", "LOGNAME", "SHELL", "PWD", "TERM"}
    own |= {"STREAMLAB_RUN", "COLUMNS", "LINES", "TERM_PROGRAM", "TERM_PROGRAM_VERSION", "OLDPWD", "LS_COLORS"}

    def variables(text: str) -> dict[str, str]:
        found = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
        return {name: value for name, value in found.items() if name not in own}

    screen.run("env >terminal.env")
    there = site.lab.inside("cat terminal.env; rm terminal.env")
    assert variables(there) == variables(site.lab.inside("bash -lc env"))


def test_letters_of_every_language_arrive(screen: Screen) -> None:
    assert "Привет, €" in screen.run("printf 'Прив%s\\n' 'ет, €'")


def test_the_window_s_size_is_the_terminal_s(screen: Screen) -> None:
    def columns() -> int:
        return int(screen.run("stty size").split()[-1])

    screen.chromium.driver.set_window_size(1280, 900)
    wide = columns()
    screen.chromium.driver.set_window_size(700, 900)
    screen.chromium.wait(lambda: columns() < wide - 20, SECONDS)
    shown = "return [document.getElementById('terminal').scrollWidth, document.documentElement.clientWidth]"
    inner, window = screen.chromium.script(shown)
    assert inner <= window


def test_a_session_goes_on_after_a_lost_connection(screen: Screen, site: Site) -> None:
    """The portal is killed: the page connects again by itself, and the shell is the one from before."""
    screen.run("kept=still-here")
    student = inventory.load(site.lab.inventory).student("ada")
    with engine.connect(student.docker_host) as client:
        os.kill(gateway.parts_of(client, student.lab_class)["portal"].attrs["State"]["Pid"], signal.SIGKILL)
    screen.chromium.wait(lambda: "Connecting again" in screen.note, SECONDS)
    screen.chromium.wait(lambda: not screen.note, SECONDS)
    assert "still-here" in screen.run("echo $kept")


def test_who_leaves_the_shell_begins_another_with_enter(screen: Screen) -> None:
    screen.type("kept=gone; exit\n")
    screen.chromium.wait(lambda: "The session has ended" in screen.note, SECONDS)
    screen.type(Keys.ENTER)
    screen.chromium.wait(lambda: not screen.note, SECONDS)
    assert "<>" in screen.run('echo "<$kept>"')


def test_output_without_end_can_be_interrupted(screen: Screen, site: Site) -> None:
    """It harms neither the browser nor the portal, which answers others meanwhile."""
    screen.type("seq 100000000\n")
    ends, slowest = time.monotonic() + 8, 0.0
    while time.monotonic() < ends:
        began = time.monotonic()
        assert site.ask(site.domain).status == 200
        slowest = max(slowest, time.monotonic() - began)
    screen.type(Keys.CONTROL + "c")
    began = time.monotonic()
    assert "over" in screen.run("echo ov''er")
    assert (slowest < 3, time.monotonic() - began < 20) == (True, True)


def test_what_is_pasted_arrives_whole(screen: Screen, site: Site) -> None:
    screen.type("clear; echo rea''dy; cat >pasted\n")
    screen.until("ready")
    text = "".join(f"line {number} with some words that make it longer\\n" for number in range(2000))
    paste = "const data = new DataTransfer(); data.setData('text/plain', arguments[0].replaceAll('\\\\n', '\\n'));"
    paste += "document.querySelector('.xterm-helper-textarea').dispatchEvent("
    paste += "new ClipboardEvent('paste', {clipboardData: data, bubbles: true}))"
    screen.chromium.script(paste, text)
    screen.type(Keys.CONTROL + "d")
    screen.run("true")
    assert int(site.lab.inside("wc -l <pasted; rm pasted")) == 2000


def test_who_logs_out_has_no_terminal_any_more(screen: Screen, site: Site) -> None:
    cookie = screen.chromium.driver.get_cookie("__Host-lab")
    assert cookie
    pair = f"__Host-lab={cookie['value']}"
    assert site.ask(site.domain, "/logout", "POST", cookie=pair, origin=site.home).status == 303
    screen.chromium.wait(lambda: "You are logged out" in screen.note, SECONDS)
    screen.type(Keys.ENTER)
    screen.chromium.wait(lambda: screen.chromium.driver.find_elements(By.ID, "secret"), SECONDS)


def handshake(site: Site, cookie: str, **headers: str) -> int:
    """The status with which a WebSocket to the terminal is answered."""
    given = {
        "connection": "Upgrade", "upgrade": "websocket", "sec_websocket_version": "13",
        "sec_websocket_key": "AAAAAAAAAAAAAAAAAAAAAA==", "cookie": cookie, **headers,
    }  # fmt: skip
    return site.ask(site.domain, "/terminal/socket", **given).status


def test_a_terminal_is_its_student_s_own(site: Site) -> None:
    ada, instructor = (site.log_in(name).cookie() for name in ("ada", "instructor"))
    good = {"origin": site.home, "sec_fetch_site": "same-origin"}
    assert handshake(site, ada, **good) == 101
    for origin in (site.origin(site.page("ada", "jl")), site.origin(site.page("bob", "rm")), "https://evil.example"):
        assert handshake(site, ada, origin=origin, sec_fetch_site="same-site") == 403
        assert handshake(site, ada, origin=origin) == 403
    assert handshake(site, ada) == 403
    assert handshake(site, instructor, **good) == 404
    assert handshake(site, "", **good) == 401
    assert handshake(site, "__Host-lab=" + "x" * 43, **good) == 401
    assert site.ask(site.domain, "/terminal").status == 302
    assert site.ask(site.domain, "/terminal", cookie=instructor).status == 404
    assert site.ask(site.domain, "/terminal/socket", cookie=ada, origin=site.home).status == 400


def test_no_student_has_terminals_without_end(site: Site) -> None:
    cookie = site.log_in("bob").cookie()
    sockets, codes = [], []
    try:
        for _ in range(5):
            sockets.append(site.connect(site.domain))
            head = (
                f"GET /terminal/socket HTTP/1.1\r\nHost: {site.domain}\r\nCookie: {cookie}\r\nOrigin: {site.home}\r\n"
                "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
            )
            sockets[-1].sendall(head.encode())
            codes.append(first_frame(sockets[-1]))
    finally:
        for one in sockets:
            one.close()
    assert codes == [(2, 0), (2, 0), (2, 0), (2, 0), (8, 4002)]
    shells = replace(site.lab, student="bob")
    gone(shells)


def first_frame(socket: object) -> tuple[int, int]:
    """The kind of the first frame, and the code of one that closes."""
    said = b""
    ends = time.monotonic() + SECONDS
    while time.monotonic() < ends:
        said += socket.recv(4096)  # type: ignore[attr-defined]
        head, end, frames = said.partition(b"\r\n\r\n")
        if end and len(frames) >= 4:
            assert b" 101 " in head, head
            kind = frames[0] & 15
            return kind, int.from_bytes(frames[2:4], "big") if kind == 8 else 0
    raise AssertionError(f"no frame came within {SECONDS} s")


def gone(lab: LabRunner) -> None:
    """Wait until nothing of the browser's terminals runs at the edge node but the session that goes on."""
    lab.inside("timeout 60 sh -c 'while pgrep -x sshd; do sleep 0.5; done'")
    assert int(lab.inside("tmux -L browser list-clients 2>/dev/null | wc -l")) == 0
    assert int(lab.inside("tmux -L browser list-sessions | wc -l; tmux -L browser kill-server").split()[0]) == 1
