"""Wrong answers to the gaps of the titanic lesson's exercise."""

WRONG = {
    1: [
        # From the end of the topic, which is where a stream begins unless it is told otherwise.
        ('.option("startingOffsets", "earliest")', ""),
        # The time as text.
        (
            'passenger = F.from_json(F.col("value").cast("string"), PASSENGER)',
            'passenger = F.from_json(F.col("value").cast("string"), PASSENGER.replace("timestamp", "string"))',
        ),
    ],
    2: [
        # An unknown age counted as a child.
        (
            'band = F.when(F.col("Age").isNull(), "unknown").when(F.col("Age") >= 18, "adult").otherwise("minor")',
            'band = F.when(F.col("Age") >= 18, "adult").otherwise("minor")',
        ),
        # Who is 18 is no adult yet.
        (
            'band = F.when(F.col("Age").isNull(), "unknown").when(F.col("Age") >= 18, "adult").otherwise("minor")',
            'band = F.when(F.col("Age").isNull(), "unknown").when(F.col("Age") > 18, "adult").otherwise("minor")',
        ),
    ],
    3: [
        # Records without a key.
        (
            """value = F.to_json(F.struct("PassengerId", "ClassName", "AgeBand"))
records = named.select(F.col("PassengerId").cast("string").alias("key"), value.alias("value"))""",
            'records = named.select(F.to_json(F.struct("PassengerId", "ClassName", "AgeBand")).alias("value"))',
        ),
        # The row as text instead of JSON.
        (
            'value = F.to_json(F.struct("PassengerId", "ClassName", "AgeBand"))',
            'value = F.struct("PassengerId", "ClassName", "AgeBand").cast("string")',
        ),
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
        ("query.awaitTermination()", ""),
        # Append mode, which an aggregation without a watermark cannot have.
        ('.outputMode("complete")', ""),
    ],
}
