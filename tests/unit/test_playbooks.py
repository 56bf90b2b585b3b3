"""Playbooks: the command, what is heard of it, and what people read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from streamlab.paths import ANSIBLE, ROOT
from streamlab.stacks import playbooks
from streamlab.students import inventory
from streamlab.students.inventory import Lab

LAB = Lab(Path("/lab/class.yml"), ())


def event(host: str, stage: str, changed: str = "", details: str = "", **more: str) -> dict:
    """An event as the callback writes it; names that changed by spaces, details by bars."""
    listed = {"changed": changed.split(), "details": details.split("|") if details else []}
    return {"host": host, "stage": stage, "seconds": 1.2, **listed, **more}


def test_the_command_names_the_inventory_and_the_students() -> None:
    program = str(Path(sys.executable).with_name("ansible-playbook"))
    plain = [program, "-i", "/lab/class.yml", str(ANSIBLE / "provision.yml")]
    assert playbooks.argv("provision.yml", LAB.path) == plain
    assert playbooks.argv("provision.yml", LAB.path, check=True) == [*plain, "--check", "--diff"]
    limited = playbooks.argv("provision.yml", LAB.path, limit=["ada", "bob"], at_once=2, verbose=True)
    assert limited == [*plain, "--forks", "2", "--limit", "ada,bob", "-v"]
    assert Path(program).is_file()


def test_ansible_is_given_our_settings_and_events_unless_its_own_output_is_wanted() -> None:
    made = playbooks.environment({"HOME": "/root", "PYTHONPATH": "/elsewhere", "LC_ALL": "C", "LANGUAGE": "de"})
    assert made == {
        "HOME": "/root",
        "ANSIBLE_CONFIG": str(ANSIBLE / "ansible.cfg"),
        "PYTHONPATH": str(ROOT),
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        "ANSIBLE_STDOUT_CALLBACK": "streamlab_events",
        "LC_ALL": "C.UTF-8",
    }
    assert "ANSIBLE_STDOUT_CALLBACK" not in playbooks.environment({}, verbose=True)


@pytest.mark.parametrize(
    "caller",
    ["LC_ALL=xx_XX.UTF-8", "LC_ALL=C", "LC_ALL=POSIX", "LANG=xx_XX.UTF-8", "LC_TIME=xx_XX.UTF-8", "LC_CTYPE=UTF-8"],
)
def test_ansible_starts_in_any_locale_that_its_caller_may_have(caller: str) -> None:
    without = {name: value for name, value in os.environ.items() if not name.startswith(("LANG", "LC_"))}
    env = playbooks.environment({**without, **dict([caller.split("=")])})
    command = [playbooks.argv("provision.yml", inventory.DEFAULT)[0], "--version"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("told", "line"),
    [
        (event("student01", "hdfs", "namenode datanode1"),
         "student01     hdfs        changed: namenode, datanode1  (1.2 s)"),
        (event("student01", "yarn"), "student01     yarn        unchanged  (1.2 s)"),
        (event("student01", "proof", details="hdfs: put a file"), "student01     proof       proved  (1.2 s)"),
        (event("student01", "kafka", "kafka1", failed="no image"), "student01     kafka       FAILED  (1.2 s)"),
        (event("this_machine", "docker_engine"), "this_machine  docker_engine unchanged  (1.2 s)"),
        (event("averylongname01", "edge"), "averylongname01 edge        unchanged  (1.2 s)"),
    ],
)  # fmt: skip
def test_an_event_is_one_line(told: dict, line: str) -> None:
    assert playbooks.describe(told) == line


@pytest.fixture
def play(tree: Callable, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], playbooks.Summary]:
    """Play a program that prints what Ansible would."""

    def run(program: str) -> playbooks.Summary:
        file = tree({"ansible.py": program}) / "ansible.py"
        monkeypatch.setattr(playbooks, "argv", lambda *args, **kwargs: [sys.executable, str(file)])
        return playbooks.play("provision.yml", LAB)

    return run


def say(*told: dict) -> str:
    return "".join(f"import json; print(json.dumps({one!r}), flush=True)\n" for one in told)


def test_what_changed_is_counted_and_details_are_shown(play: Callable, capsys: pytest.CaptureFixture) -> None:
    told = [event("ada", "hdfs", "namenode datanode1"), event("ada", "proof", details="hdfs: ok (0.1 s)|yarn: ok")]
    assert play(say(*told)).changed == 2
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  (")[0] for line in lines[:2]] == [
        "ada           hdfs        changed: namenode, datanode1",
        "ada           proof       proved",
    ]
    assert lines[2:] == [f"{'':26}hdfs: ok (0.1 s)", f"{'':26}yarn: ok"]


def test_every_host_that_failed_is_named_with_its_cause(play: Callable, error_of: Callable) -> None:
    told = [
        event("bob", "kafka", failed="no image\nrun invoke images"),
        event("ada", "edge"),
        event("carl", "hdfs", failed="no space"),
    ]
    assert error_of(play, say(*told) + "raise SystemExit(2)\n") == (
        "error: provision.yml failed for bob, carl\n"
        "  bob: no image\n"
        "  bob: run invoke images\n"
        "  carl: no space\n"
        "  fix: fix the cause and run the same command again: it continues from there"
    )


def test_a_failure_without_an_event_is_told_in_ansible_s_last_words(play: Callable, error_of: Callable) -> None:
    program = "import sys\nprint('PLAY [all]')\nprint('\\nERROR! no such role', file=sys.stderr)\nsys.exit(4)\n"
    assert error_of(play, program) == (
        "error: ansible-playbook provision.yml ended with status 4\n"
        "  PLAY [all]\n"
        "  ERROR! no such role\n"
        "  fix: add --verbose to see Ansible's own output"
    )


def test_many_warnings_stop_nothing(play: Callable) -> None:
    warnings = "import sys\nsys.stderr.write('[WARNING]: again and again\\n' * 20000)\n"
    assert play(warnings + say(event("ada", "hdfs", "namenode"))).changed == 1


@pytest.mark.parametrize("ignored", ["SIGINT", "SIGINT SIGTERM"])
def test_a_playbook_that_does_not_hear_ctrl_c_is_ended(
    play: Callable, monkeypatch: pytest.MonkeyPatch, ignored: str
) -> None:
    told: list[int] = []

    def interrupted(lines: Iterable[str], summary: playbooks.Summary) -> list[str]:
        told.append(int(next(iter(lines))))
        raise KeyboardInterrupt

    monkeypatch.setattr(playbooks, "_listen", interrupted)
    monkeypatch.setattr(playbooks, "GRACE_SECONDS", 0.2)
    ignoring = "".join(f"signal.signal(signal.{name}, signal.SIG_IGN)\n" for name in ignored.split())
    with pytest.raises(KeyboardInterrupt):
        play(f"import os, signal, time\n{ignoring}print(os.getpid(), flush=True)\ntime.sleep(60)\n")
    with pytest.raises(ProcessLookupError):
        os.kill(told[0], 0)


def test_a_playbook_that_is_started_by_hand_says_what_to_start(class_file: Callable) -> None:
    ada = "{ada: {port_base: 21000, subnet: 10.89.7.0/27}}"
    file = class_file(f"all: {{vars: {{lab_class: spring}}, children: {{students: {{hosts: {ada}}}}}}}")
    env = playbooks.environment(os.environ)
    done = subprocess.run(playbooks.argv("provision.yml", file), env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert json.loads(done.stdout)["failed"].startswith("error: class.yml is not the file that the lab read\n")
