"""A batch: read a folder of CSV files, compute, write one day's folder of parquet, end."""

from __future__ import annotations

from pyspark.sql import SparkSession

from common.outcome import Outcome
from common.settings import Settings
from lesson07.places import ORDERS
from lesson07.transforms import ORDER, with_total


def run(spark: SparkSession, settings: Settings) -> Outcome:
    """Write out/batch/p_date=…, replacing that day. The day is an argument: a clock would add a folder at each run."""
    print(asked_for(spark), flush=True)
    orders = spark.read.csv(settings.input(ORDERS), schema=ORDER, header=True, mode="FAILFAST")
    place = settings.output("batch", f"p_date={settings.args['date']}")
    with_total(orders).coalesce(2).write.mode("overwrite").parquet(place)
    return Outcome(written={f"hdfs {place}": spark.read.parquet(place).count()})


def asked_for(spark: SparkSession) -> str:
    """What spark-submit asked YARN for, as the running job sees it."""
    conf = spark.sparkContext.getConf()
    return (
        f"{conf.get('spark.submit.deployMode')} mode on {conf.get('spark.master')}: "
        f"driver {conf.get('spark.driver.memory')}, {conf.get('spark.executor.instances')} executor(s) of "
        f"{conf.get('spark.executor.memory')} and {conf.get('spark.executor.cores')} core(s)"
    )
