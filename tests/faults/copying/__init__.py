"""A job of the tests: it copies numbered records from a topic to parquet files, another topic and a Cassandra table."""

from __future__ import annotations

#: Sink -> the query that writes to it, each with a checkpoint of its own.
QUERIES = {sink: f"copying-{sink}" for sink in ("parquet", "kafka", "cassandra")}

#: What the producer's container holds: the acknowledged records, one a line, and the file that asks it to end.
ACKNOWLEDGED = "/tmp/copying-acknowledged"
STOP = "/tmp/copying-stop"
