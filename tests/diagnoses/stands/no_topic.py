from stands.orders import records, written


def run(spark, settings):
    writer = written(records(spark, settings, "stands-ordres"), settings, "no-topic").format("noop")
    writer.trigger(availableNow=True).start().awaitTermination()
