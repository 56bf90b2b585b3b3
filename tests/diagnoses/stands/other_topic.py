from stands.orders import records, written


def run(spark, settings):
    for topic in ("stands-orders", "stands-returns"):
        writer = written(records(spark, settings, topic), settings, "other-topic").format("noop")
        writer.trigger(availableNow=True).start().awaitTermination()
