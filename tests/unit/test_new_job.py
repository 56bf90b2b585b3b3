"""A job of one's own, made after a lesson: it runs as it is, and the two do not meet on one cluster."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from streamlab.lessons import jobs, scaffold
from streamlab.paths import JOBS


def test_names_of_the_lesson_become_the_copy_s_own() -> None:
    text = (
        "from lesson04 import transforms  # lesson04, not lesson041\n"
        'TOPIC = "l04-orders"; QUERY = "l04_orders"; OTHER = "l041-x small-l04"\n'
        "CREATE KEYSPACE IF NOT EXISTS lab WITH ...; CREATE TABLE IF NOT EXISTS lab.orders; lab.orders_by_day\n"
    )
    assert scaffold.renamed(text, like="lesson04", name="mine", tables=["lab.orders"]) == (
        "from mine import transforms  # mine, not lesson041\n"
        'TOPIC = "mine-orders"; QUERY = "mine_orders"; OTHER = "l041-x small-l04"\n'
        "CREATE KEYSPACE IF NOT EXISTS mine WITH ...; CREATE TABLE IF NOT EXISTS mine.orders; lab.orders_by_day\n"
    )


@pytest.mark.parametrize("lesson", jobs.known_jobs())
def test_every_lesson_can_be_copied(lesson: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    folder = scaffold.make_like("mywork", lesson, str(tmp_path))
    assert folder == tmp_path / "mywork"
    assert capsys.readouterr().out == (
        f"{folder}: created from {lesson}; run it with: invoke submit --job {folder}\n"
    )  # fmt: skip
    copy, original = jobs.load(folder), jobs.load(JOBS / lesson)
    assert [step.name for step in copy.steps] == [step.name for step in original.steps]
    assert not set(copy.topics) & set(original.topics)
    assert not set(copy.tables) & set(original.tables)
    assert not set(copy.groups) & set(original.groups)
    for file in folder.rglob("*.py"):
        compile(file.read_text(), str(file), "exec")
        assert not re.search(rf"\b{lesson}\b", file.read_text()), file
    assert [path.name for path in tmp_path.iterdir()] == ["mywork"]


def test_what_is_there_is_not_written_over(tree: Callable, error_of: Callable) -> None:
    folder = tree({"mywork/a.py": "precious"})
    assert error_of(scaffold.make_like, "mywork", "lesson08", str(folder)) == (
        f"error: {folder}/mywork already exists\n  nothing was overwritten\n  fix: choose another name or --to"
    )
    assert (folder / "mywork" / "a.py").read_text() == "precious"


@pytest.mark.parametrize("name", ["lesson08", "my-work", "My", "../x", "", "kafka", "json"])
def test_a_name_that_cannot_be_used_is_refused(name: str, tmp_path: Path, error_of: Callable) -> None:
    text = error_of(scaffold.make_like, name, "lesson08", str(tmp_path))
    assert text.startswith(f"error: a job of yours cannot be called {name!r}\n  lessons: ")
    assert text.endswith(
        "\n  fix: use lower-case letters and digits, a letter first, and no name of a lesson or a package"
    )
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_lesson_is_answered_with_the_nearest(tmp_path: Path, error_of: Callable) -> None:
    assert "\n  fix: did you mean --like lesson08?" in error_of(scaffold.make_like, "mine", "lesson8", str(tmp_path))
