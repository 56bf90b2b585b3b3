"""Wrong answers to the gaps of lesson 8's exercise."""

WRONG = {
    1: [
        # Also those whose salary nobody knows.
        """
        spark.read.csv(settings.input("people.csv"), schema=PERSON, header=True).createOrReplaceTempView("people")
        return spark.sql("SELECT id, education, job, years, salary FROM people")
        """,
        # Without the schema: all columns are text.
        """
        spark.read.csv(settings.input("people.csv"), header=True).createOrReplaceTempView("people")
        return spark.sql("SELECT id, education, job, years, salary FROM people WHERE salary IS NOT NULL")
        """,
    ],
    2: [
        # Only the regression is saved, without the stages that prepare its features.
        (
            'model.write().overwrite().save(settings.model("salary"))',
            'model.stages[-1].write().overwrite().save(settings.model("salary"))',
        ),
        # The indexer's default: a job that training has not seen ends the stream.
        """
        indexes, vectors = ["education_index", "job_index"], ["education_vector", "job_vector"]
        stages = [
            StringIndexer(inputCols=["education", "job"], outputCols=indexes),
            OneHotEncoder(inputCols=indexes, outputCols=vectors),
            VectorAssembler(inputCols=["years", *vectors], outputCol="features"),
            LinearRegression(labelCol="salary"),
        ]
        Pipeline(stages=stages).fit(people).write().overwrite().save(settings.model("salary"))
        """,
    ],
    3: [
        # A left join: jobs of people whom nobody knows stay, with nulls.
        """
        job = F.from_json(F.col("value").cast("string"), JOB)
        jobs = records.select(job.alias("data")).select("data.*").where(F.col("id").isNotNull())
        people = (
            spark.read.format("org.apache.spark.sql.cassandra").options(keyspace="lesson08", table="people").load()
        )
        return jobs.join(people, "id", "left").select("id", "age", "gender", "education", "job", "years")
        """,
        # The job alone, without its person.
        """
        job = F.from_json(F.col("value").cast("string"), JOB)
        return records.select(job.alias("data")).select("data.*").where(F.col("id").isNotNull())
        """,
    ],
    4: [
        # The vector as Spark has it.
        """
        model = PipelineModel.load(settings.model("salary"))
        return model.transform(jobs).select("id", "years", "prediction", "features")
        """,
        # Only the years, where the model was given more.
        """
        model = PipelineModel.load(settings.model("salary"))
        scored = model.transform(jobs).withColumn("features", F.array(F.col("years").cast("double")))
        return scored.select("id", "years", "prediction", "features")
        """,
    ],
    5: [
        # A function with one parameter too many, and a default: the number of the batch takes the table's place.
        """
        kafka = settings.info.kafka

        def write(batch, table="salary_prediction"):
            rows = batch.withColumn("batch_id", F.lit(0).cast("long"))
            (
                rows.select("id", "prediction", "features", "batch_id")
                .write.format("org.apache.spark.sql.cassandra")
                .options(keyspace="lesson08", table=table)
                .mode("append")
                .save()
            )

        return (
            scored.writeStream.queryName("l08-score")
            .foreachBatch(write)
            .option("checkpointLocation", settings.checkpoint("l08-score"))
            .trigger(availableNow=True)
            .start()
        )
        """,
        # Every batch has the number 0, and the records have no key.
        """
        kafka = settings.info.kafka

        def write(batch, batch_id):
            rows = batch.withColumn("batch_id", F.lit(0).cast("long"))
            (
                rows.select("id", "prediction", "features", "batch_id")
                .write.format("org.apache.spark.sql.cassandra")
                .options(keyspace="lesson08", table="salary_prediction")
                .mode("append")
                .save()
            )
            (
                rows.select(F.to_json(F.struct("id", "prediction", "batch_id")).alias("value"))
                .write.format("kafka")
                .option("kafka.bootstrap.servers", kafka)
                .option("topic", "l08-predictions")
                .save()
            )

        return (
            scored.writeStream.queryName("l08-score")
            .foreachBatch(write)
            .option("checkpointLocation", settings.checkpoint("l08-score"))
            .trigger(availableNow=True)
            .start()
        )
        """,
    ],
}
