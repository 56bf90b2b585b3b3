"""lesson06b on a real stack: views in Cassandra and HBase, repeated, killed, measured, broken, with a node gone."""

from __future__ import annotations

import re

import pytest

from handouts import HANDOUTS, follow
from lab_runner import LabRunner, until

DAYS = "orders_by_day_status"
KEY, WHERE = "2025-01-03#shipped", "day = '2025-01-03' AND status = 'shipped'"
RECOVERY_SECONDS = 180


@pytest.fixture(scope="module", autouse=True)
def first(lab: LabRunner) -> str:
    """What `submit` printed when it ran both layers from their start."""
    lab("reset", "--yes", "--job", "lesson06b")
    return lab("submit", "--job", "lesson06b")


def passes(lab: LabRunner, assertions: int) -> None:
    found = lab.check("lesson06b")
    assert found["passed"], [one for one in found["assertions"] if not one["passed"]]
    assert len(found["assertions"]) == assertions


def shell(lab: LabRunner, line: str) -> str:
    return lab.inside(f"hbase shell -n 2>&1 <<'END'\n{line}\nEND")


def cql(lab: LabRunner, statement: str) -> str:
    return lab.inside(f'cqlsh -e "{statement}"')


def test_both_stores_have_the_views_however_often_they_are_written(lab: LabRunner, first: str) -> None:
    assert f"37 to cassandra and hbase {DAYS}" in first
    assert "51 to cassandra and hbase customer_by_order_id" in first
    passes(lab, 12)
    described = shell(lab, f"describe 'l06b_{DAYS}'")
    for default in ("VERSIONS => '1'", "BLOOMFILTER => 'ROW'", "BLOCKCACHE => 'true'"):
        assert default in described
    assert lab("submit", "--job", "lesson06b").count(": nothing new") == 2
    passes(lab, 12)
    again = lab("submit", "--job", "lesson06b/speed", "--set", "replay=true")
    assert again.count("checkpoint deleted, all is read again") == 2
    passes(lab, 12)


def test_rows_that_are_off_are_found_in_the_store_that_has_them(lab: LabRunner) -> None:
    (orders,) = re.findall(r"^ +(\d+)$", cql(lab, f"SELECT orders FROM lab06b.{DAYS} WHERE {WHERE}"), re.M)
    shell(lab, f"deleteall 'l06b_{DAYS}', '{KEY}'")
    cql(lab, f"UPDATE lab06b.{DAYS} SET orders = 0 WHERE {WHERE}")
    wrong = lab.wrong("lesson06b")
    right = f'{{"day": "2025-01-03", "orders": {orders}, "status": "shipped"}}'
    assert {name: one["found"] for name, one in wrong.items()} == {
        f"batch: HBase: rows of l06b_{DAYS}": f'36 rows; 1 missing, such as {{"c:orders": "{orders}", "key": "{KEY}"}}',
        f"batch: Cassandra: rows of lab06b.{DAYS}": f"37 rows; 1 missing, such as {right}; 1 not expected, such as "
        + right.replace(f": {orders},", ": 0,"),
    }
    shell(lab, f"put 'l06b_{DAYS}', '{KEY}', 'c:note', 'mine'")
    lab("submit", "--job", "lesson06b/batch")
    assert list(lab.wrong("lesson06b")) == [f"batch: HBase: rows of l06b_{DAYS}"]  # a cell that no batch writes stays
    shell(lab, f"delete 'l06b_{DAYS}', '{KEY}', 'c:note'")
    passes(lab, 12)


def test_a_stream_that_is_killed_in_the_middle_goes_on(lab: LabRunner) -> None:
    lab("reset", "--yes", "--job", "lesson06b")
    lab("submit", "--job", "lesson06b/batch")
    printed = lab("submit", "--job", "lesson06b/speed", "--continuous", "--detach")
    app_id = re.search(r"application_\d+_\d+", printed)[0]
    commits = "/user/student/lesson06b/checkpoint/l06b-orders/commits"
    until(
        lambda: "/0" in lab.inside(f"hdfs dfs -ls -C {commits} 2>/dev/null || true"),
        "a batch is committed",
        seconds=180,
    )
    lab.inside(f"yarn application -kill {app_id}")
    until(
        lambda: f"{app_id}" in lab.inside("yarn application -list -appStates KILLED"), "YARN has killed it", seconds=180
    )
    killed = lab.wrong("lesson06b")
    assert killed["speed: YARN application " + f"{lab.student}-lesson06b-speed"]["found"] == "KILLED"
    lab("submit", "--job", "lesson06b/speed")
    passes(lab, 12)


def test_both_are_measured_with_the_same_rows(lab: LabRunner) -> None:
    printed = lab("submit", "--job", "lesson06b/compare", "--set", "rows=800", "--set", "single=50")
    assert re.search(r"800 rows, medians in ms +Cassandra +HBase\n", printed)
    questions = ("write all rows, in batches", "write one row", "read one row by its key", "read all rows")
    for question in (*questions, "read one day, 100 rows"):
        cassandra, hbase = re.search(rf"{question} +([\d.]+) +([\d.]+)", printed).groups()
        assert min(float(cassandra), float(hbase)) > 0
    passes(lab, 15)
    ran = lab.run("submit", "--job", "lesson06b/compare", "--set", "rows=10")
    assert ran.code != 0
    assert "single=300 of rows=10 cannot be measured" in ran.out + ran.err
    lab("submit", "--job", "lesson06b/compare")
    passes(lab, 15)


@pytest.mark.parametrize("node", ["cassandra1", "hbase1"])
def test_a_killed_node_answers_again_with_every_row(lab: LabRunner, node: str) -> None:
    lab.inside("pkill -9 java", node=node)
    until(lambda: lab.run("check", "--job", "lesson06b").code == 0, f"{node} has all rows", seconds=RECOVERY_SECONDS)


def test_a_connection_cannot_be_sent_to_an_executor(lab: LabRunner) -> None:
    ran = lab.run("submit", "--job", "lesson06b/broken-connection")
    assert ran.code == 1
    assert "no default __reduce__ due to non-trivial __cinit__" in ran.err
    assert lab.wrong("lesson06b") == {}


def test_numbers_in_a_key_sort_as_text(lab: LabRunner) -> None:
    printed = lab("submit", "--job", "lesson06b/broken-key")
    right = re.search(r"hours with two digits, scanned from 9 to 12: (\d+) of (\d+) orders", printed)
    assert right[1] == right[2] != "0"
    assert f"hours as printed, scanned from 9 to 12: 0 of {right[2]} orders" in printed
    assert lab.wrong("lesson06b") == {}


def test_what_is_put_at_an_older_time_than_a_delete_is_hidden(lab: LabRunner) -> None:
    printed = lab("submit", "--job", "lesson06b/broken-timestamp")
    assert "125 rows put: 125 found; deleted, and put again: 0 found" in printed
    assert lab.wrong("lesson06b") == {}


def test_the_handout_works_as_it_is_written(lab: LabRunner) -> None:
    follow(lab, next(handout for handout in HANDOUTS if handout.parent.name == "lesson06b"))
