"""From a preset to what YARN is asked for, and whether it has that much."""

from __future__ import annotations

from dataclasses import replace

import pytest

from streamlab.edge.room import Room, rounded
from streamlab.lessons import resources
from streamlab.lessons.jobs import Preset

ML = Preset("ml", 1024, 1, 1, 1536, 2, overhead_mb=384, shuffle_partitions=4)

BATCH = Preset("batch", 1024, 1, 2, 700, 1, overhead_mb=384, shuffle_partitions=4)

FREE = Room(free_mb=[4096], free_vcores=[8], step_mb=128, total_mb=4096)


def test_heap_and_overhead_are_asked_for_and_rounded_up_to_yarn_s_step() -> None:
    asked = resources.containers(BATCH)
    assert asked == [(1408, 1), (1084, 1), (1084, 1)]
    assert rounded(asked, 128) == [(1408, 1), (1152, 1), (1152, 1)]
    assert rounded(asked, 1024) == [(2048, 1), (2048, 1), (2048, 1)]
    assert resources.containers(replace(ML, executors=0)) == [(1408, 1)]


@pytest.mark.parametrize(
    ("asked", "free_mb", "free_vcores", "fits"),
    [
        ([(1408, 1), (1920, 2)], (3328,), (3,), True),
        ([(1408, 1), (1920, 2)], (3327,), (3,), False),
        ([(1408, 1), (1793, 2)], (3327,), (3,), False),
        ([(1408, 1), (1920, 2)], (4096,), (2,), False),
        ([(1024, 1)] * 3, (2048, 1024), (8, 8), True),
        ([(1024, 1), (2048, 1)], (2048, 1024), (1, 1), True),  # in the order asked, the large one would find no place
        ([(1500, 1), (1500, 1)], (2000, 1000), (8, 8), False),  # 3000 MB are free, but on no node
        ([(1024, 2), (1024, 2)], (4096, 4096), (3, 2), True),
        ([], (), (), True),
        ([(1, 1)], (), (), False),
    ],
)
def test_containers_fit_where_a_node_has_room_for_each(
    asked: list, free_mb: tuple, free_vcores: tuple, fits: bool
) -> None:
    assert Room(free_mb, free_vcores, 128, 4096).fits(asked) is fits


def test_what_never_fits_is_refused_with_the_arithmetic() -> None:
    assert str(resources.too_large(ML, replace(FREE, free_mb=(2048,), total_mb=2048))) == (
        "error: preset ml does not fit into this student's YARN\n"
        "  it needs driver 1408 + 1 executor(s) of 1920 = 3328 MB (heap + 384 overhead each, in steps of 128),"
        " 3 vcores\n"
        "  YARN can give now: 2048 MB and 8 vcores, of 2048 MB in all\n"
        "  fix: use a smaller --preset, or a larger yarn_memory_mb in the inventory"
    )


def test_what_does_not_fit_beside_a_step_is_refused_with_how_to_end_that() -> None:
    busy = replace(
        FREE, free_mb=(768, 128), free_vcores=(5, 1), running=("application_1_7 3328 MB ada-lesson05-by-hour",)
    )
    assert str(resources.too_large(BATCH, busy)) == (
        "error: preset batch does not fit into this student's YARN\n"
        "  it needs driver 1408 + 2 executor(s) of 1152 = 3712 MB (heap + 384 overhead each, in steps of 128),"
        " 3 vcores\n"
        "  YARN can give now: 768 MB and 5 vcores + 128 MB and 1 vcores, of 4096 MB in all\n"
        "  running: application_1_7 3328 MB ada-lesson05-by-hour\n"
        "  fix: invoke stop --job lesson05/by-hour, or wait for it"
    )


def test_what_does_not_fit_beside_a_shell_is_refused_with_how_to_end_that() -> None:
    busy = replace(FREE, free_mb=(768,), running=("application_1_7 3328 MB My own job",))
    assert resources.too_large(ML, busy).fix == (
        "wait for it, or on the edge node: yarn application -kill application_1_7"
    )


def test_ending_what_runs_is_no_fix_for_what_never_fits() -> None:
    busy = replace(FREE, free_mb=(0,), total_mb=3000, running=("application_1_7 3000 MB ada-lesson08-score",))
    assert resources.too_large(ML, busy).fix == "use a smaller --preset, or a larger yarn_memory_mb in the inventory"


@pytest.mark.parametrize(
    ("free_mb", "held_mb", "waits"),
    [
        (2688, 0, True),  # the driver of one that is over has still to go
        (2304, 1408, False),  # what is about to come back is too little
        (2688, 1408, False),  # all that is missing is held by one that runs
        (768, 768, True),
    ],
)
def test_what_is_about_to_be_given_back_is_waited_for(free_mb: int, held_mb: int, waits: bool) -> None:
    """One that runs and holds nothing, as one whose driver went with the machine, makes no difference to that."""
    found = replace(FREE, free_mb=(free_mb,), held_mb=held_mb, running=("application_1_7 0 MB ada-lesson03-read",))
    assert not found.fits(resources.containers(ML))
    assert found.may_come(resources.containers(ML)) is waits


def test_what_never_fits_is_not_waited_for() -> None:
    assert not replace(FREE, free_mb=(0,), total_mb=3000).may_come(resources.containers(ML))


def test_without_a_nodemanager_that_is_said() -> None:
    problem = resources.too_large(ML, Room((), (), 128, 0))
    assert problem.evidence[1] == "YARN can give now: nothing, no NodeManager is active, of 0 MB in all"
    assert problem.fix == "invoke status shows which node is unhealthy, invoke provision starts it again"


def test_what_yarn_says_of_a_node_that_gets_no_work_is_said() -> None:
    problem = resources.too_large(
        ML, Room((), (), 128, 0, unhealthy=["nodemanager1: ERROR files use 9 of 5 MB of disk"])
    )
    assert problem.evidence[-1] == "unhealthy: nodemanager1: ERROR files use 9 of 5 MB of disk"
    assert problem.fix.startswith("invoke status --disk shows what uses disk; ")
