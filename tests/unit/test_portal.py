"""The portal's decisions: who may open what, from where, and for how long."""

from __future__ import annotations

from pathlib import Path

import pytest

from portal import rules
from portal.config import Config, Person
from portal.rules import Asked, Closed, Decision
from portal.sessions import CODE_SECONDS, SESSION_SECONDS, Sessions
from portal.throttle import WINDOW, Throttle

OWN = "https://ada-rm.lab.localhost:8443"
SIBLING = "https://bob-jl.lab.localhost:8443"
LINK = {"mode": "navigate", "destination": "document"}


@pytest.mark.parametrize(
    ("asked", "decision"),
    [
        (Asked("GET", site="same-origin"), Decision.ALLOW),
        (Asked("GET", site="none", **LINK), Decision.ALLOW),
        (Asked("GET"), Decision.ALLOW),  # no browser
        (Asked("GET", site="same-site", **LINK), Decision.ALLOW),
        (Asked("GET", site="cross-site", **LINK), Decision.ALLOW),
        (Asked("HEAD", site="same-origin"), Decision.ALLOW),
        (Asked("GET", "/proxy/a/jobs/job/kill/?id=1", site="same-site", **LINK), Decision.REFUSE),
        (Asked("GET", "/proxy/a/jobs/job/kill/?id=1", site="same-origin", **LINK), Decision.ALLOW),
        (Asked("GET", "/skills?x=/kill/", site="same-site", **LINK), Decision.ALLOW),
        (Asked("GET", site="same-site", mode="navigate", destination="iframe"), Decision.REFUSE),
        (Asked("GET", site="same-site", mode="no-cors", destination="script"), Decision.REFUSE),
        (Asked("GET", site="same-site", mode="cors", origin=SIBLING), Decision.REFUSE),
        (Asked("GET", origin=SIBLING), Decision.REFUSE),
        (Asked("POST", site="same-origin", origin=OWN), Decision.ALLOW),
        (Asked("POST", origin=OWN), Decision.ALLOW),  # a browser without Sec-Fetch-Site
        (Asked("POST", site="same-site", origin=SIBLING, **LINK), Decision.REFUSE),
        (Asked("POST", site="none", **LINK), Decision.REFUSE),
        (Asked("POST"), Decision.REFUSE),
        (Asked("DELETE", site="same-origin", origin="null"), Decision.REFUSE),
        (Asked("PUT", site="same-origin"), Decision.ALLOW),
        (Asked("OPTIONS", site="same-site", origin=SIBLING), Decision.REFUSE),
        (Asked("GET", upgrade="websocket", site="same-origin", origin=OWN), Decision.ALLOW),
        (Asked("GET", upgrade="websocket", origin=OWN), Decision.ALLOW),
        (Asked("GET", upgrade="websocket", site="same-site", origin=SIBLING), Decision.REFUSE),
        (Asked("GET", upgrade="websocket", site="same-site", **LINK), Decision.REFUSE),
        (Asked("GET", upgrade="websocket"), Decision.REFUSE),
        (Asked("GET", upgrade="h2c"), Decision.REFUSE),
    ],
    ids=str,
)
def test_what_writes_comes_from_the_same_origin(asked: Asked, decision: Decision) -> None:
    assert rules.decide(asked, logged_in=True, allowed=True, own_origin=OWN) == decision
    assert rules.decide(asked, logged_in=True, allowed=False, own_origin=OWN) == Decision.REFUSE
    assert rules.decide(asked, logged_in=False, allowed=False, own_origin=OWN) == Decision.LOGIN


@pytest.mark.parametrize(
    "path", ["//evil.example", "/\\evil.example", "https://evil.example", "/a\nb", "", "x", "/" * 3]
)
def test_a_login_leads_nowhere_else(path: str) -> None:
    assert rules.safe_path(path) == "/"
    assert rules.safe_path("/cluster?x=//y") == "/cluster?x=//y"


@pytest.mark.parametrize(
    ("logged_in", "idle", "why"),
    [
        (True, 0, None),
        (True, rules.IDLE_SECONDS, None),
        (True, rules.IDLE_SECONDS + 1, Closed.IDLE),
        (False, 0, Closed.LOGIN),
        (False, rules.IDLE_SECONDS + 1, Closed.LOGIN),
    ],
)
def test_a_terminal_is_closed_when_nobody_is_there_or_logged_in(
    logged_in: bool, idle: float, why: Closed | None
) -> None:
    assert rules.closes(logged_in=logged_in, idle=idle) == why


def test_there_is_a_terminal_for_each_of_24_students_and_an_end() -> None:
    others = [f"student{number}" for number in range(24)]
    assert not rules.is_full(others, "ada")
    assert not rules.is_full(["ada"] * 3, "ada")
    assert rules.is_full(["ada"] * 4, "ada")
    assert not rules.is_full(["ada"] * 4, "bob")
    assert rules.is_full([*others, *(["bob"] * 8)], "ada")


@pytest.fixture
def clock() -> list[float]:
    return [1000.0]


@pytest.fixture
def sessions(clock: list[float]) -> Sessions:
    return Sessions(":memory:", now=lambda: clock[0])


def test_a_token_is_good_at_one_host_name_for_half_a_day(sessions: Sessions, clock: list[float]) -> None:
    token = sessions.begin("ada", "lab", "c")
    assert sessions.find(token, "lab").person == "ada"
    assert sessions.find(token, "ada-rm.lab") is None
    assert sessions.find("x", "lab") is None
    clock[0] += SESSION_SECONDS
    assert sessions.find(token, "lab") is None


def test_a_code_opens_one_host_name_once_and_soon(sessions: Sessions, clock: list[float]) -> None:
    session = sessions.find(sessions.begin("ada", "lab", "c"), "lab")
    code = sessions.code_for(session, "ada-rm.lab")
    token = sessions.redeem(code, "ada-rm.lab")
    assert sessions.find(token, "ada-rm.lab").login == session.login
    assert sessions.redeem(code, "ada-rm.lab") is None
    stolen = sessions.code_for(session, "ada-rm.lab")
    assert sessions.redeem(stolen, "bob-rm.lab") is None
    assert sessions.redeem(stolen, "ada-rm.lab") is None  # and it is used up
    late = sessions.code_for(session, "ada-rm.lab")
    clock[0] += CODE_SECONDS
    assert sessions.redeem(late, "ada-rm.lab") is None


def test_who_logs_out_is_logged_out_everywhere(sessions: Sessions) -> None:
    tokens = [sessions.begin("ada", "lab", "c") for _ in range(2)]
    first = sessions.find(tokens[0], "lab")
    page = sessions.redeem(sessions.code_for(first, "ada-rm.lab"), "ada-rm.lab")
    unused = sessions.code_for(first, "ada-nn.lab")
    sessions.end(first.login)
    assert sessions.find(tokens[0], "lab") is None
    assert sessions.find(page, "ada-rm.lab") is None
    assert sessions.redeem(unused, "ada-nn.lab") is None
    assert sessions.find(tokens[1], "lab")  # another browser's


def test_sessions_outlive_the_portal_and_their_file_opens_nothing(tmp_path: Path) -> None:
    token = Sessions(tmp_path / "db").begin("ada", "lab", "c")
    assert Sessions(tmp_path / "db").find(token, "lab").person == "ada"
    assert token.encode() not in (tmp_path / "db").read_bytes()


def test_nobody_fills_the_memory_with_sessions(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.sessions.MOST_EACH", 3)
    bob = sessions.begin("bob", "lab", "c")
    tokens = [sessions.begin("ada", "lab", "c") for _ in range(5)]
    assert [sessions.find(token, "lab") is not None for token in tokens] == [False, False, True, True, True]
    assert sessions.find(bob, "lab")


def test_after_some_failures_an_attempt_waits(clock: list[float]) -> None:
    throttle = Throttle(2, now=lambda: clock[0])
    throttle.failed("ada")
    assert throttle.wait("ada") == 0
    clock[0] += 10
    throttle.failed("ada")
    assert (throttle.wait("ada"), throttle.wait("bob")) == (WINDOW - 10, 0)
    clock[0] += WINDOW - 10
    assert throttle.wait("ada") == 0


def test_a_host_name_is_a_student_s_or_nobody_s() -> None:
    lab = Config("spring", "lab.localhost", 8443, "en", {}, {"ada": [{"label": "rm"}]}, [], {}, "")
    assert lab.student_of("ada-rm.lab.localhost") == "ada"
    for host in (
        "ada-nn.lab.localhost",
        "bob-rm.lab.localhost",
        "lab.localhost",
        "ada-rm.lab.localhost.evil",
        "ada-rm",
        "",
    ):
        assert lab.student_of(host) is None, host


def test_a_renewed_secret_ends_what_the_old_one_began() -> None:
    before, after = (Person("ada", hashed, frozenset()).credential for hashed in ("scrypt$1", "scrypt$2"))
    assert before != after
