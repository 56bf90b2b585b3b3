"""The benchmark of a large class: its engines answer the control program, and work that grows faster is refused."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks import class_of_300


def test_every_step_runs_against_the_benchmark_s_engines() -> None:
    assert list(class_of_300.of_class(3)) == ["roster", "provision --check", "capacity", "status"]


def test_what_grows_faster_than_the_class_is_refused(error_of: Callable) -> None:
    class_of_300.require_linear({30: {"status": (1.0, 40.0)}, 300: {"status": (13.0, 520.0)}})
    text = error_of(class_of_300.require_linear, {30: {"status": (0.999, 40.0)}, 300: {"status": (13.0, 520.1)}})
    assert "  status: 1.00 s for 30 students, 13.00 s for 300\n" in text
    assert "  status: 40.00 MB for 30 students, 520.10 MB for 300\n" in text
