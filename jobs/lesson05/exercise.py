"""Exercise of lesson 5: orders without duplicates, counted by window in two output modes, and joined with their items.

Fill in the gaps from the top down. `run` at the end calls them in this order; you need not change it.
"""

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.streaming import StreamingQuery

from common.gaps import Gaps
from common.outcome import Outcome
from common.settings import Settings

#: What is in the records of the two topics, as JSON; times are ISO 8601.
ORDER = "order_id string, order_time timestamp, customer_id string, status string"
ITEM = "item_id string, order_id string, item_time timestamp, product string"


def read(spark: SparkSession, settings: Settings) -> DataFrame:
    """Gap 1. The topic l05-orders as a stream of the four columns of ORDER, which are JSON in value, with a watermark.

    Read it from its beginning, at most 150 records a batch; the brokers' addresses are in settings.info.kafka. The
    watermark is two minutes, on order_time.
    """
    # BEGIN SOLUTION
    records = (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", settings.info.kafka)
        .option("subscribe", "l05-orders")
        .option("startingOffsets", "earliest")
        .option("maxOffsetsPerTrigger", 150)
        .load()
    )
    order = F.from_json(F.col("value").cast("string"), ORDER)
    orders = records.select(order.alias("data")).select("data.*")
    return orders.withWatermark("order_time", "2 minutes")
    # END SOLUTION


def once(orders: DataFrame) -> DataFrame:
    """Gap 2. Each order once, with all its columns.

    Some orders were sent twice: the copy has the same time, and comes in the same batch or in the next one. Spark must
    not keep ids for ever: it must forget one after the watermark has passed it. Orders older than the watermark are
    dropped by Spark itself.
    """
    # BEGIN SOLUTION
    return orders.dropDuplicatesWithinWatermark(["order_id"])
    # END SOLUTION


def by_window(unique: DataFrame) -> DataFrame:
    """Gap 3. Unique orders counted by five minutes of order_time and by status.

    The columns are start and end (timestamps), status, and orders, the count. It is written in append mode.
    """
    # BEGIN SOLUTION
    counts = unique.groupBy(F.window("order_time", "5 minutes"), "status").agg(F.count("*").alias("orders"))
    return counts.select("window.start", "window.end", "status", "orders")
    # END SOLUTION


def to_topic(orders: DataFrame, settings: Settings) -> StreamingQuery:
    """Gap 4. Records (duplicates too) counted by five minutes of order_time, into the topic l05-window-counts.

    Each batch emits the windows that it has changed, and only those. The key is the window's start as text such as
    00:05, which date_format(…, "HH:mm") gives; the value is JSON with one field, orders, the count. The query is called
    l05-counts and has the checkpoint settings.checkpoint("l05-counts"). It reads what is there and ends:
    trigger(availableNow=True). Start it, and return what start() gives.
    """
    # BEGIN SOLUTION
    counts = orders.groupBy(F.window("order_time", "5 minutes")).agg(F.count("*").alias("orders"))
    key = F.date_format("window.start", "HH:mm")
    records = counts.select(key.alias("key"), F.to_json(F.struct("orders")).alias("value"))
    return (
        records.writeStream.queryName("l05-counts")
        .outputMode("update")
        .format("kafka")
        .option("kafka.bootstrap.servers", settings.info.kafka)
        .option("topic", "l05-window-counts")
        .option("checkpointLocation", settings.checkpoint("l05-counts"))
        .trigger(availableNow=True)
        .start()
    )
    # END SOLUTION


def with_items(spark: SparkSession, unique: DataFrame, settings: Settings) -> DataFrame:
    """Gap 5. Unique orders with their items, and orders for which no item came.

    Read the topic l05-items as you read l05-orders, with the columns of ITEM, at most 240 records a batch, and a
    watermark of two minutes on item_time. An item belongs to the order whose id it has, if it came at the order's time
    or within one minute after it. The columns are order_id, order_time, status, item_id, product.
    """
    # BEGIN SOLUTION
    records = (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", settings.info.kafka)
        .option("subscribe", "l05-items")
        .option("startingOffsets", "earliest")
        .option("maxOffsetsPerTrigger", 240)
        .load()
    )
    items = records.select(F.from_json(F.col("value").cast("string"), ITEM).alias("data")).select("data.*")
    items = items.withColumnRenamed("order_id", "item_order_id").withWatermark("item_time", "2 minutes")
    same = F.expr("order_id = item_order_id AND item_time BETWEEN order_time AND order_time + interval 1 minute")
    return unique.join(items, same, "left").select("order_id", "order_time", "status", "item_id", "product")
    # END SOLUTION


def run(spark: SparkSession, settings: Settings) -> Outcome:
    spark.conf.set("spark.sql.shuffle.partitions", 1)  # one part of each state is enough for so few rows
    gaps = Gaps(spark, settings)
    orders = gaps.frame(1, read, spark, settings)
    unique = gaps.frame(2, once, orders)
    gaps.frame(3, by_window, unique)
    gaps.query(4, to_topic, orders, settings)
    gaps.frame(5, with_items, spark, unique, settings)
    return gaps.outcome()
