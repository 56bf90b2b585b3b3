"""Wrong answers to the gaps of the titanic lesson's exercise."""

WRONG = {
    1: [
        # From the end of the topic, which is where a stream begins unless it is told otherwise.
        """
        records = (
            spark.readStream.format("kafka")
            .option("kafka.bootstrap.servers", settings.info.kafka)
            .option("subscribe", "titanic-raw")
            .option("maxOffsetsPerTrigger", 300)
            .load()
        )
        passenger = F.from_json(F.col("value").cast("string"), PASSENGER)
        return records.select(passenger.alias("data")).select("data.*")
        """,
        # The time as text.
        """
        records = (
            spark.readStream.format("kafka")
            .option("kafka.bootstrap.servers", settings.info.kafka)
            .option("subscribe", "titanic-raw")
            .option("startingOffsets", "earliest")
            .option("maxOffsetsPerTrigger", 300)
            .load()
        )
        passenger = F.from_json(F.col("value").cast("string"), PASSENGER.replace("timestamp", "string"))
        return records.select(passenger.alias("data")).select("data.*")
        """,
    ],
    2: [
        # An unknown age counted as a child.
        """
        classes = spark.read.csv(settings.input("classes.csv"), schema="Pclass int, ClassName string", header=True)
        band = F.when(F.col("Age") >= 18, "adult").otherwise("minor")
        named = people.join(classes, "Pclass", "left").withColumn("AgeBand", band)
        return named.select("PassengerId", "ClassName", "AgeBand", "event_time")
        """,
        # Who is 18 is no adult yet.
        """
        classes = spark.read.csv(settings.input("classes.csv"), schema="Pclass int, ClassName string", header=True)
        band = F.when(F.col("Age").isNull(), "unknown").when(F.col("Age") > 18, "adult").otherwise("minor")
        named = people.join(classes, "Pclass", "left").withColumn("AgeBand", band)
        return named.select("PassengerId", "ClassName", "AgeBand", "event_time")
        """,
    ],
    3: [
        # Records without a key.
        """
        records = named.select(F.to_json(F.struct("PassengerId", "ClassName", "AgeBand")).alias("value"))
        return (
            records.writeStream.queryName("titanic-enrich")
            .format("kafka")
            .option("kafka.bootstrap.servers", settings.info.kafka)
            .option("topic", "titanic-enriched")
            .option("checkpointLocation", settings.checkpoint("titanic-enrich"))
            .trigger(availableNow=True)
            .start()
        )
        """,
        # The row as text instead of JSON.
        """
        value = F.struct("PassengerId", "ClassName", "AgeBand").cast("string")
        records = named.select(F.col("PassengerId").cast("string").alias("key"), value.alias("value"))
        return (
            records.writeStream.queryName("titanic-enrich")
            .format("kafka")
            .option("kafka.bootstrap.servers", settings.info.kafka)
            .option("topic", "titanic-enriched")
            .option("checkpointLocation", settings.checkpoint("titanic-enrich"))
            .trigger(availableNow=True)
            .start()
        )
        """,
    ],
    4: [
        # By the clock: another answer in each run.
        """
        now = people.withColumn("event_time", F.current_timestamp())
        minutes = now.groupBy(F.window("event_time", "1 minute")).agg(F.count("*").alias("passengers"))
        return minutes.select("window.start", "passengers")
        """,
        # The window as it is, a structure of two times.
        """
        return people.groupBy(F.window("event_time", "1 minute")).agg(F.count("*").alias("passengers"))
        """,
    ],
    5: [
        # Read at once, before the query has done anything.
        """
        query = (
            named.groupBy("AgeBand")
            .count()
            .writeStream.queryName("titanic_ages")
            .format("memory")
            .outputMode("complete")
            .trigger(availableNow=True)
            .start()
        )
        return {row["AgeBand"]: row["count"] for row in spark.table("titanic_ages").collect()}
        """,
        # Append mode, which an aggregation without a watermark cannot have.
        """
        query = (
            named.groupBy("AgeBand")
            .count()
            .writeStream.queryName("titanic_ages")
            .format("memory")
            .trigger(availableNow=True)
            .start()
        )
        query.awaitTermination()
        return {row["AgeBand"]: row["count"] for row in spark.table("titanic_ages").collect()}
        """,
    ],
}
