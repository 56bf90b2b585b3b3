"""Wrong answers to the gaps of lesson 4's exercise."""

WRONG = {
    1: [
        # From the end of the topic, which is where a stream begins unless it is told otherwise.
        ('.option("startingOffsets", "earliest")', ""),
        # The option's name is misspelt; Spark ignores options that it does not know.
        ('.option("maxOffsetsPerTrigger", 300)', '.option("maxOffsetPerTrigger", 300)'),
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
        (
            '.option("checkpointLocation", settings.checkpoint("l04-parquet"))',
            '.option("checkpointLocation", settings.checkpoint("parquet"))',
        ),
        # Started, and not given back.
        """
        orders.writeStream.queryName("l04-parquet").format("parquet").option("path", settings.output("parquet")).option(
            "checkpointLocation", settings.checkpoint("l04-parquet")
        ).trigger(availableNow=True).start()
        """,
    ],
    4: [
        # All orders, not only those delivered.
        ('orders.where(F.col("status") == "delivered")', "orders"),
        # Records without a key.
        ('F.col("order_id").alias("key"), ', ""),
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
        (
            """def write(batch: DataFrame, batch_id: int) -> None:
    counts = batch.groupBy("status").agg(F.count("*").alias("orders"))
    counts.write.mode("overwrite").parquet(f"{folder}/batch_id={batch_id}")""",
            """def write(batch, batch_id):
    rows = batch.select("status", F.lit(1).alias("orders")).distinct()
    rows.write.mode("overwrite").parquet(f"{folder}/batch_id={batch_id}")""",
        ),
    ],
}
