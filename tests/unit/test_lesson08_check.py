"""The check of lesson 8 fails in words on an empty cluster, passes on a right one, and names what is off."""

from __future__ import annotations

import json
from dataclasses import asdict
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
FILLED_MS = 1_000_000
TABLES = ("lab.people", "lab.salary_prediction", "lab.unmatched_job")


class World:
    """HDFS, Kafka, Cassandra and YARN as dictionaries; what is not in them is missing, as on a cluster."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}
        self.topics: dict[str, list[tuple[str, str]]] = {}
        self.tables: dict[str, list[dict[str, Any]]] = {}
        self.applications: dict[str, str] = {}
        self.runs: list[Any] = []

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

    def records(self, topic: str) -> list[Any]:
        return [
            SimpleNamespace(partition=0, offset=offset, timestamp_ms=FILLED_MS, key=key, value=value)
            for offset, (key, value) in enumerate(self.get("topic", topic))
        ]

    def ran(self, outcome: str, started_ms: int) -> None:
        self.runs.append(SimpleNamespace(outcome=outcome, started_ms=started_ms))

    def put_batches(self, ends: list[int], first: int = 0) -> None:
        for number, end in enumerate(ends, start=first):
            self.files[f"{HOME}/checkpoint/l08-score/commits/{number}"] = "v1"
            self.files[f"{HOME}/checkpoint/l08-score/offsets/{number}"] = f'v1\n{{}}\n{{"l08-jobs":{{"0":{end}}}}}'

    def lab(self) -> Any:
        def table_of(cql: str) -> list[dict[str, Any]]:
            return self.get("table", cql.partition(" FROM ")[2])

        return SimpleNamespace(
            info=INFO,
            settings=Settings(info=INFO, lesson="lesson08", topics=TOPICS, tables=TABLES),
            hdfs=SimpleNamespace(list=self.list, read_text=lambda path: self.get("file", path)),
            kafka=SimpleNamespace(
                count=lambda topic: len(self.get("topic", topic)),
                consume_all=self.records,
            ),
            cassandra=SimpleNamespace(count=lambda table: len(self.get("table", table)), rows=table_of),
            yarn=SimpleNamespace(
                latest=lambda name: SimpleNamespace(outcome=self.get("application", name)),
                applications=lambda name: self.runs,
            ),
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
        f"{HOME}/checkpoint/l08-score/commits/.0.crc": "",
        f"{HOME}/in/people_with_salary.csv": data.training_csv(),
    }
    world.put_batches([100, 208])
    stages = ("0_StringIndexer_a1", "1_OneHotEncoder_b2", "2_VectorAssembler_c3", "3_LinearRegression_d4")
    world.files |= {f"{HOME}/model/salary/stages/{name}/metadata": "" for name in stages}
    predicted = {one.id: {**asdict(one), "prediction": one.salary + 100.0, "batch_id": 1} for one in data.held_out()}
    world.topics = {"l08-jobs": data.messages(), "l08-predictions": [as_record(row) for row in predicted.values()]}
    columns = ("id", "age", "gender", "education", "job", "years", "prediction", "batch_id")
    world.tables = {
        "lab.people": [{"id": one.id, "age": one.age, "gender": one.gender} for one in data.people()],
        "lab.salary_prediction": [{"algo": "lr"} | {name: row[name] for name in columns} for row in predicted.values()],
        "lab.unmatched_job": [
            {"kafka_partition": 0, "kafka_offset": offset} | data.dead_letters()[value]
            for offset, (_, value) in enumerate(data.messages())
            if value in data.dead_letters()
        ],
    }
    return world


def as_record(row: dict[str, Any]) -> tuple[str, str]:
    return row["id"], json.dumps({name: row[name] for name in ("id", "prediction", "batch_id")})


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
    found = failures(right)
    assert found["score: people with a prediction in lab.salary_prediction"] == f"199; 1 missing: {lost}"
    assert len(found) == 3


def test_a_null_prediction_counts_as_none(right: World) -> None:
    row = right.tables["lab.salary_prediction"][0]
    row["prediction"] = None
    assert list(failures(right)) == ["score: people with a prediction in lab.salary_prediction"]


@pytest.mark.parametrize(
    ("column", "value"), [("age", 15), ("gender", None), ("education", "none"), ("job", "astronaut"), ("years", -1)]
)
def test_each_column_of_a_prediction_is_compared(right: World, column: str, value: Any) -> None:
    right.tables["lab.salary_prediction"][0][column] = value
    assert list(failures(right)) == ["score: id, age, gender, education, job, years in lab.salary_prediction"]


@pytest.mark.parametrize(("column", "value"), [("algo", "none"), ("algo", None), ("batch_id", 7), ("batch_id", -1)])
def test_a_prediction_of_no_algo_or_no_batch_is_found(right: World, column: str, value: Any) -> None:
    row = right.tables["lab.salary_prediction"][0]
    row[column] = value
    name = "score: ids of lab.salary_prediction whose algo or batch is none"
    assert failures(right)[name] == [row["id"]]


def test_a_batch_that_was_sent_twice_is_allowed_after_a_kill_that_yarn_knows_of(right: World) -> None:
    right.topics["l08-predictions"] += right.topics["l08-predictions"][:40]
    name = "score: duplicates in l08-predictions, of batches that were cut off and sent again"
    assert failures(right) == {name: 40}
    right.ran("KILLED", FILLED_MS - 1)  # before the last reset
    assert failures(right) == {name: 40}
    right.ran("KILLED", FILLED_MS + 1)
    assert failures(right) == {}
    right.topics["l08-predictions"] += right.topics["l08-predictions"][:80]
    assert failures(right) == {name: 120}  # more than the largest batch, 108


def test_batches_that_the_checkpoint_has_forgotten_excuse_nothing(right: World) -> None:
    """Spark deletes all but the last hundred: the first one that is left is no batch of 150 records."""
    for path in [path for path in right.files if "/checkpoint/" in path]:
        del right.files[path]
    right.put_batches([150, 180, 208], first=50)
    right.ran("KILLED", FILLED_MS + 1)
    right.topics["l08-predictions"] += right.topics["l08-predictions"][:40]
    assert list(failures(right).values()) == [40]


def test_a_topic_that_differs_from_the_table_is_found(right: World) -> None:
    key, _ = right.topics["l08-predictions"][0]
    right.topics["l08-predictions"].append(
        as_record({"id": key, "prediction": data.salaries()[key] + 100.5, "batch_id": 1})
    )
    right.ran("KILLED", FILLED_MS + 1)
    assert failures(right) == {
        "score: largest difference between l08-predictions and lab.salary_prediction": pytest.approx(0.5)
    }


def test_a_record_of_another_batch_than_its_row_is_found(right: World) -> None:
    key, value = right.topics["l08-predictions"][0]
    right.topics["l08-predictions"][0] = key, json.dumps(json.loads(value) | {"batch_id": 0})
    assert list(failures(right)) == ["score: id and batch_id in l08-predictions, as in lab.salary_prediction"]


@pytest.mark.parametrize("value", ["no JSON", "7", "{}", '{"id": "p1", "prediction": null, "batch_id": 0}'])
def test_a_record_that_is_no_prediction_is_a_sentence(right: World, value: str) -> None:
    right.topics["l08-predictions"][3] = "p1", value
    words = {str(found) for name, found in failures(right).items() if "l08-predictions" in name}
    assert len(words) == 1
    assert words.pop().startswith("the record at offset 3 of partition 0 is n")


def test_people_and_what_was_learnt_from_are_compared_whole(right: World) -> None:
    right.tables["lab.people"][0]["gender"] = "f"
    right.files[f"{HOME}/in/people_with_salary.csv"] += "p9999,40,female,master,nurse,3,60000\n"
    assert failures(right)["train: the training file, without those the stream asks about"] == (
        "1001 people, not those that prepare wrote"
    )
    assert "1 not expected" in failures(right)["score: rows of lab.people"]


@pytest.mark.parametrize(
    ("column", "value"), [("reason", "incomplete"), ("id", None), ("value", ""), ("kafka_offset", 999)]
)
def test_each_column_of_a_dead_letter_is_compared(right: World, column: str, value: Any) -> None:
    letter = next(one for one in right.tables["lab.unmatched_job"] if one["id"])
    letter[column] = value
    assert list(failures(right)) == ["score: dead letters in lab.unmatched_job"]


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
    right.put_batches([40, 90])
    assert failures(right) == {"score: records of l08-jobs that its checkpoint says are done": 90}


def test_a_failed_application_is_found(right: World) -> None:
    right.applications["student01-lesson08-score"] = "KILLED"
    assert failures(right) == {"score: YARN application student01-lesson08-score": "KILLED"}
