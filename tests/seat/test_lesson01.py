"""Lesson 1: test streams, and files as they arrive."""

from __future__ import annotations

import re
from collections.abc import Callable

from terminal import Terminal


def test_the_rate_source_on_the_console(terminal: Terminal) -> None:
    with terminal.pyspark():
        terminal.run('rate = spark.readStream.format("rate").option("rowsPerSecond", 10).load()')
        assert terminal.run("rate.isStreaming") == "True"
        schema = terminal.run("rate.printSchema()")
        assert " |-- timestamp: timestamp (nullable = true)\n |-- value: long (nullable = true)" in schema
        refused = terminal.fails("rate.show()")
        assert "Queries with streaming sources must be executed with writeStream.start()" in refused

        terminal.run("""
            query = (rate.filter("value % 2 = 0")
                .writeStream.format("console").option("truncate", False)
                .trigger(processingTime="1 second").start())
        """)
        shown = terminal.see(r"Batch: 3.*Batch: 4")
        even = [int(value) for value in re.findall(r"^\|\d{4}-[^|]*\| *(\d+) *\|$", shown, re.MULTILINE)]
        assert even == list(range(0, 2 * len(even), 2))
        assert len(even) >= 10
        assert "True" in terminal.run("query.isActive").splitlines()
        progress = terminal.run('print("rows of the last batch:", query.lastProgress["numInputRows"])')
        assert re.search(r"^rows of the last batch: \d+$", progress, re.MULTILINE)
        assert "'isTriggerActive'" in terminal.run("query.status")
        terminal.run("query.stop()")
        assert terminal.run("query.isActive, spark.streams.active").endswith("(False, [])")


def test_folders_of_csv_json_and_parquet_as_streams(terminal: Terminal, name: str) -> None:
    terminal.run(f"""
        mkdir {name} && cd {name}
        for n in 1 2 3; do
          echo letter,a,b > measurements-0$n.csv
          for k in 1 2 3 4; do echo "x,$n,$k" >> measurements-0$n.csv; done
        done
        hdfs dfs -mkdir -p {name}/csv
        hdfs dfs -put measurements-*.csv {name}/csv/
    """)
    listing = terminal.run(f"hdfs dfs -ls {name}/csv")
    assert re.findall(r"/(measurements-\d+\.csv)$", listing, re.MULTILINE) == [f"measurements-0{n}.csv" for n in "123"]

    with terminal.pyspark():
        terminal.run(f'folder = "{name}"')
        refused = terminal.fails('spark.readStream.option("header", True).csv(folder + "/csv")')
        assert "Schema must be specified when creating a streaming source DataFrame" in refused
        terminal.run("""
            lines = (spark.readStream.schema("letter STRING, a INT, b INT").option("header", True)
                .option("maxFilesPerTrigger", 1).csv(folder + "/csv"))
            def copy(stream, kind):
                query = (stream.writeStream.format(kind).option("path", folder + "/" + kind)
                    .option("checkpointLocation", folder + "/checkpoint-" + kind).trigger(availableNow=True).start())
                query.awaitTermination()
                return [p["numInputRows"] for p in query.recentProgress if p["numInputRows"]]

        """)
        assert terminal.run('copy(lines, "json")') == "[4, 4, 4]"
        assert terminal.run('copy(lines, "json")') == "[]"
        terminal.run("""
            from pyspark.sql.types import IntegerType, StringType, StructField, StructType
            schema = StructType([StructField("letter", StringType()), StructField("a", IntegerType()),
                StructField("b", IntegerType())])
            from_json = spark.readStream.schema(schema).json(folder + "/json")
        """)
        assert terminal.run('sum(copy(from_json, "parquet"))') == "12"
        terminal.run("""
            from_parquet = spark.readStream.schema(schema).format("parquet").load(folder + "/parquet")
            query = (from_parquet.groupBy("a").sum("b").orderBy("a")
                .writeStream.format("console").outputMode("complete").trigger(availableNow=True).start())
        """)
        shown = terminal.run("query.awaitTermination()")
    assert re.findall(r"^\| *(\d+)\| *(\d+)\|$", shown, re.MULTILINE) == [(n, str(1 + 2 + 3 + 4)) for n in "123"]


def test_words_typed_into_a_socket(terminal: Terminal, open_terminal: Callable[[], Terminal]) -> None:
    source = open_terminal()
    source.type("nc -lk 9999")
    with terminal.pyspark("--master 'local[2]' --conf spark.sql.shuffle.partitions=1"):
        terminal.run("""
            from pyspark.sql.functions import explode, split
            lines = spark.readStream.format("socket").option("host", "localhost").option("port", 9999).load()
            counts = lines.select(explode(split("value", " ")).alias("word")).groupBy("word").count()
            query = counts.orderBy("word").writeStream.outputMode("complete").format("console").start()
        """)
        source.type("a rose is a rose")
        terminal.see(r"\| +a\| +2\|.*\| +is\| +1\|.*\|rose\| +2\|")
        terminal.run("query.stop()")
    source.press_ctrl_c()
