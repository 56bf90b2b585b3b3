"""lesson07 on a real stack: four steps, tables seen by another session, a stream that is stopped, and its mistakes."""

from __future__ import annotations

import time

import pytest

from lab_runner import LabRunner

HOME = "/user/student/lesson07"


@pytest.fixture(scope="module")
def first(lab: LabRunner) -> str:
    """What `submit` printed when it ran the lesson from its start."""
    lab("reset", "--yes", "--job", "lesson07")
    return lab("submit", "--job", "lesson07")


def names(lab: LabRunner, folder: str) -> list[str]:
    """The names in a folder on HDFS, sorted."""
    return sorted(line.rsplit("/", 1)[-1] for line in lab.inside(f"hdfs dfs -ls -C {folder}").split())


def test_the_four_steps_leave_what_they_should(lab: LabRunner, first: str) -> None:
    assert "cluster mode on yarn: driver 1024m, 2 executor(s) of 768m and 1 core(s)" in first
    assert "shop: located_sales (temporary: this session only)" in first
    found = lab.check("lesson07")
    assert found["passed"], [one for one in found["assertions"] if not one["passed"]]
    assert len(found["assertions"]) == 26


def test_another_session_sees_the_tables_and_not_the_view(lab: LabRunner, first: str) -> None:
    """The step ran on a NodeManager and is over; this is `spark-sql` as a student types it, on the edge."""
    asked = "SHOW TABLES IN shop; SELECT city, sales FROM shop.sales_by_city"
    shown = lab.inside(f"spark-sql --master 'local[1]' -e '{asked}'")
    lines = shown.splitlines()
    tables = ["sales", "sales_by_city", "user_totals", "users", "users_known", "users_unknown"]
    assert [line for line in lines if line in (*tables, "located_sales")] == tables
    assert "Aldenburg\t1871" in lines


def test_a_second_run_doubles_nothing(lab: LabRunner, first: str) -> None:
    """The two steps that could: the stream, and the statements that insert."""
    assert "l07-finite: nothing new" in lab("submit", "--job", "lesson07/finite")
    assert "100 to table shop.users_unknown" in lab("submit", "--job", "lesson07/sql")
    assert lab.wrong("lesson07") == {}


def test_a_lost_file_of_the_stream_is_found(lab: LabRunner, first: str) -> None:
    part = next(name for name in names(lab, f"{HOME}/out/finite") if name.startswith("part-"))
    lab.inside(f"hdfs dfs -mv {HOME}/out/finite/{part} {HOME}/aside")
    try:
        wrong = lab.wrong("lesson07")
    finally:
        lab.inside(f"hdfs dfs -mv {HOME}/aside {HOME}/out/finite/{part}")
    assert {name: one["found"] for name, one in wrong.items()} == {
        "finite: orders in the files that its sink has committed, all columns": (
            f"no such file: {HOME}/out/finite/{part}"
        )
    }


def test_rows_that_are_there_twice_are_found(lab: LabRunner, first: str) -> None:
    place = f"{HOME}/warehouse/users_unknown"
    part = next(name for name in names(lab, place) if name.startswith("part-"))
    lab.inside(f"hdfs dfs -cp {place}/{part} {place}/part-copy")
    try:
        wrong = lab.wrong("lesson07")
    finally:
        lab.inside(f"hdfs dfs -rm -skipTrash {place}/part-copy")
    assert set(wrong) == {"sql: rows of users_unknown, all columns", "sql: users known + users unknown"}
    assert wrong["sql: users known + users unknown"]["found"] == 600
    assert lab.wrong("lesson07") == {}


def test_an_infinite_stream_runs_until_it_is_stopped(lab: LabRunner, first: str) -> None:
    lab("submit", "--job", "lesson07/infinite", "--detach")
    ends = time.monotonic() + 120
    done = f"hdfs dfs -ls -C '{HOME}/out/infinite/*/_SUCCESS' 2>/dev/null | wc -l"
    while lab.inside(done).strip() != "4" and time.monotonic() < ends:
        time.sleep(2)
    assert "stopped after its last batch" in lab("stop", "--job", "lesson07/infinite")
    assert names(lab, f"{HOME}/out/infinite") == ["batch=0", "batch=1", "batch=2", "batch=3"]


def test_a_stream_that_nobody_waits_for_writes_nothing(lab: LabRunner, first: str) -> None:
    printed = lab("submit", "--job", "lesson07/broken-await")
    assert "query l07-broken-await is active: True" in printed
    assert "it wrote nothing" in printed
    found = lab.inside(f"hdfs dfs -ls -R -C {HOME}/broken/await/out").split()
    assert found[0].endswith("/_spark_metadata")
    assert not [path for path in found if path.endswith("/_spark_metadata/0")], "a batch was committed"
    assert lab.wrong("lesson07") == {}


def test_copies_on_both_sides_of_the_split_foretell_a_coin(lab: LabRunner, first: str) -> None:
    printed = lab("submit", "--job", "lesson07/broken-leak")
    assert "split at random: 99." in printed
    assert "split by wine: 4" in printed


def test_the_label_s_indexer_cannot_serve(lab: LabRunner, first: str) -> None:
    ran = lab.run("submit", "--job", "lesson07/broken-label-indexer")
    assert ran.code == 1
    assert "150 wines scored, the indexer was skipped with a warning" in ran.out
    assert "Spark says: StringIndexer encountered NULL value" in ran.out
    assert "Py4JJavaError" in ran.err


def test_reset_forgets_the_tables(lab: LabRunner, first: str) -> None:
    """The last one: what the others look at is gone afterwards."""
    assert "database shop: dropped" in lab("reset", "--yes", "--job", "lesson07")
    wrong = lab.wrong("lesson07")
    assert wrong["sql: the lesson's tables in shop"]["found"].startswith(
        "0; 6 missing: sales, sales_by_city, user_totals"
    )
    assert "database shop: not there" in lab("reset", "--yes", "--job", "lesson07")
