"""Who is logged in: a session for the login's host name, and one for each page's that was opened from there.

A browser has a random token in a cookie, of which a hash is kept here; a copy of this file opens nothing.
"""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterable
from dataclasses import astuple, dataclass
from pathlib import Path

#: Seconds that a session lasts, and that a code from one host name to another is good for.
SESSION_SECONDS, CODE_SECONDS = 12 * 3600, 20
#: Sessions of one person, over all host names; the oldest end.
MOST_EACH = 400
MOST_CODES = 1000


@dataclass(frozen=True)
class Session:
    """What a token stands for.

    Args:
        host: the only host name at which it is good.
        login: the login that it comes from; they end together.
        credential: which secret was used, see `Person.credential`.
        expires: seconds since the epoch.
    """

    person: str
    host: str
    login: str
    credential: str
    expires: float


class Sessions:
    """All sessions; they outlive the portal in a small database."""

    def __init__(self, file: Path | str, *, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._db = sqlite3.connect(file, isolation_level=None)
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS sessions (token TEXT PRIMARY KEY, person, host, login, credential, expires)"
        )
        rows = self._db.execute("SELECT token, person, host, login, credential, expires FROM sessions")
        self._kept = {token: Session(*rest) for token, *rest in rows}
        self._codes: dict[str, Session] = {}

    def begin(self, person: str, host: str, credential: str) -> str:
        """Log somebody in at the login's host name, and return the token."""
        return self._add(Session(person, host, secrets.token_hex(8), credential, self._now() + SESSION_SECONDS))

    def find(self, token: str, host: str) -> Session | None:
        """The session of a token, if it is one at this host name and not over."""
        found = self._kept.get(_hash(token))
        return found if found and found.host == host and found.expires > self._now() else None

    def code_for(self, session: Session, host: str) -> str:
        """A code that opens another host name, once and soon."""
        self._codes = {code: one for code, one in self._codes.items() if one.expires > self._now()}
        while len(self._codes) >= MOST_CODES:
            del self._codes[next(iter(self._codes))]
        code = secrets.token_urlsafe(32)
        until = self._now() + CODE_SECONDS
        self._codes[_hash(code)] = Session(session.person, host, session.login, session.credential, until)
        return code

    def redeem(self, code: str, host: str) -> str | None:
        """A token for `host` in exchange for a code; None if it is unknown, used, late or another host name's."""
        found = self._codes.pop(_hash(code), None)
        if found is None or found.host != host or found.expires <= self._now():
            return None
        login = next((one for one in self._kept.values() if one.login == found.login), None)
        if login is None:  # logged out meanwhile
            return None
        return self._add(Session(found.person, host, found.login, found.credential, login.expires))

    def end(self, login: str) -> None:
        """Log out: at every host name that this login has opened."""
        self._remove(token for token, one in list(self._kept.items()) if one.login == login)

    def _add(self, session: Session) -> str:
        self._remove(token for token, one in list(self._kept.items()) if one.expires <= self._now())
        own = [token for token, one in self._kept.items() if one.person == session.person]
        self._remove(own[: max(0, len(own) - MOST_EACH + 1)])
        token = secrets.token_urlsafe(32)
        self._kept[_hash(token)] = session
        self._db.execute("INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?)", (_hash(token), *astuple(session)))
        return token

    def _remove(self, tokens: Iterable[str]) -> None:
        for token in tokens:
            del self._kept[token]
            self._db.execute("DELETE FROM sessions WHERE token = ?", (token,))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
