"""The probable cause, out of what drivers really print."""

from __future__ import annotations

import pytest

from streamlab.diagnoses import logs
from streamlab.diagnoses.logs import tracebacks

START = "Traceback (most recent call last):"

#: An error of the driver: one traceback, amid what the lesson printed.
DRIVER = f"""\
reading /user/student/lesson08/in/people.csv
{START}
  File "/data/local/usercache/student/appcache/application_1_2/container_1_2_01_000001/launch.py", line 61, in <module>
    main(sys.argv[1:])
  File "/data/local/usercache/student/appcache/application_1_2/container_1_2_01_000001/lesson.zip/lesson08/train.py", \
line 40, in run
    people = features.prepare(spark.read.csv(settings.input("people.csv")))
  File "/opt/spark/python/pyspark/errors/exceptions/captured.py", line 185, in deco
    raise converted from None
pyspark.errors.exceptions.captured.AnalysisException: [PATH_NOT_FOUND] Path does not exist: hdfs://namenode:8020/nope.
"""

WORKER = """\
  File "/data/local/lesson.zip/lesson08/transforms.py", line 12, in salary
    return float(text)
           ^^^^^^^^^^^
ValueError: could not convert string to float: 'a lot'
"""

#: An error of a worker: Java names its own exception before the worker's traceback, and the driver's stands around it.
WRAPPED = f"""\
{START}
  File "/data/local/launch.py", line 61, in <module>
    main(sys.argv[1:])
  File "/data/local/launch.py", line 56, in main
    print(launch(spark, settings), flush=True)
  File "/data/local/lesson.zip/lesson08/score.py", line 40, in run
    query.awaitTermination()
py4j.protocol.Py4JJavaError: An error occurred while calling o95.collectToPython.
: org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 in stage 1.0 failed 4 times
Caused by: org.apache.spark.api.python.PythonException: {START}
{WORKER}
\tat org.apache.spark.api.python.BasePythonRunner$ReaderIterator.handlePythonException(PythonRunner.scala:572)
\tat java.base/java.lang.Thread.run(Thread.java:840)
"""


def probable_cause(log: str, diagnostics: str) -> list[str]:
    """The lines of a cause that calls for nothing in particular."""
    found = logs.probable_cause(log, diagnostics)
    assert found.needs == ""
    return found.lines


def test_the_driver_s_own_traceback_is_the_cause() -> None:
    lines = probable_cause(DRIVER, "User application exited with status 1")
    assert lines[0] == START
    assert lines[-1].endswith("[PATH_NOT_FOUND] Path does not exist: hdfs://namenode:8020/nope.")
    assert len(lines) == 8


def test_a_message_of_several_lines_is_told_whole_and_what_follows_it_is_not() -> None:
    rest = ["Use -1 for latest, -2 for earliest, if you don't care.", "Specified: Set(a-0) Assigned: Set(b-0)"]
    assert probable_cause(DRIVER + "\n".join(rest) + "\n", "")[-3:] == [DRIVER.splitlines()[-1], *rest]
    assert probable_cause(DRIVER + "a line of a plan\n" * 7, "")[-1] == DRIVER.splitlines()[-1]
    assert probable_cause(DRIVER + "this\n\nthat\n", "")[-1] == DRIVER.splitlines()[-1]


def test_the_shortest_of_several_is_nearest_to_the_student_s_code() -> None:
    assert len(tracebacks(WRAPPED)) == 2
    assert probable_cause(WRAPPED, "") == [START, *WORKER.splitlines()]


def test_a_chain_is_taken_apart() -> None:
    chained = (
        f'{START}\n  File "a.py", line 1, in a\n    b()\n  File "b.py", line 1, in b\n    c["x"]\nKeyError: \'x\'\n\n'
        "During handling of the above exception, another exception occurred:\n\n"
        f'{START}\n  File "a.py", line 3, in a\n    raise JobError("no x")\ncommon.errors.JobError: error: no x\n'
    )
    assert [text.splitlines()[-1] for text in tracebacks(chained)] == [
        "KeyError: 'x'",
        "common.errors.JobError: error: no x",
    ]
    assert probable_cause(chained, "")[-1] == "common.errors.JobError: error: no x"


def test_every_kind_of_last_line_ends_a_traceback() -> None:
    for last in (
        "Exception: boom",
        "Exception",
        "KeyboardInterrupt",
        "common.errors.Missing: no such topic",
        "pyspark.errors.exceptions.captured.PythonException: ",
        "my_module.lower_case: x",
        "Timeout:",
    ):
        assert tracebacks(f'{START}\n  File "a.py", line 1\n    raise\n{last}\nmore\n') == [
            f'{START}\n  File "a.py", line 1\n    raise\n{last}'
        ], last


def test_a_traceback_that_was_cut_off_is_no_cause() -> None:
    assert probable_cause(f'{START}\n  File "a.py", line 1\n', "")[-1] == '  File "a.py", line 1'
    assert tracebacks(f'{START}\n  File "a.py", line 1\n') == []


def test_without_a_traceback_the_last_lines_that_were_printed_are_told() -> None:
    printed = "\n\n".join(f"line {i}" for i in range(9))
    assert probable_cause(printed, "exit 1") == ["line 4", "line 5", "line 6", "line 7", "line 8"]


def test_without_output_yarn_s_own_words_are_told() -> None:
    diagnostics = (
        "Application application_1_2 failed 1 times due to AM Container for appattempt_1_2_000001 exited\n"
        "\nContainer killed on request. Exit code is 143\n"
    )
    assert probable_cause("\n \n", diagnostics) == [line for line in diagnostics.splitlines() if line]


def test_without_anything_that_is_told() -> None:
    assert probable_cause("", "") == ["it printed nothing"]


def test_where_python_only_says_that_a_call_failed_java_says_why() -> None:
    log = (
        "Traceback (most recent call last):\n"
        '  File "train.py", line 4, in run\n'
        "py4j.protocol.Py4JJavaError: An error occurred while calling o42.fit.\n"
        ": org.apache.spark.SparkException: Job aborted\n"
        "Caused by: java.lang.RuntimeException: task failed\n"
        "Caused by: org.apache.spark.SparkException: StringIndexer encountered NULL value.\n"
        "\t... 12 more\n"
    )
    assert probable_cause(log, "")[-2:] == [
        "py4j.protocol.Py4JJavaError: An error occurred while calling o42.fit.",
        "Caused by: org.apache.spark.SparkException: StringIndexer encountered NULL value.",
    ]


def test_without_a_cause_of_java_s_its_exception_says_why() -> None:
    log = (
        'Traceback (most recent call last):\n  File "train.py", line 4, in run\n'
        "py4j.protocol.Py4JJavaError: An error occurred while calling o42.fit.\n"
        ": org.apache.spark.SparkException: Job aborted due to stage failure: no such column\n\tat x.y(Z.scala:1)\n"
    )
    assert probable_cause(log, "")[-1] == (
        "org.apache.spark.SparkException: Job aborted due to stage failure: no such column"
    )


#: How Spark 3.5 ends when its executors are ended for their memory, as the job's own code saw it.
EATEN = (
    f'{START}\n  File "/data/local/usercache/student/appcache/application_1_2/container_1_2_01_000001/'
    'abcdef0123456789.zip/hungry/eat.py", line 17, in run\n'
    "py4j.protocol.Py4JJavaError: An error occurred while calling z:org.apache.spark.api.python.PythonRDD.collect.\n"
    ": org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 in stage 0.0 failed 4 times, most "
    "recent failure: Lost task 0.3 in stage 0.0 (TID 3) (nodemanager1 executor 4): ExecutorLostFailure (executor 4 "
    "exited caused by one of the running tasks) Reason: {reason}\nDriver stacktrace:\n\tat a.b(C.scala)\n"
)
OVER = (
    "Container killed by YARN for exceeding physical memory limits. 1.6 GB of 896 MB physical memory used."
    " Consider boosting spark.executor.memoryOverhead."
)
BAD_NODE = (
    "Container from a bad node: container_1_2_01_000002 on host: nodemanager1. Exit status: {status}. Diagnostics:"
    " [2026-11-27 03:58:48.087]Container killed on request."
)
GAVE_UP = "Max number of executor failures (3) reached"
DRIVER_OVER = (
    "Application application_1_2 failed 1 times due to AM Container for appattempt_1_2_000001 exited\n"
    "Failing this attempt.Diagnostics: Container [pid=631,containerID=container_1_2_01_000001] is running 1072467968B "
    "beyond the 'PHYSICAL' memory limit. Current usage: 1.9 GB of 896 MB physical memory used; 3.9 GB of 1.8 GB "
    "virtual memory used. Killing container.\nDump of the process-tree\n"
)


def test_an_executor_that_was_ended_for_its_memory_beats_the_traceback() -> None:
    assert logs.probable_cause(EATEN.replace("{reason}", OVER), "User application exited") == logs.Cause(
        [
            "an executor used more memory than its container has, so YARN ended it: 1.6 GB of 896 MB",
            "at hungry/eat.py, line 17",
        ],
        logs.EXECUTOR_MEMORY,
    )


@pytest.mark.parametrize("status", [137, 143, 52])
def test_an_executor_that_only_ended_was_most_likely_out_of_memory(status: int) -> None:
    log = EATEN.replace("{reason}", BAD_NODE.format(status=status))
    assert logs.probable_cause(log, "").lines[0] == (
        f"an executor was ended with exit status {status}, as one is whose memory is used up"
    )
    assert logs.probable_cause(log.replace(str(status), "1"), "").needs == ""


def test_where_spark_gave_up_its_own_log_says_why() -> None:
    """The job's traceback is of a driver whose JVM went away while it was asked."""
    errors = (
        f"26/01/01 WARN YarnAllocator: {OVER}\n26/01/01 ERROR YarnClusterScheduler: Lost executor 3 on n1: {OVER}\n"
    )
    found = logs.probable_cause(DRIVER, GAVE_UP, errors=errors)
    assert found.needs == logs.EXECUTOR_MEMORY
    assert found.lines[0].endswith("1.6 GB of 896 MB")
    assert f"Spark gave up: {GAVE_UP}" in found.lines
    ended = f"ERROR YarnClusterScheduler: Lost executor 3 on nodemanager1: {BAD_NODE.format(status=143)}\n"
    assert logs.probable_cause("", GAVE_UP, errors=ended).needs == logs.EXECUTOR_MEMORY


def test_an_executor_that_was_lost_on_the_way_is_no_cause() -> None:
    found = logs.probable_cause(DRIVER, "User application exited with status 1", errors=f"WARN {OVER}\n")
    assert found.needs == ""
    assert found.lines[-1].endswith("nope.")


def test_a_driver_that_was_ended_for_its_memory_is_told_by_yarn() -> None:
    assert logs.probable_cause("filling the driver\n", DRIVER_OVER) == logs.Cause(
        ["the driver used more memory than its container has, so YARN ended it: 1.9 GB of 896 MB"], logs.DRIVER_MEMORY
    )


def test_a_full_heap_is_the_driver_s_or_an_executor_s() -> None:
    heap = "java.lang.OutOfMemoryError: Java heap space"
    driver = f'{START}\n  File "a.py", line 1\nPy4JJavaError: An error occurred\n: {heap}\n'
    assert logs.probable_cause(driver, "") == logs.Cause(
        [f"the driver's Java heap was full: {heap}"], logs.DRIVER_MEMORY
    )
    executor = EATEN.replace("ExecutorLostFailure", heap).replace("{reason}", "")
    assert logs.probable_cause(executor, "").needs == logs.EXECUTOR_MEMORY


LOST = (
    f'{START}\n  File "read.py", line 29, in run\n'
    "pyspark.errors.exceptions.captured.StreamingQueryException: [STREAM_FAILED] Query [id = 1, runId = 2] terminated "
    "with exception: Partition l03-orders-0's offset was changed from 340 to 333, some data may have been missed. \n"
    "Some data may have been lost because they are not available in Kafka any more; either the\n"
    " data was aged out by Kafka or the topic may have been deleted before all the data in the\n"
    " topic was processed. If you don't want your streaming query to fail on such cases, set the\n"
    ' source option "failOnDataLoss" to "false".\n    \n'
)


def test_advice_that_hides_lost_records_is_not_repeated() -> None:
    found = logs.probable_cause(LOST, "User application exited with status 1")
    text = "\n".join(found.lines)
    assert found.needs == logs.LOST_RECORDS
    assert "was changed from 340 to 333" in text
    assert "set the" not in text
    assert found.lines[-1].startswith("(left out here: Spark's advice to set failOnDataLoss to false.")


def test_a_script_s_failure_is_the_innermost_cause_and_the_statement() -> None:
    printed = (
        "Flink SQL> CREATE TABLE a;\n[INFO] OK\nFlink SQL> INSERT INTO a SELECT 1;\norg.x.E: no\n\tat a.b(C.java:1)\n"
    )
    logged = (
        "26/11/28 03:55:44 WARN A: failed\norg.x.Outer: it failed\n\tat a.b(C.java:1)\nCaused by: org.x.Outer: why\n"
        "\tat a.b(C.java:1)\n\t... 5 more\nCaused by: org.x.E: two rowtimes.\nCast one.\n\tat a.b(C.java:2)\n"
        "26/11/28 03:55:45 INFO A: end\n"
    )
    assert logs.probable_cause(printed, "exit 2", errors=logged).lines == [
        "org.x.E: two rowtimes.", "Cast one.", "at INSERT INTO a SELECT 1"
    ]  # fmt: skip
    assert logs.probable_cause("", "exit 2", errors=logged).lines == ["exit 2"]


def test_state_of_another_script_is_said_to_be_that_and_not_to_be_left_out() -> None:
    wrong = (
        "java.lang.IllegalStateException: Failed to rollback to checkpoint/savepoint hdfs://n:8020/c/chk-3. Cannot map "
        "checkpoint/savepoint state for operator 1f to the new program, because the operator is not available in the "
        "new program."
    )
    logged = (
        f"Caused by: {wrong} If you want to allow to skip this, you can set the --allowNonRestoredState option on the "
        "CLI.\n\tat a.b(C.java:1)\n26/11/28 03:55:45 INFO A: end\nCaused by: org.x.Later: stopped\n"
    )
    found = logs.probable_cause("Flink SQL> INSERT INTO a SELECT 1;\n", "exit 1", errors=logged)
    assert found.needs == logs.CHANGED_SCRIPT
    assert found.lines == [
        "the script was changed since it left the checkpoint or savepoint from which it was to go on",
        wrong,
        "at INSERT INTO a SELECT 1",
    ]
