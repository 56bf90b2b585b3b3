"""A step in Flink's SQL: its script on the student's HDFS, and the ``sql-client.sh`` that hands it over to YARN."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial

from common import flink, request, script_gaps
from common.channel import emit
from common.gap_states import RUNS
from common.hdfs import Hdfs
from common.settings import Settings, load_info


def command(step: str, arguments: Sequence[str], options: Sequence[str]) -> list[str]:
    """Put the script of a step on HDFS, where its JobManager reads it; the command that hands it over.

    The step goes on from the last checkpoint or savepoint that it has left. Flink owns that from then on, and deletes
    it as soon as there is a newer one or the job has come to its end.

    Args:
        step: "lesson09/windows".
        arguments: as for a program of Spark's, ``["--set", "key=value", …]``.
        options: what a preset asks for, ``["-Dkey=value", …]``.

    Raises:
        WrongRequest: the script names a setting that there is not.
    """
    _, settings = request.settings_from(request.parse([step, *arguments], prog="edge.submit"), load_info())
    hdfs, uri = Hdfs(settings.info.webhdfs), settings.info.hdfs
    text, state = _script(hdfs, settings), flink.state(hdfs, settings)
    path = f"{settings.home}/sql/{settings.step}.sql"
    hdfs.write(path, f"{_resume(f'{uri}{state}')}{text}" if state else text)
    emit(script=path, state=state)
    folders = {
        "checkpointing.dir": settings.checkpoint(settings.step),
        "checkpointing.savepoint-dir": settings.savepoints,
    }
    return [
        *("sql-client.sh", "-f", f"{uri}{path}", "-Dexecution.target=yarn-application", *options),
        *(f"-Dexecution.{key}={uri}{folder}" for key, folder in folders.items()),
    ]


def _script(hdfs: Hdfs, settings: Settings) -> str:
    """The step's script with this lab's settings; of an exercise, what is filled in, and a note of each gap's state."""
    text, fill = flink.source(settings), partial(flink.filled_in, settings=settings)
    if not settings.exercise:
        return fill(text)
    text, states = script_gaps.split(text, settings, fill)
    hdfs.write(settings.output("gaps.json"), json.dumps(states, indent=2) + "\n")
    for number, state in states.items():
        if state["state"] != RUNS:
            emit(made=f"gap {number}: {state['words']}")
    return text


def _resume(state: str) -> str:
    """Statements, since the client takes no other claim mode than its own from the command line."""
    return f"SET 'execution.state-recovery.path' = '{state}';\nSET 'execution.state-recovery.claim-mode' = 'CLAIM';\n"
