"""A stack that is suspended gives its memory back and keeps its data; resumed, it answers as before."""

from __future__ import annotations

import json

from lab_runner import LabRunner

PUT = "echo kept | hdfs dfs -put -f - /tmp/suspended"
TOPIC = "kafka-topics.sh --bootstrap-server kafka1:9092 --create --if-not-exists --topic suspended --partitions 1"
RECORD = "echo kept | kafka-console-producer.sh --bootstrap-server kafka1:9092 --topic suspended"
OFFSETS = "kafka-get-offsets.sh --bootstrap-server kafka1:9092 --topic suspended"
ROW = (
    "cqlsh -e \"CREATE KEYSPACE IF NOT EXISTS suspended WITH replication = {'class': 'SimpleStrategy', "
    "'replication_factor': 1}; CREATE TABLE IF NOT EXISTS suspended.t (id text PRIMARY KEY); "
    "INSERT INTO suspended.t (id) VALUES ('kept')\""
)


def held(lab: LabRunner) -> tuple[str, str, str]:
    """A file of HDFS, a topic's offsets, a table's rows."""
    return (
        lab.inside("hdfs dfs -cat /tmp/suspended"),
        lab.inside(OFFSETS),
        lab.inside("cqlsh -e 'SELECT id FROM suspended.t' 2>/dev/null"),
    )


def test_suspended_it_uses_nothing_and_resumed_it_has_everything(lab: LabRunner) -> None:
    for command in (PUT, TOPIC, RECORD, ROW):
        lab.inside(command)
    before = held(lab)
    assert [text.count("kept") for text in before] == [1, 0, 1]
    try:
        assert lab("suspend") == f"{lab.student}: suspended, 7 nodes stopped\n"
        (found,) = json.loads(lab("status", "--json"))["students"]
        assert (found["state"], found["healthy"]) == ("suspended", False)
        assert {(node["state"], node["memory_bytes"]) for node in found["nodes"]} == {("exited", 0)}
        assert lab("status") == f"{lab.student}: suspended; invoke resume starts it again\n"
        assert lab("suspend") == f"{lab.student}: was suspended already\n"
        assert lab.run("submit", "--job", "lesson01").code == 1
    finally:
        assert lab("resume") == f"{lab.student}: resumed and proved\n"
    assert held(lab) == before
    lab.inside("hdfs dfs -rm -skipTrash /tmp/suspended; cqlsh -e 'DROP KEYSPACE suspended'")
    lab.inside("kafka-topics.sh --bootstrap-server kafka1:9092 --delete --topic suspended")
