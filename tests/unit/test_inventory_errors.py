"""An inventory that cannot be used is refused, with what is wrong in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from streamlab.students import inventory

ONE = """\
all:
  vars: {lab_class: spring}
  children:
    students:
      hosts:
        ada: {port_base: 21000, subnet: 10.89.7.0/27}
"""
TWO = f"{ONE}        bob: {{port_base: 22000, subnet: 10.89.8.0/27}}\n"


def test_a_missing_file_is_answered_with_those_there_are(error_of: Callable) -> None:
    text = error_of(inventory.load, "inventory/clas.yml")
    assert text.startswith("error: no inventory file inventory/clas.yml\n  known: inventory/")
    assert "inventory/local.yml" in text
    assert text.endswith("\n  fix: name one of these")


def test_malformed_yaml_is_named_by_file_and_line(class_file: Callable, error_of: Callable) -> None:
    file = class_file("all:\n  children:\n    students:\n      hosts: [ada\n  vars: {}\n")
    assert error_of(inventory.load, file) == (
        "error: class.yml is not valid YAML\n"
        f"  {file}:5: expected ',' or ']', but got ':'\n"
        "    vars: {}\n"
        "  fix: correct line 5"
    )


def test_malformed_yaml_in_group_vars_is_named_as_well(
    class_file: Callable, tmp_path: Path, error_of: Callable
) -> None:
    file, more = class_file(ONE), tmp_path / "group_vars" / "students.yml"
    more.write_text("size: small\n\tcolour: red\n")
    assert error_of(inventory.load, file).startswith(
        f"error: students.yml is not valid YAML\n  {more}:2: found character '\\t' that cannot start any token\n"
    )


def test_a_file_in_another_encoding_is_refused(class_file: Callable, error_of: Callable) -> None:
    file = class_file(ONE)
    file.write_bytes("# José\n".encode("latin-1"))
    assert error_of(inventory.load, file) == (
        f"error: class.yml is not text in UTF-8\n  {file}: invalid continuation byte\n  fix: save it as UTF-8"
    )


def test_no_student_at_all_is_refused(class_file: Callable, error_of: Callable) -> None:
    assert error_of(inventory.load, class_file("all: {children: {docker_hosts: {}}}\n")) == (
        "error: class.yml has no student\n  fix: add a host to the group `students`"
    )


def test_a_variable_that_is_missing_is_named(class_file: Callable, error_of: Callable) -> None:
    assert error_of(inventory.load, class_file(ONE.replace("port_base: 21000, ", ""))) == (
        "error: ada in class.yml lacks port_base\n"
        "  set: docker_host, lab_class, node_idle_mb, node_memory_mb, pages, size, sizes, subnet\n"
        "  fix: give ada port_base, or set it for the group in group_vars"
    )


def test_an_unknown_size_is_answered_with_the_nearest(class_file: Callable, error_of: Callable) -> None:
    text = error_of(inventory.load, class_file(ONE.replace("port_base", "size: smal, port_base")))
    assert text.startswith("error: no size named 'smal'\n  known: ")
    assert text.endswith("\n  fix: did you mean size: small?")


def test_impossible_students_are_refused_together(class_file: Callable, error_of: Callable) -> None:
    yarn = "pages: {yarn: {node: resourcemanager, port: 8088, offset: 88, title: YARN}}"
    text = (
        TWO.replace("22000", "21000")
        .replace("10.89.8.0/27", "10.89.7.16/28")
        .replace("port_base", f"{yarn}, port_base")
    )
    assert error_of(inventory.load, class_file(text)) == (
        "error: class.yml cannot be provisioned\n"
        "  bob's resourcemanager and ada's resourcemanager both publish port 21088: set another port_base\n"
        "  bob: subnet 10.89.7.16/28 overlaps ada's 10.89.7.0/27\n"
        "  fix: edit class.yml and try again"
    )


def test_a_student_who_stands_there_twice_is_named_with_both_lines(class_file: Callable, error_of: Callable) -> None:
    """YAML takes the last, and the first would have no stack."""
    file = class_file(f"{TWO}        ada: {{port_base: 23000, port_base: 24000, subnet: 10.89.9.0/27}}\n")
    assert error_of(inventory.load, file) == (
        "error: class.yml has a name twice\n"
        f"  {file}:8: 'ada' stands in line 6 already\n"
        f"  {file}:8: 'port_base' stands in line 8 already\n"
        "  fix: keep one of the two, or rename it"
    )


def test_a_name_that_two_mappings_have_is_no_mistake(class_file: Callable) -> None:
    groups = "    room: {vars: &v {size: small}, hosts: {ada: }}\n    other: {vars: *v, hosts: {bob: , ada: }}\n"
    assert [one.name for one in inventory.load(class_file(TWO + groups)).students] == ["ada", "bob"]


@pytest.mark.parametrize("name", ["all", "students", "ungrouped", "room"])
def test_a_student_who_is_called_as_a_group_is_refused(class_file: Callable, error_of: Callable, name: str) -> None:
    file = class_file(ONE.replace("ada", name) + "    room: {hosts: {}}\n")
    assert error_of(inventory.load, file) == (
        "error: class.yml has a student and a group of one name\n"
        f"  {name}: Ansible would take one student for the whole group\n"
        "  fix: rename the student"
    )
