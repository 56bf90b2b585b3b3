"""Flink on the student's YARN: its jars on HDFS, and the proof that an application of it runs."""

from __future__ import annotations

import functools
import os
import re
import subprocess
import tempfile
from pathlib import Path

from common.errors import JobError
from common.hdfs import Hdfs
from common.settings import load_info

from .proof import Proof, Wrong
from .yarn import Yarn

LIB = Path("/opt/flink/lib")
#: Bytes of a piece in which a jar is sent to HDFS.
PIECE = 2**20
#: The question: as many rows as a source makes are counted on YARN, and the number is written to HDFS.
ROWS = 1000
SCRIPT = """
SET 'execution.runtime-mode' = 'batch';
CREATE TEMPORARY TABLE numbers (n BIGINT) WITH ('connector' = 'datagen', 'number-of-rows' = '{rows}');
CREATE TEMPORARY TABLE answer (n BIGINT) WITH ('connector' = 'filesystem', 'path' = '{path}', 'format' = 'csv');
INSERT INTO answer SELECT COUNT(*) FROM numbers;
"""


def provided() -> str:
    """The folder of HDFS from which YARN's containers get Flink's jars, as Flink's configuration here has it."""
    import yaml  # not at the top: a stack without Flink has no use for it

    config = yaml.safe_load(Path(os.environ["FLINK_CONF_DIR"], "config.yaml").read_text(encoding="utf-8"))
    return str(config["yarn.provided.lib.dirs"])


def provide(hdfs: Hdfs, folder: str) -> int:
    """Put Flink's jars into a folder of HDFS, those that are not there as they are here; how many these were.

    A jar gets its name when it is whole: what is in the folder, every container loads.
    """
    there = {entry.name: entry.length for entry in hdfs.list(folder)} if hdfs.exists(folder) else {}
    missing = [jar for jar in sorted(LIB.glob("*.jar")) if there.get(jar.name) != jar.stat().st_size]
    for jar in missing:
        partial = f"{folder}.partial/{jar.name}"
        with jar.open("rb") as file:
            hdfs.write_pieces(partial, iter(functools.partial(file.read, PIECE), b""), length=jar.stat().st_size)
        hdfs.mkdirs(folder)
        hdfs.replace(partial, f"{folder}/{jar.name}")
    if missing:
        hdfs.delete(f"{folder}.partial")
    return len(missing)


def prove_flink(proof: Proof) -> str:
    """A SQL script that runs on YARN as an application of its own counts rows, and what it wrote is read."""
    info, hdfs = load_info(), Hdfs(load_info().webhdfs)
    made = provide(hdfs, provided().removeprefix(info.hdfs))
    path = f"/tmp/{proof.token}"
    try:
        app_id = _deploy(proof, SCRIPT.format(rows=ROWS, path=f"{info.hdfs}{path}"), name=f"{info.student}-proof-flink")
        _await_end(proof, app_id)
        counted = "".join(hdfs.read_text(file.path) for file in hdfs.walk(path)).split()
    finally:
        hdfs.delete(path)
    if counted != [str(ROWS)]:
        raise Wrong(f"{ROWS} rows were made, and {app_id} counted {' and '.join(counted) or 'nothing'}")
    uploaded = f", after {made} jars were put on HDFS" if made else ""
    return f"counted {ROWS} rows on YARN{uploaded}"


def _deploy(proof: Proof, script: str, *, name: str) -> str:
    """Hand a SQL script over to YARN; the application's id."""
    with tempfile.NamedTemporaryFile("w", suffix=".sql", encoding="utf-8") as file:
        file.write(script)
        file.flush()
        argv = [
            "sql-client.sh",
            "-f",
            file.name,
            "-Dexecution.target=yarn-application",
            f"-Dyarn.application.name={name}",
        ]
        try:
            done = subprocess.run(argv, capture_output=True, text=True, timeout=max(1, proof.left), check=False)
        except subprocess.TimeoutExpired:
            raise Wrong("sql-client.sh had not reached the ResourceManager at the deadline") from None
    found = re.search(r"application_\d+_\d+", done.stdout)
    if found is None:
        raise Wrong(f"no application reached the ResourceManager: {_last_words(done)}")
    return found[0]


def _last_words(done: subprocess.CompletedProcess[str]) -> str:
    lines = [line.strip() for line in f"{done.stdout}\n{done.stderr}".splitlines()]
    return "; ".join([line for line in lines if "Exception" in line or "Caused by" in line][-3:] or lines[-3:])


def _await_end(proof: Proof, app_id: str) -> None:
    yarn = Yarn()

    def ended() -> str:
        app = yarn.application(app_id)
        if app["finalStatus"] == "UNDEFINED":
            raise JobError(f"{app_id} is {app['state']}")
        if app["finalStatus"] != "SUCCEEDED":
            raise Wrong(f"{app_id} is {app['finalStatus']}: {app['diagnostics'].strip()[:500]}")
        return app_id

    try:
        proof.until(ended)
    except Wrong:
        if yarn.application(app_id)["finalStatus"] == "UNDEFINED":
            yarn.kill(app_id)
        raise
