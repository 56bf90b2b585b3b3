"""What a student is told of an exception, from texts that Spark, py4j and Cassandra's connector give."""

from __future__ import annotations

import pytest

from common.failure import LENGTH, place, words

PROXY = """\
[STREAM_FAILED] Query [id = 1, runId = 2] terminated with exception: An exception was raised by the Python Proxy. \
Return Message: Traceback (most recent call last):
  File "/opt/pyspark/py4j/clientserver.py", line 617, in _call_proxy
    return_value = getattr(self.pool[obj_id], method)(*params)
  File "/data/container_1/0123456789abcdef.zip/my08/exercise.py", line 87, in write
pyspark.errors.exceptions.captured.AnalysisException: TableProvider implementation org.apache.spark.sql.cassandra \
cannot be written with ErrorIfExists mode, please use Append or Overwrite modes instead.
"""
IN_JAVA = """\
An error occurred while calling o104.fit.
: org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 in stage 12.0 failed 4 times
\tat org.apache.spark.scheduler.DAGScheduler.failJobAndIndependentStages(DAGScheduler.scala:2856)
Caused by: java.lang.RuntimeException: Labels MUST NOT be Null or NaN
\tat org.apache.spark.ml.util.DatasetUtils$.checkClassificationLabels(DatasetUtils.scala:1)
\t... 12 more
"""
WORKER = """\
An error occurred while calling o9.collect.
: org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 in stage 1.0 failed 4 times
Caused by: org.apache.spark.api.python.PythonException: Traceback (most recent call last):
  File "/data/lesson.zip/my08/exercise.py", line 12, in salary
    return float(text)
ValueError: could not convert string to float: 'a lot'

\tat org.apache.spark.api.python.BasePythonRunner$ReaderIterator.handlePythonException(PythonRunner.scala:572)
"""
OFFSETS = """\
[STREAM_FAILED] Query [id = 1, runId = 2] terminated with exception: assertion failed: startingOffsets must contain all
Specified: Set(orders-0) Assigned: Set(orders-0, returns-0)
"""


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (PROXY, "AnalysisException: TableProvider implementation cassandra cannot be written with ErrorIfExists mode"),
        (IN_JAVA, "RuntimeException: Labels MUST NOT be Null or NaN"),
        (WORKER, "ValueError: could not convert string to float: 'a lot'"),
        (
            OFFSETS,
            "RuntimeError: assertion failed: startingOffsets must contain all Specified: Set(orders-0) Assigned:",
        ),
        ("no such column\n\tat org.apache.Frame(x)\nJVM stacktrace:\n", "RuntimeError: no such column"),
        ("", "RuntimeError: "),
    ],
)
def test_the_innermost_exception_is_told_without_java_s_frames(message: str, told: str) -> None:
    assert words(RuntimeError(message)).replace("org.apache.spark.sql.", "").startswith(told)
    assert "\n" not in words(RuntimeError(message))


def test_a_long_message_is_cut() -> None:
    assert len(words(RuntimeError("x" * 5000))) == LENGTH + 1


def test_the_line_of_the_program_is_the_last_that_led_there() -> None:
    assert place(RuntimeError(PROXY), "exercise.py", lambda: None) == "exercise.py, line 87, in write"
    source = "\n".join(f"line {number}" for number in range(1, 100))
    assert place(RuntimeError(WORKER), "exercise.py", lambda: source) == "exercise.py, line 12, in salary: line 12"
    assert place(RuntimeError("elsewhere"), "exercise.py", lambda: source) == ""
