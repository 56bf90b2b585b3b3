"""An inventory file as the lab reads it, with Ansible's own code."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from streamlab import inventory
from streamlab.paths import ROOT

ONE = """\
all:
  vars: {lab_class: spring}
  children:
    students:
      hosts:
        ada: {port_base: 21000, subnet: 10.89.7.0/27}
"""
TWO = f"{ONE}        bob: {{port_base: 22000, subnet: 10.89.8.0/27}}\n"


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inventory, "STATE", tmp_path / "state")


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    """Write an inventory beside a copy of the lab's own group_vars."""
    shutil.copytree(ROOT / "inventory" / "group_vars", tmp_path / "group_vars")

    def at(text: str) -> Path:
        file = tmp_path / "class.yml"
        file.write_text(text, encoding="utf-8")
        return file

    return at


@pytest.mark.parametrize("file", sorted((ROOT / "inventory").glob("*.yml")), ids=lambda file: file.name)
def test_every_inventory_of_the_lab_can_be_provisioned(file: Path) -> None:
    assert inventory.load(file).students


def test_without_a_name_the_local_inventory_is_loaded() -> None:
    (student,) = inventory.load().students
    assert (student.prefix, student.docker_host) == ("local-student01", "unix:///var/run/docker.sock")
    assert (student.yarn_memory_mb, student.yarn_vcores) == (4096, 8)


def test_a_student_has_its_own_variables_and_those_of_group_vars(write: Callable) -> None:
    ada, bob = inventory.load(write(TWO)).students
    assert (ada.name, ada.port_base, ada.subnet) == ("ada", 21000, "10.89.7.0/27")
    assert (bob.name, bob.port_base, bob.subnet) == ("bob", 22000, "10.89.8.0/27")
    assert ada.lab_class == bob.lab_class == "spring"
    assert ada.node_memory_mb["cassandra"] == 768


def test_a_changed_variable_is_seen_at_once(write: Callable, tmp_path: Path) -> None:
    file = write(ONE)
    assert inventory.load(file).student().yarn_memory_mb == 4096
    shared = tmp_path / "group_vars" / "all.yml"
    shared.write_text(shared.read_text().replace("yarn_memory_mb: 4096", "yarn_memory_mb: 5120"))
    assert inventory.load(file).student().yarn_memory_mb == 5120


def test_every_file_that_ansible_would_read_counts(write: Callable, tree: Callable) -> None:
    file = write(ONE)
    read = ["host_vars/ada", "host_vars/bob.yaml", "group_vars/students/more.json"]
    tree(dict.fromkeys([*read, "host_vars/.swap", "group_vars/notes.txt"], ""))
    found = [path.relative_to(file.parent).as_posix() for path in inventory._files_of(file)]
    assert sorted(found) == sorted(["class.yml", "group_vars/all.yml", *read])


def test_ansible_is_asked_once_for_one_content(write: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(ONE)
    first = inventory.load(file)
    monkeypatch.setattr(inventory, "_ask_ansible", lambda source: pytest.fail("asked again"))
    assert inventory.load(file) == first


def test_one_file_by_two_names_is_one_answer(write: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(ONE)
    inventory.load(file)
    monkeypatch.chdir(file.parent)
    monkeypatch.setattr(inventory, "_ask_ansible", lambda source: pytest.fail("asked again"))
    assert inventory.load(file.name).student().name == "ada"


def test_a_student_is_found_by_name_and_the_nearest_is_offered(write: Callable, error_of: Callable) -> None:
    lab = inventory.load(write(TWO))
    assert lab.student("bob").port_base == 22000
    assert error_of(lab.student, "boob") == (
        "error: no student named 'boob'\n"
        "  known: ada, bob\n"
        "  fix: did you mean --student bob?"
    )  # fmt: skip


def test_of_several_students_one_must_be_named(write: Callable, error_of: Callable) -> None:
    assert error_of(inventory.load(write(TWO)).student) == (
        "error: class.yml has 2 students, and none was named\n"
        "  known: ada, bob\n"
        "  fix: add --student ada"
    )  # fmt: skip


def test_a_missing_file_is_answered_with_those_there_are(error_of: Callable) -> None:
    text = error_of(inventory.load, "inventory/clas.yml")
    assert text.startswith("error: no inventory file inventory/clas.yml\n  known: inventory/")
    assert "inventory/local.yml" in text
    assert text.endswith("\n  fix: name one of these")


def test_malformed_yaml_is_named_by_file_and_line(write: Callable, error_of: Callable) -> None:
    file = write("all:\n  children:\n    students:\n      hosts: [ada\n  vars: {}\n")
    assert error_of(inventory.load, file) == (
        "error: class.yml is not valid YAML\n"
        f"  {file}:5: expected ',' or ']', but got ':'\n"
        "    vars: {}\n"
        "  fix: correct line 5"
    )


def test_malformed_yaml_in_group_vars_is_named_as_well(write: Callable, tmp_path: Path, error_of: Callable) -> None:
    file, more = write(ONE), tmp_path / "group_vars" / "students.yml"
    more.write_text("size: small\n\tcolour: red\n")
    assert error_of(inventory.load, file).startswith(
        f"error: students.yml is not valid YAML\n  {more}:2: found character '\\t' that cannot start any token\n"
    )


def test_a_file_in_another_encoding_is_refused(write: Callable, error_of: Callable) -> None:
    file = write(ONE)
    file.write_bytes("# José\n".encode("latin-1"))
    assert error_of(inventory.load, file) == (
        f"error: class.yml is not text in UTF-8\n  {file}: invalid continuation byte\n  fix: save it as UTF-8"
    )


def test_no_student_at_all_is_refused(write: Callable, error_of: Callable) -> None:
    assert error_of(inventory.load, write("all: {children: {docker_hosts: {}}}\n")) == (
        "error: class.yml has no student\n  fix: add a host to the group `students`"
    )


def test_a_variable_that_is_missing_is_named(write: Callable, error_of: Callable) -> None:
    assert error_of(inventory.load, write(ONE.replace("port_base: 21000, ", ""))) == (
        "error: ada in class.yml lacks port_base\n"
        "  set: docker_host, lab_class, node_memory_mb, pages, size, sizes, subnet\n"
        "  fix: give ada port_base, or set it for the group in group_vars"
    )


def test_an_unknown_size_is_answered_with_the_nearest(write: Callable, error_of: Callable) -> None:
    text = error_of(inventory.load, write(ONE.replace("port_base", "size: smal, port_base")))
    assert text.startswith("error: no size named 'smal'\n  known: ")
    assert text.endswith("\n  fix: did you mean size: small?")


def test_impossible_students_are_refused_together(write: Callable, error_of: Callable) -> None:
    file = write(TWO.replace("22000", "21000").replace("10.89.8.0/27", "10.89.7.16/28"))
    assert error_of(inventory.load, file) == (
        "error: class.yml cannot be provisioned\n"
        "  bob's namenode and ada's namenode both publish port 21070: set another port_base\n"
        "  bob's resourcemanager and ada's resourcemanager both publish port 21088: set another port_base\n"
        "  bob's nodemanager1 and ada's nodemanager1 both publish port 21042: set another port_base\n"
        "  bob's edge and ada's edge both publish port 21040: set another port_base\n"
        "  bob: subnet 10.89.7.16/28 overlaps ada's 10.89.7.0/27\n"
        "  fix: edit class.yml and try again"
    )
