"""A Spark of our own in this process: two threads, no user interface, everything below a temporary folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

# Before the JVM starts: a container without a network cannot resolve its own name.
os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"

from pyspark.sql import SparkSession

from common.settings import LabInfo, Settings

#: Nothing listens on port 1: a test that reaches for a service fails at once.
NOWHERE = "http://127.0.0.1:1"
INFO = LabInfo("student01", "127.0.0.1:1", ("127.0.0.1:1",), NOWHERE, "hdfs://127.0.0.1:1", NOWHERE)


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    options = {
        "spark.ui.enabled": "false",
        "spark.driver.memory": "768m",
        # One JVM for all tests, whose compiled code fills the 48 MB that Java reserves with one compiler.
        "spark.driver.extraJavaOptions": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.warehouse.dir": str(tmp_path_factory.mktemp("warehouse")),
    }
    session = SparkSession.builder.master("local[2]").appName("tests").config(map=options).getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings whose folders are below this test's own."""
    return Settings(
        info=INFO,
        lesson="lesson08",
        step="score",
        args={"per_batch": 100},
        topics=("l08-jobs", "l08-predictions"),
        tables=("lab.people", "lab.salary_prediction", "lab.unmatched_job"),
        base=str(tmp_path),
    )
