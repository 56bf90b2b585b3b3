"""Wrong answers to the gaps of lesson 5's exercise."""

WRONG = {
    1: [
        # A watermark of two hours: nothing would ever be late.
        """
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
        return orders.withWatermark("order_time", "2 hours")
        """,
        # The watermark on the time of Kafka's record instead of the order's own.
        """
        records = (
            spark.readStream.format("kafka")
            .option("kafka.bootstrap.servers", settings.info.kafka)
            .option("subscribe", "l05-orders")
            .option("startingOffsets", "earliest")
            .option("maxOffsetsPerTrigger", 150)
            .load()
        )
        order = F.from_json(F.col("value").cast("string"), ORDER)
        return records.withWatermark("timestamp", "2 minutes").select(order.alias("data")).select("data.*")
        """,
    ],
    2: [
        # By the time of arrival, which is the same for a whole batch and another one for the next.
        """
        arrived = orders.withColumn("received_at", F.current_timestamp())
        return arrived.dropDuplicates(["order_id", "received_at"]).drop("received_at")
        """,
        # By the customer: whoever orders again is taken for a duplicate.
        """
        return orders.dropDuplicatesWithinWatermark(["customer_id"])
        """,
    ],
    3: [
        # The watermark on the window: no window is ever over.
        """
        windowed = unique.withColumn("window", F.window("order_time", "5 minutes")).withWatermark("window", "2 minutes")
        counts = windowed.groupBy("window", "status").agg(F.count("*").alias("orders"))
        return counts.select("window.start", "window.end", "status", "orders")
        """,
        # Windows that overlap: each order is in two of them.
        """
        window = F.window("order_time", "5 minutes", "150 seconds")
        counts = unique.groupBy(window, "status").agg(F.count("*").alias("orders"))
        return counts.select("window.start", "window.end", "status", "orders")
        """,
    ],
    4: [
        # Append mode: a window is emitted once, when it is over, and the last one never.
        """
        counts = orders.groupBy(F.window("order_time", "5 minutes")).agg(F.count("*").alias("orders"))
        key = F.date_format("window.start", "HH:mm")
        records = counts.select(key.alias("key"), F.to_json(F.struct("orders")).alias("value"))
        return (
            records.writeStream.queryName("l05-counts")
            .outputMode("append")
            .format("kafka")
            .option("kafka.bootstrap.servers", settings.info.kafka)
            .option("topic", "l05-window-counts")
            .option("checkpointLocation", settings.checkpoint("l05-counts"))
            .trigger(availableNow=True)
            .start()
        )
        """,
        # Complete mode: every batch emits all windows, and late orders count.
        """
        counts = orders.groupBy(F.window("order_time", "5 minutes")).agg(F.count("*").alias("orders"))
        key = F.date_format("window.start", "HH:mm")
        records = counts.select(key.alias("key"), F.to_json(F.struct("orders")).alias("value"))
        return (
            records.writeStream.queryName("l05-counts")
            .outputMode("complete")
            .format("kafka")
            .option("kafka.bootstrap.servers", settings.info.kafka)
            .option("topic", "l05-window-counts")
            .option("checkpointLocation", settings.checkpoint("l05-counts"))
            .trigger(availableNow=True)
            .start()
        )
        """,
    ],
    5: [
        # An inner join: orders without items are not there.
        """
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
        return unique.join(items, same).select("order_id", "order_time", "status", "item_id", "product")
        """,
        # A left join without a time range, which Spark refuses.
        """
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
        same = F.col("order_id") == F.col("item_order_id")
        return unique.join(items, same, "left").select("order_id", "order_time", "status", "item_id", "product")
        """,
    ],
}
