"""Ask a running step to end after its batch, and wait: ``python3 -m edge.stop LESSON STEP APPLICATION_ID SECONDS``.

The job looks for a marker file on HDFS (see common/streams.py). One without a container would never look, and is
taken back: YARN has no room for it yet, or its driver went with the machine. Answers which of the two it was:
``{"began"}``.
"""

from __future__ import annotations

import sys
import time

from common.channel import emit
from common.errors import JobError
from common.hdfs import Hdfs
from common.settings import Settings, load_info

from .yarn import FINAL, Yarn, held_mb


def main(lesson: str, step: str, app_id: str, seconds: str) -> None:
    settings = Settings(info=load_info(), lesson=lesson, step=step)
    yarn, ends = Yarn(), time.monotonic() + float(seconds)
    began = held_mb(yarn.application(app_id)) > 0
    if began:
        Hdfs(settings.info.webhdfs).write(settings.stop_marker(app_id), b"")
    else:
        yarn.kill(app_id)
    while (state := yarn.application(app_id)["state"]) not in FINAL:
        if time.monotonic() > ends:
            raise JobError(f"{app_id} was still {state} after {seconds} s")
        time.sleep(0.5)
    emit(answer={"began": began})


if __name__ == "__main__":
    main(*sys.argv[1:])
