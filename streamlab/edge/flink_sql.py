"""A step in Flink's SQL: its script on the student's HDFS, and the ``sql-client.sh`` that hands it over to YARN."""

from __future__ import annotations

from collections.abc import Sequence

from common import flink, request
from common.channel import emit
from common.hdfs import Hdfs
from common.settings import load_info


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
    text, state = flink.script(settings), flink.state(hdfs, settings)
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


def _resume(state: str) -> str:
    """Statements, since the client takes no other claim mode than its own from the command line."""
    return f"SET 'execution.state-recovery.path' = '{state}';\nSET 'execution.state-recovery.claim-mode' = 'CLAIM';\n"
