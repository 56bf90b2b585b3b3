"""On the edge node: a stream that falls behind on purpose, and twice a second what is true of it, in ~/truth.jsonl.

    spark-submit truth.py SECONDS

A line is ``{"t": seconds since the epoch, "batch": lastProgress's, "read": so far, "end": of the topic}``.
"""

import json
import sys
import time
from pathlib import Path

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from pyspark.sql import SparkSession

TOPIC = "board-truth"
NODES = "kafka1:9092"


def main(seconds: float) -> None:
    producer = KafkaProducer(bootstrap_servers=NODES)
    producer.send(TOPIC, b"first").get(30)
    spark = SparkSession.builder.appName("truth").getOrCreate()
    reader = spark.readStream.format("kafka").option("kafka.bootstrap.servers", NODES).option("subscribe", TOPIC)
    query = (
        reader.option("startingOffsets", "earliest").option("maxOffsetsPerTrigger", 3).load()
        .writeStream.format("noop").queryName("truth").trigger(processingTime="3 seconds").start()
    )  # fmt: skip
    consumer, partition = KafkaConsumer(bootstrap_servers=NODES), TopicPartition(TOPIC, 0)
    ends = time.time() + seconds
    with Path("truth.jsonl").open("w") as file:
        while time.time() < ends:
            # Two records a second, of which it may take one; for the last quarter of the time it catches up.
            if ends - time.time() > seconds / 4:
                producer.send(TOPIC, b"x").get(30)
            end = consumer.end_offsets([partition])[partition]
            last = query.lastProgress
            read = last and last["sources"][0]["endOffset"]
            if read:
                said = {"t": time.time(), "batch": last["batchId"], "read": read[TOPIC]["0"], "end": end}
                file.write(json.dumps(said) + "\n")
                file.flush()
            time.sleep(0.5)
    query.stop()


if __name__ == "__main__":
    main(float(sys.argv[1]))
