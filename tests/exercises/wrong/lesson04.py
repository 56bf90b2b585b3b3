"""Wrong answers to the gaps of lesson 4's exercise."""

WRONG = {
    1: [
        # From the end of the topic, which is where a stream begins unless it is told otherwise.
        """
        return (
            spark.readStream.format("kafka")
            .option("kafka.bootstrap.servers", settings.info.kafka)
            .option("subscribe", "l04-orders")
            .option("maxOffsetsPerTrigger", 300)
            .load()
        )
        """,
        # The option's name is misspelt; Spark ignores options that it does not know.
        """
        return (
            spark.readStream.format("kafka")
            .option("kafka.bootstrap.servers", settings.info.kafka)
            .option("subscribe", "l04-orders")
            .option("startingOffsets", "earliest")
            .option("maxOffsetPerTrigger", 300)
            .load()
        )
        """,
    ],
    2: [
        # All columns as text.
        """
        text = ORDER.replace("timestamp", "string")
        return records.select(F.from_json(F.col("value").cast("string"), text).alias("data")).select("data.*")
        """,
        # A struct instead of columns.
        """
        return records.select(F.from_json(F.col("value").cast("string"), ORDER).alias("data"))
        """,
    ],
    3: [
        # Without a checkpoint of its own name.
        """
        return (
            orders.writeStream.queryName("l04-parquet")
            .format("parquet")
            .option("path", settings.output("parquet"))
            .option("checkpointLocation", settings.checkpoint("parquet"))
            .trigger(availableNow=True)
            .start()
        )
        """,
        # Started, and not given back.
        """
        orders.writeStream.queryName("l04-parquet").format("parquet").option("path", settings.output("parquet")).option(
            "checkpointLocation", settings.checkpoint("l04-parquet")
        ).trigger(availableNow=True).start()
        """,
    ],
    4: [
        # All orders, not only those delivered.
        """
        records = orders.select(
            F.col("order_id").alias("key"), F.to_json(F.struct("order_id", "status")).alias("value")
        )
        return (
            records.writeStream.queryName("l04-json")
            .format("kafka")
            .option("kafka.bootstrap.servers", settings.info.kafka)
            .option("topic", "l04-json")
            .option("checkpointLocation", settings.checkpoint("l04-json"))
            .trigger(availableNow=True)
            .start()
        )
        """,
        # Records without a key.
        """
        delivered = orders.where(F.col("status") == "delivered")
        records = delivered.select(F.to_json(F.struct("order_id", "status")).alias("value"))
        return (
            records.writeStream.queryName("l04-json")
            .format("kafka")
            .option("kafka.bootstrap.servers", settings.info.kafka)
            .option("topic", "l04-json")
            .option("checkpointLocation", settings.checkpoint("l04-json"))
            .trigger(availableNow=True)
            .start()
        )
        """,
    ],
    5: [
        # One folder for all batches: each replaces the one before.
        """
        def write(batch, batch_id):
            counts = batch.groupBy("status").agg(F.count("*").alias("orders"))
            counts.write.mode("overwrite").parquet(settings.output("counts"))

        return (
            orders.writeStream.queryName("l04-counts")
            .foreachBatch(write)
            .option("checkpointLocation", settings.checkpoint("l04-counts"))
            .trigger(availableNow=True)
            .start()
        )
        """,
        # The rows themselves instead of their counts.
        """
        folder = settings.output("counts")

        def write(batch, batch_id):
            rows = batch.select("status", F.lit(1).alias("orders")).distinct()
            rows.write.mode("overwrite").parquet(f"{folder}/batch_id={batch_id}")

        return (
            orders.writeStream.queryName("l04-counts")
            .foreachBatch(write)
            .option("checkpointLocation", settings.checkpoint("l04-counts"))
            .trigger(availableNow=True)
            .start()
        )
        """,
    ],
}
