"""Ask a running step to end after its batch, and wait: ``python3 -m edge.stop LESSON STEP APPLICATION_ID SECONDS``.

The job looks for a marker file on HDFS (see common/streams.py). Exit status 1 when the step still runs after SECONDS.
"""

from __future__ import annotations

import sys
import time

from common.hdfs import Hdfs
from common.settings import Settings, load_info
from edge.yarn import FINAL, Yarn


def main(lesson: str, step: str, app_id: str, seconds: str) -> int:
    settings = Settings(info=load_info(), lesson=lesson, step=step)
    Hdfs(settings.info.webhdfs).write(settings.stop_marker(app_id), b"")
    yarn, ends = Yarn(), time.monotonic() + float(seconds)
    while (state := yarn.application(app_id)["state"]) not in FINAL:
        if time.monotonic() > ends:
            print(f"{app_id} was still {state} after {seconds} s", file=sys.stderr)
            return 1
        time.sleep(0.5)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
