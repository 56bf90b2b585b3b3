"""The probable cause, out of what drivers really print."""

from __future__ import annotations

from streamlab.lessons.cause import probable_cause, tracebacks

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


def test_the_driver_s_own_traceback_is_the_cause() -> None:
    cause = probable_cause(DRIVER, "User application exited with status 1")
    assert cause[0] == START
    assert cause[-1].endswith("[PATH_NOT_FOUND] Path does not exist: hdfs://namenode:8020/nope.")
    assert len(cause) == 8


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
