"""What the exercise of lesson 7 starts from, and what each of its gaps should leave behind."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from common.checks import Assertion, Fact, at_least, at_most, equal, same_members, same_rows
from common.exercise import Exercise, as_spark_writes
from common.file_sink import committed_files, parquet_rows
from lesson07 import data, saved
from lesson07.places import MODEL, ORDERS, WINES_FILE

if TYPE_CHECKING:
    from common.lab import Lab

ORDER_TYPES = {
    "order_id": "bigint",
    "product": "string",
    "quantity": "int",
    "price_cents": "bigint",
    "ordered_at": "timestamp",
    "total_cents": "bigint",
}
FEATURE_TYPES = {"id": "string", "label": "double", "region": "string"} | dict.fromkeys(data.MEASURES, "double")
SCORE_TYPES = {"id": "string", "score": "double", "predicted_type": "string"}
STAGES = ["StringIndexer", "OneHotEncoder", "VectorAssembler", "LogisticRegression", "IndexToString"]
#: One column for each measure and each region.
COEFFICIENTS = len(data.MEASURES) + len(data.REGIONS)
#: The 150 wines without a type: an area of about 0.88, give or take 0.03; a coin has 0.5.
AREA_LIMIT = 0.75
#: What a score and the saved model's may differ by: the same sum, added up in another order, and written as JSON.
ROUNDING = 1e-9


def prepare(lab: Lab) -> list[str]:
    settings = lab.settings
    return [
        *(
            lab.ensure_file(settings.input(ORDERS, name), text)
            for name, text in data.order_files(settings.seed).items()
        ),
        lab.ensure_file(settings.input(WINES_FILE), data.wines_csv(settings.seed)),
    ]


def check(lab: Lab) -> list[Assertion]:
    work = Exercise(lab)
    return [
        *work.gap(1, lambda: reads(lab, work)),
        *work.gap(2, lambda: day(lab), needs=[1]),
        *work.gap(3, lambda: stream(lab), needs=[]),
        *work.gap(4, lambda: features(lab, work), needs=[]),
        *work.gap(5, lambda: trained(lab), needs=[4]),
        *work.gap(6, lambda: scores(lab, work), needs=[4, 5]),
    ]


def reads(lab: Lab, work: Exercise) -> list[Assertion]:
    rows = [as_spark_writes(row, ["ordered_at"]) for row in data.with_total(lab.settings.seed)]
    return [
        equal("columns and types", ORDER_TYPES, lambda: work.columns(1), work.where(1)),
        same_rows("orders, all columns", rows, lambda: work.rows(1), work.where(1)),
    ]


def day(lab: Lab) -> list[Assertion]:
    folder = lab.settings.output("batch")
    place = f"{folder}/p_date=2025-01-01"
    where = f"hdfs dfs -ls -R {folder}"
    names = Fact(lambda: [file.name for file in lab.hdfs.list(place)])
    return [
        equal("days", ["p_date=2025-01-01"], lambda: [one.name for one in lab.hdfs.list(folder) if one.is_dir], where),
        equal(f"{place} is complete", True, lambda: "_SUCCESS" in names(), where),
        same_rows(
            "orders in its files, all columns",
            data.with_total(lab.settings.seed),
            lambda: orders(lab, [f"{place}/{name}" for name in names() if name.startswith("part-")]),
            where,
        ),
    ]


def stream(lab: Lab) -> list[Assertion]:
    folder, checkpoint = lab.settings.output("finite"), lab.settings.checkpoint(f"{lab.settings.lesson}-finite")
    return [
        equal(
            "batches committed, one for each file",
            data.ORDER_FILES,
            lambda: sum(file.name.isdigit() for file in lab.hdfs.list(f"{checkpoint}/commits")),
            f"hdfs dfs -ls {checkpoint}/commits",
        ),
        same_rows(
            "orders in the files that _spark_metadata names, all columns",
            data.with_total(lab.settings.seed),
            lambda: orders(lab, committed_files(lab.hdfs, folder)),
            f"hdfs dfs -ls {folder}",
        ),
    ]


def orders(lab: Lab, paths: list[str]) -> list[dict[str, Any]]:
    """The rows of parquet files, their times spelt as in the CSV files."""
    return [
        {name: data.in_utc(value) if isinstance(value, datetime) else value for name, value in row.items()}
        for row in parquet_rows(lab.hdfs, paths)
    ]


def features(lab: Lab, work: Exercise) -> list[Assertion]:
    rows = [
        {"id": one.id, "label": float(one.type == "red"), "region": one.region}
        | dict(zip(data.MEASURES, one.measures, strict=True))
        for one in data.labeled(lab.settings.seed)
    ]
    return [
        equal("columns and types", FEATURE_TYPES, lambda: work.columns(4), work.where(4)),
        same_rows("wines of a known type, all columns", rows, lambda: work.rows(4), work.where(4)),
    ]


def trained(lab: Lab) -> list[Assertion]:
    model = lab.settings.model(MODEL)
    where = f"hdfs dfs -ls {model}/stages"
    learned = Fact(lambda: saved.regression(lab, model))
    return [
        equal("stages of the saved pipeline", STAGES, lambda: saved.stage_kinds(lab, model), where),
        same_members(
            "columns that the VectorAssembler puts together",
            {*data.MEASURES, "region_vector"},
            lambda: set(learned().columns),
            where,
        ),
        equal(
            "coefficients: ten measures, and one for each region",
            COEFFICIENTS,
            lambda: len(learned().coefficients),
            where,
        ),
    ]


def scores(lab: Lab, work: Exercise) -> list[Assertion]:
    wines = data.unlabeled(lab.settings.seed)
    rows = Fact(lambda: work.rows(6))
    found = Fact(lambda: {row["id"]: row["score"] for row in rows()})

    def difference() -> float:
        wanted = saved.scores(lab, lab.settings.model(MODEL), wines)
        return max(abs(wanted[one] - score) for one, score in found().items())

    return [
        equal("columns and types", SCORE_TYPES, lambda: work.columns(6), work.where(6)),
        same_members("wines without a type", {one.id for one in wines}, lambda: set(found()), work.where(6)),
        equal("rows, one for each wine", len(wines), lambda: len(rows()), work.where(6)),
        at_most(
            "difference between a score and what the saved model's coefficients give for red",
            ROUNDING,
            difference,
            work.where(6),
        ),
        equal(
            "wines whose predicted_type is not the more probable one",
            [],
            lambda: [row["id"] for row in rows() if row["predicted_type"] != data.LABELS[row["score"] > 0.5]][:3],
            work.where(6),
        ),
        at_least(
            "area under the ROC curve of these scores",
            AREA_LIMIT,
            lambda: round(data.area_under_curve(found(), lab.settings.seed), 4),
            work.where(6),
        ),
    ]
