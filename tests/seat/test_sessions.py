"""More sessions at once than YARN has memory for."""

from __future__ import annotations

import re
from collections.abc import Callable

from terminal import Terminal


def test_a_third_session_says_who_holds_the_memory(terminal: Terminal, open_terminal: Callable[[], Terminal]) -> None:
    second, third = open_terminal(), open_terminal()
    with terminal.pyspark() as first_welcome, second.pyspark() as second_welcome:
        holders = [re.search(r"app id = (application_\d+_\d+)", said)[1] for said in (first_welcome, second_welcome)]
        assert terminal.run("spark.range(10).count()") == "10"
        assert second.run("spark.range(10).count()") == "10"
        third.type("pyspark")
        said = third.see(r"(?s)yarn application -kill", seconds=60)
        assert all(holder in said for holder in holders), said
        second.run("spark.stop()")
        third.see(r">>> ", seconds=60)  # it was waiting, and goes on by itself
        third.type("exit()")
