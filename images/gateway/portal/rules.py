"""Whether a request may go on to a page of a stack. Pure.

Every page is an origin of its own, but all are one site: a cookie's SameSite holds back no request that a page of one
stack makes to another's. So what writes, and what opens a WebSocket, must come from the very same origin, and what
reads from elsewhere must be somebody following a link.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

SAFE_METHODS = ("GET", "HEAD")
#: Terminals that are open at a time, in all and of one student: each is a process here.
MOST_TERMINALS, MOST_EACH = 32, 4
#: Seconds without a key pressed after which a terminal is closed; what runs in it goes on.
IDLE_SECONDS = 1800


class Decision(IntEnum):
    """The status with which nginx is answered."""

    ALLOW = 204
    LOGIN = 401
    REFUSE = 403


@dataclass(frozen=True)
class Asked:
    """A request for a page of a stack; what its browser did not say is empty.

    Args:
        site, mode, destination: Sec-Fetch-Site, Sec-Fetch-Mode and Sec-Fetch-Dest.
        path: with the query.
    """

    method: str
    path: str = "/"
    upgrade: str = ""
    site: str = ""
    mode: str = ""
    destination: str = ""
    origin: str = ""


def decide(asked: Asked, *, logged_in: bool, allowed: bool, own_origin: str) -> Decision:
    """The answer to one request.

    Args:
        logged_in: whether it carries a session for this host name.
        allowed: whether that session's person may open this student's pages.
        own_origin: the page's own, as a browser writes it.
    """
    if not logged_in:
        return Decision.LOGIN
    return Decision.ALLOW if allowed and comes_from_a_good_place(asked, own_origin) else Decision.REFUSE


def comes_from_a_good_place(asked: Asked, own_origin: str) -> bool:
    """Whether the page that makes this request may make it."""
    if asked.origin and asked.origin != own_origin and not _follows_a_link(asked):
        return False
    if asked.method not in SAFE_METHODS or asked.upgrade:
        return asked.site == "same-origin" or (not asked.site and asked.origin == own_origin)
    # "none" is an address that was typed; nothing is an old browser, or none.
    return asked.site in ("same-origin", "none", "") or _follows_a_link(asked)


def _follows_a_link(asked: Asked) -> bool:
    """From another page by a link, into a window of its own; not into a frame. Spark ends a job at a GET of …/kill/."""
    ends_something = "kill" in asked.path.partition("?")[0].split("/")
    return (
        asked.method in SAFE_METHODS
        and not asked.upgrade
        and (asked.mode, asked.destination) == ("navigate", "document")
        and not ends_something
    )


def safe_path(path: str) -> str:
    """Where to go after a login: a path of the same host, or the start page if it is anything else."""
    is_path = path.startswith("/") and not path.startswith(("//", "/\\"))
    return path if is_path and len(path) < 2000 and path.isprintable() and "\\" not in path else "/"


class Closed(IntEnum):
    """Why a terminal's WebSocket was closed; after any other code the page connects again."""

    ENDED = 4000
    IDLE = 4001
    FULL = 4002
    LOGIN = 4003


def closes(*, logged_in: bool, idle: float) -> Closed | None:
    """Whether a terminal is to be closed, and why.

    Args:
        logged_in: whether the login with which it was opened is good still.
        idle: seconds since a key was pressed.
    """
    if not logged_in:
        return Closed.LOGIN
    return Closed.IDLE if idle > IDLE_SECONDS else None


def is_full(open_ones: Sequence[str], student: str) -> bool:
    """Whether a student gets no other terminal, where these students' are open."""
    return len(open_ones) >= MOST_TERMINALS or open_ones.count(student) >= MOST_EACH
