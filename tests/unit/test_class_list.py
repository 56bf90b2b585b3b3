"""Class lists as learning platforms and Excel write them: encodings, separators, headings, names in any script."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from streamlab.students import class_list, columns, sheet
from streamlab.students.sheet import Row, Sheet


@pytest.fixture
def understood(tmp_path: Path) -> Callable[..., tuple[dict[str, str], list[str]]]:
    """Host -> name of a list, and what is said of how it was understood."""

    def read(text: str | bytes, *, asked: str | None = None, encoding: str | None = None) -> Any:
        file = tmp_path / "list.csv"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        found = sheet.read(file, encoding)
        where = columns.find(found, asked, file=file.name)
        entries = class_list.entries_of(found, where)
        class_list.require_usable(found, where, entries, file=file.name)
        return {entry.host: entry.name for entry in entries}, class_list.notes_of(found, where, entries)

    return read


@pytest.mark.parametrize(
    ("name", "host"),
    [
        ("Ada", "ada"),
        ("Zoë de Wit", "zoedewit"),
        ("Zoe\u0308", "zoe"),
        ("Ægir", "aegir"),
        ("Đuro", "duro"),
        ("Đặng", "dang"),
        ("Þór", "thor"),
        ("Иван", "ivan"),
        ("ŁUCJA", "lucja"),
        ("Øystein", "oystein"),
        ("Straße", "strasse"),
        ("Проба Первая", "probapervaya"),
        ("Ёлка Тестова", "elkatestova"),
        ("Щукин Юрий", "shchukinyuriy"),
        ("Їжак Ґалаґан", "izhakgalagan"),
        ("Νίκος", "nikos"),
        ("李小龙", "lixiaolong"),
        ("김철수", "gimcheolsu"),
        ("ქეთი", "keti"),
        ("a-b_c 9", "abc9"),
        ("!", ""),
        ("x" * 40, "x" * 31),
    ],
)
def test_a_name_in_any_script_is_made_safe(name: str, host: str) -> None:
    assert class_list.safe(name) == host


@pytest.mark.parametrize(
    ("login", "host"),
    [("ada", "ada"), ("Ivan.Petrov@example.org", "ivanpetrov"), ("0042", "s0042"), ("иванов", "ivanov"), ("@", "")],
)
def test_a_login_may_be_an_address_or_a_number(login: str, host: str) -> None:
    assert class_list.safe_login(login) == host


CYRILLIC = "name;size\r\nПроба Первая;small\r\nЁлка Тестова;\r\n"


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1251", "koi8-r", "cp866", "utf-16-le"]
)
def test_a_list_is_read_in_the_encoding_that_it_has(understood: Callable, encoding: str) -> None:
    students, notes = understood(CYRILLIC.encode(encoding))
    assert students == {"probapervaya": "Проба Первая", "elkatestova": "Ёлка Тестова"}
    told = f"read as {encoding}, for example Проба Первая"
    doubt = "; if that is wrong, --encoding names another"
    assert notes == ([] if "utf-8" in encoding else [told] if encoding in ("utf-16", "utf-32") else [told + doubt])


@pytest.mark.parametrize(
    ("encoding", "names"),
    [
        ("cp1252", ["Jürgen Müller", "Björn Ødegård"]),
        ("cp1252", ["José García", "María Núñez"]),
        ("cp1250", ["Łucja Kowalska", "Stanisław Wójcik"]),
        ("cp1254", ["Ayşe Yılmaz", "Şahin Güneş", "İbrahim Çelik"]),
        ("cp1253", ["Νίκος Παπαδόπουλος", "Μαρία Γεωργίου"]),
        ("gb18030", ["李小龙", "王小明", "张伟"]),
    ],
)
def test_a_code_page_is_found_out(understood: Callable, encoding: str, names: list[str]) -> None:
    students, notes = understood("\n".join(["name", *names]).encode(encoding))
    assert list(students.values()) == names
    assert notes[0].startswith(f"read as {encoding}, for example ")


def test_an_encoding_that_is_said_is_taken(understood: Callable, error_of: Callable) -> None:
    assert understood("name\nZoë\n".encode("cp850"), encoding="cp850") == (
        {"zoe": "Zoë"},
        ["read as cp850, for example Zoë"],
    )
    wrong = error_of(understood, "name\nZoë\n".encode("cp850"), encoding="utf-8")
    assert wrong.startswith("error: list.csv cannot be read as text\n  utf-8: 'utf-8' codec can't decode byte 0x89")
    assert wrong.endswith("\n  fix: save it as CSV in UTF-8")
    assert "there is no encoding 'cp12'" in error_of(understood, "", encoding="cp12")


@pytest.mark.parametrize(
    "text",
    [
        "name,size\nada,small\nbob,\n",
        "name;size\r\nada;small\r\nbob;\r\n",
        "name\tsize\nada\tsmall\nbob\n",
        "sep=;\r\nname;size\r\nada;small\r\nbob;\r\n",
        "name,size,,\r\nada,small,,\r\n,,,\r\n\r\nbob,,,\r\n",
        "\r\nName,SIZE\rada,small\rbob,\r",
        '"name";"size"\n"ada";"small"\n"bob";""\n',
        "name;size\nada;small\nbob;\n;;;\n",
    ],
)
def test_a_list_is_separated_as_it_is(understood: Callable, text: str) -> None:
    assert understood(text) == ({"ada": "ada", "bob": "bob"}, [])


def test_what_splits_into_more_and_into_as_many_everywhere_is_the_separator() -> None:
    assert sheet.separator_of("Name, first;Group\nAda, L.;1\nBob;2\n") == ";"
    assert sheet.separator_of("name\nDoe; Jane\n") == ","


MOODLE = (
    "Фамилия;Имя;Индивидуальный номер;Адрес электронной почты;Группа\r\nТестова;Проба;0001;probe1@example.org;БД-1\r\n"
)
CANVAS = 'Student,ID,SIS Login ID,Section\n    Points Possible,,,\n"Lovelace, Ada",17,al815,"Spring"\n'


@pytest.mark.parametrize(
    ("text", "students", "notes"),
    [
        (
            MOODLE,
            {"testovaproba": "Тестова Проба"},
            [
                "name is Фамилия + Имя, id_number is Индивидуальный номер, email is Адрес электронной почты",
                "not used: Группа",
            ],
        ),
        ("Имя,Фамилия\nПроба,Тестова\n", {"testovaproba": "Тестова Проба"}, ["name is Фамилия + Имя"]),
        (
            "First name,Last name,Email address\nAda,Lovelace,a@example.org\n",
            {"adalovelace": "Ada Lovelace"},
            ["name is First name + Last name, email is Email address"],
        ),
        (
            CANVAS,
            {"al815": "Lovelace, Ada"},
            ["name is Student, login is SIS Login ID, username is SIS Login ID", "not used: ID, Section"],
        ),
        (
            "username,firstname,lastname\nal,Ada,Lovelace\n",
            {"al": "Ada Lovelace"},
            ["name is firstname + lastname, login is username"],
        ),
        ("Vorname;Name\nJürgen;Groß\n", {"jurgengross": "Jürgen Groß"}, ["name is Vorname + Name"]),
        ("ФИО;Группа\nЩукин Ю.;1\n", {"shchukinyu": "Щукин Ю."}, ["name is ФИО", "not used: Группа"]),
        ("name;;mark\nada;x;5\n", {"ada": "ada"}, ["not used: column 2, mark"]),
        ("Имя\nПроба\n", {"proba": "Проба"}, ["name is Имя"]),
    ],
)
def test_headings_of_learning_platforms_are_known(
    understood: Callable, text: str, students: dict[str, str], notes: list[str]
) -> None:
    assert understood(text) == (students, notes)


@pytest.mark.parametrize(
    ("asked", "students"),
    [
        ("name=Имя+Фамилия", {"probatestova": "Проба Тестова"}),
        ("login=адрес  электронной почты", {"probe1": "Тестова Проба"}),
        ("name=Фамилия , login=Индивидуальный номер", {"s0001": "Тестова"}),
    ],
)
def test_columns_may_be_said(understood: Callable, asked: str, students: dict[str, str]) -> None:
    assert understood(MOODLE, asked=asked)[0] == students


def test_a_column_that_is_known_may_be_left_out(understood: Callable) -> None:
    assert understood(CANVAS, asked="login=")[0] == {"lovelaceada": "Lovelace, Ada"}
    assert understood("name,site\nada,1\n", asked="size=")[1] == ["not used: site"]


@pytest.mark.parametrize(
    ("text", "asked", "error"),
    [
        ("First name,Имя\nAda,Проба\n", None, "'First name' and 'Имя' may both be the name"),
        ("name,szie\nada,small\n", None, "has a column 'szie', which is nearly `size`"),
        ("name,docker host\nada,\n", "name=nmae", "no column named 'nmae'"),
        ("name,dockerhost\nada,\n", None, "which is nearly `docker_host`"),
        ("nаme\nada\n", None, "has a column 'nаme', which is nearly `name`"),  # the second letter is a Cyrillic one
        ("name\nada\n", "", "--columns says nothing"),
        ("name\nada\n", "name", "'name' of --columns is no NAME=COLUMN"),
        ("name\nada\n", "logn=name", "no setting of a roster named 'logn'"),
        ("name,a,b\nada,1,2\n", "login=a+b", "login cannot be combined from several columns"),
        ("name\n{% x %}\n", None, "line 2: '{% x %}' would be a template"),
        ("name,email\nada,{{ x }}@example.org\n", None, "line 2: '{{ x }}@example.org' would be a template"),
    ],
)
def test_what_is_not_understood_is_said(
    understood: Callable, error_of: Callable, text: str, asked: str | None, error: str
) -> None:
    assert error in error_of(understood, text, asked=asked)


def test_a_list_whose_columns_nobody_knows_says_how_to_name_them(understood: Callable, error_of: Callable) -> None:
    assert error_of(understood, "Teilnehmerin;Note\nAda;1\n") == (
        "error: list.csv has no column that is known to contain names\n"
        "  line 1, separated by semicolons: Teilnehmerin, Note\n"
        "  known: name; First name, Last name; Student; ФИО; Фамилия, Имя; and more like these\n"
        "  fix: call one `name` in the first line, or say which it is: "
        "--columns 'name=Last name+First name,login=Email address'"
    )


def test_two_of_one_name_are_told_apart_by_the_line_that_is_shown(understood: Callable, error_of: Callable) -> None:
    assert error_of(understood, "name\nIvan Probe\nIván Probe\n") == (
        "error: list.csv has names that cannot be used\n"
        "  line 3: 'Iván Probe' becomes 'ivanprobe', as 'Ivan Probe' of line 2\n"
        "  fix: add a column `login`; who has an empty cell there keeps what the name becomes. For example:\n"
        "    line 1: name,login\n"
        "    line 3: Iván Probe,ivanprobe2"
    )
    two = understood("name,login\nIvan Probe,\nIván Probe,ivanprobe2\n")[0]
    assert two == {"ivanprobe": "Ivan Probe", "ivanprobe2": "Iván Probe"}


def test_a_column_that_tells_them_apart_is_offered(understood: Callable, error_of: Callable) -> None:
    text = MOODLE + "Тестова;Проба;0002;probe2@example.org;БД-1\r\n"
    shown = error_of(understood, text)
    assert "\n    line 3: Тестова;Проба;0002;probe2@example.org;БД-1;testovaproba2\n" in shown
    assert shown.endswith("\n  or take a column that is there: --columns 'login=Индивидуальный номер'")
    assert list(understood(text, asked="login=Индивидуальный номер")[0]) == ["s0001", "s0002"]


@pytest.mark.parametrize(
    ("line", "login"), [("!", "student2"), ("9 lives", "s9lives"), ("All", "all2"), ("x" * 40, "x" * 30 + "2")]
)
def test_whoever_s_name_becomes_nothing_usable_is_offered_a_login(
    understood: Callable, error_of: Callable, line: str, login: str
) -> None:
    text = f"name\n{line}\n" + (f"{line}\n" if len(line) > 31 else "")
    assert error_of(understood, text).splitlines()[-1].endswith(f": {line},{login}")


def test_logins_that_are_the_same_are_refused_in_their_own_column(understood: Callable, error_of: Callable) -> None:
    assert error_of(understood, "name,login\nAda,al\nAlan,al\n").endswith(
        "  line 3: 'Alan' becomes 'al', as 'Ada' of line 2\n"
        "  fix: give each a login of their own, for example al2 in line 3"
    )


def test_a_row_is_written_as_the_list_is() -> None:
    found = Sheet(("name",), (Row(2, ("a;b",)),), ";")
    assert found.written(("a;b", "c")) == '"a;b";c'
