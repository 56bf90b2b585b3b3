"""Exercise of lesson 3: read a topic of orders in bounded batches, tell orders from what is none, keep both in files.

Fill in the gaps from the top down. `run` at the end calls them in this order; you need not change it.
"""

import json

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.streaming import StreamingQuery

from common.gaps import Gaps
from common.outcome import Outcome
from common.settings import Settings

#: The columns of an order; times are ISO 8601 in the JSON.
ORDER = """
    order_id string, customer_id string, status string,
    purchased_at timestamp, approved_at timestamp, shipped_at timestamp, delivered_at timestamp, estimated_at timestamp
"""


def read(spark: SparkSession, settings: Settings) -> DataFrame:
    """Gap 1. The topic l03-orders as a stream: from its beginning, at most 200 records a batch.

    The brokers' addresses are in settings.info.kafka. Return what load() gives.
    """
    # BEGIN SOLUTION
    return (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", settings.info.kafka)
        .option("subscribe", "l03-orders")
        .option("startingOffsets", "earliest")
        .option("maxOffsetsPerTrigger", 200)
        .load()
    )
    # END SOLUTION


def parse(records: DataFrame) -> DataFrame:
    """Gap 2. The columns partition, offset, the eight columns of ORDER, and malformed, in this order.

    A record's value holds JSON as bytes. malformed is a string: the text of a value that from_json cannot read by
    ORDER, null for all others (see the option columnNameOfCorruptRecord; the column has to be in the schema too).
    """
    # BEGIN SOLUTION
    order = F.from_json(
        F.col("value").cast("string"),
        ORDER + ", malformed string",
        {"mode": "PERMISSIVE", "columnNameOfCorruptRecord": "malformed"},
    )
    return records.select("partition", "offset", order.alias("data")).select("partition", "offset", "data.*")
    # END SOLUTION


def sort_out(parsed: DataFrame) -> DataFrame:
    """Gap 3. All rows and columns, and a column kind after them: "order", or "malformed" for a row that is no order.

    What could not be read is no order, and what has no order_id is none either.
    """
    # BEGIN SOLUTION
    is_order = F.col("malformed").isNull() & F.col("order_id").isNotNull()
    return parsed.withColumn("kind", F.when(is_order, "order").otherwise("malformed"))
    # END SOLUTION


def to_files(sorted_out: DataFrame, settings: Settings) -> StreamingQuery:
    """Gap 4. All rows as parquet files below settings.output("orders"), in a folder for each kind: kind=order, ….

    Name the query l03-files and give it the checkpoint settings.checkpoint("l03-files"). It reads what is there and
    ends: trigger(availableNow=True). Start it, and return what start() gives.
    """
    # BEGIN SOLUTION
    return (
        sorted_out.writeStream.queryName("l03-files")
        .format("parquet")
        .partitionBy("kind")
        .option("path", settings.output("orders"))
        .option("checkpointLocation", settings.checkpoint("l03-files"))
        .trigger(availableNow=True)
        .start()
    )
    # END SOLUTION


def read_from(spark: SparkSession, settings: Settings) -> DataFrame:
    """Gap 5. Two topics as one stream, without a limit, each from offsets of its own.

    l03-orders has the partitions 0, 1 and 2: leave out the first 20 records of each. l03-returns has partition 0 alone:
    all of it, from the earliest offset that is there (-2). Return what load() gives.
    """
    # BEGIN SOLUTION
    starts = {"l03-orders": {"0": 20, "1": 20, "2": 20}, "l03-returns": {"0": -2}}
    return (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", settings.info.kafka)
        .option("subscribe", "l03-orders,l03-returns")
        .option("startingOffsets", json.dumps(starts))
        .load()
    )
    # END SOLUTION


def run(spark: SparkSession, settings: Settings) -> Outcome:
    gaps = Gaps(spark, settings)
    records = gaps.frame(1, read, spark, settings)
    parsed = gaps.frame(2, parse, records)
    sorted_out = gaps.frame(3, sort_out, parsed)
    gaps.query(4, to_files, sorted_out, settings)
    gaps.frame(5, read_from, spark, settings)
    return gaps.outcome()
