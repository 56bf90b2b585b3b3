"""What a course begins with: each shell starts, a topic and a table come to be, a package is there.

Short enough for the ordinary tests, which run this file on the stack of tests/cluster.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from terminal import BASH, PYTHON, SCALA, Terminal

KAFKA = "--bootstrap-server kafka1:9092"


def test_pyspark_on_yarn_with_a_package_and_a_table(terminal: Terminal, name: str) -> None:
    package = "org.apache.spark:spark-sql-kafka-0-10_2.12:3.5.5"
    with terminal.program(f"pyspark --packages {package}", PYTHON) as welcome:
        assert "version 3.5.7" in welcome
        assert "master = yarn" in welcome
        line = next(line for line in welcome.splitlines() if "spark-sql-kafka-0-10_2.12" in line)
        assert "3.5.7" in line  # which of them it has, and from where, instead of the one asked for
        assert terminal.run("spark.range(10).count()") == "10"
        assert "ZeroDivisionError" in terminal.fails("1 / 0")
        terminal.run(f'name = "{name}"')
        # Nobody has made this topic.
        terminal.run("""
            servers = "kafka1:9092"
            (spark.range(5).selectExpr("CAST(id AS STRING) AS value").write.format("kafka")
                .option("kafka.bootstrap.servers", servers).option("topic", name).save())
            (spark.read.format("kafka").option("kafka.bootstrap.servers", servers).option("subscribe", name).load()
                .selectExpr("CAST(CAST(value AS STRING) AS INT) AS n").write.saveAsTable(name))
        """)
    seen = terminal.run(f"spark-sql --master 'local[1]' -e 'SELECT sum(n) FROM {name}; DROP TABLE {name}' 2>/dev/null")
    assert seen.splitlines()[-1] == str(sum(range(5)))
    assert f"{name}:0:5" in terminal.run(f"kafka-get-offsets.sh {KAFKA} --topic {name}")


def test_pyspark_reads_what_is_piped_into_it(terminal: Terminal, name: str) -> None:
    terminal.write(f"{name}.py", 'print("sum:", spark.range(10).selectExpr("sum(id)").first()[0])')
    said = terminal.run(f"pyspark --master 'local[2]' < {name}.py 2>/dev/null")
    assert "sum: 45" in said.splitlines()
    said = terminal.run(f"cat {name}.py | pyspark --master 'local[2]' 2>/dev/null")
    assert "sum: 45" in said.splitlines()


def test_pyspark_in_ipython(terminal: Terminal) -> None:
    terminal.type("PYSPARK_DRIVER_PYTHON=ipython pyspark --master 'local[1]'")
    terminal.see(r"In \[\S*1\S*\]: ", seconds=90)
    terminal.type("spark.range(12).count()")
    terminal.see(r"Out\[\S*1\S*\]: \S*12")
    terminal.see(r"In \[\S*2\S*\]: ")
    terminal.type("exit")
    terminal.see(BASH.prompt)


def test_spark_shell_with_a_small_stream(terminal: Terminal, name: str) -> None:
    terminal.run(f"echo '{{\"n\": 1}}' >{name}.json; echo '{{\"n\": 41}}' >>{name}.json")
    terminal.run(f"hdfs dfs -mkdir {name} && hdfs dfs -put {name}.json {name}/")
    with terminal.program("spark-shell --master 'local[2]'", SCALA) as welcome:
        assert "Using Scala version 2.12" in welcome
        terminal.run(f'val folder = "{name}"')
        terminal.run('val numbers = spark.readStream.schema("n INT").json(folder)')
        assert "res: Boolean = true" in terminal.run("val res = numbers.isStreaming")
        terminal.run("import org.apache.spark.sql.streaming.Trigger")
        terminal.run('val writer = numbers.writeStream.format("memory").queryName("n").trigger(Trigger.AvailableNow)')
        terminal.run("val query = writer.start()")
        terminal.run("query.awaitTermination()")
        assert "total: Long = 42" in terminal.run('val total = spark.sql("SELECT sum(n) FROM n").first.getLong(0)')
        assert "not found: value nothing" in terminal.fails("nothing.show()")


def test_a_topic_that_nobody_has_made(terminal: Terminal, name: str) -> None:
    with terminal.program("python3", PYTHON):
        terminal.run(f"""
            from kafka import KafkaConsumer, KafkaProducer
            topic = "{name}"
            producer = KafkaProducer(bootstrap_servers="kafka1:9092")
            for n in range(3):
                sent = producer.send(topic, str(n).encode())

            producer.flush()
            producer.close()
            consumer = KafkaConsumer(topic, bootstrap_servers=["kafka1:9092"], auto_offset_reset="earliest",
                consumer_timeout_ms=5000)
        """)
        assert terminal.run("[message.value for message in consumer]") == "[b'0', b'1', b'2']"
        terminal.run("consumer.close()")
    assert name in terminal.run(f"kafka-topics.sh {KAFKA} --list").splitlines()


def test_closing_the_window_ends_the_session(open_terminal: Callable[[], Terminal]) -> None:
    terminal = open_terminal()
    terminal.type("pyspark")
    application = re.search(r"app id = (application_\d+_\d+)", terminal.see(r"SparkSession available", seconds=90))[1]
    terminal.hang_up()
    other = open_terminal()
    running = "yarn application -list 2>/dev/null"
    try:
        other.run(f"for n in $(seq 20); do {running} | grep -q {application} || break; sleep 1; done", seconds=90)
        assert application not in other.run(running)
    finally:
        other.run(f"yarn application -kill {application} 2>/dev/null")
