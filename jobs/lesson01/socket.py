"""Lines from a socket: the quickest source to try, and one that cannot be asked for its data a second time."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from pyspark.errors import StreamingQueryException
from pyspark.sql import DataFrame, SparkSession

from common.hdfs import Hdfs
from common.outcome import Outcome
from common.settings import Settings
from common.streams import Streams
from lesson01.places import SOCKET

HOST = "127.0.0.1"  # the source reads in the driver, and the server below runs there too
LINES = tuple(f"line {number}" for number in range(10))


def run(spark: SparkSession, settings: Settings) -> Outcome:
    """Read ten lines, then start the query again on its checkpoint, as after a kill."""
    Hdfs(settings.info.webhdfs).delete(settings.checkpoint(SOCKET))  # the first run is to be a first run each time
    first = lines_read(spark, settings)
    print(f"first start: {len(first)} lines read: {', '.join(sorted(first)[:3])} …", flush=True)
    try:
        again = lines_read(spark, settings)
        print(f"second start: {len(again)} lines read", flush=True)
        failure = ""
    except StreamingQueryException as error:
        failure = str(error).splitlines()[0].rpartition("terminated with ")[2]
        print(f"second start, same checkpoint: the query died: {failure}", flush=True)
        print("the checkpoint says that ten lines are done; the new connection begins at none of them", flush=True)
    return Outcome(details={"first": len(first), "second": failure})


def lines_read(spark: SparkSession, settings: Settings) -> list[str]:
    """Run the query on the socket until it has read as many lines as the server sends."""
    read: list[str] = []

    def keep(batch: DataFrame, _: int) -> None:
        read.extend(row.value for row in batch.collect())

    with server() as port:
        source = spark.readStream.format("socket").option("host", HOST).option("port", port).load()
        streams = Streams(spark, settings, continuous=True, stop_asked=lambda: len(read) >= len(LINES))
        query = (
            source.writeStream.queryName(SOCKET)
            .foreachBatch(keep)
            .option("checkpointLocation", settings.checkpoint(SOCKET))
            .trigger(processingTime="1 second")
            .start()
        )
        streams.finish(query)
    return read


@contextmanager
def server() -> Iterator[int]:
    """Something to connect to, as `nc -lk` is: sends ten lines to whoever connects, and then nothing."""
    with socket.create_server((HOST, 0)) as listening:
        connections: list[socket.socket] = []  # kept: a connection that is closed ends the source

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:  # closed: the query has ended
                    return
                connections.append(connection)
                connection.sendall("".join(f"{line}\n" for line in LINES).encode())

        threading.Thread(target=serve, daemon=True).start()
        try:
            yield listening.getsockname()[1]
        finally:
            for connection in connections:
                connection.close()
