"""Wrong answers to the gaps of lesson 1's exercise."""

WRONG = {
    1: [
        # The header lines are read as measurements.
        """
        return spark.readStream.schema(MEASUREMENT).option("maxFilesPerTrigger", 1).csv(settings.input("files"))
        """,
        # All files in one batch.
        """
        return spark.readStream.schema(MEASUREMENT).option("header", True).csv(settings.input("files"))
        """,
        # Every column as text.
        (
            "spark.readStream.schema(MEASUREMENT)",
            'spark.readStream.schema("letter string, a string, b string, c string, d string")',
        ),
    ],
    2: [
        # "true" and "false" as text.
        (
            '(F.col("a") % 2 == 0).alias("even"),',
            'F.when(F.col("a") % 2 == 0, "true").otherwise("false").alias("even"),',
        ),
        # Without otherwise(): null where the condition does not hold. The whole path instead of the file's name.
        """
        return measurements.select(
            "*",
            F.input_file_name().alias("file"),
            (F.col("a") % 2 == 0).alias("even"),
            F.when(F.col("a") % 10 == 0, "jubilee").alias("note"),
        )
        """,
    ],
    3: [
        # awaitTermination() gives None, not the query.
        (
            ".start()",
            """.start()
    .awaitTermination()""",
        ),
        # Without a name.
        (
            """.writeStream.queryName("l01-even")
    .format("parquet")""",
            '.writeStream.format("parquet")',
        ),
    ],
    4: [
        # The table is called as the query is: this one cannot be found.
        ('marked.writeStream.queryName("l01_marked")', 'marked.writeStream.queryName("l01_memory")'),
        # On the checkpoint of the query before: all is read already.
        (
            '.option("checkpointLocation", settings.checkpoint("l01_marked"))',
            '.option("checkpointLocation", settings.checkpoint("l01-even"))',
        ),
    ],
    5: [
        # The last batch alone.
        """
        return [query.lastProgress["numInputRows"]]
        """,
        # Rows a second instead of rows.
        """
        return [progress["inputRowsPerSecond"] for progress in query.recentProgress]
        """,
    ],
}
