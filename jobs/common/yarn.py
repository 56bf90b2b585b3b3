"""What the ResourceManager says about applications, over its REST interface."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

from common.errors import JobError, Missing, Unreachable


@dataclass(frozen=True)
class Application:
    """One run of a job. `final_status` is UNDEFINED until `state` is FINISHED, FAILED or KILLED."""

    id: str
    name: str
    state: str
    final_status: str
    started_ms: int

    @property
    def outcome(self) -> str:
        return self.state if self.final_status == "UNDEFINED" else self.final_status


class Yarn:
    """A client of one ResourceManager; every call ends within `timeout` seconds."""

    def __init__(self, url: str, *, timeout: float = 20.0) -> None:
        self.url = url.rstrip("/")
        self.timeout = timeout
        self._opener = build_opener(ProxyHandler({}))

    def applications(self, name: str) -> list[Application]:
        """All applications called `name` that the ResourceManager remembers (since its start), oldest first."""
        found = (self._json("/ws/v1/cluster/apps").get("apps") or {}).get("app") or []
        return sorted((_application(one) for one in found if one["name"] == name), key=lambda app: app.started_ms)

    def latest(self, name: str) -> Application:
        """The application `name` that was started last; Missing when there is none."""
        applications = self.applications(name)
        if not applications:
            raise Missing(f"no application named {name} since the ResourceManager started")
        return applications[-1]

    def _json(self, path: str, **request: Any) -> dict[str, Any]:
        """What YARN answers. `request` is more than a path, as for urllib's `Request`."""
        asked = Request(self.url + path, **request)
        try:
            with self._opener.open(asked, timeout=self.timeout) as response:
                return json.loads(response.read() or b"{}")
        except (OSError, HTTPException, ValueError) as error:
            if isinstance(error, HTTPError) and error.code < HTTPStatus.INTERNAL_SERVER_ERROR:
                evidence = [f"asked: {asked.full_url}", str(error)]
                raise JobError("YARN refuses what it is asked", evidence=evidence) from error
            raise Unreachable(
                "YARN gives no answer", evidence=[f"asked: {asked.full_url}", f"{type(error).__name__}: {error}"]
            ) from error


def _application(raw: dict[str, Any]) -> Application:
    return Application(
        id=raw["id"],
        name=raw["name"],
        state=raw["state"],
        final_status=raw["finalStatus"],
        started_ms=raw["startedTime"],
    )
