"""A saved pipeline's answers, computed from its files: dense and sparse ones, columns in any order."""

from __future__ import annotations

import json
from math import exp
from types import SimpleNamespace
from typing import Any

import pytest

from common.errors import JobError, Missing
from common.hdfs import Status
from lesson07 import data, saved

MODEL = "/user/student/lesson07/model/wines"
WINE = data.Wine("w1", None, "hills", tuple(float(number) for number in range(10)))
DENSE = {"type": 1, "numRows": 1, "numCols": 12, "values": [0.0] * 9 + [0.1, 0.0, 2.0], "isTransposed": True}


def world(monkeypatch: pytest.MonkeyPatch, *, columns: list[str], matrix: dict[str, Any], stages: list[str]) -> Any:
    """A model whose regions are coast and hills, in this order, with an intercept of 0.5."""
    learned: dict[str, Any] = {
        "StringIndexer": {"labelsArray": [["coast", "hills"]]},
        "LogisticRegression": {"coefficientMatrix": matrix, "interceptVector": {"type": 1, "values": [0.5]}},
    }
    folders = [f"{place}_{name}_a1" for place, name in enumerate(stages)]

    def listed(path: str) -> list[Status]:
        names = folders if path == f"{MODEL}/stages" else ["_SUCCESS", "part-0"]
        return [Status(f"{path}/{name}", is_dir=False, length=1) for name in names]

    def rows(_: Any, paths: list[str]) -> list[dict[str, Any]]:
        return [learned[saved.kind(paths[0].split("/")[-3])]]

    monkeypatch.setattr(saved, "parquet_rows", rows)
    text = json.dumps({"paramMap": {"inputCols": columns}})
    return SimpleNamespace(hdfs=SimpleNamespace(list=listed, read_text=lambda _: text))


STAGES = ["StringIndexer", "OneHotEncoder", "VectorAssembler", "LogisticRegression"]


def test_a_dense_model_scores_measures_and_region(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = world(monkeypatch, columns=[*data.MEASURES, "region_vector"], matrix=DENSE, stages=STAGES)
    assert saved.scores(lab, MODEL, [WINE]) == {"w1": pytest.approx(1 / (1 + exp(-(0.1 * 9 + 2.0 + 0.5))))}
    assert saved.stage_kinds(lab, MODEL) == STAGES


@pytest.mark.parametrize("transposed", [True, False])
def test_a_sparse_model_with_its_region_first(monkeypatch: pytest.MonkeyPatch, transposed: bool) -> None:
    """Coefficients 1 (hills) and 11 (the last measure) of twelve, by row, or by column."""
    ends = [0, 2] if transposed else [0, 0, *[1] * 10, 2]
    matrix = {"type": 0, "numRows": 1, "numCols": 12, "colPtrs": ends, "values": [2.0, 0.1], "isTransposed": transposed}
    matrix["rowIndices"] = [1, 11] if transposed else [0, 0]
    lab = world(monkeypatch, columns=["region_vector", *data.MEASURES], matrix=matrix, stages=STAGES)
    assert saved.scores(lab, MODEL, [WINE]) == {"w1": pytest.approx(1 / (1 + exp(-(0.1 * 9 + 2.0 + 0.5))))}


def test_a_pipeline_without_a_regression_and_one_of_three_classes_are_sentences(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lab = world(monkeypatch, columns=[], matrix=DENSE, stages=STAGES[:2])
    with pytest.raises(Missing, match="has no LogisticRegression, only StringIndexer, OneHotEncoder"):
        saved.regression(lab, MODEL)
    lab = world(monkeypatch, columns=[], matrix=DENSE | {"numRows": 3}, stages=STAGES)
    with pytest.raises(JobError, match="has 3 classes to choose from"):
        saved.regression(lab, MODEL)
