"""`./lab` as a person types it: what is printed where, and the exit status. Nothing here needs Docker."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from docker.errors import APIError, DockerException
from invoke import Context, Exit
from requests.exceptions import ConnectTimeout

from streamlab.errors import LabError, WrongRequest
from streamlab.lessons import bundle, jobs
from streamlab.options import HELP
from streamlab.paths import JOBS, ROOT
from streamlab.tasks import lab_task, with_option
from tasks import namespace

TASKS = namespace.tasks
LAB = (sys.executable, "-m", "streamlab")


def run_lab(*args: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [*LAB, *args], cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False, timeout=60
    )


@pytest.mark.parametrize(
    ("command", "error"),
    [
        (
            "submit --jbo lesson08",
            "error: no option of submit named '--jbo'\n  known: --at-once, --cluster, --continuous, --detach, "
            "--driver-memory, --executor-memory, --executors, --inventory, --job, --limit, --preset, --set, --student\n"
            "  fix: did you mean --job?\n",
        ),
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
            "error: lesson08 has 2 steps that follow one another, so it cannot run detached\n"
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
            "error: '0012' is not an application id\n  expected application_…_…\n  fix: invoke status lists them\n",
        ),
        (
            "provision --student studnt01",
            "error: no student named 'studnt01'\n  known: student01\n  fix: did you mean --student student01?\n",
        ),
        (
            "submit --job lesson08 --student all --at-once none",
            "error: --at-once none is not a whole number above 0\n  fix: write a number, as in --at-once 2\n",
        ),
        (
            "check --student all --json --csv -",
            "error: --csv - and --json both write to standard output\n  fix: give --csv a file\n",
        ),
        (
            "reset --job lesson08 --limit ,",
            "error: --limit ',' names nobody\n  fix: --student all is everybody\n",
        ),
        (
            "prove --service kafak",
            "error: no service named 'kafak'\n"
            "  known: cassandra, flink, hbase, hdfs, kafka, spark, yarn\n"
            "  fix: did you mean --service kafka?\n",
        ),
        (
            "shell",
            "error: a shell needs a terminal\n  standard input is not a terminal\n  fix: invoke shell --command '…'\n",
        ),
        (
            "test --only units",
            "error: no kind of test named 'units'\n"
            "  known: cluster, course, diagnoses, exercises, faults, gateway, grading, jobs, larger, lessons, seat, "
            "services, static, unit\n"
            "  fix: did you mean --only unit?\n",
        ),
        ("put", "error: put what?\n  fix: invoke put FILE… --to PLACE\n"),
        ("get --to x", "error: get what?\n  fix: invoke get PATH… --to DIR\n"),
        (
            "put README.md nothing.csv --to data/",
            f"error: no such file: {ROOT}/nothing.csv\n  fix: look for its name in {ROOT}\n",
        ),
        (
            "get a b --too x",
            "error: no option of get named '--too'\n"
            "  known: --cluster, --force, --inventory, --limit, --path, --student, --to\n  fix: did you mean --to?\n",
        ),
        (
            "provison",
            f"error: no task named 'provison'\n  known: {', '.join(sorted(TASKS))}\n"
            "  fix: did you mean invoke provision?\n",
        ),
        (
            "provision --studnt ada",
            "error: no option of provision named '--studnt'\n"
            "  known: --check, --inventory, --limit, --overcommit, --student, --take-over, --verbose\n"
            "  fix: did you mean --student?\n",
        ),
        (
            "destroy ada",
            "error: destroy does not accept 'ada'\n"
            "  its options: --inventory, --student, --limit, --docker-host, --take-over, --yes\n"
            "  fix: invoke --help destroy explains each option\n",
        ),
        ("new", "error: new needs --job and --like\n  fix: invoke --help new explains each option\n"),
        (
            "import --inventory inventory/test.yml",
            "error: import needs --from\n  fix: invoke --help import explains each option\n",
        ),
        (
            "logs --lines",
            "error: Flag --lines needed value and was not given one!\n  fix: invoke --help logs explains each option\n",
        ),
        (
            "prove --seconds soon",
            "error: 'soon' is not a whole number\n  typed: prove --seconds soon\n"
            "  fix: give a number to the option before it\n",
        ),
    ],
)
def test_a_wrong_request_exits_2_with_an_error_in_three_parts(command: str, error: str) -> None:
    done = run_lab(*command.split())
    expected = error.replace("KNOWN_JOBS", ", ".join(jobs.known_jobs()))
    assert (done.returncode, done.stdout, done.stderr) == (2, "", expected)


@pytest.mark.parametrize(
    ("words", "last", "made"),
    [
        ("a", "", "--file a"),
        ("a b --to c", "", "--file a --file b --to c"),
        ("--to c a", "", "--to c --file a"),
        ("--to=c a", "", "--to=c --file a"),
        ("-t c a --force b", "", "-t c --file a --force --file b"),
        ("--file a b", "", "--file a --file b"),
        ("put status", "", "--file put --file status"),
        ("a --to", "", "--file a --to"),
        ("--to --to a", "", "--to --to a"),
        ("-", "", "--file -"),
        ("", "-x --to", "--file ./-x --file ./--to"),
        ("a", "b", "--file a --file b"),
    ],
)
def test_a_word_without_an_option_is_given_one(words: str, last: str, made: str) -> None:
    assert with_option("--file", words.split(), last.split(), ["--to", "-t", "--file"]) == made.split()


@pytest.mark.parametrize("program", [("-m", "streamlab"), ("-m", "invoke")])
def test_any_number_of_files_is_named(program: tuple[str, str]) -> None:
    """By `invoke` too, which has no such thing: the last of them is the one that is not there."""
    typed = [sys.executable, *program, "put", "README.md", "--to", "x", "lab", "--force", "--", "-x", "a b"]
    done = subprocess.run(typed, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, f"error: no such file: {ROOT}/-x")


@pytest.mark.parametrize(
    ("command", "error"),
    [
        ("put x", "error: no such file: {here}/x"),
        ("submit --job mine", "error: mine is not a job"),
        ("new --job mine --like lesson01 --to .", "error: {here}/mine already exists"),
        ("import --from mine", "error: {here}/mine is not an export"),
        ("fetch-output --job lesson01 --to mine", "error: {here}/mine already exists"),
        ("status --inventory class.yml", "error: class.yml is not an inventory"),
    ],
)
def test_a_file_is_meant_from_where_lab_is_typed(tmp_path: Path, command: str, error: str) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "class.yml").write_text("[]")
    (tmp_path / "invoke.py").write_text("raise SystemExit('a module of the folder in which ./lab is typed')")
    done = subprocess.run([ROOT / "lab", *command.split()], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, error.format(here=tmp_path))


def test_lessons_are_listed() -> None:
    done = run_lab("jobs")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("job ")


def test_every_task_is_listed_with_what_it_does() -> None:
    done = run_lab("--list")
    assert done.returncode == 0
    assert re.search(r"\n  destroy +Remove clusters: exactly what carries the lab's label\.\n", done.stdout)


@pytest.mark.parametrize("asked", ["submit --help", "submit -h", "--help submit"])
def test_a_task_s_help_tells_what_each_option_is(asked: str) -> None:
    done = run_lab(*asked.split())
    assert (done.returncode, done.stderr) == (0, "")
    told = " ".join(done.stdout.split())
    assert "Run a lesson (lesson08), one step (lesson08/train) or a folder on YARN." in told
    assert f"-e, --set {HELP['set']} " in told


def test_no_option_s_help_is_of_an_option_that_is_gone() -> None:
    """That each has one, `lab_task` sees to."""
    tasks = {task.body.__name__: {argument.name for argument in task.get_arguments()} for task in TASKS.values()}
    assert set().union(*tasks.values()) >= {name for name in HELP if "." not in name}
    for task, option in (name.split(".") for name in HELP if "." in name):
        assert option in tasks[task]


def test_pages_of_another_inventory_are_printed() -> None:
    done = run_lab("links", "--inventory", "inventory/test.yml")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\nYARN ResourceManager          http://127.0.0.1:21188/\n" in done.stdout


def test_a_bundle_s_hash_is_the_one_a_submit_would_use(tmp_path: Path) -> None:
    done = run_lab("bundle", "--job", "lesson08", "--to", f"{tmp_path}/l.zip")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{tmp_path}/l.zip  sha256 {bundle.job_bundle(JOBS / 'lesson08').sha256}\n"


@pytest.mark.parametrize("asked", ["jobs", "--list", "--help"])
def test_a_reader_that_goes_away_is_no_error(asked: str) -> None:
    """As in `invoke jobs | head -1`."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([*LAB, asked], cwd=ROOT, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
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
    def remote(_: Context, lines: int) -> int:
        """Return what a command in a node returned."""
        return lines

    assert remote(Context(), 0) is None
    with pytest.raises(Exit) as caught:
        remote(Context(), 7)
    assert caught.value.code == 7


@pytest.mark.parametrize("program", ["streamlab", "invoke"])
@pytest.mark.parametrize("caller", ["LC_ALL=C", "LC_ALL=xx_XX.UTF-8", "PYTHONIOENCODING=ascii"])
def test_names_in_any_script_are_printed_wherever_the_caller_is(tmp_path: Path, program: str, caller: str) -> None:
    source = tmp_path / "Список.csv"
    source.write_text("name;Группа\nПроба Первая;1\n", encoding="utf-8")
    shared = ROOT / "inventory" / "group_vars"
    (tmp_path / "group_vars").symlink_to(shared, target_is_directory=True)
    without = {name: value for name, value in os.environ.items() if not name.startswith(("LANG", "LC_"))}
    command = [sys.executable, "-m", program, "roster", "--from", str(source), "--to", str(tmp_path / "class.yml")]
    done = subprocess.run(
        command, cwd=ROOT, env={**without, **dict([caller.split("=")])}, capture_output=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, b"")
    group = "Группа".encode("ascii", "backslashreplace") if "ascii" in caller else "Группа".encode()
    assert b"\n  not used: " + group + b"\n  new: probapervaya\n" in done.stdout


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (APIError("500 Server Error", explanation="no space left on device"), "no space left on device"),
        (DockerException("the engine went away"), "the engine went away"),
        (ConnectTimeout("timed out"), "timed out"),
    ],
)
def test_what_an_engine_refuses_is_no_traceback(error: Exception, said: str, capsys: pytest.CaptureFixture) -> None:
    @lab_task
    def links(_: object, job: str) -> None:
        """Fail."""
        raise error

    with pytest.raises(Exit) as caught:
        links(Context(), "lesson01")
    assert caught.value.code == 1
    assert capsys.readouterr().err.splitlines()[:2] == [
        "error: the Docker Engine did not do what it was asked", f"  {said}",
    ]  # fmt: skip


def test_a_mistake_of_ours_is_a_traceback() -> None:
    @lab_task
    def links(_: object, job: str) -> None:
        """Fail."""
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        links(Context(), "lesson01")
