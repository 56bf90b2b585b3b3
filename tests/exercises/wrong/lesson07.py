"""Wrong answers to the gaps of lesson 7's exercise."""

_STAGES = """
        stages = [
            StringIndexer(inputCol="region", outputCol="region_index", handleInvalid="keep"),
            OneHotEncoder(inputCol="region_index", outputCol="region_vector"),
            VectorAssembler(inputCols=[*MEASURES, "region_vector"], outputCol="features"),
            LogisticRegression(labelCol="label", maxIter=20),
            IndexToString(inputCol="prediction", outputCol="predicted_type", labels=["white", "red"]),
        ]
"""

WRONG = {
    1: [
        # Without a schema: all columns are text, and the product of two texts is a double.
        """
        orders = spark.read.csv(settings.input("orders"), header=True)
        return orders.withColumn("total_cents", F.col("quantity") * F.col("price_cents"))
        """,
        # The header lines are read as rows.
        """
        orders = spark.read.csv(settings.input("orders"), schema=ORDER)
        return orders.withColumn("total_cents", F.col("quantity") * F.col("price_cents"))
        """,
    ],
    2: [
        # A folder named after the clock: another one at each run.
        """
        from datetime import date

        orders.write.mode("overwrite").parquet(settings.output("batch", f"p_date={date.today()}"))
        """,
        # The day is a column of the files too.
        """
        day = orders.withColumn("p_date", F.lit("2025-01-01"))
        day.write.mode("overwrite").parquet(settings.output("batch", "p_date=2025-01-01"))
        """,
    ],
    3: [
        # All files in one batch.
        """
        orders = spark.readStream.schema(ORDER).option("header", True).csv(settings.input("orders"))
        return (
            orders.withColumn("total_cents", F.col("quantity") * F.col("price_cents"))
            .writeStream.queryName("l07-finite")
            .format("parquet")
            .option("path", settings.output("finite"))
            .option("checkpointLocation", settings.checkpoint("l07-finite"))
            .trigger(availableNow=True)
            .start()
        )
        """,
        # Started, and neither waited for nor given back.
        """
        orders = (
            spark.readStream.schema(ORDER)
            .option("header", True)
            .option("maxFilesPerTrigger", 1)
            .csv(settings.input("orders"))
        )
        orders.withColumn("total_cents", F.col("quantity") * F.col("price_cents")).writeStream.queryName(
            "l07-finite"
        ).format("parquet").option("path", settings.output("finite")).option(
            "checkpointLocation", settings.checkpoint("l07-finite")
        ).trigger(availableNow=True).start()
        """,
    ],
    4: [
        # Wines of which nobody knows the type become white.
        """
        return spark.sql(f\"\"\"
            SELECT id, CASE WHEN type = 'red' THEN 1.0D ELSE 0.0D END AS label, region, {", ".join(MEASURES)}
            FROM l07_wines
        \"\"\")
        """,
        # 1.0 is a decimal in SQL.
        (
            "SELECT id, CASE WHEN type = 'red' THEN 1.0D ELSE 0.0D END AS label, region, {\", \".join(MEASURES)}",
            "SELECT id, CASE WHEN type = 'red' THEN 1.0 ELSE 0.0 END AS label, region, {\", \".join(MEASURES)}",
        ),
    ],
    5: [
        # Only the regression is saved, not the stages that make its features.
        _STAGES
        + """
        model = Pipeline(stages=stages).fit(labeled)
        model.stages[3].write().overwrite().save(settings.model("wines"))
        """,
        # The region's number is taken for a measure.
        _STAGES.replace('"region_vector"], out', '"region_index"], out')
        + """
        Pipeline(stages=stages).fit(labeled).write().overwrite().save(settings.model("wines"))
        """,
    ],
    6: [
        # The probability of white.
        (
            'return scored.select("id", vector_to_array("probability")[1].alias("score"), "predicted_type")',
            'return scored.select("id", vector_to_array("probability")[0].alias("score"), "predicted_type")',
        ),
        # All wines.
        """
        scored = PipelineModel.load(settings.model("wines")).transform(spark.table("l07_wines"))
        return scored.select("id", vector_to_array("probability")[1].alias("score"), "predicted_type")
        """,
    ],
}
