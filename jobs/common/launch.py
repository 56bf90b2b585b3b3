"""The program that spark-submit starts: `launch.py lesson08/score [--set key=value]… [--continuous]`.

The bundle (`--py-files`) brings `common` and the lesson; all of Spark's configuration comes from spark-submit.
An exception is left to Python: its traceback is the last thing in the log, and YARN says FAILED. Of an error of the
lab's own, which says itself what happened, no traceback is printed.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path

# Started from the source tree, its own folder comes first on the path and kafka.py there would hide the package kafka.
if Path(__file__).resolve().parent.name == "common":
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

# YARN brings the bundle itself and has put it on the path; Spark's second try at an address on HDFS only warns.
warnings.filterwarnings("ignore", message="Failed to add file .* to Python path", category=RuntimeWarning)

from pyspark.sql import SparkSession  # noqa: E402

from common import request  # noqa: E402
from common.errors import JobError, WrongRequest  # noqa: E402
from common.hdfs import Hdfs  # noqa: E402
from common.outcome import Outcome, last_line, report  # noqa: E402
from common.settings import Settings, load_info  # noqa: E402


def run_step(spark: SparkSession, settings: Settings) -> Outcome:
    """Run the module that the step is named after."""
    step = request.module(settings.lesson, settings.step)
    if step is None:
        raise WrongRequest(f"{settings.lesson} has a step {settings.step} but no module of that name")
    return step.run(spark, settings)


def builder(settings: Settings) -> SparkSession.Builder:
    """What the session is made with: a lesson's `session.py` may add what cannot be set later, such as Hive."""
    own = request.module(settings.lesson, "session")
    return own.configure(SparkSession.builder, settings) if own else SparkSession.builder


def launch(spark: SparkSession, settings: Settings) -> str:
    """Run the step and keep its report on HDFS; the outcome's line."""
    hdfs = Hdfs(settings.info.webhdfs)
    began = time.monotonic()
    outcome = run_step(spark, settings)
    facts = {"application": spark.sparkContext.applicationId, "seconds": time.monotonic() - began}
    hdfs.write(settings.report, json.dumps(report(settings, outcome, **facts), indent=2) + "\n")
    hdfs.delete(settings.stop_marker(facts["application"]))
    return last_line(settings, outcome, **facts)


def main(argv: Sequence[str]) -> None:
    _, settings = request.settings_from(request.parse(argv, prog="launch.py"), load_info())
    if not settings.step:
        raise WrongRequest(f"no step named in {argv[0]!r}", fix=f"name one: {argv[0]}/…")
    # The driver stops the session when this program ends, well or not. PySpark's own stop() first waits up to half a
    # second, until a server of its own next looks whether it is to end.
    try:
        print(launch(builder(settings).getOrCreate(), settings), flush=True)
    except JobError as error:
        print(error, flush=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main(sys.argv[1:])
