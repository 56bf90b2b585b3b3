"""Ask a running step to end after its batch, and wait: ``python3 -m edge.stop LESSON STEP APPLICATION_ID SECONDS``.

The job looks for a marker file on HDFS (see common/streams.py). One without a container would never look, and is
taken back: YARN has no room for it yet, or its driver went with the machine. Prints which of the two it was:
``{"began"}``. Exit status 1 when the step still runs after SECONDS.
"""

from __future__ import annotations

import sys
import time

from common.hdfs import Hdfs
from common.settings import Settings, load_info
from edge import emit
from edge.yarn import FINAL, Yarn, held_mb


def main(lesson: str, step: str, app_id: str, seconds: str) -> int:
    settings = Settings(info=load_info(), lesson=lesson, step=step)
    yarn, ends = Yarn(), time.monotonic() + float(seconds)
    began = held_mb(yarn.application(app_id)) > 0
    if began:
        Hdfs(settings.info.webhdfs).write(settings.stop_marker(app_id), b"")
    else:
        yarn.kill(app_id)
    while (state := yarn.application(app_id)["state"]) not in FINAL:
        if time.monotonic() > ends:
            print(f"{app_id} was still {state} after {seconds} s", file=sys.stderr)
            return 1
        time.sleep(0.5)
    emit(began=began)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
