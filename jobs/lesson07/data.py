"""Invented orders, users, sales and wines, and what the lesson should make of them (the oracle).

Everything follows from one seed or from a row's number: the same on every machine, so a check knows what to expect.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random
from zlib import crc32

SEED = 7
START = datetime(2025, 1, 1, tzinfo=UTC)

# Orders: the files of the batch and of both streams.
ORDERS = 1000
ORDER_FILES = 4
ORDER_COLUMNS = ("order_id", "product", "quantity", "price_cents", "ordered_at")
PRODUCTS = {"apple": 45, "bread": 320, "cheese": 890, "milk": 130, "olive oil": 1150, "rice": 260}

# Users and sales: the tables.
USERS = 500
SALES = 20_000
CITIES = ("Aldenburg", "Brisk", "Corvale", "Dunmere", "Estwick", "Fallow")
#: One user in so many has no city; sales name a hundred users more than there are.
WITHOUT_CITY = 5
USERS_NAMED = USERS + 100
LARGE_CENTS = 9_000

# Wines: the model.
WINES = 2000
UNLABELED = 150
LABELS = ("white", "red")  # in this order they are 0 and 1
REGIONS = ("coast", "hills", "plain", "valley")
MEASURES = (
    "acidity", "alcohol", "ash", "color", "density", "phenols", "potassium", "sugar", "sulphates", "tannin",
)  # fmt: skip
WINE_COLUMNS = ("id", "type", "region", *MEASURES)
RED_SHARE = 0.25


@dataclass(frozen=True)
class Order:
    order_id: int
    product: str
    quantity: int
    price_cents: int
    ordered_at: str


@dataclass(frozen=True)
class Wine:
    """`type` is the label; None for a wine that only the finished model is asked about."""

    id: str
    type: str | None
    region: str
    measures: tuple[float, ...]


@cache
def orders(seed: int = SEED) -> tuple[Order, ...]:
    random = Random(seed)
    return tuple(_order(random, number) for number in range(1, ORDERS + 1))


def _order(random: Random, number: int) -> Order:
    product = random.choice(list(PRODUCTS))
    at = START + timedelta(seconds=30 * number)
    return Order(number, product, random.randint(1, 9), PRODUCTS[product], at.strftime("%Y-%m-%dT%H:%M:%SZ"))


def order_files(seed: int = SEED) -> dict[str, str]:
    """The CSV files by name, a quarter of the orders in each, with a header line."""
    size = ORDERS // ORDER_FILES
    parts = {f"orders-{i + 1}.csv": orders(seed)[i * size : (i + 1) * size] for i in range(ORDER_FILES)}
    return {name: _csv(ORDER_COLUMNS, map(asdict, part)) for name, part in parts.items()}


def with_total(seed: int = SEED) -> list[dict[str, object]]:
    """The orders as rows of parquet, with their total."""
    return [
        {**asdict(one), "ordered_at": in_utc(one.ordered_at), "total_cents": one.quantity * one.price_cents}
        for one in orders(seed)
    ]


def in_utc(time: str | datetime) -> str:
    """A time in one spelling: that of a CSV file, or one read from parquet, with its zone or without."""
    at = datetime.fromisoformat(time) if isinstance(time, str) else time
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def revenue_cents(seed: int = SEED) -> int:
    return sum(one.quantity * one.price_cents for one in orders(seed))


def checksum(kind: str, number: int) -> int:
    """A number that looks like chance and is the same here and in Spark: crc32 of a text such as "amount-17".

    `rand()` without a seed gives other rows at each run, and with one at each number of partitions.
    """
    return crc32(f"{kind}-{number}".encode())


def user_city(user_id: int) -> str | None:
    if checksum("known", user_id) % WITHOUT_CITY == 0:
        return None
    return CITIES[checksum("city", user_id) % len(CITIES)]


def sale(sale_id: int) -> tuple[int, int, int]:
    """(sale_id, user_id, amount_cents) of one sale."""
    return sale_id, checksum("user", sale_id) % USERS_NAMED + 1, checksum("amount", sale_id) % 10_000 + 1


@cache
def sales() -> tuple[tuple[int, int, int], ...]:
    return tuple(sale(number) for number in range(1, SALES + 1))


TABLE_COLUMNS = {
    "sales": ("sale_id", "user_id", "amount_cents"),
    "sales_by_city": ("city", "sales", "large_sales", "cents"),
    "user_totals": ("user_id", "sales", "cents"),
    "users": ("user_id", "city"),
    "users_known": ("user_id", "city"),
    "users_unknown": ("user_id",),
}


@cache
def table_contents() -> dict[str, tuple[tuple[object, ...], ...]]:
    """The rows of each table, columns as in TABLE_COLUMNS: the same decisions as tables.sql makes, made by hand."""
    cities = {number: user_city(number) for number in range(1, USERS + 1)}
    bought: dict[int, list[int]] = {number: [] for number in cities}
    for _, user_id, amount in sales():
        if user_id in bought:
            bought[user_id].append(amount)
    return {
        "sales": sales(),
        "sales_by_city": tuple((city, *sums) for city, sums in sales_by_city().items()),
        # A left join: users who bought nothing have a row too.
        "user_totals": tuple((number, len(amounts), sum(amounts)) for number, amounts in bought.items()),
        "users": tuple(cities.items()),
        "users_known": tuple((number, city) for number, city in cities.items() if city),
        "users_unknown": tuple((number,) for number, city in cities.items() if not city),
    }


def table_rows() -> dict[str, int]:
    """How many rows each table has."""
    return {name: len(rows) for name, rows in table_contents().items()}


def sales_by_city() -> dict[str, tuple[int, int, int]]:
    """(sales, large sales, cents) by city, over sales of users whose city is known."""
    counts: Counter[str] = Counter()
    large: Counter[str] = Counter()
    cents: Counter[str] = Counter()
    for _, user_id, amount in sales():
        city = user_city(user_id) if user_id <= USERS else None
        if city:
            counts[city] += 1
            large[city] += amount >= LARGE_CENTS
            cents[city] += amount
    return {city: (counts[city], large[city], cents[city]) for city in sorted(counts)}


@cache
def wines(seed: int = SEED) -> tuple[Wine, ...]:
    """All wines, their type known, by id; each type is a mixture of two bell curves, so that no line parts them.

    Another seed picks other wines from the same curves, so a model of them is as good.
    """
    random = Random(SEED + 1)
    centers = {
        (label, half): [random.gauss(0, 1) for _ in MEASURES] for label in LABELS for half in (0, 1)
    }  # fmt: skip
    if seed != SEED:
        random = Random(seed)
    return tuple(_wine(random, centers, f"w{number:04d}") for number in range(1, WINES + UNLABELED + 1))


def _wine(random: Random, centers: Mapping[tuple[str, int], Sequence[float]], wine_id: str) -> Wine:
    label = LABELS[random.random() < RED_SHARE]
    center = centers[label, random.randrange(2)]
    measures = tuple(round(10 + mean + random.gauss(0, 1.3), 3) for mean in center)
    # Reds are grown more often in the hills; a category that carries a little of the answer.
    region = "hills" if label == "red" and random.random() < 0.3 else random.choice(REGIONS)
    return Wine(wine_id, label, region, measures)


def labeled(seed: int = SEED) -> tuple[Wine, ...]:
    return wines(seed)[:WINES]


def unlabeled(seed: int = SEED) -> tuple[Wine, ...]:
    """The last wines: their type is known here, and nowhere else."""
    return wines(seed)[WINES:]


def wines_csv(seed: int = SEED) -> str:
    """All wines as a file: 2,000 with a type to learn from, then 150 without."""
    hidden = {one.id for one in unlabeled(seed)}
    rows = (
        {"id": one.id, "type": None if one.id in hidden else one.type, "region": one.region}
        | dict(zip(MEASURES, one.measures, strict=True))
        for one in wines(seed)
    )
    return _csv(WINE_COLUMNS, rows)


def is_test(wine_id: str) -> bool:
    """Whether a wine is kept for the test; an id's checksum decides, whatever the number of partitions."""
    return crc32(wine_id.encode()) % 5 == 0


def test_ids() -> frozenset[str]:
    return frozenset(one.id for one in labeled() if is_test(one.id))


def true_types(seed: int = SEED) -> dict[str, str]:
    return {one.id: one.type for one in wines(seed) if one.type}


def area_under_curve(scores: Mapping[str, float], seed: int = SEED) -> float:
    """How often a red wine is scored above a white one, ties counting half: what the area under the ROC curve is."""
    true = true_types(seed)
    red = [score for key, score in scores.items() if true[key] == "red"]
    white = [score for key, score in scores.items() if true[key] == "white"]
    wins = sum((r > w) + 0.5 * (r == w) for r in red for w in white)
    return wins / (len(red) * len(white))


def accuracy(predicted: Mapping[str, str]) -> float:
    true = true_types()
    return sum(true[key] == value for key, value in predicted.items()) / len(predicted)


def _csv(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
