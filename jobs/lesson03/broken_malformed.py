"""A mistake to look at: JSON parsed without a column for what cannot be read. Nothing fails; rows of nulls appear."""

from __future__ import annotations

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from common.outcome import Outcome
from common.settings import Settings
from lesson03.transforms import parsed_carelessly


def run(spark: SparkSession, settings: Settings) -> Outcome:
    """Parse, write on as JSON, and look at what came of the three malformed records."""
    records = (
        spark.read.format("kafka")
        .option("kafka.bootstrap.servers", settings.info.kafka)
        .option("subscribe", settings.topic("orders"))
        .load()
    )
    orders = parsed_carelessly(records).persist()
    as_json = orders.select(F.to_json(F.struct(*orders.columns[1:])).alias("value"))
    place = settings.broken("malformed", "json")
    as_json.write.mode("overwrite").text(place)
    written = spark.read.text(place)
    counts = {
        "rows": orders.count(),
        "rows without an order_id": orders.where(F.col("order_id").isNull()).count(),
        "rows with an order_id and no purchased_at": orders.where(
            F.col("order_id").isNotNull() & F.col("purchased_at").isNull()
        ).count(),
        "lines {} written on": written.where(F.col("value") == "{}").count(),
    }
    for what, count in counts.items():
        print(f"{what}: {count}", flush=True)
    print("no error was raised and no record was refused: whoever reads these rows takes them for orders", flush=True)
    return Outcome(written={f"hdfs {place}": written.count()}, details=counts)
