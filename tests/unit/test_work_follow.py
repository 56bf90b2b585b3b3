"""What is said of an application while it runs, and when it has failed."""

from __future__ import annotations

from typing import Any

import pytest

from streamlab.lessons.jobs import Preset, Step
from streamlab.work import follow

TINY = Preset("tiny", 512, 1, 1, 640, 1, overhead_mb=384, shuffle_partitions=2)
EAT = Step(job="hungry", name="eat", title="t", preset="tiny", timeout=9)
FINAL = {"final": "FAILED", "diagnostics": "", "seconds": 9.1, "log": "", "errors": "", "began": True}


class Line:
    """Where progress goes."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def update(self, text: str) -> None:
        self.texts.append(text)

    def close(self) -> None:
        self.texts.append("closed")


def hear(*events: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    seen: dict[str, Any] = {"written": {}, "final": None}
    line = Line()
    for event in events:
        follow._hear(event, seen, line)
    return seen, line.texts


def test_events_of_a_running_step_are_told(capsys: pytest.CaptureFixture) -> None:
    seen, progress = hear(
        {"state": "RUNNING"},
        {"stage": "train.py:40", "done": 1, "total": 4},
        {"out": "rmse 12.3"},
        {"out": 'streamlab-outcome: {"written": {"hdfs /m": 3}}'},
        FINAL | {"final": "SUCCEEDED"},
    )
    assert progress == ["running", "train.py:40: 1 of 4 tasks", "closed"]
    assert capsys.readouterr().out == "  | rmse 12.3\n"
    assert seen["written"] == {"hdfs /m": 3}
    assert seen["final"]["final"] == "SUCCEEDED"


@pytest.mark.parametrize("rest", ["", "x", "5", "[]", "{}", '{"written": 3}'])
def test_a_job_may_print_what_only_begins_like_an_outcome(rest: str, capsys: pytest.CaptureFixture) -> None:
    seen, _ = hear({"out": follow.OUTCOME + rest})
    assert seen["written"] == {}
    assert capsys.readouterr().out == f"  | {follow.OUTCOME}{rest}\n"


def failed(**final: Any) -> str:
    return str(follow.failure(EAT, "application_1_2", FINAL | final, preset=TINY, typed="../field/hungry"))


def test_memory_is_named_with_how_much_there_was_and_what_to_do() -> None:
    log = ": org.apache.spark.SparkException: Job aborted (executor 4): Container killed by YARN for exceeding physical"
    assert failed(log=f"{log} memory limits. 1.6 GB of 896 MB physical memory used. Consider boosting\n") == (
        "error: hungry/eat: application_1_2 ended FAILED\n"
        "  an executor used more memory than its container has, so YARN ended it: 1.6 GB of 896 MB\n"
        "  fix: give it more, as in --executor-memory 1280 (it had 640 MB, and 384 beside its heap), or a larger"
        " --preset, or let it hold less at a time; the whole log: invoke logs --app application_1_2"
    )
    assert "--driver-memory 1024 (it had 512 MB" in failed(log=": java.lang.OutOfMemoryError: Java heap space\n")


def test_lost_records_are_no_reason_to_hide_them() -> None:
    log = (
        'Traceback (most recent call last):\n  File "a.py", line 1\n'
        "StreamingQueryException: Partition a-0's offset was changed from 340 to 333, some data may be missed. \n"
        "Some data may have been lost. If you don't want your streaming query to fail on such cases, set the\n"
        ' source option "failOnDataLoss" to "false".\n    \n'
    )
    text = failed(log=log)
    assert "set the" not in text
    assert "fix: invoke reset --job ../field/hungry starts over" in text


def test_one_that_was_ended_says_why() -> None:
    text = failed(final="KILLED", diagnostics="it ran longer than its limit of 9 s, and was ended", log="Traceback")
    assert text.splitlines()[1:] == [
        "  it ran longer than its limit of 9 s, and was ended",
        "  fix: correct it and submit again; the whole log: invoke logs --app application_1_2",
    ]


def test_one_that_yarn_did_not_let_begin_has_not_failed_itself() -> None:
    """It is no hand-in's fault, and has no grade."""
    final = FINAL | {"final": "KILLED", "diagnostics": "YARN gave it no container in 60 s", "began": False}
    error = follow.failure(EAT, "application_1_2", final, preset=TINY, typed="x")
    assert not isinstance(error, follow.JobFailed)
    assert error.evidence == ["YARN gave it no container in 60 s"]


def test_evidence_is_never_longer_than_a_person_reads() -> None:
    assert max(len(line) for line in failed(log="x" * 99_999).splitlines()) < follow.EVIDENCE + 5


def test_a_yarn_that_gives_no_answer_is_shown() -> None:
    _, progress = hear({"waiting": "YARN gives no answer; it is asked again"})
    assert progress == ["YARN gives no answer; it is asked again"]
