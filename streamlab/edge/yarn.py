"""What the lab asks a student's YARN beyond what jobs need: capacity, a driver's output, submitting, killing.

Over REST, so that no question starts a JVM. Sources: "ResourceManager REST API's" and "NodeManager REST API's" of the
Hadoop 3.5.0 documentation.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request

from common import yarn
from common.settings import load_info

#: States from which an application does not come back.
FINAL = ("FINISHED", "FAILED", "KILLED")
SECONDS = 10.0


class Yarn(yarn.Yarn):
    """The student's YARN."""

    def __init__(self) -> None:
        super().__init__(load_info().yarn, timeout=SECONDS)

    def metrics(self) -> dict[str, Any]:
        return self._json("/ws/v1/cluster/metrics")["clusterMetrics"]

    def nodes(self, states: str = "RUNNING") -> list[dict[str, Any]]:
        return (self._json(f"/ws/v1/cluster/nodes?states={states}")["nodes"] or {}).get("node", [])

    def started_ms(self, node_address: str) -> int:
        """When the NodeManager with this web address was started, in milliseconds since 1970, by its own clock."""
        with self._opener.open(f"http://{node_address}/ws/v1/node/info", timeout=self.timeout) as answer:
            return json.load(answer)["nodeInfo"]["nmStartupTime"]

    def unfinished(self) -> list[dict[str, Any]]:
        found = self._json("/ws/v1/cluster/apps?states=NEW,SUBMITTED,ACCEPTED,RUNNING")
        return (found["apps"] or {}).get("app", [])

    def application(self, app_id: str) -> dict[str, Any]:
        return self._json(f"/ws/v1/cluster/apps/{app_id}")["app"]

    def driver_container(self, app_id: str) -> tuple[str, str] | None:
        """The container of the application's last attempt and its node's web address, once there is one."""
        attempts = self._json(f"/ws/v1/cluster/apps/{app_id}/appattempts")["appAttempts"]["appAttempt"]
        last = attempts[-1] if attempts else {}
        if not last.get("containerId") or not last.get("nodeHttpAddress"):
            return None
        return last["containerId"], last["nodeHttpAddress"]

    def container_log(self, node_address: str, container: str, file: str) -> str:
        """A running container's log file so far; empty while it has none.

        Raises:
            OSError: the NodeManager does not answer.
        """
        request = Request(
            f"http://{node_address}/ws/v1/node/containers/{container}/logs/{file}", headers={"Accept": "text/plain"}
        )
        try:
            with self._opener.open(request, timeout=self.timeout) as answer:
                return log_files(answer.read().decode("utf-8", "replace")).get(file, "")
        except HTTPError as error:
            if error.code in (404, 500):
                return ""
            raise

    def active_stages(self, app_id: str) -> list[dict[str, Any]]:
        """Spark's active stages, through the ResourceManager's proxy; none while its UI is not up."""
        request = Request(f"{self.url}/proxy/{app_id}/api/v1/applications/{app_id}/stages?status=active")
        try:
            with self._opener.open(request, timeout=self.timeout) as answer:
                return json.loads(answer.read())
        except (OSError, ValueError):
            return []

    def submit(self, context: dict[str, Any]) -> None:
        self._send("POST", "/ws/v1/cluster/apps", context)

    def kill(self, app_id: str) -> None:
        self._send("PUT", f"/ws/v1/cluster/apps/{app_id}/state", {"state": "KILLED"})

    def _send(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        data = json.dumps(body).encode() if body is not None else b""
        request = Request(self.url + path, data=data, method=method, headers={"Content-Type": "application/json"})
        with self._opener.open(request, timeout=self.timeout) as answer:
            text = answer.read()
        return json.loads(text) if text else None


def held_mb(app: dict[str, Any]) -> int:
    """What an application's containers hold (MB); YARN says -1 of one that has not been given any yet."""
    return max(0, app["allocatedMB"])


#: What YARN writes before each of a container's log files.
_LOG_FILE = re.compile(r"^LogType:(\S+)\n(?:Log\w+:.*\n)*?LogContents:\n", re.MULTILINE)


def log_files(text: str) -> dict[str, str]:
    """The text of each log file by its name, without the lines that YARN puts around it."""
    _, *parts = _LOG_FILE.split(text)
    return {name: _own_text(body) for name, body in zip(parts[::2], parts[1::2], strict=True)}


def _own_text(body: str) -> str:
    # YARN writes its end right behind the text, in the same line when the driver has not finished that one.
    end = body.rfind("End of LogType:")
    return body if end < 0 else body[:end]
