"""Wrong answers to the gaps of lesson 6's exercise."""

TOTALS = """
        session.execute("CREATE TABLE lesson06.orders_by_status (status text PRIMARY KEY, orders bigint)")
"""

WRONG = {
    1: [
        # The order's id as the key, as in a relational database: a customer's orders are on all nodes.
        """
        session.execute(\"\"\"
            CREATE TABLE lesson06.orders_by_customer (
                order_id text PRIMARY KEY, cid text, purchased_at timestamp, full_name text, status text
            )
        \"\"\")
        """
        + TOTALS,
        # The earliest first, which is the order when none is named.
        """
        session.execute(\"\"\"
            CREATE TABLE lesson06.orders_by_customer (
                cid text, purchased_at timestamp, order_id text, full_name text, status text,
                PRIMARY KEY (cid, purchased_at, order_id)
            )
        \"\"\")
        """
        + TOTALS,
    ],
    2: [
        # A statement made of text: it ends at the first apostrophe.
        """
        for cid, full_name, city in customers:
            session.execute(
                f"INSERT INTO lesson06.customer_names (cid, full_name, city) VALUES ('{cid}', '{full_name}', '{city}')"
            )
        """,
        # The values in another order than the columns.
        (
            'insert = session.prepare("INSERT INTO lesson06.customer_names (cid, full_name, city) VALUES (?, ?, ?)")',
            'insert = session.prepare("INSERT INTO lesson06.customer_names (cid, city, full_name) VALUES (?, ?, ?)")',
        ),
    ],
    3: [
        # A left join keeps the orders of customers who have no name.
        """
        names = (
            spark.read.format("org.apache.spark.sql.cassandra")
            .options(keyspace="lesson06", table="customer_names")
            .load()
        )
        joined = orders.join(names, F.col("customer_id") == F.col("cid"), "left")
        return joined.select("cid", "purchased_at", "order_id", "full_name", "status")
        """,
        # All columns of both sides.
        """
        names = (
            spark.read.format("org.apache.spark.sql.cassandra")
            .options(keyspace="lesson06", table="customer_names")
            .load()
        )
        return orders.join(names, F.col("customer_id") == F.col("cid"))
        """,
    ],
    4: [
        # The checkpoint of another name.
        (
            '.option("checkpointLocation", settings.checkpoint("l06-orders"))',
            '.option("checkpointLocation", settings.checkpoint("checkpoint"))',
        ),
        # A column's name as text, where the column was meant.
        (
            'named.writeStream.queryName("l06-orders")',
            """named.withColumn("full_name", F.lit("full_name"))
    .writeStream.queryName("l06-orders")""",
        ),
    ],
    5: [
        # Only what the stream has counted: the history is forgotten.
        """
        def write(batch, batch_id):
            (
                batch.write.format("org.apache.spark.sql.cassandra")
                .options(keyspace="lesson06", table="orders_by_status")
                .mode("append")
                .save()
            )

        return (
            orders.groupBy("status").agg(F.count("*").alias("orders"))
            .writeStream.queryName("l06-totals")
            .foreachBatch(write)
            .outputMode("complete")
            .option("checkpointLocation", settings.checkpoint("l06-totals"))
            .trigger(availableNow=True)
            .start()
        )
        """,
        # Each batch's counts, which are counts since the beginning, added to what the table has.
        """
        table = {"keyspace": "lesson06", "table": "orders_by_status"}
        before = history.groupBy("status").agg(F.count("*").alias("orders"))
        before.write.format("org.apache.spark.sql.cassandra").options(**table).mode("append").save()
        spark = history.sparkSession

        def write(batch, batch_id):
            saved = spark.read.format("org.apache.spark.sql.cassandra").options(**table).load()
            added = saved.join(batch, "status").select("status", (F.col("orders") + F.col("today")).alias("orders"))
            added.write.format("org.apache.spark.sql.cassandra").options(**table).mode("append").save()

        return (
            orders.groupBy("status").agg(F.count("*").alias("today"))
            .writeStream.queryName("l06-totals")
            .foreachBatch(write)
            .outputMode("complete")
            .option("checkpointLocation", settings.checkpoint("l06-totals"))
            .trigger(availableNow=True)
            .start()
        )
        """,
    ],
}
