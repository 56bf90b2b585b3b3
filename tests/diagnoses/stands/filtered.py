from pyspark.sql import functions as F

from common.streams import Streams
from stands.orders import orders, written


def run(spark, settings):
    frame = orders(spark, settings, "stands-orders", maxOffsetsPerTrigger="20").where(F.col("id") < 0)
    Streams(spark, settings).finish(
        written(frame, settings, "filtered").format("parquet").option("path", settings.output("filtered"))
        .trigger(processingTime="2 seconds").start()
    )  # fmt: skip
