"""Wrong answers to the gaps of lesson 3's exercise."""

WRONG = {
    1: [
        # From the end of the topic, which is where a stream begins unless it is told otherwise.
        ('.option("startingOffsets", "earliest")', '.option("startingOffsets", "latest")'),
        # The file source's option, which Kafka's source ignores.
        ('.option("maxOffsetsPerTrigger", 200)', '.option("maxFilesPerTrigger", 200)'),
    ],
    2: [
        # The column is not in the schema: what cannot be read becomes a row of nulls.
        """
        order = F.from_json(F.col("value").cast("string"), ORDER, {"columnNameOfCorruptRecord": "malformed"})
        parsed = records.select("partition", "offset", order.alias("data")).select("partition", "offset", "data.*")
        return parsed.withColumn("malformed", F.lit(None).cast("string"))
        """,
        # Times kept as text: nothing is malformed that is JSON.
        """
        text = ORDER.replace("timestamp", "string") + ", malformed string"
        order = F.from_json(F.col("value").cast("string"), text, {"columnNameOfCorruptRecord": "malformed"})
        return records.select("partition", "offset", order.alias("data")).select("partition", "offset", "data.*")
        """,
    ],
    3: [
        # By the parser's verdict alone: {} is read without an error, and is no order.
        """
        return parsed.withColumn("kind", F.when(F.col("malformed").isNull(), "order").otherwise("malformed"))
        """,
        # What is malformed is thrown away.
        """
        is_order = F.col("malformed").isNull() & F.col("order_id").isNotNull()
        return parsed.where(is_order).withColumn("kind", F.lit("order"))
        """,
    ],
    4: [
        # Without folders by kind.
        ('.partitionBy("kind")', ""),
        # Started, and not given back: awaitTermination() gives None.
        (
            ".start()",
            """.start()
    .awaitTermination()""",
        ),
    ],
    5: [
        # One topic's offsets are not given: all partitions have to be named.
        """
        return (
            spark.readStream.format("kafka")
            .option("kafka.bootstrap.servers", settings.info.kafka)
            .option("subscribe", "l03-orders,l03-returns")
            .option("startingOffsets", json.dumps({"l03-orders": {"0": 20, "1": 20, "2": 20}}))
            .load()
        )
        """,
        # -1 is the latest offset, not the earliest.
        (
            'starts = {"l03-orders": {"0": 20, "1": 20, "2": 20}, "l03-returns": {"0": -2}}',
            'starts = {"l03-orders": {"0": 20, "1": 20, "2": 20}, "l03-returns": {"0": -1}}',
        ),
    ],
}
