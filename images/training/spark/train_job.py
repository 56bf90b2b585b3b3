"""A little of everything that the lessons do: formats, SQL, Kafka, streams with state, sinks, Cassandra, Spark ML."""

import sys
from datetime import datetime, timedelta

from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.classification import LogisticRegression
from pyspark.ml.evaluation import MulticlassClassificationEvaluator
from pyspark.ml.feature import OneHotEncoder, StringIndexer, VectorAssembler
from pyspark.ml.regression import LinearRegression, RandomForestRegressor
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f

mode = sys.argv[1]
spark = SparkSession.builder.getOrCreate()
kafka = {"kafka.bootstrap.servers": "localhost:9092"}
home = f"/train/{mode}"
schema = "id long, kind string, at timestamp, value double"
people = spark.createDataFrame(
    [(i, "abc"[i % 3], datetime(2024, 1, 1) + timedelta(minutes=i), i / 7) for i in range(200)], schema
)
people.createOrReplaceTempView("people")
people.groupBy("kind").count().show()
if mode == "client":
    spark.stop()
    sys.exit()

for kind in ("csv", "json", "parquet", "orc"):
    people.repartition(2).write.format(kind).mode("overwrite").save(f"{home}/{kind}")
    spark.read.format(kind).schema(schema).load(f"{home}/{kind}").count()
spark.sql("SELECT kind, count(*), sum(value) OVER (PARTITION BY kind) FROM people GROUP BY kind, value").collect()
people.join(people.groupBy("kind").agg(f.avg("value").alias("mean")), "kind").orderBy("id").show(3)
people.withColumn("twice", f.udf(lambda v: v * 2, "double")("value")).toPandas()
people.select(f.to_json(f.struct("*")).alias("value")).write.format("kafka").options(**kafka, topic="train").save()
spark.read.format("kafka").options(**kafka, subscribe="train").load().count()

source = spark.readStream.format("kafka").options(**kafka, subscribe="train", startingOffsets="earliest").load()
source = source.select(f.from_json(f.col("value").cast("string"), schema).alias("row")).select("row.*")
source = source.withWatermark("at", "1 hour")
files = spark.readStream.schema(schema).json(f"{home}/json").withWatermark("at", "1 hour")


def to_tables(batch: DataFrame, number: int) -> None:
    batch.persist()
    batch.groupBy("kind").count().write.mode("append").parquet(f"{home}/batches")
    batch.unpersist()


def run(stream: DataFrame, sink: str, how: str = "append", **options: str) -> None:
    name = f"{sink}_{how}_{len(spark.streams.active)}_{run.number}"
    run.number += 1
    writer = stream.writeStream.outputMode(how).option("checkpointLocation", f"{home}/at/{name}").queryName(name)
    writer = writer.foreachBatch(to_tables) if sink == "foreachBatch" else writer.format(sink).options(**options)
    writer.trigger(availableNow=True).start().awaitTermination()


run.number = 0
run(source, "parquet", path=f"{home}/stream")
run(source, "console")
run(source.select(f.to_json(f.struct("*")).alias("value")), "kafka", **kafka, topic="trained")
run(source, "foreachBatch")
run(source.groupBy(f.window("at", "10 minutes"), "kind").count(), "console", "update")
run(source.groupBy("kind").agg(f.sum("value")), "noop", "complete")
run(source.dropDuplicatesWithinWatermark(["id"]), "noop")
run(source.alias("a").join(files.alias("b"), f.expr("a.id = b.id AND a.at <= b.at")), "noop")
run(source.join(people, "kind"), "noop")
run(spark.readStream.format("rate-micro-batch").options(rowsPerBatch=10).load(), "noop")

spark.sql(
    "CREATE DATABASE IF NOT EXISTS cassandra.train WITH DBPROPERTIES (class='SimpleStrategy', replication_factor='1')"
)
spark.sql(f"CREATE TABLE cassandra.train.{mode} ({schema}) USING cassandra PARTITIONED BY (id)")
table = {"keyspace": "train", "table": mode}
people.write.format("org.apache.spark.sql.cassandra").options(**table).mode("append").save()
spark.read.format("org.apache.spark.sql.cassandra").options(**table).load().where("id = 7").count()
run(source, "org.apache.spark.sql.cassandra", **table)

features = [
    StringIndexer(inputCol="kind", outputCol="label"), OneHotEncoder(inputCol="label", outputCol="kind_at"),
    VectorAssembler(inputCols=["kind_at", "value"], outputCol="features"),
]  # fmt: skip
for model in (LogisticRegression(maxIter=2), LinearRegression(maxIter=2), RandomForestRegressor(numTrees=2)):
    fitted = Pipeline(stages=[*features, model]).fit(people)
    fitted.write().overwrite().save(f"{home}/model")
    PipelineModel.load(f"{home}/model").transform(people).select("prediction").collect()
MulticlassClassificationEvaluator().evaluate(fitted.transform(people))
spark.stop()
