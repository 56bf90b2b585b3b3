"""Spark's side of Kafka and Cassandra. Endpoints come from settings, the connectors' own from spark-defaults.conf."""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructField, StructType

from common.settings import Settings

CASSANDRA = "org.apache.spark.sql.cassandra"

#: Column of `from_kafka_json` that holds the text of a value which is not what the schema says, else null.
MALFORMED = "malformed"


def kafka_batch(spark: SparkSession, settings: Settings, topic: str, **options: str) -> DataFrame:
    """A topic as it stands, as a batch; `options` such as endingOffsets. The seven columns of Spark's Kafka source."""
    return spark.read.format("kafka").options(**_source(settings, topic), **options).load()


def kafka_stream(
    spark: SparkSession, settings: Settings, topic: str, *, per_batch: int | None = None, **options: str
) -> DataFrame:
    """A topic as a stream from its beginning, at most `per_batch` records a batch (over all partitions, rounded down).

    Where it begins counts for a fresh checkpoint only; afterwards the checkpoint says.
    """
    limit = {"maxOffsetsPerTrigger": str(per_batch)} if per_batch else {}
    start = {"startingOffsets": "earliest"}
    return spark.readStream.format("kafka").options(**{**_source(settings, topic), **start, **limit, **options}).load()


def from_kafka_json(records: DataFrame, schema: StructType, *, also: tuple[str, ...] = ()) -> DataFrame:
    """Kafka records with their JSON value read by `schema`.

    Gives partition, offset, timestamp, key, value (text), the schema's columns, and `malformed`: the text of a value
    that cannot be read. Without that column such a value becomes a row of nulls that looks like data. `also` names
    further columns of the source to keep, such as the topic.
    """
    wide = StructType([*schema.fields, StructField(MALFORMED, StringType())])
    parsed = F.from_json(F.col("value"), wide, {"mode": "PERMISSIVE", "columnNameOfCorruptRecord": MALFORMED})
    text = records.withColumn("key", F.col("key").cast("string")).withColumn("value", F.col("value").cast("string"))
    return text.withColumn("data", parsed).select(*also, "partition", "offset", "timestamp", "key", "value", "data.*")


def append_kafka(rows: DataFrame, settings: Settings, topic: str) -> None:
    """Send a batch with text columns `key` and `value`. At least once: a batch that is run again is sent again."""
    rows.select("key", "value").write.format("kafka").options(
        **{"kafka.bootstrap.servers": settings.info.kafka, "topic": topic}
    ).save()


def kafka_sink(settings: Settings, topic: str) -> dict[str, str]:
    """Options of a streaming query that writes to `topic`."""
    return {"kafka.bootstrap.servers": settings.info.kafka, "topic": topic}


def read_table(spark: SparkSession, table: str) -> DataFrame:
    """A Cassandra table, "keyspace.table".

    A join on its key may become one question for each row of the other side ("Cassandra Direct Join" in `explain`);
    then a null or empty key over there ends the job with "Invalid null value in condition".
    """
    return spark.read.format(CASSANDRA).options(**_table(table)).load()


def table_sink(table: str) -> dict[str, str]:
    """Options of a streaming query with format CASSANDRA that appends to `table`. At least once: a row
    with the same primary key is replaced, so that a repeat changes nothing.
    """
    return _table(table)


def _source(settings: Settings, topic: str) -> dict[str, str]:
    return {"kafka.bootstrap.servers": settings.info.kafka, "subscribe": topic}


def _table(table: str) -> dict[str, str]:
    keyspace, name = table.split(".")
    return {"keyspace": keyspace, "table": name}
