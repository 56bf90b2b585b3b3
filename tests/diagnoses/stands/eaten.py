import time


def swallow(rows):
    kept = [bytes([number % 251]) * (8 << 20) for number in range(160)]
    time.sleep(20)
    yield len(kept) + sum(1 for _ in rows)


def run(spark, settings):
    spark.sparkContext.parallelize(range(1000), 1).mapPartitions(swallow).collect()
