"""What `doctor` and `prove` say of what is not well."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from streamlab import doctor
from streamlab.doctor import Finding
from streamlab.engines.disk import Usage
from streamlab.errors import LabError
from streamlab.stacks import prove
from streamlab.stacks.prove import Proven
from streamlab.students.inventory import Lab
from streamlab.students.student import Student


def test_a_proof_that_failed_names_the_node_it_speaks_of(student: Student) -> None:
    assert str(prove.failure(student, Proven("yarn", False, 0.0, "node nodemanager1 is exited"))) == (
        "error: ada: yarn does not answer correctly\n"
        "  node nodemanager1 is exited\n"
        "  fix: invoke logs --node nodemanager1 says why; invoke provision starts what is not running"
    )
    assert "--node kafka1 says" in prove.failure(student, Proven("kafka", False, 9.0, "no answer in time")).fix


def test_every_finding_is_told_and_a_bad_one_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, error_of: Callable
) -> None:
    monkeypatch.setattr(
        doctor, "examine", lambda lab: [Finding("Python 3.11.2"), Finding("no stack", "invoke provision")]
    )
    assert error_of(doctor.report, Lab(Path("a.yml"), ())) == (
        "error: 1 of 2 checks found a problem\n  they are marked PROBLEM above\n  fix: invoke provision"
    )
    assert capsys.readouterr().out == "ok       Python 3.11.2\nPROBLEM  no stack\n         fix: invoke provision\n"


def test_a_problem_without_a_known_fix_is_a_problem(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, student: Student
) -> None:
    @contextmanager
    def refuse(docker_host: str) -> Iterator[None]:
        raise LabError("the engine speaks in riddles", evidence="42")
        yield

    monkeypatch.setattr(doctor.engine, "connect", refuse)
    lab = Lab(Path("a.yml"), (student,))
    *_, last = doctor.examine(lab)
    monkeypatch.setattr(doctor, "examine", lambda lab: [last])
    with pytest.raises(LabError, match="1 of 1 checks found a problem"):
        doctor.report(lab)
    assert capsys.readouterr().out == "PROBLEM  the engine speaks in riddles; 42\n"


def test_each_stack_that_uses_too_much_disk_is_a_problem_with_its_fix(student: Student) -> None:
    usages = [
        Usage(replace(student, name=name, disk_mb=10), {"edge": mb << 20})
        for name, mb in (("ada", 12), ("bob", 11), ("eve", 9))
    ]
    ada, bob = doctor._disk(usages)
    assert (ada.what, bob.what) == (
        "ada: 12 of 10 MB of disk, too much (edge 12)", "bob: 11 of 10 MB of disk, too much (edge 11)",
    )  # fmt: skip
    assert "raise ada's disk_mb" in ada.fix
    assert "`invoke suspend --student ada --force`" in ada.fix
    assert list(doctor._disk(usages[2:])) == [Finding("eve: 9 of 10 MB of disk (edge 9)")]


def test_without_an_engine_the_doctor_still_tells_the_rest(student: Student, tmp_path: Path) -> None:
    lab = Lab(Path("a.yml"), (replace(student, docker_host=f"unix://{tmp_path}/none.sock"),))
    *_, last = doctor.examine(lab)
    assert last.what.startswith("no Docker Engine answers at unix:///")
    assert last.fix == "start that engine, or correct docker_host in the inventory"


def test_what_the_kernel_lacks_is_a_finding(student: Student, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    low = LabError("kernel.pid_max is 1", fix="sudo sysctl")
    monkeypatch.setattr(doctor.preflight, "kernel_problems", lambda students: [low] * len(students))
    lab = Lab(Path("a.yml"), (replace(student, docker_host=f"unix://{tmp_path}/none.sock"),))
    assert Finding("kernel.pid_max is 1", "sudo sysctl") in list(doctor.examine(lab))
