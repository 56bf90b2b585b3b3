"""A malformed job.yml is refused, with the line that is wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from streamlab.lessons import jobs

GOOD = """\
title: Count words
topics:
  words: {partitions: 3}
tables: [lab.words]
steps:
  count:
    title: Count
    preset: tiny
    timeout: 60
    args: {limit: 5}
  show:
    title: Show
    preset: tiny
    timeout: 60
    needs: [count]
  slow-show:
    title: Crawl
    preset: tiny
    timeout: 60
    optional: true
"""


@pytest.fixture
def lesson(tree: Callable) -> Callable[[str], Path]:
    return lambda text: (
        tree({"words/job.yml": text, "words/count.py": "", "words/show.py": "", "words/slow_show.py": ""}) / "words"
    )


def test_a_whole_job_is_read(lesson: Callable) -> None:
    job = jobs.load(lesson(GOOD))
    assert (job.name, job.topics, job.tables) == ("words", {"words": {"partitions": 3}}, ("lab.words",))
    count, show, slow = job.steps
    assert (count.full_name, count.preset, count.timeout, count.args) == ("words/count", "tiny", 60, {"limit": 5})
    assert (show.needs, show.args, show.streaming) == (("count",), {}, False)
    assert (slow.module, slow.optional, show.optional) == ("slow_show", True, False)


def test_an_optional_step_runs_only_when_it_is_named(lesson: Callable) -> None:
    folder = lesson(GOOD)
    assert [step.name for step in jobs.find(str(folder))[1]] == ["count", "show"]
    assert [step.name for step in jobs.find(f"{folder}/slow-show")[1]] == ["slow-show"]


@pytest.mark.parametrize(
    ("right", "wrong", "line", "what", "fix"),
    [
        ("title: Count words\n", "", 1, "the file has no title", "add `title: …`"),
        ("tables:", "tabels:", 4,
         "the file has the unknown key 'tabels' (known: exercise, groups, services, steps, tables, title, topics)",
         "did you mean tables?"),
        ("tables: [lab.words]", "tables: lab.words", 4, "tables is 'lab.words', not a list of names",
         "write `tables: [lab.words]`"),
        ("{partitions: 3}", "{partition: 3}", 3,
         "topics.words has the unknown key 'partition' (known: partitions)", "did you mean partitions?"),
        ("{partitions: 3}", "{}", 3, "topics.words.partitions is None", "give a whole number, 1 or more"),
        ("{partitions: 3}", "3", 3, "topics.words is int, not a mapping", "write `name: value` lines"),
        ("    title: Show\n", "", 11, "steps.show has no title", "add `title: …`"),
        ("Show\n    preset: tiny", "Show\n    preset: ''", 13, "steps.show has no preset", "add `preset: …`"),
        ("slow-show:", "no-show:", 16, "step no-show has no no_show.py", "write words/no_show.py"),
        ("60\n    needs", "soon\n    needs", 14, "steps.show.timeout is 'soon'", "give a whole number, 1 or more"),
        ("60\n    args", "0\n    args", 9, "steps.count.timeout is 0", "give a whole number, 1 or more"),
        ("{limit: 5}", "limit=5", 10, "steps.count.args is str, not a mapping", "write `name: value` lines"),
        ("[count]", "count", 15, "steps.show.needs is 'count', not a list of names", "write `needs: [count]`"),
        ("  show:\n", "  paint:\n", 11, "step paint has no paint.py", "write words/paint.py"),
        ("title: Show", "topics: Show", 12,
         "steps.show has the unknown key 'topics' (known: args, needs, optional, preset, streaming, timeout, title)",
         "choose a known key"),
        ("title: Count words", "title: 2026", 1, "title is 2026, which is no text", "put quotation marks around it"),
        ("  show:\n", "  7:\n", 11, "steps has the name 7, which is no text", "put quotation marks around it"),
        ("  show:\n", "  ../show:\n", 11, "a step cannot be called '../show'",
         "use lower-case letters, digits and -, a letter first"),
        ("60\n    needs", "true\n    needs", 14, "steps.show.timeout is True", "give a whole number, 1 or more"),
        ("{partitions: 3}", "{partitions: true}", 3, "topics.words.partitions is True",
         "give a whole number, 1 or more"),
        ("[count]", "[3]", 15, "steps.show.needs is [3], not a list of names", "write `needs: [name, …]`"),
        ("    title: Show\n", "    title: Show\n    streaming: 'no'\n", 13, "steps.show.streaming is 'no'",
         "write true or false"),
    ],
)  # fmt: skip
def test_a_wrong_line_is_named(
    lesson: Callable, error_of: Callable, right: str, wrong: str, line: int, what: str, fix: str
) -> None:
    assert GOOD.count(right) == 1
    folder = lesson(GOOD.replace(right, wrong))
    assert error_of(jobs.load, folder) == (
        f"error: words/job.yml cannot be used\n  {folder}/job.yml:{line}: {what}\n  fix: {fix}"
    )


@pytest.mark.parametrize(
    ("steps", "line", "what"),
    [
        ("", 1, "steps is NoneType, not a mapping"),
        ("steps: [count, show]\n", 2, "steps is list, not a mapping"),
        ("steps: {}\n", 2, "it names no step"),
        ("steps:\n  count: tiny\n", 3, "steps.count is str, not a mapping"),
    ],
)
def test_steps_that_are_none_are_refused(
    lesson: Callable, error_of: Callable, steps: str, line: int, what: str
) -> None:
    folder = lesson(f"title: Count words\n{steps}")
    assert f"\n  {folder}/job.yml:{line}: {what}\n" in error_of(jobs.load, folder)


def test_a_file_that_is_no_yaml_is_refused(lesson: Callable, error_of: Callable) -> None:
    folder = lesson("title: Count: words\n")
    assert error_of(jobs.load, folder) == (
        "error: job.yml is not valid YAML\n"
        f"  {folder}/job.yml:1: mapping values are not allowed in this context\n"
        "  title: Count: words\n"
        "  fix: correct line 1"
    )


def test_an_empty_file_is_refused(lesson: Callable, error_of: Callable) -> None:
    assert ":1: the file is NoneType, not a mapping\n" in error_of(jobs.load, lesson(""))


def test_a_step_cannot_need_what_is_not_there(lesson: Callable, error_of: Callable) -> None:
    folder = lesson(GOOD.replace("[count]", "[cuont]"))
    assert error_of(jobs.load, folder).startswith(
        "error: no step of words named 'cuont'\n  known: count, show, slow-show\n"
    )


def test_a_folder_s_name_becomes_an_application_s_name(tree: Callable, error_of: Callable) -> None:
    folder = tree({"my-words/job.yml": GOOD}) / "my-words"
    assert error_of(jobs.load, folder) == (
        f"error: a job cannot be called 'my-words'\n  {folder}\n"
        "  fix: use lower-case letters and digits, a letter first"
    )


@pytest.mark.parametrize("name", ["json", "random", "kafka", "yaml", "pyspark", "common"])
def test_a_job_does_not_hide_what_programs_import(tree: Callable, error_of: Callable, name: str) -> None:
    folder = tree({f"{name}/job.yml": GOOD}) / name
    assert error_of(jobs.load, folder) == (
        f"error: a job cannot be called {name!r}\n"
        "  programs that import a package of that name would get the job instead\n"
        f"  fix: rename the folder {folder}"
    )


@pytest.mark.parametrize(
    ("right", "wrong", "line", "problem"),
    [
        ("Count words", "2024-02-30", 1, "'2024-02-30' is no timestamp (day is out of range for month)"),
        ("timeout: 60\n    needs", "timeout: !!int soon\n    needs", 14, "'soon' is no int (invalid literal"),
        ("[count]", "[" * 60 + "]" * 60, 15, "more than 50 levels"),
        ("[count]", "[" * 100_000, 15, "more than 50 levels"),  # of which libyaml would crash
        ("{limit: 5}", "[" + "".join(f"&a{n + 1} [*a{n}], " for n in range(60)).replace("*a0", "x") + "]", 10, "more"),
        (
            "{limit: 5}",
            "[" + "".join(f"&a{n + 1} [{f'*a{n}, ' * 9}], " for n in range(9)).replace("*a0", "x") + "]",
            10,
            "more than 50 levels, or than 1000000 values with aliases written out",
        ),
    ],
    ids=["date", "int", "deep", "very deep", "deep by aliases", "large by aliases"],
)
def test_what_yaml_cannot_be_made_of_is_refused_in_its_line(
    lesson: Callable, error_of: Callable, right: str, wrong: str, line: int, problem: str
) -> None:
    folder = lesson(GOOD.replace(right, wrong))
    said = error_of(jobs.load, folder).splitlines()
    assert said[0] == "error: job.yml is not valid YAML"
    assert said[1].startswith(f"  {folder}/job.yml:{line}: {problem}")
    assert len(said[2]) <= 122
    assert said[3] == f"  fix: correct line {line}"
