"""What lesson 8 leaves behind, looked at from outside: HDFS files, Cassandra rows, Kafka records, YARN's list."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from common.checkpoint import Checkpoint
from common.checks import Assertion, Fact, application_succeeded, at_most, equal, json_of, same_members, same_rows
from common.errors import JobError
from common.settings import application_name
from lesson08 import data
from lesson08.algos import ALGOS, known_algo
from lesson08.places import METRICS, MODEL, QUERY, TRAINING_FILE

if TYPE_CHECKING:
    from common.lab import Lab
    from common.records import Record

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
    """What was to learn from, what the stream had to read, and how far its checkpoint says it has read."""
    people, jobs = lab.settings.table("people"), lab.settings.topic("jobs")
    checkpoint, training = lab.settings.checkpoint(QUERY), lab.settings.input(TRAINING_FILE)
    return [
        equal(
            "train: the training file, without those the stream asks about",
            f"{len(data.training())} people",
            lambda: in_training(lab.hdfs.read_text(training)),
            f"hdfs dfs -cat {training}",
        ),
        same_rows(
            f"score: rows of {people}",
            [{"id": person.id, "age": person.age, "gender": person.gender} for person in data.people()],
            lambda: lab.cassandra.rows(f"SELECT id, age, gender FROM {people}"),
            _select(f"* FROM {people}"),
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
            Checkpoint(lab.hdfs, checkpoint).records_done,
            f"hdfs dfs -ls {checkpoint}/offsets {checkpoint}/commits",
        ),
    ]


def scored(lab: Lab) -> list[Assertion]:
    """Predictions in the table and in the topic, the same in both, and near the truth; dead letters. Rows are compared
    whole, so that no column is left unseen."""
    table, dead, topic = (
        lab.settings.table("salary_prediction"),
        lab.settings.table("unmatched_job"),
        lab.settings.topic("predictions"),
    )
    columns = "id, age, gender, education, job, years"
    rows = Fact(lambda: lab.cassandra.rows(f"SELECT {columns}, prediction, algo, batch_id FROM {table}"))
    records = Fact(lambda: lab.kafka.consume_all(topic))
    kept = Fact(lambda: {row["id"]: row["prediction"] for row in rows() if row["prediction"] is not None})
    sent: Fact[dict[str | None, dict[str, Any]]] = Fact(
        lambda: {record.key: prediction_in(record) for record in records()}
    )
    wanted = set(data.held_out_ids())
    in_table = _select(f"id, prediction FROM {table}")
    in_topic = f"kafka-console-consumer.sh --bootstrap-server {lab.info.kafka} --topic {topic} --from-beginning"
    return [
        application_succeeded(lab, "score"),
        same_members(f"score: people with a prediction in {table}", wanted, lambda: set(kept()), in_table),
        same_rows(
            f"score: {columns} in {table}",
            [{name: getattr(person, name) for name in columns.split(", ")} for person in data.held_out()],
            lambda: [{name: row[name] for name in columns.split(", ")} for row in rows()],
            _select(f"{columns} FROM {table}"),
        ),
        equal(
            f"score: ids of {table} whose algo or batch is none",
            [],
            lambda: of_no_batch(rows(), committed(lab)),
            _select(f"id, algo, batch_id FROM {table}"),
        ),
        same_members(f"score: keys in {topic}", wanted, lambda: set(sent()), in_topic),
        at_most(
            f"score: duplicates in {topic}, of batches that were cut off and sent again",
            allowed(lab),
            lambda: len(records()) - len(sent()),
            in_topic,
        ),
        at_most(
            f"score: largest difference between {topic} and {table}", SAME, lambda: difference(sent(), kept()), in_topic
        ),
        same_rows(
            f"score: id and batch_id in {topic}, as in {table}",
            [{"id": key, "batch_id": batch} for key, batch in batches_of(rows).items()],
            lambda: [{name: value[name] for name in ("id", "batch_id")} for value in sent().values()],
            in_topic,
        ),
        same_rows(
            f"score: dead letters in {dead}",
            letters(lab),
            lambda: lab.cassandra.rows(f"SELECT kafka_partition, kafka_offset, id, reason, value FROM {dead}"),
            _select(f"* FROM {dead}"),
        ),
        _error(
            "score: mean absolute error against the true salaries",
            lambda: one_algo(rows()),
            lambda: data.mean_absolute_error(kept()),
            in_table,
        ),
    ]


def in_training(text: str) -> str:
    """How many people a training file holds, and whether they are those of the lesson."""
    people = f"{len(text.splitlines()) - 1} people"
    return people if text == data.training_csv() else f"{people}, not those that prepare wrote"


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


def committed(lab: Lab) -> list[int]:
    return Checkpoint(lab.hdfs, lab.settings.checkpoint(QUERY)).commits


def of_no_batch(rows: list[dict[str, Any]], batches: list[int]) -> list[str]:
    """The ids of rows whose algo is unknown, or whose batch the query has not committed; Spark keeps the last 100."""
    return [row["id"] for row in rows if row["algo"] not in ALGOS or not 0 <= (row["batch_id"] or 0) <= batches[-1]]


def batches_of(rows: Callable[[], list[dict[str, Any]]]) -> dict[str, int]:
    """The batch of each row of the table by its id; none where the table cannot be read."""
    try:
        return {row["id"]: row["batch_id"] for row in rows()}
    except Exception:  # why it cannot be read is what the assertions about the table's own rows have found
        return dict.fromkeys(data.held_out_ids(), -1)


def allowed(lab: Lab) -> int:
    """How many duplicates the query may have sent: its largest batch for each run that did not end well, else none.

    Counted are the runs since the lesson's topic was filled, so that an earlier kill excuses nothing after a reset.
    """
    try:
        began = min(record.timestamp_ms for record in lab.kafka.consume_all(lab.settings.topic("jobs")))
        runs = lab.yarn.applications(application_name(lab.info.student, lab.settings.lesson, "score"))
        cut_off = [run for run in runs if run.started_ms >= began and run.outcome in ("KILLED", "FAILED")]
        return len(cut_off) * largest_batch(lab) if cut_off else 0
    except Exception:  # what is wrong is reported by the assertions about it; nothing is excused
        return 0


def largest_batch(lab: Lab) -> int:
    """Of the batches that the checkpoint still knows one by one; Spark deletes all but the last hundred."""
    checkpoint = Checkpoint(lab.hdfs, lab.settings.checkpoint(QUERY))
    sizes = checkpoint.batch_sizes()
    return max(sizes[1:] if checkpoint.commits[0] else sizes)


def prediction_in(record: Record) -> dict[str, Any]:
    """The value of a record of the topic of predictions.

    Raises:
        JobError: it is not what the step sends.
    """
    value = json_of(record)
    if isinstance(value, dict) and {"id", "batch_id"} <= set(value) and isinstance(value.get("prediction"), float):
        return value
    place = f"offset {record.offset} of partition {record.partition}"
    raise JobError(f"the record at {place} is no prediction: {str(record.value)[:60]!r}")


def difference(sent: Mapping[str | None, Mapping[str, Any]], kept: Mapping[str, float]) -> float:
    """The largest difference over the keys that both have; a last record of a key is the one that counts."""
    return max(abs(sent[key]["prediction"] - value) for key, value in kept.items() if key in sent)


def letters(lab: Lab) -> list[dict[str, Any]]:
    """The dead letters that there should be, each at the place that its record has in the topic."""
    try:
        records = lab.kafka.consume_all(lab.settings.topic("jobs"))
    except Exception:  # the assertion about the topic says so
        records = []
    places = {record.value: (record.partition, record.offset) for record in records}
    return [
        dict(zip(("kafka_partition", "kafka_offset"), places.get(text, (None, None)), strict=True)) | letter
        for text, letter in data.dead_letters().items()
    ]


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
