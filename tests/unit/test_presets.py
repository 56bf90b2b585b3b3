"""Every preset fits the smallest cluster as a whole, and is what its comment says."""

from __future__ import annotations

import pytest
import yaml

from streamlab.paths import JOBS

PRESETS = yaml.safe_load((JOBS / "presets.yml").read_text())
#: What one NodeManager of the default size hands out, and in which steps.
YARN_MB, YARN_VCORES, STEP_MB = 4096, 8, 128


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_fits_the_smallest_cluster(name: str) -> None:
    preset = PRESETS[name]
    driver = preset["driver_memory_mb"] + preset["overhead_mb"]
    executor = preset["executor_memory_mb"] + preset["overhead_mb"]
    assert driver % STEP_MB == executor % STEP_MB == 0
    total = driver + preset["executors"] * executor
    assert total <= YARN_MB
    assert preset["driver_cores"] + preset["executors"] * preset["executor_cores"] <= YARN_VCORES
    assert f"= {total}" in next(
        line for line in (JOBS / "presets.yml").read_text().splitlines() if line.startswith(f"#   {name} ")
    )


@pytest.mark.parametrize("name", PRESETS)
def test_a_driver_has_the_memory_that_spark_insists_on(name: str) -> None:
    assert PRESETS[name]["driver_memory_mb"] >= 450
    assert PRESETS[name]["executor_memory_mb"] >= 450
