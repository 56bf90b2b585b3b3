"""Follow one YARN application to its end, and tell what happens, one event after another.

``python3 -m edge.follow APPLICATION_ID SECONDS``. Events: ``{"state"}``, ``{"out"}`` (a line of the driver's output),
``{"stage", "done", "total"}``, and last ``{"final", "diagnostics", "seconds", "log", "errors"}``: when the application
did not succeed, the end of what its driver printed and of what Spark has logged beside it, else empty.
"""

from __future__ import annotations

import subprocess
import sys
import time

from common.channel import emit

from .yarn import FINAL, Yarn, log_files

#: Seconds that an application may wait for its first container before we say why.
ACCEPTED_SECONDS = 60
#: Seconds that the aggregated log may take to appear after the end.
LOG_SECONDS = 30
#: Characters of a log's end that are told: the cause of a failure is there.
KEPT = 200_000
#: Milliseconds after which an application is asked for its stages: the first such question makes the driver load what
#: answers it, 0.6 s of its start.
STAGES_MS = 8000
OUTCOME = "streamlab-outcome: "
#: Once the driver has told YARN how it ended, only its container has still to go.
ENDED = (*FINAL, "FINISHING")
#: Seconds between two looks: while it works, and once the driver has said its last line.
PAUSE, SHORT_PAUSE = 0.15, 0.05


class Follower:
    """What has been seen of the application so far."""

    def __init__(self, app_id: str) -> None:
        self.yarn = Yarn()
        self.app_id = app_id
        self.driver: tuple[str, str] | None = None
        self.state = ""
        self.seen = 0
        self.saw_outcome = False
        self.stage: tuple | None = None

    def look(self) -> dict:
        """One round: the state, the driver's new output, the active stage."""
        app = self.yarn.application(self.app_id)
        if app["state"] != self.state:
            self.state = app["state"]
            emit(state=self.state)
        if self.saw_outcome:
            return app  # the driver has nothing more to say
        # The node keeps the container's own log for a moment after the end; reading the aggregated one starts a JVM.
        if self.state in ("RUNNING", "FINISHING") or app["finalStatus"] == "SUCCEEDED":
            self._driver_output()
        if self.state == "RUNNING" and app["elapsedTime"] > STAGES_MS:
            self._active_stage()
        return app

    def _driver_output(self) -> None:
        try:
            self.driver = self.driver or self.yarn.driver_container(self.app_id)
            text = self.yarn.container_log(self.driver[1], self.driver[0], "stdout") if self.driver else ""
        except OSError:
            return  # the container has just ended; the final look reads the aggregated log
        self.show(text[: text.rfind("\n") + 1])

    def show(self, text: str) -> None:
        """Print what `text` has beyond the part already shown."""
        for line in text[self.seen :].splitlines():
            self.saw_outcome = self.saw_outcome or line.startswith(OUTCOME)
            emit(out=line)
        self.seen = max(self.seen, len(text))

    def _active_stage(self) -> None:
        for stage in self.yarn.active_stages(self.app_id)[:1]:
            now = (stage["stageId"], stage["numCompleteTasks"])
            if now != self.stage:
                self.stage = now
                # Spark names a stage after its line of code, below the container's own long folder.
                emit(
                    stage=stage["name"].rpartition(".zip/")[2], done=stage["numCompleteTasks"], total=stage["numTasks"]
                )

    def aggregated_logs(self) -> dict[str, str]:
        """The driver's stdout and stderr from the aggregated log, waited for at most LOG_SECONDS."""
        ends = time.monotonic() + LOG_SECONDS
        while True:
            done = subprocess.run(
                ["yarn", "logs", "-applicationId", self.app_id, "-am", "1", "-log_files", "stdout,stderr"],
                capture_output=True, text=True, errors="replace", timeout=LOG_SECONDS, check=False,
            )  # fmt: skip
            if "LogContents:" in done.stdout or time.monotonic() > ends:
                return log_files(done.stdout)
            time.sleep(1)


def follow(app_id: str, seconds: float) -> None:
    follower, began = Follower(app_id), time.monotonic()
    killed = ""
    while (app := follower.look())["state"] not in ENDED:
        waited = time.monotonic() - began
        if waited > seconds:
            killed = f"it ran longer than its limit of {seconds:.0f} s, and was ended"
        elif app["state"] == "ACCEPTED" and waited > ACCEPTED_SECONDS:
            killed = f"YARN gave it no container in {ACCEPTED_SECONDS} s: {app['diagnostics'].strip()}"
        if killed:
            follower.yarn.kill(app_id)
            break
        time.sleep(SHORT_PAUSE if follower.saw_outcome else PAUSE)
    # The last lines may have come between two looks; the aggregated log has them all.
    logs = {} if follower.saw_outcome else follower.aggregated_logs()
    printed, errors = logs.get("stdout", ""), logs.get("stderr", "")
    app = follower.yarn.application(app_id)
    if app["finalStatus"] == "SUCCEEDED":
        follower.show(printed)
        printed = errors = ""
    emit(
        final="KILLED" if killed else app["finalStatus"],
        diagnostics=killed or app["diagnostics"],
        seconds=round(time.monotonic() - began, 1),
        log=printed[-KEPT:],
        errors=errors[-KEPT:],
    )


if __name__ == "__main__":
    follow(sys.argv[1], float(sys.argv[2]))
