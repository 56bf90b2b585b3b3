"""Exercise of lesson 6: tables for two questions, a loader, a join with a table, and totals that a stream moves on.

Fill in the gaps from the top down. `run` at the end calls them in this order; you need not change it. Your keyspace
is called lesson06, and the table lesson06.customer_names is in it, empty:

    CREATE TABLE lesson06.customer_names (cid text PRIMARY KEY, full_name text, city text)
"""

from cassandra.cluster import Cluster, Session
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.streaming import StreamingQuery

from common.gaps import Gaps
from common.outcome import Outcome
from common.settings import Settings

ORDER = "order_id string, customer_id string, status string, purchased_at timestamp"
CUSTOMER = "cid string, full_name string, city string"


def create_tables(session: Session) -> None:
    """Gap 1. Two tables, by session.execute("CREATE TABLE …"); each has the primary key that its question needs.

    lesson06.orders_by_customer: cid text, purchased_at timestamp, order_id text, full_name text, status text.
    "Which orders did this customer make, the latest first?" has to be one question to one node, whose answer is sorted
    already; two orders that a customer made at the same moment are two rows.

    lesson06.orders_by_status: status text, orders bigint. "How many orders have this status?"
    """
    # BEGIN SOLUTION
    session.execute("""
        CREATE TABLE lesson06.orders_by_customer (
            cid text, purchased_at timestamp, order_id text, full_name text, status text,
            PRIMARY KEY (cid, purchased_at, order_id)
        ) WITH CLUSTERING ORDER BY (purchased_at DESC, order_id ASC)
    """)
    session.execute("CREATE TABLE lesson06.orders_by_status (status text PRIMARY KEY, orders bigint)")
    # END SOLUTION


def load_customers(session: Session, customers: list[tuple[str, str, str]]) -> None:
    """Gap 2. Write the customers, each (cid, full_name, city), into lesson06.customer_names.

    Prepare the INSERT once, and execute it with the values of each customer: some names have an apostrophe.
    """
    # BEGIN SOLUTION
    insert = session.prepare("INSERT INTO lesson06.customer_names (cid, full_name, city) VALUES (?, ?, ?)")
    for customer in customers:
        session.execute(insert, customer)
    # END SOLUTION


def with_names(spark: SparkSession, orders: DataFrame) -> DataFrame:
    """Gap 3. The stream's orders whose customer is in lesson06.customer_names.

    Read the table with Spark and join it to the stream, customer_id with cid. The columns, in any order: cid,
    purchased_at, order_id, full_name, status.
    """
    # BEGIN SOLUTION
    names = (
        spark.read.format("org.apache.spark.sql.cassandra").options(keyspace="lesson06", table="customer_names").load()
    )
    joined = orders.join(names, F.col("customer_id") == F.col("cid"))
    return joined.select("cid", "purchased_at", "order_id", "full_name", "status")
    # END SOLUTION


def save_orders(named: DataFrame, settings: Settings) -> StreamingQuery:
    """Gap 4. The orders of gap 3 into the table lesson06.orders_by_customer, written directly, without foreachBatch.

    The query is called l06-orders, with the checkpoint settings.checkpoint("l06-orders"). It reads what is there and
    ends: trigger(availableNow=True). Start it, and return what start() gives.
    """
    # BEGIN SOLUTION
    return (
        named.writeStream.queryName("l06-orders")
        .format("org.apache.spark.sql.cassandra")
        .options(keyspace="lesson06", table="orders_by_customer")
        .option("checkpointLocation", settings.checkpoint("l06-orders"))
        .trigger(availableNow=True)
        .start()
    )
    # END SOLUTION


def save_totals(orders: DataFrame, history: DataFrame, settings: Settings) -> StreamingQuery:
    """Gap 5. The table lesson06.orders_by_status: how many orders of each status there are, in the history and today.

    Count the history once; that is where the totals start. Count the stream in complete mode, and with foreachBatch
    add the two and write whole totals. A status that only one of the two has must not be lost: its other count is 0.
    A batch that is run again must not change anything. The query is called l06-totals, has the checkpoint
    settings.checkpoint("l06-totals"), and ends as the one before does. Start it, and return what start() gives.
    """
    # BEGIN SOLUTION
    before = history.groupBy("status").agg(F.count("*").alias("before")).cache()
    today = orders.groupBy("status").agg(F.count("*").alias("today"))

    def write(batch: DataFrame, batch_id: int) -> None:
        both = F.coalesce("before", F.lit(0)) + F.coalesce("today", F.lit(0))
        totals = batch.join(before, "status", "full").select("status", both.alias("orders"))
        (
            totals.write.format("org.apache.spark.sql.cassandra")
            .options(keyspace="lesson06", table="orders_by_status")
            .mode("append")
            .save()
        )

    return (
        today.writeStream.queryName("l06-totals")
        .foreachBatch(write)
        .outputMode("complete")
        .option("checkpointLocation", settings.checkpoint("l06-totals"))
        .trigger(availableNow=True)
        .start()
    )
    # END SOLUTION


def run(spark: SparkSession, settings: Settings) -> Outcome:
    gaps = Gaps(spark, settings)
    records = (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", settings.info.kafka)
        .option("subscribe", "l06-orders")
        .option("startingOffsets", "earliest")
        .option("maxOffsetsPerTrigger", 100)
        .load()
    )
    orders = records.select(F.from_json(F.col("value").cast("string"), ORDER).alias("order")).select("order.*")
    history = spark.read.parquet(settings.input("history"))
    customers = [tuple(row) for row in spark.read.schema(CUSTOMER).json(settings.input("customers.json")).collect()]

    with Cluster(settings.info.cassandra) as cluster:
        session = cluster.connect()
        gaps.action(1, create_tables, session)
        gaps.action(2, load_customers, session, customers)
        named = gaps.frame(3, with_names, spark, orders)
        gaps.query(4, save_orders, named, settings)
        gaps.query(5, save_totals, orders, history, settings)
    return gaps.outcome()
