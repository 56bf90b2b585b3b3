"""Something in every store of a stack, and what it holds now: what a fault must leave as it was."""

from __future__ import annotations

from lab_runner import LabRunner

KAFKA = "--bootstrap-server kafka1:9092 --topic"


def put(lab: LabRunner, name: str) -> tuple[str, str, str]:
    """Leave a file on HDFS, a record in a topic and a row in a table, all called `name`; what is held then."""
    lab.inside(f"echo kept | hdfs dfs -put -f - /tmp/{name}")
    lab.inside(f"kafka-topics.sh {KAFKA} {name} --create --if-not-exists --partitions 1")
    lab.inside(f"echo kept | kafka-console-producer.sh {KAFKA} {name}")
    replication = "{'class': 'SimpleStrategy', 'replication_factor': 1}"
    statements = (
        f"CREATE KEYSPACE IF NOT EXISTS {name} WITH replication = {replication}",
        f"CREATE TABLE IF NOT EXISTS {name}.t (id text PRIMARY KEY)",
        f"INSERT INTO {name}.t (id) VALUES ('kept')",
    )
    lab.inside(f'cqlsh -e "{"; ".join(statements)}"')
    found = held(lab, name)
    assert [text.count("kept") for text in found] == [1, 0, 1], found
    assert found[1] == f"{name}:0:1\n"
    return found


def held(lab: LabRunner, name: str) -> tuple[str, str, str]:
    """The file's text, the topic's end offsets, the table's rows."""
    return (
        lab.inside(f"hdfs dfs -cat /tmp/{name}"),
        lab.inside(f"kafka-get-offsets.sh {KAFKA} {name}"),
        lab.inside(f"cqlsh -e 'SELECT id FROM {name}.t' 2>/dev/null"),
    )


def drop(lab: LabRunner, name: str) -> None:
    """Take all three away."""
    lab.inside(f"hdfs dfs -rm -skipTrash /tmp/{name}; cqlsh -e 'DROP KEYSPACE {name}'")
    lab.inside(f"kafka-topics.sh {KAFKA} {name} --delete")
