import time

from common.outcome import Outcome


def work(rows):
    for _ in rows:
        time.sleep(0.002)
        yield 1


def run(spark, settings):
    keyed = spark.sparkContext.parallelize(range(40_000), 4).map(lambda n: (3 if n % 50 else n % 3, n))
    return Outcome(details={"rows": keyed.partitionBy(4).mapPartitions(work).count()})
