"""A step in Flink's SQL: its script for this lab, and the state that it goes on from."""

from __future__ import annotations

import re

from common import request
from common.errors import WrongRequest, unknown
from common.hdfs import Hdfs
from common.settings import Settings

#: What a script says in the place of a setting, such as ``${topic.orders}``.
PLACEHOLDER = re.compile(r"\$\{([^}]*)\}")
#: The file of a checkpoint or a savepoint that is written last; without it there is nothing to go on from.
COMPLETE = "_metadata"


def source(settings: Settings) -> str:
    """The script of the step as it was written: MODULE.sql beside the lesson's modules."""
    text = request.resource(settings.lesson, _file(settings))
    if text is None:
        raise WrongRequest(f"{settings.lesson} has no {_file(settings)}")
    return text


def _file(settings: Settings) -> str:
    return f"{settings.step.replace('-', '_')}.sql"


def filled_in(text: str, settings: Settings) -> str:
    """A script, or a part of one, with this lab's settings.

    ``${kafka}`` is Kafka's address, ``${home}`` the URI of the lesson's folder on HDFS, ``${topic.orders}`` the topic
    that `Settings.topic` gives for "orders", and ``${arg.rows}`` the argument "rows".

    Raises:
        WrongRequest: the script names something else.
    """
    known = {
        "kafka": settings.info.kafka,
        "home": f"{settings.info.hdfs}{settings.home}",
        **{f"topic.{name.partition('-')[2]}": name for name in settings.topics},
        **{f"arg.{name}": str(value) for name, value in settings.args.items()},
    }

    def value(found: re.Match[str]) -> str:
        if found[1] not in known:
            raise unknown(f"setting for {_file(settings)}", found[1], known, usage="${{{}}}")
        return known[found[1]]

    return PLACEHOLDER.sub(value, text)


def state(hdfs: Hdfs, settings: Settings) -> str | None:
    """The folder of the last savepoint or checkpoint that the step has left, from which it goes on; None without one.

    Flink deletes those of a job that has come to its end, so there is one only of a run that was cut off or stopped.
    """
    found = [
        file
        for folder in (settings.checkpoint(settings.step), settings.savepoints)
        if hdfs.exists(folder)
        for file in hdfs.walk(folder)
        if file.name == COMPLETE
    ]
    last = max(found, key=lambda file: file.modified_ms, default=None)
    return last.path.rpartition("/")[0] if last else None
