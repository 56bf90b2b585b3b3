"""Where a job finds its cluster and its folders: the only place that builds an endpoint or a path.

The lab mounts one file into every node (`lab.json`); lesson code never names a host, a topic's broker or a student.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from common.errors import JobError, unknown

LAB_JSON = "/etc/streamlab/lab.json"

#: The Unix and HDFS user in every stack. A stack belongs to one student, so its name need not tell students apart.
USER = "student"

Arg = str | int | float | bool

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")


@dataclass(frozen=True)
class LabInfo:
    """One student's cluster as `lab.json` describes it. Endpoints are what a node inside the stack connects to."""

    student: str
    kafka: str  # bootstrap servers: "host:port[,host:port]"
    cassandra: tuple[str, ...]  # contact points: "host" or "host:port"
    webhdfs: str
    hdfs: str
    yarn: str
    kafka_replication: int = 1
    cassandra_replication: int = 1
    hdfs_replication: int = 1
    metastore: str = ""  # "host:port" of the Hive metastore
    hbase: str = ""  # "host:port" of HBase's Thrift gateway; empty where the stack has no HBase
    events: str = ""  # HDFS folder of Spark's event logs
    lab_class: str = ""
    language: str = "en"  # of what a student reads
    #: From which an exercise's data is made, where it is not the student's own.
    seed: int | None = None
    hdfs_disk_mb: int | None = None  # quota on all files and their copies; 0 is none, None leaves what is there


def load_info(path: str | None = None) -> LabInfo:
    """Read `lab.json` from `path`, else from $STREAMLAB_LAB_JSON, else from where every node has it."""
    place = path or os.environ.get("STREAMLAB_LAB_JSON") or LAB_JSON
    try:
        raw: dict[str, Any] = json.loads(Path(place).read_text(encoding="utf-8"))
        replication = raw.get("replication", {})
        return LabInfo(
            student=raw["student"],
            kafka=raw["kafka"],
            cassandra=tuple(raw["cassandra"]),
            webhdfs=raw["webhdfs"],
            hdfs=raw["hdfs"],
            yarn=raw["yarn"],
            kafka_replication=replication.get("kafka", 1),
            cassandra_replication=replication.get("cassandra", 1),
            hdfs_replication=replication.get("hdfs", 1),
            metastore=raw.get("metastore", ""),
            hbase=raw.get("hbase", ""),
            events=raw.get("events", ""),
            lab_class=raw.get("class", ""),
            language=raw.get("language", "en"),
            seed=raw.get("seed"),
            hdfs_disk_mb=raw.get("hdfs_disk_mb"),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise JobError(
            f"the lab's description cannot be read: {place}",
            evidence=f"{type(error).__name__}: {error}",
            fix="run this on a node of the cluster, for example with: invoke shell",
        ) from error


@dataclass(frozen=True)
class Settings:
    """What one run of one step knows: its cluster, its arguments, its topics and tables, the HDFS path of all it keeps.

    Paths carry no scheme: on the cluster Spark's default file system is its HDFS, and WebHDFS takes the same path.
    `step` is empty where a whole lesson is meant (a check).
    """

    info: LabInfo
    lesson: str
    step: str = ""
    args: Mapping[str, Arg] = field(default_factory=dict)
    topics: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    continuous: bool = False
    #: What `--job` is given, where that is not the lesson's name but a folder's path.
    typed: str = ""
    #: The lesson whose exercise this job is; empty for any other job.
    exercise: str = ""
    base: str = f"/user/{USER}"

    @property
    def student(self) -> str:
        return self.info.student

    @property
    def seed(self) -> int:
        """What an exercise's data is made from: each student of each class has a number, and so data, of their own."""
        if self.info.seed is not None:
            return self.info.seed
        return int(hashlib.sha256(f"{self.info.lab_class}/{self.student}".encode()).hexdigest()[:8], 16)

    @property
    def start_over(self) -> str:
        """The command that brings the lesson back to its start."""
        return f"invoke reset --job {self.typed or self.lesson}"

    def topic(self, short: str) -> str:
        """The lesson's topic by its name without the lesson's prefix: "jobs" for the l08-jobs of its job.yml."""
        return _declared("topic", short, {name.partition("-")[2]: name for name in self.topics})

    def table(self, short: str) -> str:
        """The lesson's table by its name without the keyspace: "people" for the lab.people of its job.yml."""
        return _declared("table", short, {name.partition(".")[2]: name for name in self.tables})

    @property
    def home(self) -> str:
        return f"{self.base}/{self.lesson}"

    def input(self, *parts: str) -> str:
        """Where `prepare` puts what a step reads."""
        return "/".join([self.home, "in", *parts])

    def output(self, *parts: str) -> str:
        """Where a step writes what a check or another step reads."""
        return "/".join([self.home, "out", *parts])

    def model(self, name: str) -> str:
        return f"{self.home}/model/{_checked(name)}"

    @property
    def checkpoints(self) -> str:
        """The folder of all of the lesson's checkpoints."""
        return f"{self.home}/checkpoint"

    def checkpoint(self, query: str) -> str:
        """A query's checkpoint: the lesson and the query's name alone decide it, so a restart resumes."""
        return f"{self.checkpoints}/{_checked(query)}"

    @property
    def savepoints(self) -> str:
        """The folder of the savepoints of a step in Flink's SQL."""
        return f"{self.home}/savepoint/{self.step}"

    def throwaway(self, query: str, run: str) -> str:
        """A checkpoint for one run only: what a memory sink needs, since it cannot resume."""
        return f"{self.home}/throwaway/{_checked(query)}-{_checked(run)}"

    def broken(self, name: str, *parts: str) -> str:
        """Where the step that shows the mistake `name` keeps what it makes: the lesson's check never looks there."""
        return "/".join([self.home, "broken", _checked(name), *parts])

    @property
    def report(self) -> str:
        return f"{self.home}/reports/{self.step}.json"

    def report_of(self, step: str) -> str:
        return f"{self.home}/reports/{_checked(step)}.json"

    def stop_marker(self, application: str) -> str:
        """An empty file here asks the application with this id to end after the batch it is in.

        Named after one run, so that one asked for before the run has begun is seen, and an old one is not.
        """
        return f"{self.home}/stop/{_checked(application)}"


def application_name(student: str, lesson: str, step: str) -> str:
    return f"{student}-{lesson}-{step}"


def _declared(kind: str, short: str, declared: Mapping[str, str]) -> str:
    if short not in declared:
        raise unknown(f"{kind} in job.yml", short, declared)
    return declared[short]


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise JobError(f"not a name for a folder: {name!r}", fix="use small letters, digits, '-' and '_'")
    return name
