"""What lesson 8 leaves behind, looked at from outside: HDFS files, Cassandra rows, Kafka records, YARN's list."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from common.checks import Assertion, Fact, application_succeeded, at_least, at_most, equal, json_of, same_members
from lesson08 import data
from lesson08.algos import ALGOS, known_algo
from lesson08.places import METRICS, MODEL, QUERY

if TYPE_CHECKING:
    from common.lab import Lab

SETTINGS_TRIED = 4
#: What two copies of one number may differ by: JSON and Cassandra both keep a double in full.
SAME = 1e-6


def check(lab: Lab) -> list[Assertion]:
    return [*trained(lab), *arrived(lab), *scored(lab)]


def trained(lab: Lab) -> list[Assertion]:
    """The saved pipeline, and the errors that training measured on people it had kept aside."""
    folder, place = lab.settings.model(MODEL), lab.settings.output(METRICS)
    metadata, stages, numbers = f"{folder}/metadata", f"{folder}/stages", f"hdfs dfs -cat {place}"
    metrics: Fact[dict[str, Any]] = Fact(lambda: json.loads(lab.hdfs.read_text(place)))
    kinds = ["StringIndexer", "OneHotEncoder", "VectorAssembler"]
    return [
        application_succeeded(lab, "train"),
        equal(
            "train: class of the saved model",
            "org.apache.spark.ml.PipelineModel",
            lambda: saved_class(lab, metadata),
            f"hdfs dfs -cat {metadata}/part-*",
        ),
        equal(
            "train: feature stages saved with it",
            kinds,
            lambda: saved_stages(lab, stages)[:-1],
            f"hdfs dfs -ls {stages}",
        ),
        equal("train: algo saved is the algo measured", True, lambda: same_algo(lab, stages, metrics()), numbers),
        equal("train: people read", len(data.training()), lambda: people_read(metrics()), numbers),
        equal("train: settings tried", SETTINGS_TRIED, lambda: len(metrics()["grid"]), numbers),
        _error(
            "train: mean absolute error on the test part",
            lambda: metrics()["algo"],
            lambda: metrics()["mae_test"],
            numbers,
        ),
    ]


def arrived(lab: Lab) -> list[Assertion]:
    """What the stream had to read, and how far its checkpoint says it has read."""
    people, jobs = lab.settings.table("people"), lab.settings.topic("jobs")
    checkpoint = lab.settings.checkpoint(QUERY)
    return [
        equal(
            f"score: rows in {people}",
            data.PEOPLE,
            lambda: lab.cassandra.count(people),
            _select(f"count(*) FROM {people}"),
        ),
        equal(
            f"score: records in {jobs}",
            len(data.messages()),
            lambda: lab.kafka.count(jobs),
            f"kafka-get-offsets.sh --bootstrap-server {lab.info.kafka} --topic {jobs}",
        ),
        equal(
            f"score: records of {jobs} that its checkpoint says are done",
            len(data.messages()),
            lambda: records_done(lab, checkpoint, jobs),
            f"hdfs dfs -ls {checkpoint}/offsets {checkpoint}/commits",
        ),
    ]


def scored(lab: Lab) -> list[Assertion]:
    """Predictions in the table and in the topic, the same in both, and near the truth; dead letters by reason."""
    table, dead, topic = (
        lab.settings.table("salary_prediction"),
        lab.settings.table("unmatched_job"),
        lab.settings.topic("predictions"),
    )
    rows = Fact(lambda: lab.cassandra.rows(f"SELECT id, prediction, algo FROM {table}"))
    records = Fact(lambda: lab.kafka.consume_all(topic))
    kept = Fact(lambda: {row["id"]: row["prediction"] for row in rows() if row["prediction"] is not None})
    sent = Fact(lambda: {record.key: json_of(record)["prediction"] for record in records()})
    wanted = set(data.held_out_ids())
    in_table = _select(f"id, prediction FROM {table}")
    in_topic = f"kafka-console-consumer.sh --bootstrap-server {lab.info.kafka} --topic {topic} --from-beginning"
    return [
        application_succeeded(lab, "score"),
        same_members(f"score: people with a prediction in {table}", wanted, lambda: set(kept()), in_table),
        same_members(f"score: keys in {topic}", wanted, lambda: set(sent()), in_topic),
        # More than one a key is no mistake: Spark's Kafka sink repeats a batch that was killed before its commit.
        at_least(f"score: records in {topic}", len(wanted), lambda: len(records()), in_topic),
        at_most(
            f"score: largest difference between {topic} and {table}", SAME, lambda: difference(sent(), kept()), in_topic
        ),
        equal(
            f"score: dead letters in {dead}", letters(), lambda: reasons(lab, dead), _select(f"id, reason FROM {dead}")
        ),
        _error(
            "score: mean absolute error against the true salaries",
            lambda: one_algo(rows()),
            lambda: data.mean_absolute_error(kept()),
            in_table,
        ),
    ]


def saved_class(lab: Lab, metadata: str) -> str:
    (part,) = [file for file in lab.hdfs.list(metadata) if file.name.startswith("part-")]
    return json.loads(lab.hdfs.read_text(part.path))["class"]


def saved_stages(lab: Lab, folder: str) -> list[str]:
    """The kinds of the saved stages in order; each has a folder such as 0_StringIndexer_1a2b3c."""
    return [entry.name.split("_")[1] for entry in lab.hdfs.list(folder)]


def same_algo(lab: Lab, folder: str, metrics: dict[str, Any]) -> bool:
    return saved_stages(lab, folder)[-1] == ALGOS[metrics["algo"]].estimator


def people_read(metrics: dict[str, Any]) -> int:
    return metrics["rows_training"] + metrics["rows_test"]


def records_done(lab: Lab, checkpoint: str, topic: str) -> int:
    """Records up to the last batch that the query has committed: the sum of the offsets it noted for that batch."""
    last = max(int(file.name) for file in lab.hdfs.list(f"{checkpoint}/commits") if file.name.isdigit())
    noted = lab.hdfs.read_text(f"{checkpoint}/offsets/{last}").splitlines()[-1]
    return sum(json.loads(noted)[topic].values())


def difference(sent: dict[str | None, float], kept: dict[str, float]) -> float:
    """The largest difference over the keys that both have; a last record of a key is the one that counts."""
    return max(abs(sent[key] - value) for key, value in kept.items() if key in sent)


def letters() -> dict[str, int]:
    return {"no person": data.NO_PERSON, "unreadable": 1}


def reasons(lab: Lab, table: str) -> dict[str, int]:
    return dict(sorted(Counter(row["reason"] for row in lab.cassandra.rows(f"SELECT reason FROM {table}")).items()))


def one_algo(rows: list[dict[str, Any]]) -> str:
    """The algo that made the predictions; the most frequent one, should a student have changed it half-way."""
    return Counter(row["algo"] for row in rows).most_common(1)[0][0]


def _error(name: str, algo: Any, error: Any, where: str) -> Assertion:
    """The error is within the limit of the algo that was used; without any, the limit of the default is shown."""
    try:
        used = known_algo(algo())
    except Exception:  # what is wrong is found again, and reported, when the error itself is looked up
        used = "lr"
    return at_most(f"{name} ({used})", ALGOS[used].mae_limit, lambda: round(error(), 1), where)


def _select(what: str) -> str:
    return f'cqlsh -e "SELECT {what}"'
