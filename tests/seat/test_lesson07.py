"""Lesson 7: a script of one's own on YARN, tables that stay, a model that is trained once."""

from __future__ import annotations

import re
from collections.abc import Callable

from terminal import SPARK_SQL, Terminal


def test_a_script_in_client_and_in_cluster_mode(terminal: Terminal, name: str) -> None:
    terminal.run(f"mkdir {name} && cd {name}")
    terminal.write("words.py", 'def words(line):\n    return line.lower().replace(".", "").split()')
    terminal.write(
        "count.py",
        """
        import sys

        from pyspark.sql import SparkSession

        from words import words

        spark = SparkSession.builder.appName(sys.argv[2]).getOrCreate()
        counts = (
            spark.sparkContext.textFile(sys.argv[1]).flatMap(words)
            .map(lambda word: (word, 1)).reduceByKey(lambda a, b: a + b)
        )
        for word, n in sorted(counts.collect()):
            print("counted", word, n)
        spark.stop()
        """,
    )
    terminal.write("text.txt", "The rose is red.\nThe sea is blue, the sky is blue")
    expected = ["blue 1", "blue, 1", "is 3", "red 1", "rose 1", "sea 1", "sky 1", "the 3"]
    terminal.run(f"hdfs dfs -mkdir -p {name} && hdfs dfs -put text.txt {name}/")

    said = terminal.run(f"spark-submit --py-files words.py count.py {name}/text.txt {name}-client 2>client.log")
    assert re.findall("^counted (.*)$", said, re.MULTILINE) == expected
    options = (
        f"--name {name}-cluster --deploy-mode cluster --executor-memory 600m --num-executors 1 --py-files words.py"
    )
    terminal.run(f"spark-submit {options} count.py {name}/text.txt {name}-cluster", seconds=120)

    finished = terminal.run("yarn application -list -appStates FINISHED 2>/dev/null")
    applications = {
        app: (ident, *rest)
        for ident, app, *rest in (line.split() for line in finished.splitlines() if line.startswith("application_"))
    }
    for mode in ("client", "cluster"):
        assert applications[f"{name}-{mode}"][1:6] == ("SPARK", "student", "root.default", "FINISHED", "SUCCEEDED")
    logs = terminal.run(f"yarn logs -applicationId {applications[f'{name}-cluster'][0]} -log_files stdout 2>/dev/null")
    assert re.findall("^counted (.*)$", logs, re.MULTILINE) == expected


def test_tables_that_a_later_session_still_sees(terminal: Terminal, name: str) -> None:
    with terminal.pyspark("--master 'local[2]'"):
        terminal.run(f'name = "{name}"')
        terminal.run("""
            spark.sql(f"CREATE DATABASE {name}")
            sales = spark.range(1000).selectExpr("id", "id % 10 AS shop", "id * 2 AS amount")
            sales.write.saveAsTable(f"{name}.sales")
            sales.write.mode("overwrite").saveAsTable(f"{name}.sales")
            totals = f"SELECT shop, sum(amount) AS total FROM {name}.sales GROUP BY shop"
            spark.sql(f"CREATE TABLE {name}.by_shop USING parquet AS {totals}")
        """)
    with terminal.program("spark-sql --master 'local[1]'", SPARK_SQL):
        terminal.run(f"USE {name};")
        tables = terminal.run("SHOW TABLES;")
        assert [line for line in tables.splitlines() if not line.startswith("Time taken")] == ["by_shop", "sales"]
        total = sum(n * 2 for n in range(1000) if n % 10 == 3)
        assert f"{total}" in terminal.run("SELECT total FROM by_shop WHERE shop = 3;").splitlines()
        terminal.run("CREATE TABLE shops (shop BIGINT, town STRING) STORED AS PARQUET;")
        terminal.run("INSERT INTO shops SELECT shop, CASE WHEN shop < 5 THEN 'Riga' ELSE 'Oslo' END FROM by_shop;")
    with terminal.pyspark():
        terminal.run(f"""
            spark.sql("USE {name}")
            joined = spark.sql("SELECT sum(total) FROM by_shop JOIN shops USING (shop) WHERE town = 'Riga'")
        """)
        assert terminal.run("joined.first()[0]") == str(sum(n * 2 for n in range(1000) if n % 10 < 5))
        assert terminal.run(f'len(spark.catalog.listTables("{name}"))') == "3"
    dropping = f"DROP DATABASE {name} CASCADE; SHOW DATABASES"
    dropped = terminal.run(f"spark-sql --master 'local[1]' -e '{dropping}' 2>/dev/null")
    assert "default" in dropped.splitlines()
    assert name not in dropped.splitlines()


def test_a_pipeline_trained_saved_and_applied_to_a_stream(
    terminal: Terminal, open_terminal: Callable[[], Terminal], name: str
) -> None:
    shell = open_terminal()
    with shell.cqlsh():
        shell.run(f"""
            CREATE KEYSPACE {name} WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': 1}};
            CREATE TABLE {name}.scored (id int PRIMARY KEY, colour text, predicted text);
        """)
    # What is light is white, what is heavy is red, whatever its colour's name is worth.
    with terminal.pyspark():
        terminal.run(f'name = "{name}"')
        terminal.run("""
            from pyspark.ml import Pipeline
            from pyspark.ml.classification import LogisticRegression
            from pyspark.ml.evaluation import BinaryClassificationEvaluator
            from pyspark.ml.feature import IndexToString, StringIndexer, VectorAssembler
            wines = spark.range(200).selectExpr("id", "CAST(id % 100 AS DOUBLE) AS weight",
                "CAST(id % 7 AS DOUBLE) AS noise",
                "CASE WHEN id % 100 < 50 THEN 'white' ELSE 'red' END AS colour")
            labels = StringIndexer(inputCol="colour", outputCol="label").fit(wines)
            features = VectorAssembler(inputCols=["weight", "noise"], outputCol="features")
            model = Pipeline(stages=[features, LogisticRegression(maxIter=20)]).fit(labels.transform(wines))
            area = BinaryClassificationEvaluator().evaluate(model.transform(labels.transform(wines)))
            names = IndexToString(inputCol="prediction", outputCol="predicted", labels=labels.labels)
            from pyspark.ml import PipelineModel
            PipelineModel(stages=[model, names]).write().overwrite().save(name + "/model")
        """)
        assert terminal.run("area > 0.99") == "True"
    listing = shell.run(f"hdfs dfs -ls {name}/model")
    assert f"{name}/model/metadata" in listing
    assert f"{name}/model/stages" in listing

    with terminal.pyspark():
        terminal.run(f'name = "{name}"')
        terminal.run("""
            from pyspark.ml import PipelineModel
            model = PipelineModel.load(name + "/model")
            unseen = spark.createDataFrame([(n, 4.5 + 10 * n, 3.0) for n in range(10)], ["id", "weight", "noise"])
            unseen.write.json(name + "/in")
            def score(batch, batch_id):
                (model.transform(batch).select("id", "predicted").write.format("org.apache.spark.sql.cassandra")
                    .options(keyspace=name, table="scored").mode("append").save())

            stream = (spark.readStream.schema(unseen.schema).json(name + "/in")
                .selectExpr("CAST(id AS INT)", "weight", "noise"))
            query = (stream.writeStream.foreachBatch(score).option("checkpointLocation", name + "/checkpoint")
                .trigger(availableNow=True).start())
            query.awaitTermination()
        """)
    found = shell.run(f"cqlsh -e 'SELECT id, predicted FROM {name}.scored'")
    predicted = {int(row): colour for row, colour in re.findall(r"^ +(\d+) \| +(\w+)$", found, re.MULTILINE)}
    assert predicted == {n: "white" if 4.5 + 10 * n < 49.5 else "red" for n in range(10)}
