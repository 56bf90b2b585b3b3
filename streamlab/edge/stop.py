"""Ask a running step to end after its batch, and wait: ``python3 -m edge.stop LESSON STEP APPLICATION_ID SECONDS``.

A job of Spark's looks for a marker file on HDFS (see common/streams.py); Flink takes a savepoint and ends its job. One
without a container would never look, and is taken back: YARN has no room for it yet, or its driver went with the
machine. Answers which of the two it was, and where Flink's savepoint is: ``{"began", "savepoint"}``.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from typing import Any

from common.channel import emit
from common.errors import JobError
from common.hdfs import Hdfs
from common.settings import Settings, load_info

from .yarn import FINAL, Yarn, held_mb, is_flink


def main(lesson: str, step: str, app_id: str, seconds: str) -> None:
    settings = Settings(info=load_info(), lesson=lesson, step=step)
    yarn, ends, savepoint = Yarn(), time.monotonic() + float(seconds), ""
    app = yarn.application(app_id)
    began = held_mb(app) > 0
    if began and is_flink(app):
        savepoint = stop_flink(yarn, app_id, ends)
    elif began:
        Hdfs(settings.info.webhdfs).write(settings.stop_marker(app_id), b"")
    else:
        yarn.kill(app_id)
    while (state := yarn.application(app_id)["state"]) not in FINAL:
        if time.monotonic() > ends:
            raise JobError(f"{app_id} was still {state} after {seconds} s")
        time.sleep(0.5)
    emit(answer={"began": began, "savepoint": savepoint})


def stop_flink(yarn: Yarn, app_id: str, ends: float) -> str:
    """Take a savepoint of the job that an application of Flink's runs, and end it; the savepoint's place.

    Raises:
        JobError: the job did not run in time, or Flink did not save it.
    """
    while not (running := [job["jid"] for job in yarn.flink_jobs(app_id) if _runs(job)]):
        if yarn.application(app_id)["state"] in FINAL:
            return ""  # it came to its end by itself
        if time.monotonic() > ends:
            raise JobError(f"the job of {app_id} did not run yet, so there is nothing to save")
        time.sleep(0.5)
    argv = ["flink", "stop", "-t", "yarn-application", f"-Dyarn.application.id={app_id}", running[0]]
    try:
        left = max(1, ends - time.monotonic())
        done = subprocess.run(argv, capture_output=True, text=True, timeout=left, check=False)
    except subprocess.TimeoutExpired:
        raise JobError(f"the savepoint of {app_id} was not complete in time") from None
    found = re.search(r"Savepoint completed\. Path: (\S+)", done.stdout)
    if found is None:
        raise JobError(f"Flink took no savepoint of {app_id}", evidence=_causes(f"{done.stdout}\n{done.stderr}"))
    return found[1]


def _runs(job: dict[str, Any]) -> bool:
    """Whether all of its tasks do, but for those at the end of their input: only then it can be saved."""
    tasks = job["tasks"]
    return job["state"] == "RUNNING" and tasks["running"] + tasks["finished"] == tasks["total"]


def _causes(said: str) -> list[str]:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return [line for line in lines if line.startswith("Caused by")][-1:] or lines[-2:]


if __name__ == "__main__":
    main(*sys.argv[1:])
