"""Exercise: passengers from a topic, with class and age band, to another topic; counted by minute and by age.

Fill in the gaps from the top down. `run` at the end calls them in this order; you need not change it.
"""

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.streaming import StreamingQuery

from common.gaps import Gaps
from common.outcome import Outcome
from common.settings import Settings

#: Those fields of a passenger's JSON that are needed here. An age that nobody wrote down is missing.
PASSENGER = "PassengerId int, Pclass int, Age int, event_time timestamp"


def read(spark: SparkSession, settings: Settings) -> DataFrame:
    """Gap 1. The topic titanic-raw as a stream of the four columns of PASSENGER, which are JSON in value.

    Read it from its beginning, at most 300 records a batch. The brokers' addresses are in settings.info.kafka.
    """
    # BEGIN SOLUTION
    records = (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", settings.info.kafka)
        .option("subscribe", "titanic-raw")
        .option("startingOffsets", "earliest")
        .option("maxOffsetsPerTrigger", 300)
        .load()
    )
    passenger = F.from_json(F.col("value").cast("string"), PASSENGER)
    return records.select(passenger.alias("data")).select("data.*")
    # END SOLUTION


def enrich(spark: SparkSession, people: DataFrame, settings: Settings) -> DataFrame:
    """Gap 2. Each passenger with the name of their class and their age band.

    The file settings.input("classes.csv") has a header and the columns Pclass and ClassName. AgeBand is "adult" from 18
    on, "minor" below, and "unknown" where there is no age. The columns are PassengerId, ClassName, AgeBand, event_time.
    """
    # BEGIN SOLUTION
    classes = spark.read.csv(settings.input("classes.csv"), schema="Pclass int, ClassName string", header=True)
    band = F.when(F.col("Age").isNull(), "unknown").when(F.col("Age") >= 18, "adult").otherwise("minor")
    named = people.join(classes, "Pclass", "left").withColumn("AgeBand", band)
    return named.select("PassengerId", "ClassName", "AgeBand", "event_time")
    # END SOLUTION


def to_topic(named: DataFrame, settings: Settings) -> StreamingQuery:
    """Gap 3. What gap 2 gives, into the topic titanic-enriched: the id as text is the key, the value is JSON.

    The JSON has PassengerId, ClassName and AgeBand. The query is called titanic-enrich and has the checkpoint
    settings.checkpoint("titanic-enrich"). It reads what is there and ends: trigger(availableNow=True). Start it, and
    return what start() gives.
    """
    # BEGIN SOLUTION
    value = F.to_json(F.struct("PassengerId", "ClassName", "AgeBand"))
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
    # END SOLUTION


def by_minute(people: DataFrame) -> DataFrame:
    """Gap 4. How many passengers came in each minute of event_time: columns start (timestamp) and passengers.

    It is written in complete mode.
    """
    # BEGIN SOLUTION
    minutes = people.groupBy(F.window("event_time", "1 minute")).agg(F.count("*").alias("passengers"))
    return minutes.select("window.start", "passengers")
    # END SOLUTION


def by_age(spark: SparkSession, named: DataFrame) -> dict[str, int]:
    """Gap 5. How many passengers there are of each age band, as a dictionary such as {"adult": 600, …}.

    Count them by a stream in complete mode, into a memory sink: the query's name is the table's name, titanic_ages.
    A memory sink needs no checkpoint. The query ends by itself, as the one of gap 3 does. Wait until the query has
    ended, then read spark.table("titanic_ages").
    """
    # BEGIN SOLUTION
    query = (
        named.groupBy("AgeBand")
        .count()
        .writeStream.queryName("titanic_ages")
        .format("memory")
        .outputMode("complete")
        .trigger(availableNow=True)
        .start()
    )
    query.awaitTermination()
    return {row["AgeBand"]: row["count"] for row in spark.table("titanic_ages").collect()}
    # END SOLUTION


def run(spark: SparkSession, settings: Settings) -> Outcome:
    spark.conf.set("spark.sql.shuffle.partitions", 1)  # one part of each state is enough for so few rows
    gaps = Gaps(spark, settings)
    people = gaps.frame(1, read, spark, settings)
    named = gaps.frame(2, enrich, spark, people, settings)
    gaps.query(3, to_topic, named, settings)
    gaps.frame(4, by_minute, people, mode="complete")
    gaps.value(5, by_age, spark, named)
    return gaps.outcome()
