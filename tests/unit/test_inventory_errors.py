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
        f"  {file}:5: did not find expected ',' or ']'\n"
        "    vars: {}\n"
        "  fix: correct line 5"
    )


def test_malformed_yaml_in_group_vars_is_named_as_well(
    class_file: Callable, tmp_path: Path, error_of: Callable
) -> None:
    file, more = class_file(ONE), tmp_path / "group_vars" / "students.yml"
    more.write_text("size: small\n\tcolour: red\n")
    assert error_of(inventory.load, file).startswith(
        f"error: students.yml is not valid YAML\n  {more}:2: found a tab character that violates indentation\n"
    )


def test_a_file_in_another_encoding_is_refused(class_file: Callable, error_of: Callable) -> None:
    file = class_file(ONE)
    file.write_bytes("# José\n".encode("latin-1"))
    assert error_of(inventory.load, file) == (
        f"error: class.yml is not text in UTF-8\n  {file}: invalid continuation byte\n  fix: save it as UTF-8"
    )


def test_no_student_at_all_is_refused(class_file: Callable, error_of: Callable) -> None:
    assert error_of(inventory.load, class_file("all: {children: {docker_hosts: {}}}\n")) == (
        "error: class.yml has no student\n  its group `students` has no hosts\n"
        "  fix: add one, as inventory/class.example.yml has them: ada: {port_base: 24000, subnet: 10.90.0.0/27}"
    )


def test_a_variable_that_is_missing_is_named(class_file: Callable, error_of: Callable) -> None:
    assert error_of(inventory.load, class_file(ONE.replace("port_base: 21000, ", ""))) == (
        "error: ada in class.yml lacks port_base\n"
        "  set: at_work, disk_mb, disk_reserve_mb, lab_class, node_idle_mb, node_memory_mb, pages, services, size, "
        "sizes, subnet\n"
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
        f"  {file}:8: 'ada' is in line 6 already\n"
        f"  {file}:8: 'port_base' is in line 8 already\n"
        "  fix: keep one of the two, or rename it"
    )


def test_what_contains_itself_is_named_with_its_line(class_file: Callable, error_of: Callable) -> None:
    file = class_file(f"{ONE}    room: &room\n      children: {{other: *room}}\n")
    assert error_of(inventory.load, file) == (
        "error: class.yml has something that contains itself\n"
        f"  {file}:7: an alias (*name) of what it is a part of\n"
        "  fix: write it out"
    )


def test_a_name_that_two_mappings_have_is_no_mistake(class_file: Callable) -> None:
    groups = "    room: {vars: &v {size: small}, hosts: {ada: }}\n    other: {vars: *v, hosts: {bob: , ada: }}\n"
    assert [one.name for one in inventory.load(class_file(TWO + groups)).students] == ["ada", "bob"]


@pytest.mark.parametrize("name", ["all", "students", "ungrouped", "room"])
def test_a_student_who_is_called_as_a_group_is_refused(class_file: Callable, error_of: Callable, name: str) -> None:
    file = class_file(ONE.replace("ada", name) + "    room: {hosts: {}}\n")
    assert error_of(inventory.load, file) == (
        "error: class.yml has a student and a group with the same name\n"
        f"  {name}: Ansible would take one student for the whole group\n"
        "  fix: rename the student"
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[ada]\n", 'the file is ["ada"]; expected groups: all: {vars: …, children: …}'),
        ("all: [1]\n", "all is [1]; expected a group with hosts, vars, children"),
        ("all: {var: {size: small}}\n", "all.var is no part of a group; expected hosts, vars, children"),
        ("all: {vars: [1]}\n", "all.vars is [1]; expected a mapping"),
        ("all: {children: {students: {hosts: [ada]}}}\n", 'all.children.students.hosts is ["ada"]; expected a mapping'),
        (
            "all: {children: {students: {hosts: {ada: [1, 2]}}}}\n",
            "all.children.students.hosts.ada is [1, 2]; expected a mapping of variables",
        ),
        ("all: {children: {students: {hosts: {7: }}}}\n", "all.children.students.hosts has 7; expected a name"),
    ],
)
def test_a_file_of_another_shape_is_refused_before_ansible_is_asked(
    class_file: Callable, error_of: Callable, text: str, told: str
) -> None:
    assert error_of(inventory.load, class_file(text)) == (
        f"error: class.yml is not an inventory\n  {told}\n  fix: correct class.yml"
    )


@pytest.mark.parametrize("text", ["", "all:\n", "# nobody yet\n", "all: {children: {students: }}\n"])
def test_an_empty_class_is_no_traceback(class_file: Callable, error_of: Callable, text: str) -> None:
    assert error_of(inventory.load, class_file(text)).startswith("error: class.yml has no student\n")


@pytest.mark.parametrize(
    ("variable", "told"),
    [
        ("pages: 3", "ada: pages is 3 in class.yml; expected a mapping"),
        ("node_memory_mb: [1]", "ada: node_memory_mb is [1] in class.yml; expected a mapping"),
        ("sizes: x", 'ada: sizes is "x" in class.yml; expected a mapping'),
        ("size: [small]", 'ada: size is ["small"] in class.yml; expected a text'),
        ("docker_host: ", "ada: docker_host is null in class.yml; expected a text"),
        ("lab_class: true", "ada: lab_class is true in class.yml; expected a text"),
        ("node_idle_mb: {edge: 1.5}", "ada: node_idle_mb.edge is 1.5 in class.yml; expected a whole number from 0"),
        ("yarn_memory_mb: lots", "yarn_memory_mb in class.yml belongs in a size: sizes: {small: {yarn_memory_mb: …}}"),
        (
            "szie: large",
            "szie in class.yml is read by nothing, and nearly size; give it another name if that is not meant",
        ),
        (
            "yarn_allocation_step_mb: many",
            'ada: yarn_allocation_step_mb is "many" in class.yml; expected a whole number',
        ),
        ("edge_spark_defaults: [1]", "ada: edge_spark_defaults is [1] in class.yml; expected a mapping"),
        ("kafka_heap: {a: 1}", 'ada: kafka_heap is {"a": 1} in class.yml; expected a text'),
    ],
)
def test_a_variable_of_a_wrong_kind_is_told_with_its_file(
    class_file: Callable, error_of: Callable, variable: str, told: str
) -> None:
    file = class_file(ONE.replace("{port_base", f"{{{variable}, port_base"))
    assert error_of(inventory.load, file) == (
        f"error: class.yml has variables that cannot be used\n  {told}\n  fix: correct this and try again"
    )


def test_what_is_wrong_for_all_is_told_once_with_the_file_that_says_it(
    class_file: Callable, tmp_path: Path, error_of: Callable
) -> None:
    students = "".join(f"        s{i}: {{port_base: {22000 + 100 * i}, subnet: 10.89.{i}.0/27}}\n" for i in range(5))
    file, shared = class_file(ONE + students), tmp_path / "group_vars" / "all.yml"
    shared.write_text(shared.read_text().replace("yarn_memory_mb: 4096", "yarn_memory_mb: lots"))
    assert error_of(inventory.load, file) == (
        "error: class.yml has variables that cannot be used\n"
        '  ada, s0, s1 and 3 more: sizes.small.yarn_memory_mb is "lots" in group_vars/all.yml; '
        "expected a whole number from 1\n"
        '  ada, s0, s1 and 3 more: sizes.large.yarn_memory_mb is "lots" in group_vars/all.yml; '
        "expected a whole number from 1\n"
        "  fix: correct these and try again"
    )


@pytest.mark.parametrize("variable", ["yarn_allocation_step_mb: '{{ 64 * 2 }}'", "kafka_heap: 1g", "course: autumn"])
def test_a_role_s_option_and_a_variable_of_one_s_own_are_no_mistake(class_file: Callable, variable: str) -> None:
    assert inventory.load(class_file(ONE.replace("{port_base", f"{{{variable}, port_base"))).student().name == "ada"
