"""Lesson 2: Kafka by its console tools, by kafka-python, and as a table in Spark."""

from __future__ import annotations

import re
from collections.abc import Callable

from terminal import PYTHON, Terminal

KAFKA = "--bootstrap-server kafka1:9092"


def offsets(terminal: Terminal, topic: str) -> list[int]:
    """The end offset of each partition."""
    told = terminal.run(f"kafka-get-offsets.sh {KAFKA} --topic {topic}")
    return [int(end) for end in re.findall(rf"^{topic}:\d+:(\d+)$", told, re.MULTILINE)]


def test_a_producer_and_a_consumer_in_two_terminals(
    terminal: Terminal, open_terminal: Callable[[], Terminal], name: str
) -> None:
    made = terminal.run(f"kafka-topics.sh {KAFKA} --create --topic {name} --partitions 3 --replication-factor 1")
    assert f"Created topic {name}." in made
    assert name in terminal.run(f"kafka-topics.sh {KAFKA} --list").splitlines()
    assert "PartitionCount: 3" in terminal.run(f"kafka-topics.sh {KAFKA} --describe --topic {name}")

    consumer = open_terminal()
    consumer.type(f"kafka-console-consumer.sh {KAFKA} --topic {name} --from-beginning --property print.key=true")
    keyed = "--property parse.key=true --property key.separator=:"
    terminal.type(f"kafka-console-producer.sh {KAFKA} --topic {name} {keyed}")
    terminal.see(r"[\r\n]>")
    for key, value in (("ada", "first"), ("bob", "second"), ("ada", "third")):
        terminal.type(f"{key}:{value}")
        consumer.see(rf"[\r\n]{key}\t{value}\r")
    terminal.press_ctrl_c()
    assert "Processed a total of 3 messages" in consumer.press_ctrl_c()
    assert sum(offsets(terminal, name)) == 3

    # What already exists is shown to those who ask for it; a group remembers what it has read.
    anew = consumer.run(f"kafka-console-consumer.sh {KAFKA} --topic {name} --timeout-ms 2000 2>/dev/null")
    assert not {"first", "second", "third"} & set(anew.splitlines())
    group = f"--topic {name} --group {name} --from-beginning --timeout-ms 4000"
    read = consumer.run(f"kafka-console-consumer.sh {KAFKA} {group} 2>/dev/null")
    assert sorted(read.splitlines()) == ["first", "second", "third"]
    terminal.run(f"printf 'fourth\\nfifth\\n' | kafka-console-producer.sh {KAFKA} --topic {name}")
    described = terminal.run(f"kafka-consumer-groups.sh {KAFKA} --describe --group {name}")
    lags = re.findall(rf"^{name} +{name} +\d+ +\d+ +\d+ +(\d+) ", described, re.MULTILINE)
    assert sum(map(int, lags)) == 2
    read = consumer.run(f"kafka-console-consumer.sh {KAFKA} {group} 2>/dev/null")
    assert sorted(read.splitlines()) == ["fifth", "fourth"]

    days = 200 * 24 * 60 * 60 * 1000
    topic = f"--entity-type topics --entity-name {name}"
    terminal.run(f"kafka-configs.sh {KAFKA} {topic} --alter --add-config retention.ms={days}")
    assert f"retention.ms={days}" in terminal.run(f"kafka-configs.sh {KAFKA} {topic} --describe")
    terminal.run(f"kafka-topics.sh {KAFKA} --delete --topic {name}")
    assert name not in terminal.run(f"kafka-topics.sh {KAFKA} --list").splitlines()


def test_records_of_kafka_python_as_a_table_of_spark(terminal: Terminal, name: str) -> None:
    terminal.run(f"kafka-topics.sh {KAFKA} --create --topic {name} --partitions 3")
    with terminal.program("python3", PYTHON):
        terminal.run(f"""
            import json
            from kafka import KafkaConsumer, KafkaProducer
            topic = "{name}"
            producer = KafkaProducer(bootstrap_servers="kafka1:9092", key_serializer=str.encode,
                value_serializer=lambda value: json.dumps(value).encode("utf-8"))
            for seq in range(60):
                sent = producer.send(topic, key=f"sensor{{seq % 6}}", value={{"seq": seq}}, partition=seq % 3)

            producer.flush()
            producer.close()
            consumer = KafkaConsumer(topic, bootstrap_servers="kafka1:9092", auto_offset_reset="earliest",
                group_id=topic, consumer_timeout_ms=5000, value_deserializer=json.loads)
            values = sorted(message.value["seq"] for message in consumer)
        """)
        assert terminal.run("values == list(range(60))") == "True"
        terminal.run("consumer.close()")
    assert offsets(terminal, name) == [20, 20, 20]

    with terminal.pyspark():
        terminal.run(f'topic = "{name}"')
        terminal.run("""
            servers = "kafka1:9092"
            kafka = spark.read.format("kafka").option("kafka.bootstrap.servers", servers).option("subscribe", topic)
            records = kafka.option("startingOffsets", "earliest").option("endingOffsets", "latest").load()
        """)
        columns = ["key", "value", "topic", "partition", "offset", "timestamp", "timestampType"]
        assert terminal.run("records.columns") == str(columns)
        assert terminal.run("records.count()") == "60"
        terminal.run("""
            import json
            def each(offset):
                return json.dumps({topic: {"0": offset, "1": offset, "2": offset}})

            part = kafka.option("startingOffsets", each(2)).option("endingOffsets", each(5)).load()
            text = part.selectExpr("CAST(key AS STRING)", "CAST(value AS STRING)", "partition", "offset")
            seqs = sorted(json.loads(row.value)["seq"] for row in text.collect())
        """)
        # Record n went to partition n % 3, so offset k of the three holds 3k, 3k + 1 and 3k + 2; the end is exclusive.
        assert terminal.run("seqs") == str(list(range(6, 15)))
        terminal.run("""
            (text.select("key", "value").write.format("kafka")
                .option("kafka.bootstrap.servers", servers).option("topic", topic).save())
        """)
    assert sum(offsets(terminal, name)) == 60 + 9
