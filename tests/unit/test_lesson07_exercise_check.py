"""The check of lesson 7's exercise names what is wrong with a saved model and with its scores."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from common.checks import Assertion
from common.settings import LabInfo, Settings
from lesson07 import data, exercise_check
from lesson07.exercise_check import SCORE_TYPES, STAGES, scores, trained

INFO = LabInfo("ada", "kafka1:9092", ("cassandra1",), "http://namenode:9870", "hdfs://namenode:8020", "", seed=11)
LAB: Any = SimpleNamespace(info=INFO, settings=Settings(info=INFO, lesson="my07", exercise="lesson07"))


def wrong(found: list[Assertion]) -> dict[str, Any]:
    return {one.name: one.found for one in found if not one.passed}


def model(monkeypatch: pytest.MonkeyPatch, *, kinds: list[str], columns: list[str], width: int) -> None:
    monkeypatch.setattr(exercise_check.saved, "stage_kinds", lambda *_: kinds)
    learned = SimpleNamespace(columns=tuple(columns), coefficients=(0.0,) * width)
    monkeypatch.setattr(exercise_check.saved, "regression", lambda *_: learned)


def test_a_right_model_passes_and_one_with_the_region_s_number_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    model(monkeypatch, kinds=STAGES, columns=[*data.MEASURES, "region_vector"], width=14)
    assert wrong(trained(LAB)) == {}
    model(monkeypatch, kinds=STAGES, columns=[*data.MEASURES, "region_index"], width=11)
    assert wrong(trained(LAB)) == {
        "columns that the VectorAssembler puts together": "11; 1 missing: region_vector; 1 too many: region_index",
        "coefficients: ten measures, and one for each region": 11,
    }


def work(rows: list[dict[str, Any]]) -> Any:
    return SimpleNamespace(columns=lambda _: SCORE_TYPES, rows=lambda _: rows, where=lambda _: "hdfs dfs -cat …")


def answers(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Scores of a model that is always right, as gap 6 gives them."""
    found = {one.id: 0.9 if one.type == "red" else 0.1 for one in data.unlabeled(11)}
    monkeypatch.setattr(exercise_check.saved, "scores", lambda *_: found)
    return [{"id": one, "score": score, "predicted_type": data.LABELS[score > 0.5]} for one, score in found.items()]


def test_right_scores_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    assert wrong(scores(LAB, work(answers(monkeypatch)))) == {}


def test_the_probability_of_white_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{**row, "score": 1 - row["score"]} for row in answers(monkeypatch)]
    found = wrong(scores(LAB, work(rows)))
    name = "difference between a score and what the saved model's coefficients give for red"
    assert found[name] == pytest.approx(0.8)
    assert found["area under the ROC curve of these scores"] == 0.0


def test_a_wine_that_is_there_twice_and_one_without_a_score_are_sentences(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = answers(monkeypatch)
    assert wrong(scores(LAB, work([*rows, rows[0]]))) == {"rows, one for each wine": 151}
    rows[0] = {**rows[0], "score": None}
    assert all(isinstance(one, str) for one in wrong(scores(LAB, work(rows))).values())
