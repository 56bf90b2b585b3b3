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
        """
        return (
            spark.readStream.schema("letter string, a string, b string, c string, d string")
            .option("header", True)
            .option("maxFilesPerTrigger", 1)
            .csv(settings.input("files"))
        )
        """,
    ],
    2: [
        # "true" and "false" as text.
        """
        return measurements.select(
            "*",
            F.col("_metadata.file_name").alias("file"),
            F.when(F.col("a") % 2 == 0, "true").otherwise("false").alias("even"),
            F.when(F.col("a") % 10 == 0, "jubilee").otherwise("").alias("note"),
        )
        """,
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
        """
        return (
            marked.where("even")
            .writeStream.queryName("l01-even")
            .format("parquet")
            .option("path", settings.output("even"))
            .option("checkpointLocation", settings.checkpoint("l01-even"))
            .trigger(availableNow=True)
            .start()
            .awaitTermination()
        )
        """,
        # Without a name.
        """
        return (
            marked.where("even")
            .writeStream.format("parquet")
            .option("path", settings.output("even"))
            .option("checkpointLocation", settings.checkpoint("l01-even"))
            .trigger(availableNow=True)
            .start()
        )
        """,
    ],
    4: [
        # The table is called as the query is: this one cannot be found.
        """
        return (
            marked.writeStream.queryName("l01_memory")
            .format("memory")
            .option("checkpointLocation", settings.checkpoint("l01_marked"))
            .trigger(availableNow=True)
            .start()
        )
        """,
        # On the checkpoint of the query before: all is read already.
        """
        return (
            marked.writeStream.queryName("l01_marked")
            .format("memory")
            .option("checkpointLocation", settings.checkpoint("l01-even"))
            .trigger(availableNow=True)
            .start()
        )
        """,
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
