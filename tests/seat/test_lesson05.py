"""Lesson 5: streams that remember: windows, watermarks, duplicates, and streams that meet."""

from __future__ import annotations

import re

from terminal import Terminal


def test_watermark_windows_and_duplicates(terminal: Terminal, name: str) -> None:
    terminal.run(f"mkdir {name} && cd {name}")
    # b comes twice; f comes too late, when g has shown that the time is 10:20; the last file moves nothing any more.
    events = (("a 10:00:10", "b 10:01:20", "b 10:01:20", "c 10:04:50"), ("d 10:06:00", "e 10:09:00"), ("g 10:20:00",),
              ("f 10:00:30", "h 10:21:00"))  # fmt: skip
    for number, texts in enumerate(events):
        lines = (text.split() for text in texts)
        terminal.write(
            f"{number}.json", "\n".join(f'{{"id": "{event}", "time": "2025-01-01 {time}"}}' for event, time in lines)
        )
    terminal.run(f"hdfs dfs -mkdir -p {name}/in && for n in 0 1 2 3; do hdfs dfs -put $n.json {name}/in/; done")
    with terminal.pyspark("--conf spark.sql.shuffle.partitions=1"):
        terminal.run(f'folder = "{name}"')
        terminal.run("""
            from pyspark.sql import functions as F
            events = (spark.readStream.schema("id STRING, time TIMESTAMP").option("maxFilesPerTrigger", 1)
                .json(folder + "/in").withWatermark("time", "2 minutes"))
            def table(stream, mode, name):
                query = (stream.writeStream.format("memory").queryName(name).outputMode(mode)
                    .trigger(availableNow=True).start())
                query.awaitTermination()
                rows = spark.sql(f"SELECT * FROM {name} ORDER BY window.start").collect()
                return " ".join(f"{row.window.start:%H:%M}={row['count']}" for row in rows)

            once = events.dropDuplicates(["id", "time"])
        """)
        # f is below the watermark, so that it counts nowhere; the window of 10:20 is still open.
        counted = terminal.run('table(once.groupBy(F.window("time", "5 minutes")).count(), "append", "tumbling")')
        assert counted == f"'10:00={len('abc')} 10:05={len('de')}'"
        # A table that keeps everything counts what is late, too, and each event falls into two windows.
        sliding = 'events.groupBy(F.window("time", "10 minutes", "5 minutes")).count()'
        counted = terminal.run(f'table({sliding}, "complete", "sliding")')
        expected = {"09:55": "abbcf", "10:00": "abbcfde", "10:05": "de", "10:15": "gh", "10:20": "gh"}
        assert counted == "'" + " ".join(f"{start}={len(those)}" for start, those in expected.items()) + "'"

        refused = terminal.fails("""
            unbounded = spark.readStream.schema("id STRING, time TIMESTAMP").json(folder + "/in")
            unbounded.groupBy("id").count().writeStream.format("memory").queryName("never").outputMode("append").start()
        """)
        assert "Append output mode not supported" in refused
        terminal.run("""
            query = (events.groupBy(F.window("time", "5 minutes")).count().writeStream.format("console")
                .outputMode("update").option("truncate", False).trigger(availableNow=True).start())
        """)
        shown = terminal.run("query.awaitTermination()")
    updates = re.findall(r"^\|\{2025-01-01 (\d\d:\d\d):00, [^}]*\}\|(\d+) *\|$", shown, re.MULTILINE)
    assert updates == [("10:00", "4"), ("10:05", "2"), ("10:20", "1"), ("10:20", "2")]


def test_two_streams_that_meet(terminal: Terminal, name: str) -> None:
    terminal.run(f"mkdir {name} && cd {name}")
    files = {
        "orders/0": "1 10:00:00, 2 10:00:30, 3 10:01:00",
        "items/0": "1 10:00:20, 2 10:00:40, 1 10:02:00, 4 10:00:50",  # the second item of 1 is late, 4 is of no order
        "orders/1": "9 10:30:00",
        "items/1": "9 10:30:10",
    }
    terminal.run("mkdir orders items")
    for file, texts in files.items():
        lines = (text.split() for text in texts.split(", "))
        terminal.write(file, "\n".join(f"{key},2025-01-01 {time}" for key, time in lines))
    terminal.run(f"hdfs dfs -mkdir -p {name} && hdfs dfs -put orders items {name}/")
    with terminal.pyspark("--conf spark.sql.shuffle.partitions=1"):
        terminal.run(f'folder = "{name}"')
        terminal.run("""
            from pyspark.sql import functions as F
            def read(kind, key, time):
                return (spark.readStream.schema(f"{key} INT, {time} TIMESTAMP").option("maxFilesPerTrigger", 1)
                    .csv(f"{folder}/{kind}").withWatermark(time, "2 minutes"))

            orders = read("orders", "order_id", "order_time")
            items = read("items", "item_order", "item_time")
            within = "item_time BETWEEN order_time AND order_time + INTERVAL 1 MINUTE"
            belongs = F.expr("order_id = item_order AND " + within)
            def joined(how, mode="append"):
                query = (orders.join(items, belongs, how).writeStream.format("memory").queryName(how + mode)
                    .outputMode(mode).trigger(availableNow=True).start())
                query.awaitTermination()
                rows = spark.table(how + mode).select("order_id", F.date_format("item_time", "mm:ss").alias("t"))
                return sorted((row.order_id, row.t or "none") for row in rows.collect())

        """)
        pairs = [(1, "00:20"), (2, "00:40"), (9, "30:10")]
        assert terminal.run('joined("inner")') == str(pairs)
        assert terminal.run('joined("left")') == str(sorted([*pairs, (3, "none")]))
        assert "not supported in Update" in terminal.fails('joined("left", "update")')
