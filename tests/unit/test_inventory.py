"""An inventory file as the lab reads it, with Ansible's own code."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from streamlab.errors import WrongRequest
from streamlab.paths import ROOT
from streamlab.students import columns, inventory, roster
from streamlab.students.docker_hosts import by_docker_host
from streamlab.students.student import Student
from streamlab.yamlfile import check_yaml

EXAMPLE = ROOT / "inventory" / "class.example.yml"

ONE = """\
all:
  vars: {lab_class: spring}
  children:
    students:
      hosts:
        ada: {port_base: 21000, subnet: 10.89.7.0/27}
"""
TWO = f"{ONE}        bob: {{port_base: 22000, subnet: 10.89.8.0/27}}\n"


@pytest.mark.parametrize("file", sorted((ROOT / "inventory").glob("*.yml")), ids=lambda file: file.name)
def test_every_inventory_of_the_lab_can_be_provisioned(file: Path) -> None:
    assert inventory.load(file).students


def test_the_example_of_a_class_says_what_its_comments_say() -> None:
    students = {student.name: student for student in inventory.load(EXAMPLE).students}
    assert list(students) == ["ada", "bob", "carl", "dora", "eve", "finn"]
    hosts = {host: [one.name for one in group] for host, group in by_docker_host([*students.values()])}
    assert hosts == {
        "unix:///var/run/docker.sock": ["ada", "bob", "carl"],
        "ssh://teacher@lab2.example": ["dora", "eve", "finn"],
    }
    assert {name for name, one in students.items() if one.yarn_memory_mb == 8192} == {"carl", "finn"}
    assert {one.yarn_memory_mb for name, one in students.items() if name not in ("carl", "finn")} == {4096}
    assert students["ada"].prefix == "spring-ada"
    assert students["ada"].port_base == students["dora"].port_base  # two hosts


def test_a_roster_makes_an_inventory_of_the_example_s_shape(class_file: Callable, tmp_path: Path) -> None:
    class_file("")  # brings group_vars
    source, to = tmp_path / "students.csv", tmp_path / "made.yml"
    source.write_text("name,size,docker_host\nAda,small,ssh://teacher@lab2.example\n")
    roster.make(str(source), str(to), "spring")
    made, shown = check_yaml(to)["all"], check_yaml(EXAMPLE)["all"]
    assert made["vars"]["lab_class"] == shown["vars"]["lab_class"]
    assert made["children"]["docker_hosts"] == shown["children"]["docker_hosts"]
    ada = made["children"]["students"]["hosts"]["ada"]
    assert shown["children"]["students"]["hosts"]["ada"].items() <= ada.items()
    groups = [group["vars"] for name, group in shown["children"].items() if name not in ("docker_hosts", "students")]
    assert {key for variables in groups for key in variables} == set(columns.OWN) - {
        "name",
        "login",
        "id_number",
        "email",
        "username",
    }


def test_without_a_name_the_local_inventory_is_loaded() -> None:
    (student,) = inventory.load().students
    assert (student.prefix, student.docker_host) == ("local-student01", "unix:///var/run/docker.sock")
    assert (student.yarn_memory_mb, student.yarn_vcores) == (4096, 8)


def test_a_student_has_its_own_variables_and_those_of_group_vars(class_file: Callable) -> None:
    ada, bob = inventory.load(class_file(TWO)).students
    assert (ada.name, ada.port_base, ada.subnet) == ("ada", 21000, "10.89.7.0/27")
    assert (bob.name, bob.port_base, bob.subnet) == ("bob", 22000, "10.89.8.0/27")
    assert ada.lab_class == bob.lab_class == "spring"
    assert ada.node_memory_mb["cassandra"] == 768


def test_a_group_s_variables_in_the_inventory_win_over_group_vars(class_file: Callable, tmp_path: Path) -> None:
    """By Ansible's own rule they would lose to group_vars/all.yml. In a process of its own: the rule is read once."""
    sizes = "sizes: {small: {nodes: {kafka: 1}, yarn_memory_mb: 5000, yarn_vcores: 1}}"
    file = class_file(ONE.replace("students:\n", "students:\n      vars: {yarn: 1, node_memory_mb: {kafka: 999}}\n")
                      .replace("spring}", f"spring, {sizes}}}"))  # fmt: skip
    program = (
        "import sys, pathlib; from streamlab.students import inventory; inventory.STATE = pathlib.Path(sys.argv[2])\n"
        "found = inventory._ask_ansible(pathlib.Path(sys.argv[1]))['ada']\n"
        "print(found['sizes']['small']['yarn_memory_mb'], found['node_memory_mb'], found['port_base'])"
    )
    command = [sys.executable, "-c", program, str(file), str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "5000 {'kafka': 999} 21000\n"


def test_a_changed_variable_is_seen_at_once(class_file: Callable, tmp_path: Path) -> None:
    file = class_file(ONE)
    assert inventory.load(file).student().yarn_memory_mb == 4096
    shared = tmp_path / "group_vars" / "all.yml"
    shared.write_text(shared.read_text().replace("yarn_memory_mb: 4096", "yarn_memory_mb: 5120"))
    assert inventory.load(file).student().yarn_memory_mb == 5120


def test_every_file_that_ansible_would_read_counts(class_file: Callable, tree: Callable) -> None:
    file = class_file(ONE)
    read = ["host_vars/ada", "host_vars/bob.yaml", "group_vars/students/more.json"]
    tree(dict.fromkeys([*read, "host_vars/.swap", "group_vars/notes.txt"], ""))
    found = [path.relative_to(file.parent).as_posix() for path in inventory._files_of(file)]
    assert sorted(found) == sorted(["class.yml", "group_vars/all.yml", *read])


def test_ansible_is_asked_once_for_one_content(class_file: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    file = class_file(ONE)
    first = inventory.load(file)
    monkeypatch.setattr(inventory, "_ask_ansible", lambda source: pytest.fail("asked again"))
    assert inventory.load(file) == first


def test_answers_that_nobody_wanted_for_a_month_are_forgotten(class_file: Callable, tmp_path: Path) -> None:
    inventory.load(file := class_file(ONE))
    (kept,) = (tmp_path / "state" / "inventory").iterdir()
    old = kept.with_name("old.json")
    old.write_text("{}")
    for one in (kept, old):
        os.utime(one, (0, 0))
    inventory.load(file)
    assert time.time() - kept.stat().st_mtime < 60
    inventory.load(class_file(TWO))
    assert kept.exists()
    assert not old.exists()


def test_one_file_by_two_names_is_one_answer(class_file: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    file = class_file(ONE)
    inventory.load(file)
    monkeypatch.chdir(file.parent)
    monkeypatch.setattr(inventory, "_ask_ansible", lambda source: pytest.fail("asked again"))
    assert inventory.load(file.name).student().name == "ada"


def test_a_student_is_found_by_name_and_the_nearest_is_offered(class_file: Callable, error_of: Callable) -> None:
    lab = inventory.load(class_file(TWO))
    assert lab.student("bob").port_base == 22000
    assert error_of(lab.student, "boob") == (
        "error: no student named 'boob'\n"
        "  known: ada, bob\n"
        "  fix: did you mean --student bob?"
    )  # fmt: skip


def test_of_several_students_one_must_be_named(class_file: Callable, error_of: Callable) -> None:
    assert error_of(inventory.load(class_file(TWO)).student) == (
        "error: class.yml has 2 students, and none was named\n"
        "  known: ada, bob\n"
        "  fix: add --student ada"
    )  # fmt: skip


def test_students_are_chosen_by_name_by_wildcard_or_all(student: Student) -> None:
    lab = inventory.Lab(Path("class.yml"), tuple(replace(student, name=name) for name in ("ada", "bob", "bea")))

    def names(**wanted: str) -> list[str]:
        return [one.name for one in lab.chosen(**wanted)]

    assert names() == ["ada", "bob", "bea"]
    assert names(name="bob") == ["bob"]
    assert names(name="all") == ["ada", "bob", "bea"]
    assert names(limit="bea, a*") == ["ada", "bea"]
    wrong = [{"limit": "c*"}, {"limit": "ada,bbo"}, {"name": "ada", "limit": "b*"}, {"limit": " ,"}, {"name": ""}]
    for wanted in wrong:
        with pytest.raises(WrongRequest):
            lab.chosen(**wanted)


def test_what_is_for_one_student_is_for_several_only_when_they_are_named(student: Student) -> None:
    ada, bob = students = (student, replace(student, name="bob"))
    lab = inventory.Lab(Path("class.yml"), students)
    assert lab.explicitly_chosen("all") == lab.explicitly_chosen(None, "*") == students
    assert (lab.explicitly_chosen("bob"), lab.explicitly_chosen(None, "a*")) == ((bob,), (ada,))
    assert inventory.Lab(Path("one.yml"), (ada,)).explicitly_chosen() == (ada,)
    for wanted in ((), ("", None), (None, "")):
        with pytest.raises(WrongRequest):
            lab.explicitly_chosen(*wanted)


GRADERS = """
all:
  vars: {lab_class: spring, gateway: {domain: lab.example.org}}
  children:
    students:
      hosts:
        ada: {port_base: 21000, subnet: 10.89.7.0/27}
        grader01: {port_base: 22000, subnet: 10.89.8.0/27, grading: true}
"""


def test_a_stack_for_grading_is_nobody_s_and_found_by_its_name_alone(class_file: Callable, error_of: Callable) -> None:
    lab = inventory.load(class_file(GRADERS))
    assert [one.name for one in lab.chosen()] == ["ada"]
    assert [one.name for one in lab.chosen("all")] == ["ada"]
    assert lab.student().name == "ada"
    assert lab.student("grader01").grading
    assert lab.students[0].gateway
    assert lab.student("grader01").gateway is None
    text = GRADERS.replace("grading: true", "grading: often")
    assert 'grading is "often" in class.yml; expected true or false' in error_of(inventory.load, class_file(text))
    only = GRADERS.replace("ada: {", "ada: {grading: true, ")
    assert "has no student" in error_of(inventory.load, class_file(only))
    same = GRADERS.replace("10.89.8.0/27", "10.89.7.0/27")
    assert "overlaps" in error_of(inventory.load, class_file(same))
