"""On the edge node, a command of a service that the stack does not have says so, in the shell itself."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from jinja2 import Environment

from streamlab.errors import WrongRequest
from streamlab.paths import ANSIBLE, IMAGES
from streamlab.students import services
from streamlab.students.student import Student
from streamlab.students.topology import plan

TEMPLATE = ANSIBLE / "roles" / "edge" / "templates" / "profile.sh.j2"


@pytest.fixture
def shell(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """What a login shell of a student's edge node makes of a command."""

    def run(student: Student, command: str, program: str = "bash") -> subprocess.CompletedProcess[str]:
        environment = Environment(trim_blocks=True)
        environment.filters["quote"] = shlex.quote
        profile = tmp_path / "profile.sh"
        profile.write_text(environment.from_string(TEMPLATE.read_text()).render(stack=plan(student)), encoding="utf-8")
        argv = [program, "-c", f". {profile}\n{command}"]
        return subprocess.run(argv, capture_output=True, text=True, check=False, env={"PATH": "/usr/bin:/bin"})

    return run


@pytest.mark.parametrize(("command", "service"), [("flink list", "flink"), ("zkCli.sh ls /", "hbase")])
def test_a_command_of_a_service_that_is_not_there_says_what_is_missing(
    shell: Callable, student: Student, command: str, service: str
) -> None:
    done = shell(student, command)
    assert (done.returncode, done.stdout) == (127, "")
    assert done.stderr == (
        f"error: the command {command.split()[0]} needs {service}, which ada's stack does not have\n"
        "  it has hdfs, yarn, kafka, cassandra, spark\n"
        f"  fix: in the inventory, for the student or the class: services: [{service}]; then invoke provision\n"
    )


def test_what_is_asked_for_is_added_to_what_is_there(shell: Callable, student: Student) -> None:
    ada = replace(student, services=("flink",))
    assert "services: [flink, hbase]" in shell(ada, "hbase shell").stderr
    assert "error" not in shell(ada, "flink list").stderr


def test_any_other_mistyped_command_is_what_it_was(shell: Callable, student: Student) -> None:
    done = shell(student, "fliink list")
    assert (done.returncode, done.stderr) == (127, "bash: fliink: command not found\n")


def test_a_stack_with_all_of_them_has_nothing_to_say(shell: Callable, student: Student) -> None:
    done = shell(replace(student, services=tuple(services.OPTIONAL)), "declare -F; flink list")
    assert (done.returncode, done.stdout) == (127, "")
    assert "needs" not in done.stderr


def test_a_shell_that_asks_no_function_is_not_disturbed(shell: Callable, student: Student) -> None:
    done = shell(student, "echo goes on", program="sh")
    assert (done.returncode, done.stdout, done.stderr) == (0, "goes on\n", "")


def test_it_is_the_error_of_every_other_request(student: Student) -> None:
    with pytest.raises(WrongRequest) as caught:
        services.require_service(student, "flink", "the command flink")
    assert services.missing_commands(student)["flink"] == str(caught.value)


def test_the_commands_are_those_that_the_images_have() -> None:
    named = (IMAGES / "spark-flink" / "commands").read_text(encoding="utf-8").splitlines()
    assert services.OPTIONAL["flink"].commands == tuple(line.split()[0] for line in named if not line.startswith("#"))
    links = re.search(
        r"ln -s (.*) /usr/local/bin/", (IMAGES / "spark-hbase" / "Dockerfile").read_text(encoding="utf-8")
    )
    assert services.OPTIONAL["hbase"].commands == tuple(Path(one).name for one in links[1].split())
