"""What a saved pipeline of this lesson answers, computed from its files: without Spark, and without a job's own words.

Spark keeps a model as a folder for each stage: `metadata` is JSON with its parameters, `data` is parquet with what it
has learned.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from math import exp
from typing import TYPE_CHECKING, Any

from common.errors import JobError, Missing
from common.file_sink import parquet_rows
from lesson07 import data

if TYPE_CHECKING:
    from common.lab import Lab


@dataclass(frozen=True)
class Regression:
    """A logistic regression of wines: the order of its columns, the regions by index, and what it has learned."""

    columns: tuple[str, ...]
    regions: tuple[str, ...]
    coefficients: tuple[float, ...]
    intercept: float

    def score(self, wine: data.Wine) -> float:
        """The probability of "red"."""
        measures = dict(zip(data.MEASURES, wine.measures, strict=True))
        total = sum(c * x for c, x in zip(self.coefficients, self._features(wine.region, measures), strict=True))
        return 1 / (1 + exp(-(total + self.intercept)))

    def _features(self, region: str, measures: dict[str, float]) -> list[float]:
        width = len(self.coefficients) - sum(name in measures for name in self.columns)
        hot = [float(place == self.regions.index(region)) for place in range(width)]
        return [x for name in self.columns for x in ([measures[name]] if name in measures else hot)]


def regression(lab: Lab, model: str) -> Regression:
    """The regression in the pipeline saved in the folder `model`."""
    stages = {kind(entry.name): entry.path for entry in lab.hdfs.list(f"{model}/stages")}
    learned = _learned(lab, _stage(stages, "LogisticRegression"))
    return Regression(
        columns=tuple(parameters(lab, _stage(stages, "VectorAssembler"))["inputCols"]),
        regions=tuple(_learned(lab, _stage(stages, "StringIndexer"))["labelsArray"][0]),
        coefficients=tuple(_one_row(learned["coefficientMatrix"])),
        intercept=_vector(learned["interceptVector"])[0],
    )


def scores(lab: Lab, model: str, wines: Iterable[data.Wine]) -> dict[str, float]:
    """By wine, the probability of "red" that the saved model gives it."""
    found = regression(lab, model)
    return {wine.id: found.score(wine) for wine in wines}


def kind(name: str) -> str:
    """The kind of a stage, from its folder's name, such as 0_StringIndexer_1a2b3c."""
    parts = name.split("_")
    return parts[1] if len(parts) > 1 else name


def stage_kinds(lab: Lab, model: str) -> list[str]:
    """The kinds of the saved stages, in order."""
    return [kind(entry.name) for entry in sorted(lab.hdfs.list(f"{model}/stages"), key=lambda one: _place(one.name))]


def parameters(lab: Lab, stage: str) -> dict[str, Any]:
    """The parameters that were set for a saved stage."""
    return dict(json.loads(_text(lab, f"{stage}/metadata"))["paramMap"])


def _place(name: str) -> int:
    return int(name.split("_")[0]) if name.split("_")[0].isdigit() else 0


def _stage(stages: dict[str, str], wanted: str) -> str:
    if wanted not in stages:
        raise Missing(f"the saved pipeline has no {wanted}, only {', '.join(stages) or 'nothing'}")
    return stages[wanted]


def _learned(lab: Lab, stage: str) -> dict[str, Any]:
    return parquet_rows(lab.hdfs, _parts(lab, f"{stage}/data"))[0]


def _text(lab: Lab, folder: str) -> str:
    return "".join(lab.hdfs.read_text(path) for path in _parts(lab, folder))


def _parts(lab: Lab, folder: str) -> list[str]:
    return [file.path for file in lab.hdfs.list(folder) if file.name.startswith("part-")]


def _vector(stored: dict[str, Any]) -> list[float]:
    """A vector of Spark's as it is in parquet: dense, or the values at some indices."""
    if stored["type"] == 1:
        return list(stored["values"])
    full = [0.0] * stored["size"]
    for place, value in zip(stored["indices"], stored["values"], strict=True):
        full[place] = value
    return full


def _one_row(stored: dict[str, Any]) -> list[float]:
    """A matrix of one row; a sparse one has its values by column, or, transposed, by row."""
    if stored["numRows"] != 1:
        raise JobError(f"the saved regression has {stored['numRows']} classes to choose from; red or white is one row")
    if stored["type"] == 1:
        return list(stored["values"])
    ends = stored["colPtrs"]
    if stored["isTransposed"]:
        places = stored["rowIndices"]
    else:
        places = [column for column in range(stored["numCols"]) for _ in range(ends[column], ends[column + 1])]
    return _vector({"type": 0, "size": stored["numCols"], "indices": places, "values": stored["values"]})
