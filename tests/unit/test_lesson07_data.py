"""Orders, users, sales and wines are the same everywhere, and the oracle knows what becomes of them."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from datetime import datetime, timedelta, timezone

import pytest

from lesson07 import data
from lesson07.places import TABLES
from streamlab.paths import JOBS

#: Of the generated data as it was when the limits in check.py were measured: new data needs new limits.
SHA256 = "ab32120fb25444384be592604c7a732cbd872ac1321524aadea22e43cc7ed06e"


def test_the_generated_data_are_those_the_limits_were_measured_with() -> None:
    made = json.dumps([data.order_files(), data.wines_csv(), data.sales()])
    assert hashlib.sha256(made.encode()).hexdigest() == SHA256


def test_orders_are_spread_over_the_files_without_a_gap() -> None:
    rows = [row for text in data.order_files().values() for row in csv.DictReader(io.StringIO(text))]
    assert [int(row["order_id"]) for row in rows] == list(range(1, 1001))
    assert len(data.order_files()) == 4
    assert sum(int(row["quantity"]) * int(row["price_cents"]) for row in rows) == data.revenue_cents()


def test_users_are_known_or_unknown() -> None:
    rows = data.table_rows()
    assert rows["users_known"] + rows["users_unknown"] == rows["users"] == data.USERS
    assert sorted(rows) == sorted(TABLES)


def test_sales_of_strangers_and_of_users_without_a_city_are_in_no_city() -> None:
    cities = data.sales_by_city()
    assert set(cities) == set(data.CITIES)
    lost = [user for _, user, _ in data.sales() if user > data.USERS or not data.user_city(user)]
    assert sum(count for count, _, _ in cities.values()) == data.SALES - len(lost)


def test_tables_sql_makes_the_tables_that_are_checked() -> None:
    text = (JOBS / "lesson07" / "tables.sql").read_text()
    made = set(re.findall(r"CREATE (?:EXTERNAL )?TABLE (?:IF NOT EXISTS )?(\w+)", text))
    assert made | {"sales"} == set(TABLES)  # `sales` is made from a frame


def test_wines_have_ids_of_their_own_and_only_some_a_type() -> None:
    rows = list(csv.DictReader(io.StringIO(data.wines_csv())))
    assert (len(rows), len({row["id"] for row in rows}), len(rows[0])) == (2150, 2150, 13)
    assert [row["id"] for row in rows if not row["type"]] == [one.id for one in data.unlabeled()]
    assert len(data.unlabeled()) == 150


def test_the_test_part_is_a_fifth_and_has_both_types() -> None:
    assert len(data.test_ids()) == 408
    assert {data.true_types()[one] for one in data.test_ids()} == {"white", "red"}


def test_the_area_is_the_share_of_pairs_in_the_right_order() -> None:
    red = [one.id for one in data.labeled() if one.type == "red"][:2]
    white = [one.id for one in data.labeled() if one.type == "white"][:2]
    assert data.area_under_curve({red[0]: 0.9, red[1]: 0.8, white[0]: 0.1, white[1]: 0.2}) == 1.0
    assert data.area_under_curve({red[0]: 0.9, red[1]: 0.1, white[0]: 0.1, white[1]: 0.2}) == 0.625
    assert data.area_under_curve(dict.fromkeys([*red, *white], 0.5)) == 0.5


def test_accuracy_is_the_share_that_is_right() -> None:
    first, second = data.unlabeled()[:2]
    assert data.accuracy({first.id: first.type, second.id: "blue"}) == pytest.approx(0.5)


def test_another_seed_makes_other_orders_and_wines_of_the_same_kind() -> None:
    assert data.order_files(1) != data.order_files() == data.order_files(data.SEED)
    assert data.wines_csv(1) != data.wines_csv() == data.wines_csv(data.SEED)
    reds = [sum(one.type == "red" for one in data.labeled(seed)) for seed in (data.SEED, 1, 2)]
    assert all(400 < count < 600 for count in reds), reds


def test_a_time_has_one_spelling() -> None:
    at = datetime(2025, 1, 1, 1, tzinfo=timezone(timedelta(hours=1)))
    assert {data.in_utc(at), data.in_utc(datetime(2025, 1, 1)), data.in_utc("2025-01-01T00:00:00Z")} == {
        "2025-01-01T00:00:00Z"
    }
