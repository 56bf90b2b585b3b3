"""Lesson 6: Cassandra by cqlsh, by its Python driver, and by Spark's connector."""

from __future__ import annotations

import re

from terminal import Terminal

KAFKA = "--bootstrap-server kafka1:9092"


def rows_of(table: str) -> list[list[str]]:
    """The rows that cqlsh shows below its ruler, each as its fields."""
    below = re.split(r"^[-+]+$", table, flags=re.MULTILINE)[-1]
    return [[field.strip() for field in line.split("|")] for line in below.splitlines() if "|" in line]


def test_a_table_by_cql_a_file_copied_in_and_a_loader(terminal: Terminal, name: str) -> None:
    terminal.run(f"mkdir {name} && cd {name}")
    terminal.write("people.csv", "id,name,city\n1,Ada O'Neill,Riga\n2,Bob,Oslo\n3,Eve,")
    with terminal.cqlsh() as welcome:
        assert "Connected to" in welcome
        terminal.run(f"""
            CREATE KEYSPACE {name} WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': 1}};
            USE {name};
            CREATE TABLE people (
              id int PRIMARY KEY,
              name text,
              city text
            );
        """)
        copied = terminal.run("COPY people (id, name, city) FROM 'people.csv' WITH HEADER = TRUE;")
        assert "3 rows imported from 1 files" in copied
        terminal.run("INSERT INTO people (id, name) VALUES (2, 'Bobby');")  # an upsert: the city stays
        found = rows_of(terminal.run("SELECT id, name, city FROM people WHERE id IN (1, 2, 3);"))
        assert found == [["1", "Ada O'Neill", "Riga"], ["2", "Bobby", "Oslo"], ["3", "Eve", "null"]]
        assert "ALLOW FILTERING" in terminal.fails("SELECT * FROM people WHERE city = 'Riga';")
        filtered = terminal.run("SELECT id, name FROM people WHERE city = 'Riga' ALLOW FILTERING;")
        assert rows_of(filtered) == [["1", "Ada O'Neill"]]
        terminal.run("COPY people (id, name) TO 'names.csv' WITH HEADER = TRUE;")
        assert "name text" in terminal.run("DESCRIBE TABLE people;")
    names = terminal.run("sort names.csv").splitlines()
    assert names == ["1,Ada O'Neill", "2,Bobby", "3,Eve", "id,name"]

    terminal.write(
        "load.py",
        """
        import sys

        from cassandra.cluster import Cluster
        from cassandra.concurrent import execute_concurrent_with_args

        cluster = Cluster(["cassandra1"])
        session = cluster.connect(sys.argv[1])
        insert = session.prepare("INSERT INTO people (id, name, city) VALUES (?, ?, ?)")
        execute_concurrent_with_args(session, insert, [(n, f"p{n}", "Bern") for n in range(100, 350)])
        print("rows:", session.execute("SELECT count(*) FROM people").one().count)
        cluster.shutdown()
        """,
    )
    assert "rows: 253" in terminal.run(f"python3 load.py {name}").splitlines()
    counted = terminal.run(f"cqlsh -e 'SELECT count(*) FROM {name}.people'")
    assert re.search(r"^ +253$", counted, re.MULTILINE)


def test_tables_of_cassandra_read_and_written_by_spark(terminal: Terminal, name: str) -> None:
    with terminal.cqlsh():
        terminal.run(f"""
            CREATE KEYSPACE {name} WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': 1}};
            CREATE TABLE {name}.customers (cid text PRIMARY KEY, name text);
            CREATE TABLE {name}.orders (oid int PRIMARY KEY, cid text, name text);
            INSERT INTO {name}.customers (cid, name) VALUES ('c0', 'Ada');
            INSERT INTO {name}.customers (cid, name) VALUES ('c1', 'Bob');
        """)
    terminal.run(f"kafka-topics.sh {KAFKA} --create --topic {name}")
    with terminal.pyspark():
        terminal.run(f'name = "{name}"')
        terminal.run("""
            from pyspark.sql import functions as F
            cassandra = "org.apache.spark.sql.cassandra"
            def table(which):
                return spark.read.format(cassandra).options(keyspace=name, table=which).load()

            customers = table("customers")
        """)
        assert terminal.run("sorted(tuple(row) for row in customers.collect())") == "[('c0', 'Ada'), ('c1', 'Bob')]"
        # Only a condition on the key is Cassandra's to answer.
        assert 'Cassandra Filters: [["cid" = ?, c1]]' in terminal.run("customers.filter(\"cid = 'c1'\").explain()")
        assert "Cassandra Filters: []" in terminal.run("customers.filter(\"name = 'Bob'\").explain()")

        terminal.run("""
            more = spark.createDataFrame([("c2", "Eve")], ["cid", "name"])
            more.write.format(cassandra).options(keyspace=name, table="customers").mode("append").save()
        """)
        assert terminal.run('table("customers").count()') == "3"
        overwrite = 'more.write.format(cassandra).options(keyspace=name, table="customers").mode("overwrite")'
        assert "confirm.truncate" in terminal.fails(f"{overwrite}.save()")
        terminal.run(f'{overwrite}.option("confirm.truncate", True).save()')
        assert terminal.run('[row.cid for row in table("customers").collect()]') == "['c2']"

        # 40 orders of four customers; one of them is known.
        terminal.run("""
            to_kafka = {"kafka.bootstrap.servers": "kafka1:9092"}
            (spark.range(40).selectExpr("concat('c', id % 4) AS key", "CAST(id AS STRING) AS value")
                .write.format("kafka").options(**to_kafka).option("topic", name).save())
            orders = (spark.readStream.format("kafka").options(**to_kafka).option("subscribe", name)
                .option("startingOffsets", "earliest").load()
                .selectExpr("CAST(value AS STRING) AS oid", "CAST(key AS STRING) AS cid")
                .selectExpr("CAST(oid AS INT)", "cid").join(table("customers"), "cid"))
            def write(batch, batch_id):
                batch.write.format(cassandra).options(keyspace=name, table="orders").mode("append").save()

            def finish(writer, checkpoint):
                (writer.option("checkpointLocation", f"{name}/{checkpoint}").trigger(availableNow=True).start()
                    .awaitTermination())

        """)
        terminal.run('finish(orders.writeStream.foreachBatch(write), "foreach")')
        assert terminal.run('sorted(row.oid for row in table("orders").collect())') == str(list(range(2, 40, 4)))
        # The same orders once more, without foreachBatch: each writes the row that is there.
        direct = "orders.writeStream.format(cassandra).options(keyspace=name, table='orders').outputMode('append')"
        terminal.run(f"finish({direct}, 'direct')")
    counted = terminal.run(f"cqlsh -e \"SELECT count(*) FROM {name}.orders WHERE name = 'Eve' ALLOW FILTERING\"")
    assert re.search(r"^ +10$", counted, re.MULTILINE)
