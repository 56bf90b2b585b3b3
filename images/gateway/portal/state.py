"""The state of a student's stack, out of what its edge node says. Pure; nothing that is said is trusted."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

#: Characters of a name or of a reason that are shown; applications that are shown, the newest.
LONGEST, APPLICATIONS = 100, 5
#: The largest number that is shown: of megabytes, seconds and assertions there are fewer.
LARGEST = 10**12
_APPLICATION = re.compile(r"application_\d{1,20}_\d{1,20}")
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,40}")


@dataclass(frozen=True)
class Application:
    """One of YARN's.

    Args:
        state: YARN's word for how it ended, or for what it does.
    """

    id: str
    name: str
    state: str


@dataclass(frozen=True)
class Check:
    """What a lesson's check said last: assertions that held, of all; `at` is in seconds since the epoch."""

    at: int
    right: int
    of: int

    @property
    def passed(self) -> bool:
        return self.right == self.of


@dataclass(frozen=True)
class State:
    """What is shown of a stack.

    Args:
        silent: node -> why it does not count as healthy.
        yarn_mb, hdfs_mb: used and most, in MB; most is 0 without a limit, and the whole is None where nobody says.
        applications: the newest first; None where YARN does not answer.
        checks: lesson -> what its check said last.
    """

    silent: Mapping[str, str]
    yarn_mb: tuple[int, int] | None
    hdfs_mb: tuple[int, int] | None
    applications: tuple[Application, ...] | None
    checks: Mapping[str, Check]


def parse(said: bytes) -> State:
    """The state out of what `invoke status --json` prints on an edge node.

    Raises:
        ValueError: it is something else.
    """
    try:
        (found,) = json.loads(said)["students"]
        return State(
            silent={_text(one["name"]): _text(one["problem"]) for one in found["nodes"][:100] if not one["healthy"]},
            yarn_mb=_pair(found["in_use"].get("yarn_mb")),
            hdfs_mb=_pair(found["in_use"].get("hdfs_mb")),
            applications=_applications(found["applications"]),
            checks={_name(one["job"]): _check(one) for one in found["checks"][:100]},
        )
    except (TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError(f"not the state of a stack: {type(error).__name__}") from error


def _text(said: Any) -> str:
    if not isinstance(said, str):
        raise TypeError("not a text")
    return "".join(sign if sign.isprintable() else " " for sign in said[:LONGEST])


def _name(said: Any) -> str:
    if not isinstance(said, str) or not _NAME.fullmatch(said):
        raise TypeError("not a name")
    return said


def _number(said: Any) -> int:
    if type(said) is not int or not 0 <= said <= LARGEST:
        raise TypeError("not a number")
    return said


def _pair(said: Any) -> tuple[int, int] | None:
    if said is None:
        return None
    used, most = said
    return _number(used), _number(most)


def _applications(said: Any) -> tuple[Application, ...] | None:
    if said is None:
        return None
    newest = reversed(said[-APPLICATIONS:])
    return tuple(_application(one) for one in newest)


def _application(said: Any) -> Application:
    found = said["id"]
    if not isinstance(found, str) or not _APPLICATION.fullmatch(found):
        raise TypeError("not an application's id")
    ended = said["final_status"] != "UNDEFINED"
    return Application(found, _text(said["name"]), _text(said["final_status"] if ended else said["state"]))


def _check(said: Any) -> Check:
    return Check(_number(said["at"]), _number(said["right"]), _number(said["of"]))
