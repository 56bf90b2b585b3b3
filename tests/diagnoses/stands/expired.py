import time

from kafka import TopicPartition

from common.kafka import Kafka
from stands.orders import records, written


def run(spark, settings):
    few = {"maxOffsetsPerTrigger": "30"}
    query = written(records(spark, settings, "stands-returns", **few), settings, "expired").format("noop").start()
    while not query.lastProgress:
        time.sleep(0.2)
    query.stop()
    # What a topic's retention does by and by, Kafka does at once when it is asked to.
    kafka = Kafka(settings.info.kafka)
    ends = kafka.end_offsets("stands-returns")
    kafka._admin.delete_records({TopicPartition("stands-returns", part): end for part, end in ends.items()})
    written(records(spark, settings, "stands-returns"), settings, "expired").format("noop").start().awaitTermination(60)
