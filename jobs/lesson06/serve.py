"""The serving layer: one answer from both views; and a look at which part of a question Cassandra itself answers."""

from __future__ import annotations

import json
import re

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from common import layers
from common.hdfs import Hdfs
from common.outcome import Outcome
from common.settings import Settings
from lesson06.places import PUSHDOWN, SERVED, keyspace_of
from lesson06.transforms import served


def run(spark: SparkSession, settings: Settings) -> Outcome:
    tables = spark.read.format("org.apache.spark.sql.cassandra").option("keyspace", keyspace_of(settings))
    batch = tables.option("table", "orders_by_day_status").load()
    speed = tables.option("table", "orders_by_hour_status").load()
    names = tables.option("table", "customer_names").load()
    rows = [row.asDict() for row in served(batch, speed).orderBy("day", "status").collect()]
    pushed = pushdown(names, batch)
    hdfs = Hdfs(settings.info.webhdfs)
    hdfs.write(settings.output(SERVED), json.dumps(rows, indent=2) + "\n")
    hdfs.write(settings.output(PUSHDOWN), json.dumps(pushed, indent=2) + "\n")
    for question, filters in pushed.items():
        print(f"{question}: Cassandra Filters: {filters}", flush=True)
    orders = sum(row["orders"] for row in rows)
    return Outcome(written={f"hdfs {settings.output(SERVED)}": len(rows)}, details={"orders_served": orders})


def pushdown(names: DataFrame, view: DataFrame) -> dict[str, str]:
    """By question, what of its condition goes to Cassandra; the rest Spark filters after it has read the table."""
    cid = layers.customers()[0].cid
    questions = {
        "key = value": names.where(F.col("cid") == cid),
        "key IN values": names.where(F.col("cid").isin(cid, layers.customers()[1].cid)),
        "key > value": names.where(F.col("cid") > cid),
        "no key": names.where(F.col("city") == layers.CITIES[0]),
        "key cast to a number": names.where(F.col("cid").cast("bigint") == 7),
        "key, then clustering column": view.where((F.col("day") == layers.days()[0]) & (F.col("status") > "d")),
        "clustering column alone": view.where(F.col("status") == "shipped"),
    }
    return {question: cassandra_filters(asked) for question, asked in questions.items()}


def cassandra_filters(asked: DataFrame) -> str:
    """The `Cassandra Filters` of a plan as its text shows them, such as [["cid" = ?, 0a1b]]; [] when there are none."""
    plan = asked._jdf.queryExecution().executedPlan().toString()
    found = re.search(r"Cassandra Filters: (\[.*?\])(?:\n|, requiredColumns|\s*$|,\s*\w)", plan)
    return found[1] if found else plan
