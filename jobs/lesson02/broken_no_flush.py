"""A mistake to look at: send() only puts a record into a buffer. A program that ends there may never send it."""

from __future__ import annotations

import subprocess
import sys

from pyspark.sql import SparkSession

from common.kafka import Kafka
from common.outcome import Outcome
from common.settings import Settings
from lesson02.data import EVENTS

#: A program of its own, because what its end does is what is to be seen. os._exit is the end that a kill gives:
#: nothing of Python is tidied up. linger_ms lets a batch grow for a second before it is sent, as many set it.
PROGRAM = """
import os, sys
from kafka import KafkaProducer
servers, topic, count, ending = sys.argv[1:]
producer = KafkaProducer(bootstrap_servers=servers.split(","), linger_ms=1000)
producer.partitions_for(topic)
for number in range(int(count)):
    producer.send(topic, key=str(number).encode(), value=b"a record")
if ending == "flush":
    producer.flush()
os._exit(1)
"""


def run(spark: SparkSession, settings: Settings) -> Outcome:
    """Send sixty records and be killed: without flush(), then with it."""
    topic, kafka = settings.topic("broken-no-flush"), Kafka(settings.info.kafka)
    arrived = {}
    for ending in ("no flush", "flush"):
        before = kafka.count(topic)
        killed(settings.info.kafka, topic, ending)
        arrived[ending] = kafka.count(topic) - before
        print(f"{EVENTS} times send(), {ending}(), killed: {arrived[ending]} records arrived", flush=True)
    kafka.close()
    return Outcome(details={"arrived": arrived})


def killed(servers: str, topic: str, ending: str) -> None:
    program = [sys.executable, "-c", PROGRAM, servers, topic, str(EVENTS), ending]
    subprocess.run(program, timeout=60, check=False)
