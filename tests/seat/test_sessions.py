"""Several sessions at once, and one for which YARN has no memory left."""

from __future__ import annotations

import re
from collections.abc import Callable

from terminal import Terminal

APPLICATION = re.compile(r"app id = (application_\d+_\d+)")


def test_three_sessions_work_at_once(terminal: Terminal, open_terminal: Callable[[], Terminal]) -> None:
    second, third = open_terminal(), open_terminal()
    with terminal.pyspark() as one, second.pyspark() as two, third.pyspark() as three:
        assert len({APPLICATION.search(said)[1] for said in (one, two, three)}) == 3
        for session in (terminal, second, third):
            assert session.run("spark.range(10).count()") == "10"


def test_a_session_that_waits_says_who_holds_the_memory(
    terminal: Terminal, open_terminal: Callable[[], Terminal]
) -> None:
    waiting = open_terminal()
    # All that a small stack's YARN has, but for less than a session begins with.
    with terminal.pyspark("--executor-memory 3g") as said:
        holder = APPLICATION.search(said)[1]
        assert terminal.run("spark.range(10).count()") == "10"
        waiting.type("pyspark")
        said = waiting.see(r"yarn application -kill application_\d+_\d+", seconds=60)
        assert holder in said
        assert said.endswith(holder)
    waiting.see(r"SparkSession available.*>>> ", seconds=60)  # it goes on by itself
    waiting.type("exit()")
