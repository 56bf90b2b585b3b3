"""What the lesson's sessions are made with."""

from __future__ import annotations

from pyspark.sql import SparkSession

from common.settings import Settings


def configure(builder: SparkSession.Builder, settings: Settings) -> SparkSession.Builder:
    """Tables of the step `sql` go to the metastore. In the lab every session's do; elsewhere it must be said.

    Before the session is made: on a session that is there `enableHiveSupport` has no effect but a warning.
    """
    return builder.enableHiveSupport() if settings.step == "sql" else builder
