"""Counts 1000 rows. Without the lab, `spark-submit count.py` does the same: what `submit` is measured with."""

from __future__ import annotations

from pyspark.sql import SparkSession


def count(spark: SparkSession) -> int:
    return spark.range(1000).count()


def run(spark, settings):
    from common.outcome import Outcome

    counted = count(spark)
    print(f"counted {counted}")
    return Outcome(written={"the log": counted})


if __name__ == "__main__":
    session = SparkSession.builder.getOrCreate()
    print(f"counted {count(session)}")
    session.stop()
