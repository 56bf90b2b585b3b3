"""Exercise of lesson 2: take a CSV file from HDFS to a Kafka topic as typed JSON, and read the topic in two ways.

Fill in the gaps from the top down. `run` at the end calls them in this order; you need not change it.
"""

import json
from contextlib import closing
from typing import Any

import pandas as pd
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from pyspark.sql import DataFrame, SparkSession

from common.gaps import Gaps
from common.outcome import Outcome
from common.settings import Settings

TOPIC = "l02-readings"  # three partitions, empty when the program begins
GROUP = "l02-readers"


def read(spark: SparkSession, settings: Settings) -> DataFrame:
    """Gap 1. The file settings.input("readings.csv") as a Spark batch. Its first line has the columns' names.

    Give the types yourself: sensor string, seq int, value double. A field that is empty is null.
    """
    # BEGIN SOLUTION
    schema = "sensor string, seq int, value double"
    return spark.read.csv(settings.input("readings.csv"), schema=schema, header=True)
    # END SOLUTION


def messages(table: pd.DataFrame) -> list[list[str]]:
    """Gap 2. A [key, value] pair of texts for each row of the pandas table, in its order.

    The key is the sensor. The value is JSON with sensor, seq and value; numbers stay numbers, and a missing value is
    null. (pandas has NaN for a missing number, and NaN is not JSON.)
    """
    # BEGIN SOLUTION
    pairs = []
    for row in table.itertuples():
        value = row.value if pd.notna(row.value) else None
        pairs.append([row.sensor, json.dumps({"sensor": row.sensor, "seq": row.seq, "value": value})])
    return pairs
    # END SOLUTION


def send(pairs: list[list[str]], servers: list[str]) -> list[list[int]]:
    """Gap 3. Send each pair to TOPIC by a KafkaProducer that connects to `servers`, with its key, once.

    Kafka takes bytes. Leave the partition to the key, and wait until the brokers have acknowledged all of it.
    Return [partition, offset] of each record as the broker reported it, in the order of the pairs.
    """
    # BEGIN SOLUTION
    producer = KafkaProducer(bootstrap_servers=servers, acks="all")
    sent = [producer.send(TOPIC, key=key.encode(), value=value.encode()) for key, value in pairs]
    producer.flush()
    places = [[future.get().partition, future.get().offset] for future in sent]
    producer.close()
    return places
    # END SOLUTION


def end_offsets(servers: list[str]) -> dict[int, int]:
    """Gap 4. For each partition of TOPIC, its number and its end offset: the offset that the next record will get.

    A KafkaConsumer knows both; it needs no group for that.
    """
    # BEGIN SOLUTION
    with closing(KafkaConsumer(bootstrap_servers=servers)) as consumer:
        places = [TopicPartition(TOPIC, number) for number in consumer.partitions_for_topic(TOPIC)]
        return {place.partition: end for place, end in consumer.end_offsets(places).items()}
    # END SOLUTION


def read_slice(spark: SparkSession, settings: Settings) -> DataFrame:
    """Gap 5. The records at offsets 2, 3 and 4 of each of the three partitions, as a Spark batch.

    The columns: key and value as text, partition, offset. The brokers' addresses are in settings.info.kafka.
    """
    # BEGIN SOLUTION
    records = (
        spark.read.format("kafka")
        .option("kafka.bootstrap.servers", settings.info.kafka)
        .option("subscribe", TOPIC)
        .option("startingOffsets", json.dumps({TOPIC: {"0": 2, "1": 2, "2": 2}}))
        .option("endingOffsets", json.dumps({TOPIC: {"0": 5, "1": 5, "2": 5}}))
        .load()
    )
    return records.selectExpr("CAST(key AS STRING)", "CAST(value AS STRING)", "partition", "offset")
    # END SOLUTION


def highest(servers: list[str]) -> dict[str, float]:
    """Gap 6. As a member of the consumer group GROUP, read TOPIC to its end; the highest value of each sensor.

    Begin at the beginning, since the group has no offsets yet; end when no record has come for ten seconds
    (consumer_timeout_ms). Switch the automatic commit off: first the work, then commit, then close. Leave out values
    that are null.
    """
    # BEGIN SOLUTION
    found: dict[str, float] = {}
    consumer = KafkaConsumer(
        TOPIC,
        bootstrap_servers=servers,
        group_id=GROUP,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        consumer_timeout_ms=10_000,
    )
    with closing(consumer):
        for record in consumer:
            event = json.loads(record.value)
            if event["value"] is not None:
                found[event["sensor"]] = max(event["value"], found.get(event["sensor"], event["value"]))
        consumer.commit()
    return found
    # END SOLUTION


def run(spark: SparkSession, settings: Settings) -> Outcome:
    gaps, servers = Gaps(spark, settings), settings.info.kafka.split(",")
    readings = gaps.frame(1, read, spark, settings)
    table: Any = None if readings is None else readings.toPandas()
    pairs = gaps.value(2, messages, table)
    gaps.value(3, send, pairs, servers)
    gaps.value(4, end_offsets, servers)
    gaps.frame(5, read_slice, spark, settings)
    gaps.value(6, highest, servers)
    return gaps.outcome()
