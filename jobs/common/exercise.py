"""Says of each gap of an exercise whether what came of it is right: how a lesson's `exercise_check.py` is written.

What a gap's DataFrame held was written to HDFS by `common.gaps`; what a gap wrote itself is looked at where it is. Each
gap of a script in Flink's SQL has a topic for its answer.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from common.checks import Assertion, Fact
from common.errors import JobError, Missing
from common.file_sink import METADATA, committed_files
from common.gap_states import DONE, FAILED, PENDING, RUNS, WAITS, WORDS
from common.settings import application_name
from common.words import Words, described

if TYPE_CHECKING:
    from common.lab import Lab


def as_spark_writes(row: Mapping[str, Any], times: Collection[str]) -> dict[str, Any]:
    """A row of JSON whose `times` are ISO 8601 to the second ("2025-01-01T00:00:00Z") as `Exercise.rows` has it."""
    return {name: value.replace("Z", ".000Z") if value and name in times else value for name, value in row.items()}


class Exercise:
    """A student's exercise on the cluster, gap by gap."""

    #: The file that the student writes.
    program = "exercise.py"

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self._states = Fact(lambda: json.loads(lab.hdfs.read_text(lab.settings.output("gaps.json"))))
        self._right: dict[int, bool] = {}
        self._gaps: list[dict[str, Any]] = described(lab.settings.exercise, "exercise.yml")["gaps"]
        translated = f"exercise.{lab.settings.info.language}.yml"
        own = described(lab.settings.exercise, translated)
        common = described("common", f"words.{lab.settings.info.language}.yml")
        self._translated: list[dict[str, str]] = own.get("gaps") or [{} for _ in self._gaps]
        self._gap = common.get("gap", "gap")
        self._words = Words({**common.get("phrases", {}), **own.get("checks", {})})

    def gap(
        self, number: int, assertions: Callable[[], list[Assertion]], *, needs: Collection[int] | None = None
    ) -> list[Assertion]:
        """What is to be said of one gap.

        Where what it needs is wrong, what does not hold may come from there, and is pending; what holds, holds.

        Args:
            assertions: looked at when the gap has been run.
            needs: the gaps without which this one cannot be right; when it is not given, those that exercise.yml names,
                else all earlier ones.
        """
        needs = self._gaps[number - 1].get("needs", self._right) if needs is None else needs
        wrong = [one for one in needs if not self._right[one]]
        why, pending = self._nothing(number)
        found = [self._without(why, pending=pending)] if why else assertions()
        if wrong and not why:
            found = [one if one.passed else self._after(wrong[0], one) for one in found]
        self._right[number] = all(one.passed for one in found)
        gap = {**self._gaps[number - 1], **self._translated[number - 1]}
        title = f"{self._gap} {number}, {gap['title']}"
        return [
            replace(one, name=f"{title}: {self._words(one.name)}", help="" if one.passed else gap["help"], gap=number)
            for one in found
        ]

    def _after(self, wrong: int, one: Assertion) -> Assertion:
        """What does not hold, and may not since an earlier gap is wrong."""
        return replace(one, found=f"{one.found} ({self._words(f'gap {wrong} comes first')})", pending=True)

    def columns(self, number: int) -> dict[str, str]:
        """The columns of a gap's DataFrame: name -> Spark's name of the type, such as "timestamp"."""
        return dict(self._state(number).get("columns", []))

    def value(self, number: int) -> Any:
        """What a gap returned that is no DataFrame, or what was seen of its query before the driver ended."""
        return self._state(number).get("value")

    def rows_removed(self, number: int) -> int:
        """How many rows have left the states of a gap's streaming DataFrame, since the watermark had passed them."""
        return int(self._state(number).get("removed", 0))

    def query_name(self, number: int) -> str | None:
        """The name of a gap's query."""
        return self._state(number).get("query")

    def rows(self, number: int) -> list[dict[str, Any]]:
        """The rows of a gap's DataFrame as JSON has them: times as "2025-01-01T00:00:00.000Z", binary as base64."""
        hdfs, folder = self.lab.hdfs, self.folder(number)
        paths = [one.path for one in hdfs.walk(folder) if one.path.endswith(".json")]
        if hdfs.exists(f"{folder}/{METADATA}"):
            paths = committed_files(hdfs, folder)
        return [json.loads(line) for path in paths for line in hdfs.read_text(path).splitlines()]

    def folder(self, number: int) -> str:
        """Where a gap's rows are on HDFS."""
        return self.lab.settings.output(f"gap{number}")

    def where(self, number: int) -> str:
        """The command by which a student sees a gap's rows."""
        return f"hdfs dfs -cat '{self.folder(number)}/*'"

    def checkpoint(self, number: int) -> str:
        """The checkpoint of the query that wrote the rows of a gap's streaming DataFrame."""
        return self.lab.settings.checkpoint(f"gap{number}")

    def _state(self, number: int) -> dict[str, Any]:
        return dict(self._states().get(str(number), {}))

    def _nothing(self, number: int) -> tuple[str, bool]:
        """Why there is nothing to look at, and whether only since something comes first; else empty."""
        try:
            state = self._state(number)
        except Missing:
            typed = self.lab.settings.typed or self.lab.settings.lesson
            return f"it has not run: invoke submit --job {typed}", True
        except JobError as error:
            return error.what, False
        if not state:
            return "it did not run", True
        return ("", False) if state["state"] == DONE else (str(state["words"]), state["state"] in PENDING)

    def _without(self, why: str, *, pending: bool) -> Assertion:
        """What is said of a gap whose outcome cannot be looked at."""
        found = f"{self._words('none')}: {self._words(why)}"
        where = f"{self.lab.settings.lesson}/{self.program}"
        return Assertion("outcome", self._words("one"), found, False, where, pending=pending)


class ScriptExercise(Exercise):
    """An exercise in Flink's SQL: one job after another, and a topic for the answer of each gap."""

    program = "exercise.sql"

    def __init__(self, lab: Lab, topics: Sequence[str]) -> None:
        """`topics` has a topic for each gap, by its name without the lesson's prefix."""
        super().__init__(lab)
        self._topics = topics
        name = application_name(lab.info.student, lab.settings.lesson, "exercise")
        self._run = Fact(lambda: lab.yarn.latest(name))

    def _state(self, number: int) -> dict[str, Any]:
        """A gap that was handed over has run if the script came to its end, or if its topic shows that it came so far.

        Of a script that has failed, the first statement that has left nothing is the one that failed.
        """
        state = super()._state(number)
        if state.get("state") != RUNS:
            return state
        if self._run().final_status == "UNDEFINED":
            return {"state": RUNS, "words": "it is at work"}
        if self._run().final_status == "SUCCEEDED" or self._has_answered(number):
            return {"state": DONE, "words": WORDS[DONE]}
        before = (one for one in range(1, number) if super(ScriptExercise, self)._state(one).get("state") == RUNS)
        if all(map(self._has_answered, before)):
            typed = self.lab.settings.typed or self.lab.settings.lesson
            return {"state": FAILED, "words": f"the script has failed here: invoke why --job {typed}"}
        return {"state": WAITS, "words": "the script failed before it came here"}

    def _has_answered(self, number: int) -> bool:
        return bool(self.lab.kafka.consume_all(self.lab.settings.topic(self._topics[number - 1])))
