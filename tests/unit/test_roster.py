"""A list of students becomes an inventory, and who stays keeps what was given."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from pathlib import Path

import pytest

from streamlab.students import inventory, roster, sheet
from streamlab.students.places import Block
from streamlab.students.topology import nodes

BLOCK = Block(24000, ipaddress.IPv4Network("10.90.0.0/16"))


@pytest.fixture
def make(class_file: Callable[[str], Path], tmp_path: Path) -> Callable[..., Path]:
    """Write a roster, make an inventory of it, and return its path."""
    class_file("")  # brings group_vars

    def run(text: str | bytes, *, name: str = "spring", **options: object) -> Path:
        source, to = tmp_path / "students.csv", tmp_path / "made.yml"
        source.write_bytes(text if isinstance(text, bytes) else text.encode())
        given = {"ports_from": 24000, "subnets": "10.90.0.0/16", **options}
        roster.make(str(source), str(to), name, **given)
        return to

    return run


def places(file: Path) -> dict[str, tuple[int, str]]:
    return {student.name: (student.port_base, student.subnet) for student in inventory.load(file).students}


def test_a_roster_becomes_an_inventory(make: Callable) -> None:
    file = make("name,size\nZoë de Wit,small\nBob,\n")
    assert places(file) == {"zoedewit": (24000, "10.90.0.0/27"), "bob": (24100, "10.90.0.32/27")}
    assert "roster_name: Zoë de Wit" in file.read_text(encoding="utf-8")
    assert not list(file.parent.glob("*partial*"))


def test_what_a_gradebook_needs_is_kept(make: Callable) -> None:
    file = make("name,ID number,Email address\nZoë de Wit,007,zoe@school.example\nBob,,\n")
    zoe, bob = inventory.load(file).students
    assert (zoe.roster_name, zoe.id_number, zoe.email) == ("Zoë de Wit", "007", "zoe@school.example")
    assert (bob.roster_name, bob.id_number, bob.email) == ("Bob", "", "")
    assert (zoe.username, zoe.grading) == ("", False)


def test_a_platform_s_user_name_is_kept_as_it_is_written_and_makes_the_login(make: Callable) -> None:
    (zoe,) = inventory.load(make("name,Username\nZoë de Wit,z.dewit@school.example\n")).students
    assert (zoe.name, zoe.username) == ("zdewit", "z.dewit@school.example")
    (zoe,) = inventory.load(make("name,login,surname\nZoë de Wit,zdewit,x\n")).students  # the lab's own login
    assert zoe.name == "zdewit"


def test_a_stack_for_grading_keeps_its_place(make: Callable) -> None:
    file = make("name\nada\n")
    grader = "        grader01: {grading: true, port_base: 24100, subnet: 10.90.0.32/27}\n"
    file.write_text(file.read_text(encoding="utf-8") + grader, encoding="utf-8")
    assert places(make("name\nada\nbob\n")) == {"ada": (24000, "10.90.0.0/27"), "bob": (24200, "10.90.0.64/27")}
    assert grader in file.read_text(encoding="utf-8")


def test_who_stays_keeps_ports_and_subnet_and_who_left_is_told(make: Callable, capsys: pytest.CaptureFixture) -> None:
    before = places(make("name\nada\nbob\ncarl\n"))
    capsys.readouterr()
    after = places(make("name\ndora\ncarl\nada\n"))
    assert {name: after[name] for name in ("ada", "carl")} == {name: before[name] for name in ("ada", "carl")}
    assert after["dora"] == (24300, "10.90.0.96/27")  # bob's old place may still be in use
    printed = capsys.readouterr().out
    assert "  new: dora\n" in printed
    assert "gone: bob; a stack stays until invoke destroy" in printed


def test_who_has_a_host_name_keeps_it_however_names_are_made_today(
    make: Callable, capsys: pytest.CaptureFixture
) -> None:
    file = make("name,login\nÆgir,gir\nBob,\n")
    before = places(file)
    capsys.readouterr()
    assert places(make("name\nBob\nÆgir\nGunnar\n")) == {**before, "gunnar": (24200, "10.90.0.64/27")}
    assert capsys.readouterr().out == f"{file}: 3 students of the class spring\n  new: gunnar\n"


def test_a_second_of_one_name_moves_nobody(make: Callable, capsys: pytest.CaptureFixture) -> None:
    """By the line that the refusal shows."""
    before = places(make("name\nIvan Probe\nAda\n"))
    capsys.readouterr()
    after = places(make("name,login\nIván Probe,ivanprobe2\nIvan Probe,\nAda,\n"))
    assert after == {**before, "ivanprobe2": (24200, "10.90.0.64/27")}
    assert places(make("name,login\nAda,\nIvan Probe,\nIván Probe,\n")) == after


def test_who_is_given_another_login_is_said_to_have_another_stack(
    make: Callable, capsys: pytest.CaptureFixture
) -> None:
    make("name\nAda\nBob\n")
    capsys.readouterr()
    file = make("name,login\nAda,al\nBob,\n")
    assert places(file)["al"] == (24200, "10.90.0.64/27")
    assert capsys.readouterr().out == (
        f"{file}: 2 students of the class spring\n"
        "  renamed: ada is al now, with other ports\n"
        f"  gone: ada; a stack stays until invoke destroy --inventory {file} --student NAME\n"
    )


def test_forty_students_have_forty_networks_and_no_port_twice(make: Callable) -> None:
    file = make("name\n" + "".join(f"student {i:02}\n" for i in range(40)))
    students = inventory.load(file).students
    assert len({student.subnet for student in students}) == 40
    ports = [page.host_port for s in students for node in nodes(s) for page in node.pages]
    assert len(set(ports)) == len(ports) == 280


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("name\nAda\nADA\n", "line 3: 'ADA' becomes 'ada', as 'Ada' of line 2"),
        ("name,size\n,small\n", "line 2: the name is empty"),
        ("name\n9lives\n", "line 2: '9lives' becomes '9lives'; it must begin with a letter a-z"),
        ("name\n!\n", "line 2: '!' becomes ''; it must begin with a letter a-z"),
        ("title,size\nada,small\n", "line 1, separated by commas: title, size"),
        ("", "separated by commas: nothing"),
        ("name\n", "students.csv names no student"),
        ("name\nada,small\n", "line 2: it has more cells than the first line"),
        ("name\n\"ada\n", "line 2: unexpected end of data"),
        (b"PK\x03\x04", "students.csv is a workbook, not CSV"),
        (b"name\n\x00\x01\x02\n", "students.csv cannot be read as text"),
        ("name,size\nada,huge\n", "students.csv does not give a usable inventory\n  no size named 'huge'"),
        ("name,docker_host\nada,lab2\n", "  it cannot be provisioned\n  ada: docker_host 'lab2' is no unix:///path"),
        ("name\nbob\nAll\n", "line 3: 'All' becomes 'all', which stands for everybody"),
        ("name\nstudents\n", "line 2: 'students' becomes 'students', which stands for everybody"),
        ("name,size,name\nada,small,bob\n", "has the column 'name' twice\n  line 1, separated by commas: name, size"),
        ("name;size\nada;small;bob\n", "line 2: it has more cells than the first line"),
        ("name\nDoe, Jane\n", "line 2: it has more cells than the first line"),
        ("name\n{{ lookup('x') }}\n", "would be a template of Ansible's"),
        ("name\n" + "".join(f"s{i}\n" for i in range(99)), "there are ports or subnets for 87"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_named_and_nothing_is_written(
    make: Callable, error_of: Callable, tmp_path: Path, text: str | bytes, error: str
) -> None:
    kept = make("name\nada\n").read_text()
    assert error in error_of(make, text)
    assert (tmp_path / "made.yml").read_text() == kept
    assert not list(tmp_path.glob("*partial*"))


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"name": "Spring 26"}, "a class cannot be called 'Spring 26'"),
        ({"name": "autumn"}, "made.yml is of the class spring"),
        ({"ports_from": "many"}, "--ports-from or --subnets cannot be used"),
        ({"subnets": "10.90.0.1/16"}, "--ports-from or --subnets cannot be used"),
        ({"subnets": "10.90.0.0/28"}, "leave no room"),
        ({"ports_from": 32700}, "leave no room"),
    ],
)
def test_what_was_asked_wrongly_is_refused(make: Callable, error_of: Callable, options: dict, error: str) -> None:
    make("name\nada\n")
    assert error in error_of(make, "name\nada\n", **options)


@pytest.mark.parametrize(
    "text", ["all: {}\n", "[]\n", "all: {vars: {lab_class: spring}, children: {students: {hosts: [a]}}}\n"]
)
def test_an_inventory_of_another_shape_is_left_alone(
    make: Callable, error_of: Callable, tmp_path: Path, text: str
) -> None:
    (tmp_path / "made.yml").write_text(text)
    assert "was not made from a roster" in error_of(make, "name\nada\n")
    assert (tmp_path / "made.yml").read_text() == text


@pytest.mark.parametrize(("to", "evidence"), [("nowhere/class.yml", "there is no folder "), (".", "it is a folder")])
def test_what_cannot_be_written_is_said_before(tmp_path: Path, error_of: Callable, to: str, evidence: str) -> None:
    source = tmp_path / "students.csv"
    source.write_text("name\nada\n")
    text = error_of(roster.make, source, tmp_path / to, "spring", ports_from=24000, subnets="10.90.0.0/16")
    assert f" cannot be written\n  {evidence}" in text
    assert [file.name for file in tmp_path.iterdir()] == ["students.csv"]


def test_a_missing_roster_is_said_to_be_missing(error_of: Callable) -> None:
    assert "there is no such file" in error_of(sheet.read, Path("nowhere.csv"))


def test_a_place_takes_every_slot_that_it_touches() -> None:
    assert BLOCK.slots_of(24300, "10.90.0.96/27") == {3}
    assert BLOCK.slots_of(24350, "10.90.0.0/26") == {0, 1, 3, 4}
    assert BLOCK.slots_of(23950, "10.0.0.0/8") == set(range(BLOCK.room))
    assert BLOCK.slots_of(20000, "10.80.0.0/27") == set()


def test_three_hundred_students_on_ten_docker_hosts_have_places(make: Callable) -> None:
    """A machine has ports for 87; on the next the same ones are free again."""
    lines = "".join(f"Student {i},ssh://lab@host{i % 10}\n" for i in range(300))
    students = inventory.load(make(f"name,docker_host\n{lines}")).students
    assert len({(one.docker_host, one.port_base) for one in students}) == 300
    assert {one.port_base for one in students} == {24000 + 100 * slot for slot in range(30)}


def test_two_engines_of_one_machine_share_its_slots(make: Callable) -> None:
    assert places(make("name,docker_host\nAda,\nBob,unix:///run/second.sock\nEve,ssh://lab@second\n")) == {
        "ada": (24000, "10.90.0.0/27"),
        "bob": (24100, "10.90.0.32/27"),
        "eve": (24000, "10.90.0.0/27"),
    }


def test_a_machine_without_room_is_named_with_what_is_free(make: Callable, error_of: Callable) -> None:
    make("name\n" + "".join(f"s{i}\n" for i in range(80)))
    assert error_of(make, "name\n" + "".join(f"s{i}\n" for i in range(90))) == (
        "error: 10 new students do not fit on unix:///var/run/docker.sock\n"
        "  there are ports or subnets for 87 on a machine, and 7 of these are free\n"
        "  fix: give some of them another docker_host, --ports-from a lower port, or --subnets a larger network"
    )


def test_ports_and_subnets_are_remembered(make: Callable) -> None:
    before = places(make("name\nAda\n", ports_from=26000, subnets="10.80.0.0/16"))
    file = make("name\nAda\nBob\n", ports_from=None, subnets=None)
    assert places(file) == {**before, "bob": (26100, "10.80.0.32/27")}
    assert "    roster: {ports_from: 26000, subnets: 10.80.0.0/16}\n" in file.read_text()


def test_other_ports_and_subnets_are_for_those_who_are_new(make: Callable, capsys: pytest.CaptureFixture) -> None:
    before = places(make("name\nAda\n"))
    capsys.readouterr()
    file = make("name\nAda\nBob\n", ports_from=26000, subnets="10.80.0.0/16")
    assert places(file) == {**before, "bob": (26000, "10.80.0.0/27")}
    assert (
        "  from now on: ports from 26000, subnets of 10.80.0.0/16; who was there keeps theirs\n"
        in capsys.readouterr().out
    )


def test_nobody_is_moved_to_another_docker_host(make: Callable, error_of: Callable) -> None:
    file = make("name,docker_host\nAda,ssh://lab@first\nBob,ssh://lab@first\n")
    text = file.read_text()
    assert error_of(make, "name,docker_host\nAda,ssh://lab@first\nBob,ssh://lab@second\n") == (
        "error: bob would move, and leave the stack and its data behind\n"
        "  bob: ssh://lab@first, ports from 24100, 10.90.0.32/27 -> ssh://lab@second, ports from 24100, 10.90.0.32/27\n"
        "  fix: leave the place as it is; to move somebody, snapshot and destroy the stack, then take the student "
        "out of made.yml"
    )
    assert file.read_text() == text


EDITED = """\
# Ours.
all:
  vars: {lab_class: spring, yarn_memory: 5}   # ours, too
  children:
    students:
      hosts:
        # The first row.
        ada:
          port_base: 24000
          subnet: 10.90.0.0/27   # as on the board
          roster_name: Ada
          # a guest's laptop
          docker_host: ssh://lab@second
        bob: {port_base: 24100, subnet: 10.90.0.32/27, roster_name: Bob, size: small}

        # The second row.
        guest: {port_base: 24200, subnet: 10.90.0.64/27}
        carl:
          port_base: 24300
          subnet: 10.90.0.96/27
          roster_name: Carl
          kafka_heap: 200m
        # Nobody sits here.
    docker_hosts:
      hosts:
        this_machine: {ansible_connection: local}
    larger_projects:
      vars: {size: large}
      hosts: {ada: , carl: }
"""


def test_what_people_wrote_into_the_file_stays(make: Callable, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    file = tmp_path / "made.yml"
    file.write_text(EDITED)
    before = places(file)
    make("name,size\nBob,large\nAda,\nDora,small\n", ports_from=None, subnets=None)
    carl = EDITED[EDITED.index("        carl:") : EDITED.index("        # Nobody")]
    dora = (
        "        dora:\n          roster_name: Dora\n          size: small\n"
        "          port_base: 24000\n          subnet: 10.90.0.0/27\n"
    )
    assert file.read_text() == (
        EDITED.replace(carl, dora)
        .replace("yarn_memory: 5}", "yarn_memory: 5, roster: {ports_from: 24000, subnets: 10.90.0.0/16}}")
        .replace("Bob, size: small", "Bob, size: large")
    )
    after = places(file)
    assert {name: after[name] for name in ("ada", "bob", "guest")} == {
        name: before[name] for name in ("ada", "bob", "guest")
    }
    assert capsys.readouterr().out == (
        f"{file}: 3 students of the class spring\n"
        "  new: dora\n"
        "  bob: size is large now, it was small\n"
        f"  gone: carl; a stack stays until invoke destroy --inventory {file} --student NAME\n"
        '  written by hand, and gone with carl: {"kafka_heap": "200m"}\n'
        "  not in the roster, and kept: guest\n"
    )
    again = file.read_text()
    make("name,size\nBob,large\nAda,\nDora,small\n", ports_from=None, subnets=None)
    assert file.read_text() == again


@pytest.mark.parametrize(
    "hosts", ["{ada: {port_base: 24000, subnet: 10.90.0.0/27}}", "\n        ada: *place\n        bob: *other"]
)
def test_a_file_that_cannot_be_changed_line_by_line_is_left_alone(
    make: Callable, error_of: Callable, tmp_path: Path, hosts: str
) -> None:
    file, text = tmp_path / "made.yml", (
        "all:\n  vars:\n    lab_class: spring\n    one: &place {port_base: 24000, subnet: 10.90.0.0/27}\n"
        "    two: &other {port_base: 24100, subnet: 10.90.0.32/27}\n"
        f"  children:\n    students:\n      hosts: {hosts}\n"
    )  # fmt: skip
    file.write_text(text)
    assert "does not allow changing single lines" in error_of(make, "name\nAda\nZoe\n")
    assert file.read_text() == text


def test_an_inventory_that_cannot_be_provisioned_is_not_brought_up_to_date(make: Callable, error_of: Callable) -> None:
    file = make("name\nAda\nBob\n")
    file.write_text(file.read_text().replace("24100", "24000"))
    assert "both publish port" in error_of(make, "name\nAda\n")


def test_who_is_a_student_by_a_group_is_not_new(make: Callable, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    file = tmp_path / "made.yml"
    file.write_text(
        "all:\n  vars: {lab_class: spring}\n  children:\n    students:\n      children: {row1: }\n"
        "      hosts:\n        bob: {port_base: 24100, subnet: 10.90.0.32/27, roster_name: Bob}\n"
        "    row1:\n      hosts:\n        ada: {port_base: 24000, subnet: 10.90.0.0/27}\n"
    )
    before = places(file)
    assert places(make("name\nAda\nBob\nEve\n")) == {**before, "eve": (24200, "10.90.0.64/27")}
    assert "  new: eve\n" in capsys.readouterr().out
    assert file.read_text().count("ada:") == 1
