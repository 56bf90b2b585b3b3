"""A malformed presets.yml is refused, with the line that is wrong."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from streamlab.lessons import jobs

PRESET = """\
tiny:
  driver_memory_mb: 512
  driver_cores: 1
  executors: 1
  executor_memory_mb: 512
  executor_cores: 1
  overhead_mb: 384
  shuffle_partitions: 2
"""


@pytest.mark.parametrize(
    ("right", "wrong", "line", "what"),
    [
        ("executors: 1", "executors: one", 4, "tiny.executors is 'one'"),
        ("  overhead_mb: 384\n", "", 1, "tiny.overhead_mb is None"),
        ("driver_cores: 1", "driver_cores: -1", 3, "tiny.driver_cores is -1"),
        ("executors: 1", "executor: 1", 4, "tiny has the unknown key 'executor' (known: "),
        ("tiny:\n", "tiny: small\nother:\n", 1, "tiny is str, not a mapping"),
    ],
)
def test_a_wrong_preset_is_named(
    tree: Callable, error_of: Callable, right: str, wrong: str, line: int, what: str
) -> None:
    file = tree({"jobs/presets.yml": PRESET.replace(right, wrong)}) / "jobs" / "presets.yml"
    text = error_of(jobs.presets, file)
    assert text.startswith(f"error: jobs/presets.yml cannot be used\n  {file}:{line}: {what}")


def test_a_whole_preset_is_read(tree: Callable) -> None:
    found = jobs.presets(tree({"presets.yml": PRESET}) / "presets.yml")
    assert found == {"tiny": jobs.Preset("tiny", 512, 1, 1, 512, 1, 384, 2)}
