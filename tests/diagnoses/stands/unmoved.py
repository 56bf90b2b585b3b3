from pyspark.sql import functions as F

from common.streams import Streams
from stands.orders import orders, written


def run(spark, settings):
    frame = orders(spark, settings, "stands-orders").withWatermark("at", "1 hour")
    counts = frame.groupBy(F.window("at", "1 hour")).count()
    Streams(spark, settings).finish(
        written(counts, settings, "unmoved").format("noop").outputMode("append")
        .trigger(processingTime="2 seconds").start()
    )  # fmt: skip
