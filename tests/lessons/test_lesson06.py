"""lesson06 on a real stack: batch, speed and serving layer, replayed, broken; its mistakes as described."""

from __future__ import annotations

import json

import pytest

from lab_runner import LabRunner

HOME = "/user/student/lesson06"


@pytest.fixture(scope="module")
def first(lab: LabRunner) -> str:
    """What `submit` printed when it ran both layers from their start."""
    lab("reset", "--yes", "--job", "lesson06")
    return lab("submit", "--job", "lesson06")


def cql(lab: LabRunner, statement: str) -> str:
    return lab.inside(f'cqlsh -e "{statement}"')


def test_the_layers_end_as_the_oracle_says(lab: LabRunner, first: str) -> None:
    assert "37 to cassandra lab.orders_by_day_status" in first
    assert 'key = value: Cassandra Filters: [["cid" = ?, ' in first
    assert "no key: Cassandra Filters: []" in first
    found = lab.check("lesson06")
    assert found["passed"], [one for one in found["assertions"] if not one["passed"]]
    assert len(found["assertions"]) == 23


def test_the_node_is_up_and_the_schema_can_be_described(lab: LabRunner, first: str) -> None:
    assert "\nUN  " in lab.inside("nodetool status", node="cassandra1")
    assert "PRIMARY KEY (day, status, hour)" in cql(lab, "DESCRIBE TABLE lab.orders_by_hour_status")


def test_a_stream_read_again_from_its_beginning_changes_nothing(lab: LabRunner, first: str) -> None:
    printed = lab("submit", "--job", "lesson06/speed", "--set", "replay=true")
    assert printed.count("checkpoint deleted, all is read again") == 2
    found = lab.check("lesson06")
    assert found["passed"], [one for one in found["assertions"] if not one["passed"]]


def test_a_second_run_finds_nothing_new(lab: LabRunner, first: str) -> None:
    printed = lab("submit", "--job", "lesson06/speed")
    assert printed.count(": nothing new") == 2
    assert lab.wrong("lesson06") == {}


def test_a_lost_row_is_found(lab: LabRunner, first: str) -> None:
    day, status, orders = "2025-01-03", "shipped", None
    for row in json.loads(lab.inside(f"hdfs dfs -cat {HOME}/out/served.json")):
        if (row["day"], row["status"]) == (day, status):
            orders, lost = row["orders"], json.dumps(row, sort_keys=True)
    cql(lab, f"DELETE FROM lab.orders_by_day_status WHERE day = '{day}' AND status = '{status}'")
    try:
        wrong = lab.wrong("lesson06")
        text = lab.run("check", "--job", "lesson06")
    finally:
        cql(lab, f"INSERT INTO lab.orders_by_day_status (day, status, orders) VALUES ('{day}', '{status}', {orders})")
    assert wrong["batch: rows of lab.orders_by_day_status"]["found"] == f"36 rows; 1 missing, such as {lost}"
    assert wrong["batch: orders in lab.orders_by_day_status"]["found"] == 875 - orders
    assert text.code == 1
    assert lab.wrong("lesson06") == {}


def test_an_hour_counted_twice_is_found(lab: LabRunner, first: str) -> None:
    values = "('2025-01-09', 'shipped', '2025-01-09 00:00+0000', 2)"
    where = "day = '2025-01-09' AND status = 'shipped'"
    cql(lab, f"INSERT INTO lab.orders_by_hour_status (day, status, hour, orders) VALUES {values}")
    try:
        wrong = lab.wrong("lesson06")
    finally:
        cql(lab, f"DELETE FROM lab.orders_by_hour_status WHERE {where}")
    row = '{"day": "2025-01-09", "hour": "2025-01-09 00:00:00", "orders": 2, "status": "shipped"}'
    assert wrong["speed: rows of lab.orders_by_hour_status"]["found"] == f"36 rows; 1 not expected, such as {row}"
    assert wrong["speed: orders in lab.orders_by_hour_status"]["found"] == 127
    assert lab.wrong("lesson06") == {}


def test_a_table_is_not_overwritten_unless_that_is_confirmed(lab: LabRunner, first: str) -> None:
    ran = lab.run("submit", "--job", "lesson06/broken-overwrite")
    assert ran.code == 1
    assert "You are attempting to use overwrite mode which will truncate" in ran.err
    assert lab.wrong("lesson06") == {}


def test_a_name_with_an_apostrophe_ends_a_statement_made_of_text(lab: LabRunner, first: str) -> None:
    ran = lab.run("submit", "--job", "lesson06/broken-apostrophe")
    assert ran.code == 1
    assert "58 of 100 names written; the last statement was for Nari O'Bari" in ran.out
    assert "SyntaxException" in ran.err


def test_the_serving_step_is_looked_at_once_it_has_run(lab: LabRunner, first: str) -> None:
    lab("submit", "--job", "lesson06/serve")
    found = lab.check("lesson06")
    assert found["passed"]
    assert [one["found"] for one in found["assertions"] if one["name"] == "serve: orders that it served"] == [1000]


def test_a_counter_adds_a_repeated_batch_twice(lab: LabRunner, first: str) -> None:
    printed = lab("submit", "--job", "lesson06/broken-counter")
    assert "125 orders were sent; the counter says 173: batch 1 (48 orders) was added twice" in printed
    assert lab.wrong("lesson06") == {}
