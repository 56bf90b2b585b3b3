"""What the lab asks a student's YARN beyond what jobs need: capacity, a driver's output, killing.

Over REST, so that no question starts a JVM. Sources: "ResourceManager REST API's" and "NodeManager REST API's" of the
Hadoop 3.5.0 documentation.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request

from common import yarn
from common.settings import load_info

#: States from which an application does not come back.
FINAL = ("FINISHED", "FAILED", "KILLED")
SECONDS = 10.0
#: Bytes that YARN may put around those of a log file.
AROUND = 1 << 16


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
        return self.everything("?states=NEW,SUBMITTED,ACCEPTED,RUNNING")

    def everything(self, which: str = "") -> list[dict[str, Any]]:
        """Every application that the ResourceManager remembers, or those that a query string asks for."""
        return (self._json(f"/ws/v1/cluster/apps{which}")["apps"] or {}).get("app", [])

    def application(self, app_id: str) -> dict[str, Any]:
        return self._json(f"/ws/v1/cluster/apps/{app_id}")["app"]

    def driver_container(self, app_id: str) -> tuple[str, str] | None:
        """The container of the application's last attempt and its node's web address, once there is one."""
        attempts = self._json(f"/ws/v1/cluster/apps/{app_id}/appattempts")["appAttempts"]["appAttempt"]
        last = attempts[-1] if attempts else {}
        if not last.get("containerId") or not last.get("nodeHttpAddress"):
            return None
        return last["containerId"], last["nodeHttpAddress"]

    def log_end(self, node_address: str, container: str, file: str, size: int) -> tuple[int, bytes]:
        """The last bytes, at most `size`, of a running container's log file so far, and where in it they begin.

        Raises:
            OSError: the NodeManager does not answer.
        """
        request = Request(
            f"http://{node_address}/ws/v1/node/containers/{container}/logs/{file}?size=-{size}",
            headers={"Accept": "text/plain"},
        )
        try:
            with self._opener.open(request, timeout=self.timeout) as answer:
                return log_files(answer.read(size + AROUND), size).get(file, (0, b""))
        except HTTPError as error:
            if error.code in (404, 500):
                return 0, b""
            raise

    def active_stages(self, app_id: str) -> list[dict[str, Any]]:
        """Spark's active stages, through the ResourceManager's proxy; none while its UI is not up."""
        return self._of_driver(app_id, "stages?status=active")

    def tasks(self, app_id: str, stage: dict[str, Any], most: int) -> list[dict[str, Any]]:
        """The tasks of one of its stages so far."""
        return self._of_driver(app_id, f"stages/{stage['stageId']}/{stage['attemptId']}/taskList?length={most}")

    def flink_jobs(self, app_id: str) -> list[dict[str, Any]]:
        """Flink's jobs of an application, by its own REST interface; none while its JobManager is not up."""
        found = self._through_proxy(app_id, "jobs/overview")
        return found["jobs"] if isinstance(found, dict) else []

    def _of_driver(self, app_id: str, what: str) -> list[dict[str, Any]]:
        return self._through_proxy(app_id, f"api/v1/applications/{app_id}/{what}")

    def _through_proxy(self, app_id: str, path: str) -> Any:
        request = Request(f"{self.url}/proxy/{app_id}/{path}")
        try:
            with self._opener.open(request, timeout=self.timeout) as answer:
                return json.loads(answer.read())
        except (OSError, ValueError):
            return []

    def kill(self, app_id: str) -> None:
        self._json(
            f"/ws/v1/cluster/apps/{app_id}/state", method="PUT", data=json.dumps({"state": "KILLED"}).encode(),
            headers={"Content-Type": "application/json"},
        )  # fmt: skip


def is_flink(app: Mapping[str, Any]) -> bool:
    return app["applicationType"] == "Apache Flink"


def log_names(app: Mapping[str, Any]) -> tuple[str, str]:
    """The names of the files with what an application's driver, or its JobManager, printed, and what it logged."""
    return ("jobmanager.out", "jobmanager.log") if is_flink(app) else ("stdout", "stderr")


def held_mb(app: Mapping[str, Any]) -> int:
    """What an application's containers hold (MB); YARN says -1 of one that has not been given any yet."""
    return max(0, app["allocatedMB"])


#: What YARN writes before each of a container's log files: its name, and the length of the whole of it.
_LOG_FILE = re.compile(
    rb"^LogType:(\S+)\n(?:Log\w+:.*\n)*?LogLength:(\d+)\n(?:Log\w+:.*\n)*?LogContents:\n", re.MULTILINE
)


def log_files(text: bytes, size: int) -> dict[str, tuple[int, bytes]]:
    """What YARN says when it is asked for the last `size` bytes of log files: by a file's name, where in it these bytes
    begin, and the bytes, without what YARN puts around them.
    """
    found: dict[str, tuple[int, bytes]] = {}
    at = 0
    while header := _LOG_FILE.search(text, at):
        length = int(header[2])
        at = header.end() + min(length, size)
        found.setdefault(header[1].decode("utf-8", "replace"), (max(0, length - size), text[header.end() : at]))
    return found
