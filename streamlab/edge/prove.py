"""A proof per service: a real question, and the answer compared with what was asked.

``python3 -m edge.prove SECONDS NODES SERVICE …`` asks all at once and tells of each as it is answered:
``{"service", "passed", "seconds", "answer"}``. A service that is still starting is asked again until SECONDS
are over. NODES are the stack's, with commas between them: of a service with several, every one must take part. Of a
cluster that is not the lab's none is named, and it is enough that each service answers.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial
from pathlib import Path

from common.channel import emit
from common.errors import JobError
from common.hdfs import Hdfs
from common.lab import Lab
from common.settings import Settings, load_info

from .flink import prove_flink
from .hbase import prove_hbase
from .proof import NotYet, Proof, Wrong
from .yarn import Yarn

#: It waits for YARN itself: its JVM and Python start while the daemons do.
COUNT_SCRIPT = """
import sys
from pyspark.sql import SparkSession
from edge.proof import Proof
from edge.prove import await_yarn
await_yarn(Proof(float(sys.argv[1]), [name for name in sys.argv[2].split(",") if name]))
spark = SparkSession.builder.getOrCreate()
print("counted", spark.sql("SELECT count(*) FROM range(1000)").first()[0], flush=True)
spark.stop()
"""


#: Seconds within which every DataNode with a copy of a file has reported it.
COPY_SECONDS = 3


def open_lab() -> Lab:
    """New clients for each try: one that was refused remembers it."""
    return Lab(Settings(info=load_info(), lesson="proof"))


def prove_hdfs(proof: Proof) -> str:
    path, content = f"/tmp/{proof.token}", proof.token.encode() * 64
    hdfs, datanodes, info = open_lab().hdfs, proof.of("datanode"), load_info()

    def put() -> str:
        # The quota is a part of the data: a new file system has none, and a snapshot may bring another.
        if info.hdfs_disk_mb is not None:
            hdfs.set_space_quota("/", info.hdfs_disk_mb * 2**20 or None)
        hdfs.mkdirs(info.events)  # without it no session of Spark starts
        _write(hdfs, path, content, replication=max(1, len(datanodes)))
        if len(datanodes) > 1:
            _await_copies(hdfs, path, datanodes)
        return path

    proof.until(put)
    try:
        if hdfs.read(path) != content:
            raise Wrong(f"{path} reads other bytes than were written")
    finally:
        hdfs.delete(path)
    return f"put and read a file of {len(content)} bytes{_each(datanodes, 'on {}')}"


def _write(hdfs: Hdfs, path: str, content: bytes, *, replication: int) -> None:
    """Write a file. To ask again is of no use where the quota is used up."""
    try:
        hdfs.write(path, content, replication=replication)
    except JobError as error:
        full = [line for line in error.evidence if "QuotaExceeded" in line]
        if full:
            raise Wrong(f"{full[0]}: delete files on HDFS, or raise hdfs_disk_mb in the inventory") from error
        raise


def _await_copies(hdfs: Hdfs, path: str, datanodes: Sequence[str]) -> None:
    """Each DataNode tells the NameNode by itself, a moment later, that it has its copy."""
    ends = time.monotonic() + COPY_SECONDS
    while missing := set(datanodes) - hdfs.holders(path):
        if time.monotonic() > ends:
            raise NotYet(f"a file has no copy on {', '.join(sorted(missing))}")
        time.sleep(0.1)


def _each(nodes: Sequence[str], words: str) -> str:
    """What an answer says of a service with several nodes: ``, on datanode1 and datanode2``."""
    return ", " + words.format(f"{', '.join(nodes[:-1])} and {nodes[-1]}") if len(nodes) > 1 else ""


def prove_kafka(proof: Proof) -> str:
    names = proof.of("kafka")
    brokers = [int(name.removeprefix("kafka")) for name in names]
    partitions = max(1, len(brokers))

    def round_trip() -> str:
        with open_lab() as lab:
            # A partition on each broker, whether or not Kafka would have chosen it.
            lab.kafka.ensure_topic(proof.token, partitions=partitions, brokers=brokers)
            try:
                for partition in range(partitions):
                    lab.kafka.produce(proof.token, [("key", f"{proof.token}-{partition}")], partition=partition)
                values = [record.value for record in lab.kafka.consume_all(proof.token)]
            finally:
                lab.kafka.delete_topic(proof.token)
        if values != [f"{proof.token}-{partition}" for partition in range(partitions)]:
            raise Wrong(f"one record went in for each of {partitions} partitions, {values} came out")
        return f"produced and consumed a record{_each(names, 'on {}')}"

    return proof.until(round_trip)


def prove_cassandra(proof: Proof) -> str:
    keyspace, names = proof.token.replace("-", "_"), proof.of("cassandra")
    replication = f"{{'class': 'SimpleStrategy', 'replication_factor': {max(1, len(names))}}}"

    def round_trip() -> str:
        with open_lab() as lab:
            # Before, since a node that joins would have to keep up with every keyspace that a try makes.
            if len(ring := lab.cassandra.ring()) < len(names):
                raise NotYet(f"the ring has {len(ring)} of {len(names)} nodes")
            ask = partial(lab.cassandra.rows, of_all=True)  # each node has a copy, and each must answer
            ask(f"CREATE KEYSPACE {keyspace} WITH replication = {replication}")
            try:
                ask(f"CREATE TABLE {keyspace}.answer (id text PRIMARY KEY, value int)")
                ask(f"INSERT INTO {keyspace}.answer (id, value) VALUES (%s, %s)", (proof.token, 42))
                rows = ask(f"SELECT value FROM {keyspace}.answer WHERE id = %s", (proof.token,))
            finally:
                ask(f"DROP KEYSPACE {keyspace}")
        if rows != [{"value": 42}]:
            raise Wrong(f"one row was written, {rows} was selected")
        return f"wrote and selected a row{_each(names, 'on {}')}"

    return proof.until(round_trip)


def _ready(yarn: Yarn, nodemanagers: Sequence[str]) -> str:
    nodes = yarn.nodes()
    missing = set(nodemanagers) - {node["nodeHostName"] for node in nodes}
    if missing:
        raise NotYet(f"{', '.join(sorted(missing))} did not register with the ResourceManager")
    # One that was started again is still listed as it was; what is sent there before it registers is lost.
    stale = [node["id"] for node in nodes if node["lastHealthUpdate"] < yarn.started_ms(node["nodeHTTPAddress"])]
    if stale:
        raise NotYet(f"the ResourceManager has yet to hear again from {', '.join(stale)}")
    return f"{len(nodes)} active"


def await_yarn(proof: Proof) -> None:
    """Return when an application that is sent now will run.

    Raises:
        Wrong: it was not so at the proof's deadline; the message says what was missing.
    """
    proof.until(lambda: _ready(Yarn(), proof.of("nodemanager")))
    prove_hdfs(proof)  # what the application needs is put there, which takes a DataNode too


def after_yarn(question: Callable[[Proof], str]) -> Callable[[Proof], str]:
    """A proof that begins when an application will run: all services start at once, and are asked at once."""

    def asked(proof: Proof) -> str:
        await_yarn(proof)
        return question(proof)

    return asked


def alone(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of a driver that imports the lab's modules, and nothing from a folder of the student's."""
    own = str(Path(__file__).parents[1])
    return {**environment, "PYTHONPATH": own, "PYTHONSAFEPATH": "1", "PYTHONNOUSERSITE": "1"}


class SparkRun:
    """One small application that answers for YARN and for Spark: both are asked for, one is run.

    A bare ``spark-submit``, as a student would type it: the driver here, an executor in a container of YARN's.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._done: subprocess.CompletedProcess[str] | None = None

    def run(self, proof: Proof) -> subprocess.CompletedProcess[str]:
        with self._lock:
            if self._done is None:
                self._done = self._submit(proof)
            return self._done

    def _submit(self, proof: Proof) -> subprocess.CompletedProcess[str]:
        with tempfile.TemporaryDirectory() as folder:
            script = Path(folder, "count.py")
            script.write_text(COUNT_SCRIPT, encoding="utf-8")
            # A stack's own nodes have YARN as their default, as a student's bare `spark-submit` does.
            master = ["--master", "yarn"] if "STREAMLAB_LAB_JSON" in os.environ else []
            named = ["--name", f"{load_info().student}-proof"]
            command = ["spark-submit", *master, *named, str(script), str(proof.left), ",".join(proof.nodes)]
            try:
                return subprocess.run(
                    command, cwd=folder, env=alone(os.environ), capture_output=True, text=True,
                    timeout=max(1, proof.left), check=False,
                )  # fmt: skip
            except subprocess.TimeoutExpired:
                raise Wrong("spark-submit had not counted 1000 rows at the deadline") from None


RUN = SparkRun()


def prove_yarn(proof: Proof) -> str:
    """What the ResourceManager says of the application that has just run on it."""
    done = RUN.run(proof)
    app_id = re.search(r"report for (application_\d+_\d+)", done.stderr)  # named earlier, when it may yet not be taken
    if app_id is None:
        raise Wrong(f"no application reached the ResourceManager; {_last_words(done)}")
    app = Yarn().application(app_id[1])
    if app["finalStatus"] != "SUCCEEDED":
        raise Wrong(f"{app['id']} is {app['state']}, {app['finalStatus']}: {app['diagnostics'].strip()}")
    return f"ran {app['id']} to its end{_each(proof.of('nodemanager'), 'with {} active')}"


def prove_spark(proof: Proof) -> str:
    """What the same application counted."""
    done = RUN.run(proof)
    if "counted 1000" not in done.stdout:
        raise Wrong(_last_words(done))
    return "counted 1000 rows on YARN"


def _last_words(done: subprocess.CompletedProcess[str]) -> str:
    return f"spark-submit exited {done.returncode}: " + "; ".join(done.stderr.strip().splitlines()[-3:])


PROOFS: dict[str, Callable[[Proof], str]] = {
    "hdfs": prove_hdfs,
    "yarn": prove_yarn,
    "kafka": prove_kafka,
    "cassandra": prove_cassandra,
    "spark": prove_spark,
    "flink": after_yarn(prove_flink),
    "hbase": prove_hbase,
}


def prove(service: str, seconds: float, nodes: Sequence[str]) -> dict[str, object]:
    """One service's proof as plain data; whatever it raises is evidence, not a crash."""
    began = time.monotonic()
    try:
        answer, passed = PROOFS[service](Proof(seconds, nodes)), True
    except Exception as error:
        answer, passed = str(error) if isinstance(error, Wrong) else f"{type(error).__name__}: {error}", False
    return {"service": service, "passed": passed, "seconds": round(time.monotonic() - began, 1), "answer": answer}


def main(seconds: float, nodes: list[str], services: list[str]) -> None:
    with ThreadPoolExecutor(len(services)) as pool:
        for done in as_completed([pool.submit(prove, service, seconds, nodes) for service in services]):
            emit(**done.result())


if __name__ == "__main__":
    main(float(sys.argv[1]), [name for name in sys.argv[2].split(",") if name], sys.argv[3:])
