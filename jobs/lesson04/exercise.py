"""Exercise of lesson 4: copy a topic of orders to a folder of parquet files, to another topic, and with foreachBatch.

Fill in the gaps from the top down. `run` at the end calls them in this order; you need not change it.
"""

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
    """Gap 1. The topic l04-orders as a stream: from its beginning, at most 300 records a batch.

    The brokers' addresses are in settings.info.kafka. Return what load() gives.
    """
    # BEGIN SOLUTION
    return (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", settings.info.kafka)
        .option("subscribe", "l04-orders")
        .option("startingOffsets", "earliest")
        .option("maxOffsetsPerTrigger", 300)
        .load()
    )
    # END SOLUTION


def parse(records: DataFrame) -> DataFrame:
    """Gap 2. The eight columns of ORDER, read from each record's value, which holds JSON as bytes."""
    # BEGIN SOLUTION
    order = F.from_json(F.col("value").cast("string"), ORDER)
    return records.select(order.alias("data")).select("data.*")
    # END SOLUTION


def to_files(orders: DataFrame, settings: Settings) -> StreamingQuery:
    """Gap 3. All orders as parquet files in the folder settings.output("parquet").

    Name the query l04-parquet and give it the checkpoint settings.checkpoint("l04-parquet"). It reads what is there
    and ends: trigger(availableNow=True). Start it, and return what start() gives.
    """
    # BEGIN SOLUTION
    return (
        orders.writeStream.queryName("l04-parquet")
        .format("parquet")
        .option("path", settings.output("parquet"))
        .option("checkpointLocation", settings.checkpoint("l04-parquet"))
        .trigger(availableNow=True)
        .start()
    )
    # END SOLUTION


def to_topic(orders: DataFrame, settings: Settings) -> StreamingQuery:
    """Gap 4. Delivered orders into the topic l04-json: the order's id as key; as value JSON with order_id and status.

    The query is called l04-json, with the checkpoint of that name, and ends as the one before does.
    """
    # BEGIN SOLUTION
    delivered = orders.where(F.col("status") == "delivered")
    records = delivered.select(F.col("order_id").alias("key"), F.to_json(F.struct("order_id", "status")).alias("value"))
    return (
        records.writeStream.queryName("l04-json")
        .format("kafka")
        .option("kafka.bootstrap.servers", settings.info.kafka)
        .option("topic", "l04-json")
        .option("checkpointLocation", settings.checkpoint("l04-json"))
        .trigger(availableNow=True)
        .start()
    )
    # END SOLUTION


def count_batches(orders: DataFrame, settings: Settings) -> StreamingQuery:
    """Gap 5. With foreachBatch, for each batch: its orders by status, as parquet in settings.output("counts").

    The columns are status and orders. Each batch has a folder of its own below, batch_id=N, so that a batch which is
    run again replaces its own rows: write with mode("overwrite"). The query is called l04-counts.
    """
    # BEGIN SOLUTION
    folder = settings.output("counts")

    def write(batch: DataFrame, batch_id: int) -> None:
        counts = batch.groupBy("status").agg(F.count("*").alias("orders"))
        counts.write.mode("overwrite").parquet(f"{folder}/batch_id={batch_id}")

    return (
        orders.writeStream.queryName("l04-counts")
        .foreachBatch(write)
        .option("checkpointLocation", settings.checkpoint("l04-counts"))
        .trigger(availableNow=True)
        .start()
    )
    # END SOLUTION


def run(spark: SparkSession, settings: Settings) -> Outcome:
    gaps = Gaps(spark, settings)
    records = gaps.frame(1, read, spark, settings)
    orders = gaps.frame(2, parse, records)
    gaps.query(3, to_files, orders, settings)
    gaps.query(4, to_topic, orders, settings)
    gaps.query(5, count_batches, orders, settings)
    return gaps.outcome()
