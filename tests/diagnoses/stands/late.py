from pyspark.sql import functions as F

from common.streams import Streams
from stands.orders import orders, written


def run(spark, settings):
    # The first order seen gets a time far ahead of all others, as from a clock that is wrong.
    frame = orders(spark, settings, "stands-orders", maxOffsetsPerTrigger="30").select(
        F.when(F.col("id") < 4, F.lit("2030-01-01").cast("timestamp")).otherwise(F.col("at")).alias("at")
    )
    counts = frame.withWatermark("at", "10 seconds").groupBy(F.window("at", "1 minute")).count()
    Streams(spark, settings).finish(
        written(counts, settings, "late")
        .format("noop")
        .outputMode("update")
        .trigger(processingTime="2 seconds")
        .start()
    )
