"""A notebook as courses hand them out: from a producer by way of Kafka and Spark to a chart."""

from __future__ import annotations

import base64
import json
import re
import textwrap
import urllib.request
from typing import Any

from lab_runner import LabRunner
from terminal import PYTHON, Terminal

#: Topics, tables and folders begin with NAME, which the test replaces; everything else is typed as it is.
CELLS = (
    """
    from pyspark.sql import SparkSession
    from pyspark.sql import functions as F

    spark = (
        SparkSession.builder.appName("NAME")
        .config("spark.jars.packages", "org.apache.spark:spark-sql-kafka-0-10_2.12:3.5.5")
        .getOrCreate()
    )
    spark.version
    """,
    """
    from kafka import KafkaProducer

    producer = KafkaProducer(bootstrap_servers="kafka1:9092")
    for n in range(5):
        producer.send("NAME-messages", f"message {n}".encode("utf-8"))
    producer.flush()
    """,
    """
    from kafka import KafkaConsumer

    consumer = KafkaConsumer(
        "NAME-messages", bootstrap_servers="kafka1:9092", auto_offset_reset="earliest", consumer_timeout_ms=3000
    )
    for message in consumer:
        print(message.offset, message.value.decode("utf-8"))
    """,
    """
    messages = (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", "kafka1:9092")
        .option("subscribe", "NAME-messages")
        .option("startingOffsets", "earliest")
        .load()
    )
    processed = messages.select(F.concat(F.lit("processed: "), F.col("value").cast("string")).alias("value"))
    query = (
        processed.writeStream.format("kafka")
        .option("kafka.bootstrap.servers", "kafka1:9092")
        .option("topic", "NAME-processed")
        .option("checkpointLocation", "NAME/checkpoint-processed")
        .trigger(availableNow=True)
        .start()
    )
    query.awaitTermination()
    """,
    """
    (
        spark.read.format("kafka")
        .option("kafka.bootstrap.servers", "kafka1:9092")
        .option("subscribe", "NAME-processed")
        .load()
        .selectExpr("CAST(value AS STRING) AS text")
        .orderBy("text")
        .show(truncate=False)
    )
    """,
    """
    people = [
        (n, 1 + n % 3, None if n % 5 == 0 else 10.0 + n % 40, f"2025-01-01 00:{n // 12:02}:{5 * (n % 12):02}")
        for n in range(90)
    ]
    passengers = spark.createDataFrame(people, "id INT, pclass INT, age DOUBLE, event_time STRING")
    (
        passengers.select(F.col("id").cast("string").alias("key"), F.to_json(F.struct("*")).alias("value"))
        .write.format("kafka")
        .option("kafka.bootstrap.servers", "kafka1:9092")
        .option("topic", "NAME-passengers")
        .save()
    )
    """,
    """
    classes = spark.createDataFrame([(1, "First"), (2, "Second"), (3, "Third")], ["pclass", "class_name"])
    schema = "id INT, pclass INT, age DOUBLE, event_time TIMESTAMP"
    stream = (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", "kafka1:9092")
        .option("subscribe", "NAME-passengers")
        .option("startingOffsets", "earliest")
        .load()
        .select(F.from_json(F.col("value").cast("string"), schema).alias("p"))
        .select("p.*")
    )
    enriched = stream.join(classes, "pclass", "left").withColumn(
        "band", F.when(F.col("age").isNull(), "unknown").when(F.col("age") >= 18, "adult").otherwise("minor")
    )
    """,
    """
    windows = enriched.groupBy(F.window("event_time", "1 minute"), "class_name").count()
    by_window = windows.writeStream.format("memory").queryName("windows").outputMode("complete").start()
    by_band = (
        enriched.groupBy("band").count().writeStream.format("memory").queryName("agg_table").outputMode("complete").start()
    )
    by_window.processAllAvailable()
    by_band.processAllAvailable()
    spark.sql("SELECT date_format(window.start, 'mm') AS minute, class_name, count FROM windows ORDER BY 1, 2").show(50)
    """,
    """
    for query in spark.streams.active:
        query.stop()
    """,
    """
    import matplotlib.pyplot as plt

    ages = spark.sql("SELECT * FROM agg_table ORDER BY band").toPandas()
    plt.bar(ages["band"], ages["count"])
    plt.title("Passengers by age")
    plt.show()
    """,
    "spark.stop()",
)


def notebook(name: str) -> dict[str, Any]:
    """The cells as JupyterLab keeps them."""
    sources = [textwrap.dedent(cell).strip().replace("NAME", name) for cell in CELLS]
    blank = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    cells = [{**blank, "id": f"cell-{n}", "source": source} for n, source in enumerate(sources)]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": kernel, "cells": cells}


def contents(address: str, file: str, upload: dict[str, Any] | None = None) -> dict[str, Any]:
    """A file of the student's JupyterLab, uploaded first as its page does it."""
    base, token = re.fullmatch(r"(\S+/)lab\?token=(\S+)", address).groups()
    body = json.dumps({"type": "notebook", "format": "json", "content": upload}).encode() if upload else None
    request = urllib.request.Request(
        f"{base}api/contents/{file}", data=body, method="PUT" if upload else "GET",
        headers={"Authorization": f"token {token}"},
    )  # fmt: skip
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def texts(cell: dict[str, Any]) -> str:
    """What a cell printed, without what the JVM logged."""
    return "".join("".join(output["text"]) for output in cell["outputs"] if output.get("name") == "stdout")


def pictures(cell: dict[str, Any]) -> list[bytes]:
    """What a cell drew."""
    shown = (output.get("data", {}).get("image/png") for output in cell["outputs"])
    return [base64.b64decode(picture) for picture in shown if picture]


def test_a_notebook_from_a_producer_to_a_chart(seat: LabRunner, terminal: Terminal, name: str) -> None:
    address = seat("notebook").split()[0]
    contents(address, f"{name}.ipynb", notebook(name))
    try:
        terminal.run(f"cd notebooks && jupyter execute --inplace {name}.ipynb", seconds=300)
        cells = contents(address, f"{name}.ipynb")["content"]["cells"]
        bars = heights_of_bars(terminal, f"{name}.ipynb")
    finally:
        terminal.run(f"rm {name}.ipynb")
        seat("notebook", "--stop")

    assert texts(cells[2]).splitlines() == [f"{n} message {n}" for n in range(5)]
    assert re.findall(r"^\|(processed: .*?) *\|$", texts(cells[4]), re.MULTILINE) == [
        f"processed: message {n}" for n in range(5)
    ]
    # 90 passengers, twelve a minute, a third of them in each class; each fifth has no age, and some are below 18.
    counted = re.findall(r"^\| +(\d\d)\| +(\w+)\| +(\d+)\|$", texts(cells[7]), re.MULTILINE)
    minutes = {minute: [n for n in range(90) if n // 12 == minute] for minute in range(8)}
    assert counted == [
        (f"{minute:02}", kind, str(sum(n % 3 == rest for n in those)))
        for minute, those in minutes.items()
        for rest, kind in enumerate(("First", "Second", "Third"))
    ]
    known = [n for n in range(90) if n % 5]
    minors = sum(10 + n % 40 < 18 for n in known)
    expected = [len(known) - minors, minors, 90 - len(known)]  # adult, minor, unknown
    (picture,) = pictures(cells[9])
    assert picture.startswith(b"\x89PNG\r\n")
    assert [round(bar / max(bars) * max(expected)) for bar in bars] == expected


def heights_of_bars(terminal: Terminal, file: str) -> list[int]:
    """How many pixels high the bars of a notebook's picture are, from left to right: columns of matplotlib's blue."""
    with terminal.program("python3", PYTHON):
        terminal.run(f"""
            import base64, io, itertools, json
            from matplotlib import image
            cells = json.load(open("{file}"))["cells"]
            shown = [output.get("data", {{}}) for cell in cells for output in cell["outputs"]]
            png = next(data["image/png"] for data in shown if "image/png" in data)
            pixels = image.imread(io.BytesIO(base64.b64decode(png)))
            blue = (abs(pixels[:, :, :3] * 255 - [31, 119, 180]) < 8).all(axis=2).sum(axis=0)
            bars = [max(columns) for some, columns in itertools.groupby(blue, lambda n: n > 0) if some]
        """)
        return [int(height) for height in terminal.run("print(*bars)").split()]
