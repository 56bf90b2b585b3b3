from common.streams import Streams
from stands.orders import orders, written


def run(spark, settings):
    frame = orders(spark, settings, "stands-empty", startingOffsets="latest")
    Streams(spark, settings).finish(
        written(frame, settings, "idle").format("noop").trigger(processingTime="2 seconds").start()
    )
