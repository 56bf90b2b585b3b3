"""Every JVM of a stack uses its class-data archive: one that could not would be slow and large, and say nothing."""

from __future__ import annotations

import re

import pytest

from lab_runner import LabRunner

PRODUCT_OF = {
    "namenode": "hadoop",
    "datanode1": "hadoop",
    "resourcemanager": "hadoop",
    "nodemanager1": "hadoop",
    "kafka1": "kafka",
    "cassandra1": "cassandra",
}

#: Of the archive's pages in memory, the part (%) that the daemon has changed and shares with nobody.
CHANGED = r"""
java=$(for p in /proc/[0-9]*; do [ "$(cat $p/comm)" = java ] && echo $p; done | head -n 1)
awk '/^[0-9a-f]+-/ { ours = $6 ~ /ARCHIVE$/ } ours && /^Rss/ { rss += $2 } ours && /^Private_Dirty/ { own += $2 }
     END { if (rss) printf "%.0f\n", 100 * own / rss }' $java/smaps
"""

#: Says of the driver's JVM and of an executor's whether the archive is mapped into it.
SCRIPT = """
import os
from pathlib import Path
from pyspark.sql import SparkSession

def uses(pid):
    return "/pyspark/classes.jsa" in Path(f"/proc/{pid}/maps").read_text()

def jvm_above():
    pid = os.getpid()
    while Path(f"/proc/{pid}/comm").read_text().strip() != "java":
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return pid

spark = SparkSession.builder.getOrCreate()
driver = uses(spark._jvm.java.lang.ProcessHandle.current().pid())
executor = spark.sparkContext.parallelize([0], 1).map(lambda _: uses(jvm_above())).first()
print(f"archive used: driver {driver}, executor {executor}")
spark.stop()
"""


@pytest.mark.parametrize("node", PRODUCT_OF)
def test_a_daemon_shares_most_of_its_archive(lab: LabRunner, node: str) -> None:
    command = CHANGED.replace("ARCHIVE", f"{PRODUCT_OF[node]}.classes.jsa")
    changed = lab.inside(command, node=node).strip()
    assert changed, "no archive is mapped"
    assert int(changed) < 50  # moved to another address, it would be nearly all of it


@pytest.mark.parametrize("tool", ["hdfs version", "kafka-topics.sh --version", "spark-submit --version"])
def test_a_client_uses_its_archive(lab: LabRunner, tool: str) -> None:
    # -Xshare:on makes a JVM that cannot use its archive refuse to start.
    lab.inside(f"JDK_JAVA_OPTIONS=-Xshare:on {tool}")


def test_nodetool_uses_its_archive(lab: LabRunner) -> None:
    lab.inside("JDK_JAVA_OPTIONS=-Xshare:on nodetool version", node="cassandra1")


def test_drivers_and_executors_use_theirs(lab: LabRunner) -> None:
    lab.inside(f"cat >/tmp/archives.py <<'END'{SCRIPT}END")
    assert "archive used: driver True, executor True" in lab.inside("spark-submit /tmp/archives.py")
    said = lab.inside("spark-submit --deploy-mode cluster /tmp/archives.py 2>&1")
    app_id = re.search(r"application_\d+_\d+", said)[0]
    log = lab.inside(f"yarn logs -applicationId {app_id} -am 1 -log_files stdout 2>/dev/null")
    assert "archive used: driver True, executor True" in log
