import time

from common.streams import Streams
from stands.orders import records, written


def run(spark, settings):
    frame = records(spark, settings, "stands-orders", maxOffsetsPerTrigger="5")
    Streams(spark, settings).finish(
        written(frame, settings, "slow").foreachBatch(lambda batch, number: (batch.count(), time.sleep(4)))
        .trigger(processingTime="1 second").start()
    )  # fmt: skip
