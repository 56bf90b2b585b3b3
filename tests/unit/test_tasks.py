"""`invoke` as a person types it: what is printed where, and the exit status. Nothing here needs Docker."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from streamlab.errors import LabError, WrongRequest
from streamlab.lessons import bundle, jobs
from streamlab.paths import JOBS, ROOT
from streamlab.tasks import lab_task

INVOKE = str(Path(sys.executable).with_name("invoke"))


def invoke(*args: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [INVOKE, *args], cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False, timeout=60
    )


@pytest.mark.parametrize(
    ("command", "error"),
    [
        (
            "submit --job lesson8",
            "error: no job named 'lesson8'\n  known: KNOWN_JOBS\n  fix: did you mean --job lesson08?\n",
        ),
        (
            "submit --job lesson08 --set folds",
            "error: --set 'folds' has no value\n  expected key=value\n  fix: --set folds=…\n",
        ),
        (
            "submit --job lesson08 --detach",
            "error: lesson08 has 2 steps that follow one another, so it cannot be left alone\n"
            "  steps: train, score\n"
            "  fix: name one: --job lesson08/score --detach\n",
        ),
        (
            "logs",
            "error: logs of what?\n"
            "  nodes: namenode, datanode1, resourcemanager, nodemanager1, kafka1, cassandra1, edge\n"
            "  fix: --node kafka1, or --app application_…\n",
        ),
        (
            "logs --app 0012",
            "error: '0012' is no application id\n  expected application_…_…\n  fix: invoke status lists them\n",
        ),
        (
            "provision --student studnt01",
            "error: no student named 'studnt01'\n  known: student01\n  fix: did you mean --student student01?\n",
        ),
        (
            "submit --job lesson08 --student all --at-once none",
            "error: --at-once none is no whole number above 0\n  fix: write a number, as in --at-once 2\n",
        ),
        (
            "check --student all --json --csv -",
            "error: --csv - and --json both want the standard output\n  fix: give --csv a file\n",
        ),
        (
            "reset --job lesson08 --limit ,",
            "error: --limit ',' names nobody\n  fix: --student all is everybody\n",
        ),
        (
            "prove --service kafak",
            "error: no service named 'kafak'\n"
            "  known: cassandra, hdfs, kafka, spark, yarn\n"
            "  fix: did you mean --service kafka?\n",
        ),
        (
            "shell",
            "error: a shell needs a terminal\n  standard input is none\n  fix: invoke shell --command '…'\n",
        ),
        (
            "test --only units",
            "error: no kind of test named 'units'\n  known: cluster, course, faults, jobs, larger, lessons, unit\n"
            "  fix: did you mean --only unit?\n",
        ),
    ],
)
def test_a_wrong_request_exits_2_with_an_error_in_three_parts(command: str, error: str) -> None:
    done = invoke(*command.split())
    expected = error.replace("KNOWN_JOBS", ", ".join(jobs.known_jobs()))
    assert (done.returncode, done.stdout, done.stderr) == (2, "", expected)


def test_lessons_are_listed() -> None:
    done = invoke("jobs")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("job ")


def test_every_task_is_listed_with_what_it_does() -> None:
    done = invoke("--list")
    assert done.returncode == 0
    assert re.search(r"\n  destroy +Take clusters away: exactly what carries the lab's label\.\n", done.stdout)


def test_pages_of_another_inventory_are_printed() -> None:
    done = invoke("links", "--inventory", "inventory/test.yml")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\nYARN ResourceManager          http://127.0.0.1:21188/\n" in done.stdout


def test_a_bundle_s_hash_is_the_one_a_submit_would_use(tmp_path: Path) -> None:
    done = invoke("bundle", "--job", "lesson08", "--to", f"{tmp_path}/l.zip")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{tmp_path}/l.zip  sha256 {bundle.job_bundle(JOBS / 'lesson08').sha256}\n"


def test_a_reader_that_goes_away_is_no_error() -> None:
    """As in `invoke jobs | head -1`."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([INVOKE, "jobs"], cwd=ROOT, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        (LabError("it broke"), 1, "error: it broke\n"),
        (WrongRequest("not so"), 2, "error: not so\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
    ],
)
def test_what_a_task_raises_decides_the_exit_status(
    raised: BaseException, code: int, said: str, capsys: pytest.CaptureFixture
) -> None:
    from invoke import Context, Exit

    @lab_task
    def failing(_: Context) -> None:
        """Fail."""
        raise raised

    with pytest.raises(Exit) as caught:
        failing(Context())
    assert (caught.value.code, capsys.readouterr().err) == (code, said)


def test_a_task_may_hand_on_an_exit_status() -> None:
    from invoke import Context, Exit

    @lab_task
    def remote(_: Context, code: int) -> int:
        """Return what a command in a node returned."""
        return code

    assert remote(Context(), 0) is None
    with pytest.raises(Exit) as caught:
        remote(Context(), 7)
    assert caught.value.code == 7
