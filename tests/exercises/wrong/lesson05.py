"""Wrong answers to the gaps of lesson 5's exercise."""

WRONG = {
    1: [
        # A watermark of two hours: nothing would ever be late.
        (
            'return orders.withWatermark("order_time", "2 minutes")',
            'return orders.withWatermark("order_time", "2 hours")',
        ),
        # The watermark on the time of Kafka's record instead of the order's own.
        (
            """orders = records.select(order.alias("data")).select("data.*")
return orders.withWatermark("order_time", "2 minutes")""",
            'return records.withWatermark("timestamp", "2 minutes").select(order.alias("data")).select("data.*")',
        ),
    ],
    2: [
        # By the time of arrival, which is the same for a whole batch and another one for the next.
        """
        arrived = orders.withColumn("received_at", F.current_timestamp())
        return arrived.dropDuplicates(["order_id", "received_at"]).drop("received_at")
        """,
        # Each once, and no id is ever forgotten.
        """
        return orders.dropDuplicates(["order_id"])
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
        ('.outputMode("update")', '.outputMode("append")'),
        # Complete mode: every batch emits all windows, and late orders count.
        ('.outputMode("update")', '.outputMode("complete")'),
    ],
    5: [
        # An inner join: orders without items are not there.
        (
            'return unique.join(items, same, "left").select("order_id", "order_time", "status", "item_id", "product")',
            'return unique.join(items, same).select("order_id", "order_time", "status", "item_id", "product")',
        ),
        # A left join without a time range, which Spark refuses.
        (
            " AND item_time BETWEEN order_time AND order_time + interval 1 minute",
            "",
        ),
    ],
}
