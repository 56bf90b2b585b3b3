"""Tables by SQL: their rows are files on HDFS, their names and columns stand in the metastore."""

from __future__ import annotations

from string import Template

from pyspark.sql import SparkSession

from common import request
from common.outcome import Outcome
from common.settings import Settings
from lesson07 import data
from lesson07.places import DATABASE, TABLES
from lesson07.transforms import sales, users


def run(spark: SparkSession, settings: Settings) -> Outcome:
    """Make the users' files and the table `sales` from frames, the other tables by tables.sql."""
    users(spark).coalesce(1).write.mode("overwrite").parquet(settings.input("users"))
    first, *rest = statements(settings)
    spark.sql(first)  # the database, which `saveAsTable` needs
    sales(spark).coalesce(2).write.mode("overwrite").saveAsTable(f"{DATABASE}.sales")
    for statement in rest:
        spark.sql(statement)
    shown = {row["tableName"]: row["isTemporary"] for row in spark.sql(f"SHOW TABLES IN {DATABASE}").collect()}
    for name, temporary in shown.items():
        print(f"{DATABASE}: {name}{' (temporary: this session only)' if temporary else ''}", flush=True)
    rows = {name: spark.table(f"{DATABASE}.{name}").count() for name in TABLES}
    return Outcome(
        written={f"table {DATABASE}.{name}": count for name, count in rows.items()},
        details={"temporary": [name for name, temporary in shown.items() if temporary]},
    )


def statements(settings: Settings) -> list[str]:
    """The statements of tables.sql for this lab, without comments."""
    text = request.resource(settings.lesson, "tables.sql") or ""
    bare = "\n".join(line.split("--", 1)[0] for line in text.splitlines())
    filled = Template(bare).substitute(home=settings.home, large=data.LARGE_CENTS)
    return [statement.strip() for statement in filled.split(";") if statement.strip()]
