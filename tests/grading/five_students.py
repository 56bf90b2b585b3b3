"""A class of five with two stacks to grade on. Only ada has a stack of her own; the others' hand-ins are made here.

ada has typed the expected counts of her own data by hand, and has an extension; bob was on time, carl is in grace and
has copied from bob, dora is late, eve has handed in nothing.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import handed_in
from common import orders
from common.settings import LabInfo, Settings
from lab_runner import LabRunner, Ran, press_ctrl_c
from streamlab.grading.store import Store
from streamlab.lessons import exercise

CLASS = "labgrades"
NAMES = ("ada", "bob", "carl", "dora", "eve")
STUDENTS = {
    **{
        name: {"port_base": 26300 + 100 * at, "subnet": f"10.89.243.{32 * at}/27", "email": f"{name}@school.example"}
        for at, name in enumerate(NAMES)
    },
    **{
        f"grader0{at}": {"port_base": 26800 + 100 * at, "subnet": f"10.89.244.{32 * at}/27", "grading": True}
        for at in (1, 2)
    },
}
#: Seconds until the first hand-in has a result: two stacks are made for it, on a busy machine.
FIRST_SECONDS = 900

TYPED = """
totals = {totals}

def write(batch: DataFrame, batch_id: int) -> None:
    rows = sorted(totals.items()) if batch_id == 0 else []
    counts = batch.sparkSession.createDataFrame(rows, "status string, orders long")
    counts.write.mode("overwrite").parquet(settings.output("counts") + f"/batch_id={{batch_id}}")

return (
    orders.writeStream.queryName("l04-counts")
    .foreachBatch(write)
    .option("checkpointLocation", settings.checkpoint("l04-counts"))
    .trigger(availableNow=True)
    .start()
)
"""
LEAVES = """
import subprocess
subprocess.Popen(["setsid", "sleep", "3000"])
orders.sparkSession.range(1).write.mode("overwrite").json("/left-behind")
"""
LOOKS = """
path = spark._jvm.org.apache.hadoop.fs.Path("/left-behind")
if spark._jvm.org.apache.hadoop.fs.FileSystem.get(spark._jsc.hadoopConfiguration()).exists(path):
    raise RuntimeError("another's work is still here")
"""


@dataclass(frozen=True)
class Course:
    """The class after its hand-ins were collected and graded.

    Args:
        folder: what `--to` and `--from` were given.
        own: the check of ada's exercise on her own stack.
        cut_off: the first run, which Ctrl-C ended.
        left: what `status` said then of each stack for grading.
        first: student -> the result that there was then.
        graded: what the run that went on with it said.
    """

    lab: LabRunner
    folder: Path
    deadlines: Path
    store: Store
    own: Ran
    cut_off: Ran
    left: list[str]
    first: dict[str, bytes]
    graded: str

    def gradebook(self, *arguments: str) -> Ran:
        where = ("--job", "lesson04", "--from", str(self.folder), "--deadlines", str(self.deadlines))
        return self.lab.run("gradebook", *where, *arguments, student=False)


def typed_by_hand(lab_class: str) -> dict[int, str]:
    """The solution, but for the last gap: the counts that ada has seen on her own data."""
    seed = Settings(LabInfo("ada", "", (), "", "", "", lab_class=lab_class), "my04").seed
    totals: dict[str, int] = {}
    for one in orders.own_orders(seed):
        totals[one.status] = totals.get(one.status, 0) + 1
    return {**handed_in.solutions(), 5: TYPED.format(totals=totals)}


def hand_in_on_the_edge(lab: LabRunner, filled: dict[int, str], folder: Path) -> Ran:
    """ada's way, typed: the exercise, the program, submit, check, hand-in."""
    lab.inside("rm -rf my04; invoke exercise --job lesson04")
    source = (exercise.JOBS / "lesson04" / "exercise.py").read_text(encoding="utf-8")
    program = exercise.files("lesson04", "my04", exercise.with_gaps(source, filled))["exercise.py"]
    (folder / "exercise.py").write_text(program, encoding="utf-8")
    lab("put", str(folder / "exercise.py"), "--to", "my04/", "--force")
    lab.inside("invoke submit --job my04", seconds=600)
    own = lab.run("shell", "--command", "invoke check --job my04")
    said = lab.inside("invoke hand-in --job my04")
    assert "not received yet: the time that counts is when it is collected" in said
    return own


def keep_others(store: Store, deadline: datetime) -> None:
    right = handed_in.solutions()
    bob = {**right, 5: LEAVES + right[5]}
    carl = {**bob, 5: bob[5].replace("counts.write", "mine.write").replace("counts = ", "mine = ") + "# my own work\n"}
    handed_in.keep(store, "bob", deadline - timedelta(days=1), {1: right[1]}, number=1)
    handed_in.keep(store, "bob", deadline - timedelta(hours=1), bob, number=2)
    handed_in.keep(store, "carl", deadline + timedelta(minutes=10), carl)
    handed_in.keep(store, "dora", deadline + timedelta(days=1, hours=1), {**right, 1: LOOKS + right[1]})


def graded(lab: LabRunner, folder: Path, store: Store, checked: Ran) -> Course:
    """Grade with a run that is cut off when both of its stacks have graded one hand-in, and one that goes on."""
    deadline = (datetime.now(UTC) - timedelta(days=3)).replace(second=0, microsecond=0)
    keep_others(store, deadline)
    deadlines = folder / "grading.yml"
    extended = datetime.now(UTC) + timedelta(days=1)
    deadlines.write_text(
        f"class: {store.folder.name}\ntime_zone: UTC\nlessons:\n  lesson04:\n    deadline: {deadline:%Y-%m-%d %H:%M}\n"
        f"    grace_minutes: 30\n    deduction_per_day: 10\n    extensions: {{ada: {extended:%Y-%m-%d %H:%M}}}\n",
        encoding="utf-8",
    )
    where = ("--job", "lesson04", "--from", str(folder), "--deadlines", str(deadlines))
    first = [one for one in store.hand_ins("lesson04") if (one.student, one.number) in (("bob", 2), ("carl", 1))]
    results = [store.path(one, ".result.json") for one in first]
    with lab.begun("grade", *where, student=False) as running:
        ends = time.monotonic() + FIRST_SECONDS
        while not all(result.exists() for result in results):
            assert running.poll() is None, running.communicate()
            assert time.monotonic() < ends, f"no two results within {FIRST_SECONDS} s"
            time.sleep(1)
        time.sleep(5)  # by then a stack is being made anew
        cut_off = press_ctrl_c(running)
    left = [replace(lab, student=name).run("status", "--json").out for name in ("grader01", "grader02")]
    before = {one.student: result.read_bytes() for one, result in zip(first, results, strict=True)}
    return Course(
        lab, folder, deadlines, store, checked, cut_off, left, before,
        lab("grade", *where, student=False, seconds=2400),
    )  # fmt: skip
