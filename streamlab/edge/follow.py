"""Follow one YARN application to its end, and report what happens, one event after another.

``python3 -m edge.follow APPLICATION_ID SECONDS``. Events: ``{"state"}``, ``{"waiting"}`` while YARN gives no answer,
``{"out"}`` (a line of the driver's output), ``{"stage", "done", "total"}``, and last ``{"final", "diagnostics",
"seconds", "log", "errors", "began"}``: when the application did not succeed, the end of what its driver printed and of
what Spark has logged beside it, else empty; and whether it was ever given a container.

Of an application of Flink's the driver is the JobManager, which prints its script statement by statement: that is no
output, and is not shown.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from typing import TypeVar

from common.channel import emit
from common.errors import Unreachable

from .yarn import FINAL, Yarn, held_mb, is_flink, log_files, log_names

#: Seconds that an application may wait for its first container before we say why.
ACCEPTED_SECONDS = 60
#: Seconds for which YARN is asked again when it gives no answer: a ResourceManager that is started again needs less.
SILENT_SECONDS = 600
RETRY_SECONDS = 2
#: Seconds that the aggregated log may take to appear after the end.
LOG_SECONDS = 30
#: Characters of a log's end that are reported: the cause of a failure is there.
KEPT = 200_000
#: Bytes of the driver's output that are read at a look, and at most if there is more that has not been seen: a driver
#: that prints faster is not shown in full.
LOOK, MOST = 1 << 13, 1 << 18
#: Milliseconds after which an application is asked for its stages: the first such question makes the driver load what
#: answers it, 0.6 s of its start.
STAGES_MS = 8000
OUTCOME = "streamlab-outcome: "
#: Once the driver has reported to YARN how it ended, only its container has still to go.
ENDED = (*FINAL, "FINISHING")
#: Seconds between two looks: while it works, and once the driver has said its last line.
PAUSE, SHORT_PAUSE = 0.15, 0.05

T = TypeVar("T")


class Follower:
    """What has been seen of the application so far."""

    def __init__(self, app_id: str) -> None:
        self.yarn = Yarn()
        self.app_id = app_id
        self.driver: tuple[str, str] | None = None
        self.state = ""
        #: Bytes of the driver's output that were read, and those of them whose line is not whole yet.
        self.seen = 0
        self.rest = b""
        self.saw_outcome = False
        self.stage: tuple | None = None

    def answer(self, ask: Callable[[], T], ends: float) -> T:
        """What `ask` gives. The application runs on while YARN does not answer, so it is asked again, until `ends`."""
        ends = min(ends, time.monotonic() + SILENT_SECONDS)
        while True:
            try:
                return ask()
            except Unreachable as error:
                if time.monotonic() > ends:
                    raise Unreachable(
                        error.what, evidence=[*error.evidence, f"{self.app_id} may still be running"],
                        fix="invoke status shows which node is unhealthy, and what runs",
                    ) from error  # fmt: skip
            emit(waiting="YARN gives no answer; it is asked again")
            self.state = ""  # it is told when YARN answers
            time.sleep(RETRY_SECONDS)

    def look(self) -> dict:
        """One round: the state, the driver's new output, the active stage."""
        app = self.yarn.application(self.app_id)
        if app["state"] != self.state:
            self.state = app["state"]
            emit(state=self.state)
        if self.saw_outcome or is_flink(app):
            return app  # the driver has nothing more to say
        # The node keeps the container's own log for a moment after the end; reading the aggregated one starts a JVM.
        if self.state in ("RUNNING", "FINISHING") or app["finalStatus"] == "SUCCEEDED":
            self._driver_output()
        if self.state == "RUNNING" and app["elapsedTime"] > STAGES_MS:
            self._active_stage()
        return app

    def _driver_output(self) -> None:
        self.driver = self.driver or self.yarn.driver_container(self.app_id)
        if not self.driver:
            return
        container, node = self.driver
        try:
            start, data = self.yarn.log_end(node, container, "stdout", LOOK)
            if start > self.seen:
                size = min(start + len(data) - self.seen + LOOK, MOST)
                start, data = self.yarn.log_end(node, container, "stdout", size)
        except OSError:
            return  # the container has just ended; the final look reads the aggregated log
        self.show(start, data)

    def show(self, start: int, data: bytes, *, last: bool = False) -> None:
        """Print the whole lines of `data`, which begins at the byte `start`, beyond the part already read.

        Args:
            last: whether nothing comes after it, so that its last line is whole.
        """
        if start > self.seen:
            emit(out=f"({start - self.seen} bytes are left out here; invoke logs --app {self.app_id} has them)")
            self.rest = b""
        text = self.rest + data[max(0, self.seen - start) :]
        self.seen = max(self.seen, start + len(data))
        end = len(text) if last or len(text) > 2 * MOST else text.rfind(b"\n") + 1
        self.rest = text[end:]
        for line in text[:end].decode("utf-8", "replace").splitlines():
            self.saw_outcome = self.saw_outcome or line.startswith(OUTCOME)
            emit(out=line)

    def _active_stage(self) -> None:
        for stage in self.yarn.active_stages(self.app_id)[:1]:
            now = (stage["stageId"], stage["numCompleteTasks"])
            if now != self.stage:
                self.stage = now
                # Spark names a stage after its line of code, below the container's own long folder; where Python calls
                # Java that is a line of py4j's, which says nothing.
                name = stage["name"].rpartition(".zip/")[2].removesuffix(" at NativeMethodAccessorImpl.java:0")
                emit(stage=name, done=stage["numCompleteTasks"], total=stage["numTasks"])

    def aggregated_logs(self, names: tuple[str, str]) -> dict[str, tuple[int, bytes]]:
        """The ends of the driver's two log files, at most `MOST` bytes, and where each begins in its file; from the
        aggregated log, waited for at most LOG_SECONDS.
        """
        ends = time.monotonic() + LOG_SECONDS
        files = ["-am", "1", "-log_files", ",".join(names), "-size", str(-MOST)]
        while True:
            done = subprocess.run(
                ["yarn", "logs", "-applicationId", self.app_id, *files],
                capture_output=True, timeout=LOG_SECONDS, check=False,
            )  # fmt: skip
            if b"LogContents:" in done.stdout or time.monotonic() > ends:
                return log_files(done.stdout, MOST)
            time.sleep(1)


def follow(app_id: str, seconds: float) -> None:
    follower, began = Follower(app_id), time.monotonic()
    killed, ends, without_container = "", began + seconds, None
    while (app := follower.answer(follower.look, ends))["state"] not in ENDED:
        now = time.monotonic()
        # An application is ACCEPTED until its driver registers, which may hold its container for long by then.
        waits = app["state"] == "ACCEPTED" and not held_mb(app)
        without_container = (without_container or now) if waits else None
        if now > ends:
            killed = f"it ran longer than its limit of {seconds:.0f} s, and was ended"
        elif without_container is not None and now - without_container > ACCEPTED_SECONDS:
            killed = f"YARN gave it no container in {ACCEPTED_SECONDS} s: {app['diagnostics'].strip()}"
        if killed:
            follower.answer(lambda: follower.yarn.kill(app_id), now + SILENT_SECONDS)
            break
        time.sleep(SHORT_PAUSE if follower.saw_outcome else PAUSE)
    # The last lines may have come between two looks; the aggregated log has them all.
    names, said_all = log_names(app), app["finalStatus"] == "SUCCEEDED" and is_flink(app)
    logs = {} if follower.saw_outcome or said_all else follower.aggregated_logs(names)
    app = follower.answer(lambda: follower.yarn.application(app_id), time.monotonic() + SILENT_SECONDS)
    succeeded = app["finalStatus"] == "SUCCEEDED"
    if succeeded and "stdout" in logs:
        follower.show(*logs["stdout"], last=True)
    log, errors = ("" if succeeded else _end_of(logs, file) for file in names)
    emit(
        final="KILLED" if killed else app["finalStatus"],
        diagnostics=killed or app["diagnostics"],
        seconds=round(time.monotonic() - began, 1),
        log=log,
        errors=errors,
        began=not killed or without_container is None,
    )


def _end_of(logs: dict[str, tuple[int, bytes]], file: str) -> str:
    return logs.get(file, (0, b""))[1].decode("utf-8", "replace")[-KEPT:]


if __name__ == "__main__":
    follow(sys.argv[1], float(sys.argv[2]))
