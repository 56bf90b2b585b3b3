"""Lesson 4: where a stream can end."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from terminal import Terminal

KAFKA = "--bootstrap-server kafka1:9092"


def test_memory_file_kafka_and_foreach_batch_sinks(
    terminal: Terminal, open_terminal: Callable[[], Terminal], name: str
) -> None:
    shell = open_terminal()
    for topic in (name, f"{name}-json"):
        shell.run(f"kafka-topics.sh {KAFKA} --create --topic {topic}")
    with terminal.pyspark():
        terminal.run(f'name = "{name}"')
        # 100 orders, of which each fourth is shipped and the others are delivered.
        terminal.run("""
            from pyspark.sql import functions as F
            orders = spark.range(100).selectExpr("concat('o', id) AS order_id",
                "CASE WHEN id % 4 = 0 THEN 'shipped' ELSE 'delivered' END AS status", "CAST(id AS INT) AS price")
            to_kafka = {"kafka.bootstrap.servers": "kafka1:9092"}
            (orders.select(F.to_json(F.struct("*")).alias("value"))
                .write.format("kafka").options(**to_kafka).option("topic", name).save())
            stream = (spark.readStream.format("kafka").options(**to_kafka).option("subscribe", name)
                .option("startingOffsets", "earliest").option("maxOffsetsPerTrigger", 30).load()
                .select(F.from_json(F.col("value").cast("string"), orders.schema).alias("o"), "offset")
                .select("o.*", "offset"))
            def finish(writer, checkpoint):
                query = (writer.option("checkpointLocation", name + "/checkpoint-" + checkpoint)
                    .trigger(availableNow=True).start())
                query.awaitTermination()
                return query.lastProgress["batchId"]

        """)
        terminal.run('finish(stream.writeStream.format("memory").queryName("orders"), "memory")')
        terminal.run('counts = spark.sql("SELECT status, count(*) AS n FROM orders GROUP BY status ORDER BY status")')
        assert terminal.run("[tuple(row) for row in counts.collect()]") == "[('delivered', 75), ('shipped', 25)]"

        terminal.run('finish(stream.writeStream.format("parquet").option("path", name + "/out"), "parquet")')
        assert terminal.run('spark.read.parquet(name + "/out").agg(F.sum("price")).first()[0]') == str(sum(range(100)))
        listing = shell.run(f"hdfs dfs -ls {name}/out {name}/out/_spark_metadata")
        assert listing.count(".parquet") == 4  # 30, 30, 30 and 10 of one partition: a file a batch
        assert "_spark_metadata/3" in listing

        terminal.run("""
            as_json = stream.selectExpr("order_id AS key", "to_json(struct(order_id, price)) AS value")
            kafka_sink = as_json.writeStream.format("kafka").options(**to_kafka).option("topic", name + "-json")
        """)
        terminal.run('finish(kafka_sink, "kafka")')
        terminal.run('finish(kafka_sink, "kafka")')  # nothing is new, so nothing is written twice
        reading = f"--topic {name}-json --from-beginning --timeout-ms 5000 --property print.key=true"
        records = shell.run(f"kafka-console-consumer.sh {KAFKA} {reading} 2>/dev/null")
        pairs = re.findall(r"^(o\d+)\t(\{.*\})$", records, re.MULTILINE)
        assert sorted((key, json.loads(value)["price"]) for key, value in pairs) == sorted(
            (f"o{n}", n) for n in range(100)
        )

        terminal.run("""
            def split(batch, batch_id):
                batch.persist()
                for kind, condition in (("delivered", "status = 'delivered'"), ("other", "status <> 'delivered'")):
                    batch.filter(condition).write.mode("overwrite").parquet(f"{name}/{kind}/batch={batch_id}")
                print("batch", batch_id, "has", batch.count(), "rows")
                batch.unpersist()

        """)
        said = terminal.run('finish(stream.writeStream.foreachBatch(split), "foreach")')
        assert [line for line in said.splitlines() if line.startswith("batch")] == [
            f"batch {n} has {rows} rows" for n, rows in enumerate((30, 30, 30, 10))
        ]
        both = '[spark.read.parquet(f"{name}/{kind}").count() for kind in ("delivered", "other")]'
        assert terminal.run(both) == "[75, 25]"
