"""`./lab bench`: what is measured in turns, what is kept, and what "plain" leaves out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks import figures, plain, run
from streamlab.errors import LabError


def figure(name: str, ours: list[float], baseline: list[float] | None) -> run.Figure:
    """A figure whose sides give these values, one a turn."""
    left, right = iter(ours), iter(baseline or [])

    @contextmanager
    def sides() -> Iterator[tuple[run.Side, run.Side | None]]:
        yield lambda: next(left), (lambda: next(right)) if baseline else None

    return run.Figure(name, "s", "this", "that" if baseline else "", "care", sides)


def comparison(name: str, **sides: list[dict[str, float]]) -> run.Comparison:
    """A comparison whose sides give these values, one a turn."""

    @contextmanager
    def given() -> Iterator[run.Sides]:
        yield {side: iter(values).__next__ for side, values in sides.items()}

    return run.Comparison(name, "these beside those", {"time": "s", "size": "MB"}, given, runs=2)


@pytest.fixture(autouse=True)
def _no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "REST_SECONDS", 0)


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own for results.json and the table."""
    monkeypatch.setattr(run, "RESULTS", tmp_path / "results.json")
    monkeypatch.setattr(run, "README", tmp_path / "README.md")
    monkeypatch.setattr(run, "ROOT", tmp_path)
    marks = [run.BEGIN, "old", run.END, "between", run.COMPARISONS_BEGIN, "old", run.COMPARISONS_END]
    (tmp_path / "README.md").write_text("\n".join(["before", *marks, "after\n"]))
    monkeypatch.setattr(figures, "COMPARISONS", ())
    return tmp_path


def test_the_median_and_the_ratio_are_of_all_turns() -> None:
    found = run.measured(figure("a", [3.0, 1.0, 2.0], [10.0, 4.0, 8.0]))
    assert (found["ours"], found["baseline"], found["ratio"]) == (2.0, 8.0, 0.25)
    assert found["runs"] == {"ours": [3.0, 1.0, 2.0], "baseline": [10.0, 4.0, 8.0]}


def test_results_and_table_are_written_and_others_kept(
    kept: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(figures, "FIGURES", (figure("a", [1.0] * 3, [2.0] * 3), figure("b", [5.0], None)))
    run.bench("b", 1)
    run.bench("a", None)
    found = json.loads((kept / "results.json").read_text())
    assert [one["name"] for one in found["figures"]] == ["a", "b"]
    assert found["machine"]["processors"]
    lines = (kept / "README.md").read_text().splitlines()
    assert (lines[0], lines[-1]) == ("before", "after")
    assert "| `a`: this | 1 s | that: 2 s | 0.50 | care |" in lines
    assert "| `b`: this | 5 s | — | — | care |" in lines
    assert "old" not in lines


def test_the_sides_of_a_comparison_take_turns_and_are_set_against_the_first(capsys: pytest.CaptureFixture) -> None:
    found = run.compared(
        comparison(
            "two",
            none=[{"time": 2.004, "size": 10}, {"time": 4, "size": 20}],
            both=[{"time": 6, "size": 15}, {"time": 12, "size": 15}],
        )
    )
    assert found["values"] == [
        {"name": "time", "medians": {"none": 3.0, "both": 9.0}, "ratios": {"none": 1.0, "both": 3.0},
         "runs": {"none": [2.0, 4], "both": [6, 12]}},
        {"name": "size", "medians": {"none": 15.0, "both": 15.0}, "ratios": {"none": 1.0, "both": 1.0},
         "runs": {"none": [10, 20], "both": [15, 15]}},
    ]  # fmt: skip
    turns = [line.strip().split(":")[0] for line in capsys.readouterr().out.splitlines()]
    assert turns == ["two 1/2 none", "two 1/2 both", "two 2/2 none", "two 2/2 both"]


def test_a_comparison_has_a_table_of_its_own_and_leaves_the_figures(
    kept: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    once = {"time": 2.0, "size": 10.0}
    monkeypatch.setattr(figures, "FIGURES", (figure("a", [1.0], None),))
    monkeypatch.setattr(figures, "COMPARISONS", (comparison("two", none=[once], both=[{"time": 3, "size": 10.5}]),))
    run.bench("a", 1)
    run.bench("two", 1)
    assert (list(run.kept()), list(run.kept("comparisons"))) == (["a"], ["two"])
    lines = (kept / "README.md").read_text().splitlines()
    assert "| `a`: this | 1 s | — | — | care |" in lines
    assert lines[lines.index(run.COMPARISONS_BEGIN) : lines.index(run.COMPARISONS_END)][1:] == [
        "| `two`: these beside those | none | both |",
        "|---|---|---|",
        "| time | 2 s | 3 s (1.50) |",
        "| size | 10 MB | 10.5 MB (1.05) |",
    ]
    assert (lines[0], lines.count("between"), lines[-1], "old" in lines) == ("before", 1, "after", False)


def test_a_figure_that_fails_leaves_the_others_and_is_named(
    kept: Path, monkeypatch: pytest.MonkeyPatch, error_of: Callable
) -> None:
    @contextmanager
    def broken() -> Iterator[tuple]:
        raise LabError("no engine")
        yield

    bad = run.Figure("bad", "s", "this", "", "", broken)
    monkeypatch.setattr(figures, "FIGURES", (bad, figure("a", [1.0], None)))
    assert "bad: no engine" in error_of(run.bench, None, 1)
    assert list(run.kept()) == ["a"]


def test_an_unknown_figure_is_a_wrong_request(error_of: Callable) -> None:
    assert "did you mean --only submit?" in error_of(run.bench, "sbmit", None)


def test_plain_keeps_what_works_and_leaves_out_what_is_fast() -> None:
    defaults = (
        "spark.yarn.jars local:/opt/spark/jars/*\nspark.driver.extraJavaOptions -XX:+UseSerialGC\nspark.master yarn\n"
    )
    assert plain.untuned("spark/spark-defaults.conf", defaults) == (
        "spark.yarn.jars local:/opt/spark/jars/*\nspark.master yarn\n"
    )
    local = ["fs.file.impl", "fs.AbstractFileSystem.file.impl"]
    names = ["dfs.heartbeat.interval", "dfs.replication", "fs.defaultFS", *local]
    lines = [f"  <property><name>{name}</name><value>1</value></property>\n" for name in names]
    kept = "".join(lines[1:3])
    assert plain.untuned("hadoop/core-site.xml", "".join(lines)) == kept
    assert plain.untuned("spark/spark-env.sh", 'SPARK_LAUNCHER_OPTS="-XX:+UseSerialGC"\nset -a\n') == "set -a\n"
    assert plain.untuned("kafka/kafka1.properties", "heartbeat=1\n") == "heartbeat=1\n"
