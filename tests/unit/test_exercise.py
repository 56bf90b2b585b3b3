"""Exercises as students get them: gaps where solutions were, own names, and nothing that gives answers away."""

from __future__ import annotations

import ast
import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from common.settings import LabInfo, Settings
from common.words import Words
from streamlab.lessons import bundle, exercise, handouts, jobs, scaffold
from streamlab.paths import JOBS
from streamlab.students.student import Student
from streamlab.work import seat

SOURCE = '''\
def first():
    """Gap 1."""
    # BEGIN SOLUTION
    one = 1
    return one
    # END SOLUTION


def second():
    # BEGIN SOLUTION
    return 2
    # END SOLUTION
'''
EXERCISES = jobs.known_exercises()
SQL = """\
-- About it.

SELECT 0;

-- Gap 1. A task.
--
-- More of it.
-- BEGIN SOLUTION
CREATE TABLE a (n INT);
INSERT INTO a VALUES (1);
-- END SOLUTION
"""


def program(lesson: str) -> str:
    return exercise.text_of_program(lesson)


def name_of(lesson: str) -> str:
    return exercise.source(lesson).name


def test_solutions_become_gaps_that_say_how_long_they_are() -> None:
    assert (
        exercise.with_gaps(SOURCE)
        == '''\
def first():
    """Gap 1."""
    # Your code instead of the next line; lines: 2.
    raise NotImplementedError


def second():
    # Your code instead of the next line; lines: 1.
    raise NotImplementedError
'''
    )


def test_a_gap_can_be_filled_in_with_other_lines() -> None:
    found = exercise.with_gaps(SOURCE, exercise.solutions(SOURCE) | {2: "if True:\n    return 3\n"})
    namespace: dict[str, Callable[[], int]] = {}
    exec(found, namespace)
    assert (namespace["first"](), namespace["second"]()) == (1, 3)


def test_gaps_in_sql_are_marked_and_translated() -> None:
    texts = exercise.Texts("О чём это.\n", ("Пропуск 1. Задание.\n\nЕщё.\n",), "Здесь; строк: {}.")
    assert exercise.with_gaps(SQL, texts=texts) == (
        "-- О чём это.\n\nSELECT 0;\n\n-- Пропуск 1. Задание.\n--\n-- Ещё.\n"
        "-- BEGIN GAP 1\n-- Здесь; строк: 2.\n-- END GAP 1\n"
    )
    assert "Your statements instead of this line; lines: 2." in exercise.with_gaps(SQL)
    assert exercise.with_gaps(SQL, exercise.solutions(SQL)) == SQL.replace("SOLUTION", "GAP 1")


@pytest.mark.parametrize("lesson", EXERCISES)
def test_each_gap_is_described_and_counted_alike_in_both_files(lesson: str) -> None:
    described = exercise.load(lesson)["gaps"]
    assert len(exercise.solutions(program(lesson))) == len(described)
    assert 3 <= len(described) <= 6
    assert [int(number) for number in re.findall(r"\bGap (\d+)\.", program(lesson))] == [*range(1, len(described) + 1)]


@pytest.mark.parametrize("lesson", EXERCISES)
def test_what_a_student_gets_is_a_job_without_a_solution(lesson: str, tmp_path: Path) -> None:
    target = exercise.hand_out(lesson, "mine", str(tmp_path))
    job = jobs.load(target)
    assert (job.exercise, [step.name for step in job.steps]) == (lesson, ["exercise"])
    text = (target / name_of(lesson)).read_text(encoding="utf-8")
    if name_of(lesson) == "exercise.py":
        ast.parse(text)
    gaps = re.findall(r"^ +raise NotImplementedError$|^-- BEGIN GAP \d$", text, re.MULTILINE)
    assert len(gaps) == len(exercise.load(lesson)["gaps"])
    assert "SOLUTION" not in text
    assert not re.search(rf"\b({lesson}|l{lesson.removeprefix('lesson')}-)", text)
    names = set(bundle_names(target, lesson))
    of_lesson = {f"{lesson}/exercise_check.py", f"{lesson}/exercise.yml"}
    assert {f"mine/{name_of(lesson)}", "common/gaps.py", *of_lesson} <= names
    assert f"{lesson}/{name_of(lesson)}" not in names


def test_an_exercise_has_the_services_that_its_lesson_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    described = {**exercise.load("lesson04"), "services": ["hbase"]}
    monkeypatch.setattr(exercise, "load", lambda lesson: described)
    assert "\nservices:\n- hbase\n" in exercise.files("lesson04", "mine", "")["job.yml"]


def bundle_names(folder: Path, lesson: str = "") -> list[str]:
    return zipfile.ZipFile(io.BytesIO(bundle.job_bundle(folder, lesson).data)).namelist()


@pytest.mark.parametrize("lesson", EXERCISES)
def test_no_answer_goes_where_a_student_can_read_it(lesson: str, tmp_path: Path) -> None:
    assert f"{lesson}/{name_of(lesson)}" not in bundle_names(JOBS / lesson)
    given = handouts.for_students("en", under="jobs")
    assert not [path for path in given if path.endswith("ANSWERS.md")]
    assert given[f"jobs/{lesson}/{name_of(lesson)}"].decode() == exercise.with_gaps(program(lesson))
    copy = scaffold.make_like("copied", lesson, str(tmp_path))
    assert not [path.name for path in copy.iterdir() if path.name.startswith(("exercise", "ANSWERS"))]


def test_the_edge_node_has_the_exercises_with_gaps(student: Student) -> None:
    placed = seat.contents(student)
    assert all(b"SOLUTION" not in placed[f"jobs/{lesson}/{name_of(lesson)}"] for lesson in EXERCISES)


def test_an_exercise_that_is_not_there_is_refused(error_of: Callable, tmp_path: Path) -> None:
    text = error_of(exercise.hand_out, "lesson4", None, str(tmp_path))
    assert text.startswith("error: no exercise named 'lesson4'\n")
    assert "did you mean --job lesson04?" in text


def test_a_language_that_nobody_writes_in_is_refused(error_of: Callable, tmp_path: Path) -> None:
    text = error_of(exercise.hand_out, EXERCISES[0], None, str(tmp_path), "de")
    assert text.startswith("error: no language named 'de'\n  known: en, ru\n")
    assert list(tmp_path.iterdir()) == []


def test_what_to_type_next_names_the_folder_where_it_is(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    target = exercise.hand_out(EXERCISES[0], "mine", str(tmp_path))
    assert f"invoke submit --job {target}, and: invoke check --job {target}\n" in capsys.readouterr().out


def test_a_folder_that_is_there_is_kept(error_of: Callable, tmp_path: Path) -> None:
    exercise.hand_out(EXERCISES[0], "mine", str(tmp_path))
    before = (tmp_path / "mine" / "exercise.py").write_text("my work\n")
    assert "mine already exists" in error_of(exercise.hand_out, EXERCISES[0], "mine", str(tmp_path))
    assert (tmp_path / "mine" / "exercise.py").stat().st_size == before


def test_an_exercise_of_no_lesson_is_no_job(tmp_path: Path, error_of: Callable) -> None:
    target = exercise.hand_out(EXERCISES[0], "mine", str(tmp_path))
    file = target / "job.yml"
    file.write_text(file.read_text().replace(f"exercise: {EXERCISES[0]}", "exercise: lesson99"))
    assert error_of(jobs.load, target).startswith("error: no exercise named 'lesson99'")


def test_data_differ_between_students_classes_and_not_from_day_to_day() -> None:
    def seed(student: str, lab_class: str = "a", own: int | None = None) -> int:
        info = LabInfo(student, "k", ("c",), "w", "h", "y", lab_class=lab_class, seed=own)
        return Settings(info=info, lesson="my04").seed

    assert seed("ada") == seed("ada")
    assert len({seed("ada"), seed("bob"), seed("ada", "b"), seed("ada", own=3)}) == 4
    assert seed("ada", own=3) == 3


RUSSIAN = sorted(path.parent.name for path in JOBS.glob("*/exercise.ru.yml"))


@pytest.mark.parametrize("lesson", RUSSIAN)
def test_an_exercise_is_the_same_program_in_russian(lesson: str) -> None:
    """Only comments and docstrings differ, and each task names the same things."""
    english, russian = (
        exercise.with_gaps(program(lesson), texts=exercise.texts_in(one, lesson)) for one in ("en", "ru")
    )
    assert not re.search(r"\bGap \d|Your code", russian)
    assert code_of(english) == code_of(russian)
    texts = zip(docstrings(english), docstrings(russian), strict=True)
    for told, in_russian in texts:
        assert names_in(told) == names_in(in_russian), in_russian


def code_of(text: str) -> str:
    """A program without its docstrings and comments."""
    if is_sql(text):
        return re.sub(r"^--(?! (?:BEGIN|END) GAP \d).*\n", "", text, flags=re.MULTILINE)
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            node.value.value = ""
    return ast.unparse(tree)


def is_sql(text: str) -> bool:
    return text.startswith("--")


def docstrings(text: str) -> list[str]:
    """What a program is about, and its tasks."""
    if is_sql(text):
        return [text.partition("\n\n")[0], *re.findall(r"^-- (?:Gap|Пропуск) \d.*\n(?:--(?! BEGIN).*\n)*", text, re.M)]
    tree = ast.parse(text)
    nodes = [tree, *(node for node in tree.body if isinstance(node, ast.FunctionDef))]
    return [ast.get_docstring(node) or "" for node in nodes]


def names_in(text: str) -> set[str]:
    """Names of topics, columns and functions, and figures: what the two languages have in common."""
    return set(re.findall(r"[a-z]+\w*[-_.(]\w[\w.()\"=-]*|\b\d+\b", text, re.ASCII))


@pytest.mark.parametrize("lesson", RUSSIAN)
def test_a_check_speaks_russian_where_its_exercise_does(lesson: str) -> None:
    described = yaml.safe_load((JOBS / lesson / "exercise.ru.yml").read_text(encoding="utf-8"))
    checked = (JOBS / lesson / "exercise_check.py").read_text(encoding="utf-8")
    known = {re.sub(r"\{[^{}]*\}", "{}", text) for text in re.findall(r'"([^"\n]+)"', checked)}
    unknown = [name for name in described["checks"] if name not in known]
    assert unknown == []
    assert len(described["gaps"]) == len(exercise.load(lesson)["gaps"])


def test_phrases_with_places_are_translated_whole() -> None:
    words = Words({"rows of {}": "строки {}", "gap {} of {}": "пропуск {} из {}"})
    assert words("rows of my06.names") == "строки my06.names"
    assert words("gap 2 of 5") == "пропуск 2 из 5"
    assert words("all rows of x") == "all rows of x"
