"""Lesson 3: a topic as a stream, from wherever one wants, and from where one stopped."""

from __future__ import annotations

import json
from collections.abc import Callable

from terminal import Terminal

KAFKA = "--bootstrap-server kafka1:9092"


def test_a_topic_by_earliest_latest_and_explicit_offsets(
    terminal: Terminal, open_terminal: Callable[[], Terminal], name: str
) -> None:
    shell = open_terminal()
    shell.run(f"kafka-topics.sh {KAFKA} --create --topic {name} --partitions 2")
    with terminal.pyspark():
        terminal.run(f'topic = "{name}"')
        # 20 records in each of two partitions.
        terminal.run("""
            rows = spark.range(40).selectExpr("CAST(id AS STRING) AS value", "CAST(id % 2 AS INT) AS partition")
            servers = "kafka1:9092"
            rows.write.format("kafka").option("kafka.bootstrap.servers", servers).option("topic", topic).save()
            def read(starting, **options):
                return (spark.readStream.format("kafka").option("kafka.bootstrap.servers", servers)
                    .option("subscribe", topic).option("startingOffsets", starting).options(**options).load())

            def copy(stream, folder):
                query = (stream.selectExpr("CAST(value AS STRING)", "partition", "offset")
                    .writeStream.format("parquet").option("path", topic + "/" + folder)
                    .option("checkpointLocation", topic + "/checkpoint-" + folder).trigger(availableNow=True).start())
                query.awaitTermination()
                return [p["numInputRows"] for p in query.recentProgress if p["numInputRows"]]

        """)
        assert terminal.run('copy(read("earliest", maxOffsetsPerTrigger=10), "out")') == "[10, 10, 10, 10]"
        told = shell.run(f"hdfs dfs -cat {name}/checkpoint-out/offsets/3")
        assert json.loads(told.splitlines()[-1]) == {name: {"0": 20, "1": 20}}
        assert shell.run(f"hdfs dfs -ls {name}/checkpoint-out/commits").rstrip().endswith("/3")

        # What is new is all that a second run reads, in whatever way it is started.
        shell.run(f"seq 100 106 | kafka-console-producer.sh {KAFKA} --topic {name}")
        assert terminal.run('sum(copy(read("earliest"), "out"))') == "7"
        assert terminal.run('copy(read("latest"), "out")') == "[]"
        terminal.run('copied = spark.read.parquet(topic + "/out").select("partition", "offset")')
        assert terminal.run("copied.count(), copied.distinct().count()") == "(47, 47)"

        # Of partition 0 everything but the first 12 records, of partition 1 (-2) all that there was.
        terminal.run('offsets = \'{"%s": {"0": 12, "1": -2}}\' % topic')
        terminal.run("""
            query = (read(offsets).filter("CAST(CAST(value AS STRING) AS INT) < 40").writeStream.format("memory")
                .queryName("explicit").trigger(availableNow=True).start())
            query.awaitTermination()
        """)
        assert terminal.run('spark.table("explicit").count()') == str((20 - 12) + 20)

        terminal.run("""
            query = (read("latest").selectExpr("CAST(value AS STRING)").writeStream.format("memory")
                .queryName("latest").start())
            query.processAllAvailable()
        """)
        shell.run(f"printf 'a\\nb\\nc\\n' | kafka-console-producer.sh {KAFKA} --topic {name}")
        terminal.run("query.processAllAvailable()")
        letters = terminal.run('sorted(row.value for row in spark.sql("SELECT value FROM latest").collect())')
        assert letters == "['a', 'b', 'c']"
        terminal.run("query.stop()")
