"""The check of lesson 8 fails in words on an empty cluster, passes on a right one, and names what is off."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from common.checks import Assertion
from common.errors import Missing
from common.hdfs import Status
from common.settings import LabInfo, Settings
from lesson08 import data
from lesson08.check import check

HOME = "/user/student/lesson08"
INFO = LabInfo(
    "student01", "kafka1:9092", ("cassandra1",), "http://namenode:9870", "hdfs://namenode:8020", "http://rm:8088"
)
TOPICS = ("l08-jobs", "l08-predictions")
TABLES = ("lab.people", "lab.salary_prediction", "lab.unmatched_job")


class World:
    """HDFS, Kafka, Cassandra and YARN as dictionaries; what is not in them is missing, as on a cluster."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}
        self.topics: dict[str, list[tuple[str, str]]] = {}
        self.tables: dict[str, list[dict[str, Any]]] = {}
        self.applications: dict[str, str] = {}

    def get(self, kind: str, name: str) -> Any:
        held = {"file": self.files, "topic": self.topics, "table": self.tables, "application": self.applications}[kind]
        if name not in held:
            raise Missing(f"no such {kind}: {name}")
        return held[name]

    def list(self, folder: str) -> list[Status]:
        names = {path.removeprefix(f"{folder}/").split("/")[0] for path in self.files if path.startswith(f"{folder}/")}
        if not names:
            raise Missing(f"no such file: {folder}")
        return [Status(f"{folder}/{name}", is_dir=False, length=1) for name in sorted(names)]

    def lab(self) -> Any:
        def table_of(cql: str) -> list[dict[str, Any]]:
            return self.get("table", cql.partition(" FROM ")[2])

        return SimpleNamespace(
            info=INFO,
            settings=Settings(info=INFO, lesson="lesson08", topics=TOPICS, tables=TABLES),
            hdfs=SimpleNamespace(list=self.list, read_text=lambda path: self.get("file", path)),
            kafka=SimpleNamespace(
                count=lambda topic: len(self.get("topic", topic)),
                consume_all=lambda topic: [SimpleNamespace(key=k, value=v) for k, v in self.get("topic", topic)],
            ),
            cassandra=SimpleNamespace(count=lambda table: len(self.get("table", table)), rows=table_of),
            yarn=SimpleNamespace(latest=lambda name: SimpleNamespace(outcome=self.get("application", name))),
        )


@pytest.fixture
def right() -> World:
    world = World()
    world.applications = {"student01-lesson08-train": "SUCCEEDED", "student01-lesson08-score": "SUCCEEDED"}
    world.files = {
        f"{HOME}/model/salary/metadata/_SUCCESS": "",
        f"{HOME}/model/salary/metadata/part-00000": '{"class": "org.apache.spark.ml.PipelineModel"}',
        f"{HOME}/out/metrics.json": json.dumps(
            {"algo": "lr", "rows_training": 793, "rows_test": 207, "mae_test": 3100.0, "grid": [{}] * 4}
        ),
        f"{HOME}/checkpoint/l08-score/commits/0": "v1",
        f"{HOME}/checkpoint/l08-score/commits/.0.crc": "",
        f"{HOME}/checkpoint/l08-score/offsets/0": 'v1\n{"batchWatermarkMs":0}\n{"l08-jobs":{"0":100,"1":50,"2":58}}',
    }
    stages = ("0_StringIndexer_a1", "1_OneHotEncoder_b2", "2_VectorAssembler_c3", "3_LinearRegression_d4")
    world.files |= {f"{HOME}/model/salary/stages/{name}/metadata": "" for name in stages}
    predicted = {key: value + 100.0 for key, value in data.salaries().items()}
    world.topics = {
        "l08-jobs": data.messages(),
        "l08-predictions": [(key, json.dumps({"id": key, "prediction": value})) for key, value in predicted.items()],
    }
    world.tables = {
        "lab.people": [{}] * 1200,
        "lab.salary_prediction": [{"id": key, "prediction": value, "algo": "lr"} for key, value in predicted.items()],
        "lab.unmatched_job": [{"reason": "no person"}] * 7 + [{"reason": "unreadable"}],
    }
    return world


def failures(world: World) -> dict[str, Any]:
    return {one.name: one.found for one in check(world.lab()) if not one.passed}


def test_everything_passes_on_a_cluster_that_is_as_it_should_be(right: World) -> None:
    assert failures(right) == {}


def test_an_empty_cluster_fails_everywhere_in_plain_words() -> None:
    found = check(World().lab())
    assert all(isinstance(one, Assertion) and not one.passed and one.where for one in found)
    words = [one.found for one in found]
    assert all(isinstance(text, str) and text.startswith("no such ") for text in words), words
    assert json.loads(json.dumps([one.as_dict() for one in found]))[0]["name"].startswith("train: YARN application")


def test_a_lost_prediction_is_named(right: World) -> None:
    lost = right.tables["lab.salary_prediction"].pop()["id"]
    assert failures(right) == {"score: people with a prediction in lab.salary_prediction": f"199; 1 missing: {lost}"}


def test_a_null_prediction_counts_as_none(right: World) -> None:
    row = right.tables["lab.salary_prediction"][0]
    row["prediction"] = None
    assert list(failures(right)) == ["score: people with a prediction in lab.salary_prediction"]


def test_a_batch_that_was_sent_twice_is_allowed(right: World) -> None:
    right.topics["l08-predictions"] += right.topics["l08-predictions"][:40]
    assert failures(right) == {}


def test_a_topic_that_differs_from_the_table_is_found(right: World) -> None:
    key, _ = right.topics["l08-predictions"][0]
    right.topics["l08-predictions"].append((key, json.dumps({"prediction": data.salaries()[key] + 100.5})))
    assert failures(right) == {
        "score: largest difference between l08-predictions and lab.salary_prediction": pytest.approx(0.5)
    }


def test_predictions_far_from_the_truth_are_found(right: World) -> None:
    for row in right.tables["lab.salary_prediction"]:
        row["prediction"] += 9_000
    found = failures(right)
    assert found.pop("score: mean absolute error against the true salaries (lr)") == 9100.0
    assert list(found) == ["score: largest difference between l08-predictions and lab.salary_prediction"]


def test_a_model_without_its_feature_stages_is_found(right: World) -> None:
    for path in [path for path in right.files if "StringIndexer" in path]:
        del right.files[path]
    assert failures(right) == {"train: feature stages saved with it": ["OneHotEncoder", "VectorAssembler"]}


def test_records_that_the_checkpoint_does_not_have_yet_are_found(right: World) -> None:
    right.files[f"{HOME}/checkpoint/l08-score/offsets/0"] = 'v1\n{}\n{"l08-jobs":{"0":30,"1":30,"2":30}}'
    assert failures(right) == {"score: records of l08-jobs that its checkpoint says are done": 90}


def test_a_failed_application_is_found(right: World) -> None:
    right.applications["student01-lesson08-score"] = "KILLED"
    assert failures(right) == {"score: YARN application student01-lesson08-score": "KILLED"}
