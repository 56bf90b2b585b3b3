"""The invented orders that lessons 3, 4, 6 and 6b read: generated from a seed, so a check knows what to expect.

Needs no Spark, since checks read it too; the same eight columns as a Spark schema stand in `order_schema`.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime, timedelta
from random import Random

SEED = 3
COUNT = 1000
CUSTOMERS = 250
#: The purchases are spread evenly over this many days, so lesson 6 can take seven as history and stream the eighth.
DAYS = 8
BASE_TIME = datetime(2025, 1, 1, tzinfo=UTC)

DELIVERED = "delivered"
#: How many of a thousand orders have each status; any other number of orders is shared out in this ratio.
STATUS_PER_1000: Mapping[str, int] = {
    DELIVERED: 900,
    "shipped": 40,
    "invoiced": 20,
    "processing": 20,
    "canceled": 15,
    "created": 5,
}
#: Which steps an order of each status has behind it; the times of all others are null.
STEPS_DONE: Mapping[str, tuple[str, ...]] = {
    DELIVERED: ("approved", "shipped", "delivered"),
    "shipped": ("approved", "shipped"),
    "invoiced": ("approved",),
    "processing": ("approved",),
    "canceled": ("approved",),
    "created": (),
}

#: Three records that are no orders: cut off, no JSON at all, and JSON whose time is none. Each as (key, value).
MALFORMED_RECORDS: tuple[tuple[str, str], ...] = (
    ("cut-off", '{"order_id": "0a1b2c3d4e5f60718293a4b5c6d7e8f9", "customer_id": "ff00'),
    ("no-json", "order_id,customer_id,status"),
    ("no-time", '{"order_id": "00112233445566778899aabbccddeeff", "status": "created", "purchased_at": "yesterday"}'),
)


@dataclass(frozen=True)
class Order:
    """One order. Times are UTC in ISO 8601 ("2025-01-01T00:00:00Z"), None for a step that has not happened."""

    order_id: str
    customer_id: str
    status: str
    purchased_at: str
    approved_at: str | None
    shipped_at: str | None
    delivered_at: str | None
    estimated_at: str


COLUMNS = tuple(field.name for field in fields(Order))


def orders(count: int = COUNT, seed: int = SEED) -> list[Order]:
    """`count` orders in the order of their purchase; the ids of another seed are other ids."""
    return _orders(count, seed, status_counts(count), Random(seed))


def own_orders(seed: int) -> list[Order]:
    """A student's own orders, for an exercise.

    The numbers of each status are the student's own, too, up to a third more or fewer than usual: whoever has counted
    one student's orders does not know another's.
    """
    random, usual = Random(seed), status_counts()
    others = {
        status: share + random.randint(-(share // 3), share // 3)
        for status, share in usual.items()
        if status != DELIVERED
    }
    return _orders(COUNT, seed, {**usual, **others, DELIVERED: COUNT - sum(others.values())}, random)


def _orders(count: int, seed: int, counts: Mapping[str, int], random: Random) -> list[Order]:
    statuses = [status for status, share in counts.items() for _ in range(share)]
    random.shuffle(statuses)
    step = timedelta(days=DAYS) / max(count, 1)
    return [_order(random, seed, number, status, BASE_TIME + number * step) for number, status in enumerate(statuses)]


def _order(random: Random, seed: int, number: int, status: str, purchased: datetime) -> Order:
    hours = {"approved": random.randint(0, 24), "shipped": random.randint(25, 72), "delivered": random.randint(73, 400)}
    done = {name: _text(purchased + timedelta(hours=hours[name])) for name in STEPS_DONE[status]}
    return Order(
        order_id=hex_id("order", seed, number),
        customer_id=customer_id(random.randrange(CUSTOMERS)),
        status=status,
        purchased_at=_text(purchased),
        approved_at=done.get("approved"),
        shipped_at=done.get("shipped"),
        delivered_at=done.get("delivered"),
        estimated_at=_text(purchased + timedelta(days=20)),
    )


def customer_id(number: int) -> str:
    """The id of customer 0 … CUSTOMERS - 1; the same for every seed, so all lessons know the same customers."""
    return hex_id("customer", number)


def hex_id(*parts: object) -> str:
    """32 hexadecimal digits that look random and are the same everywhere."""
    return hashlib.md5("/".join(map(str, parts)).encode(), usedforsecurity=False).hexdigest()


def status_counts(count: int = COUNT) -> dict[str, int]:
    """How many of `count` orders have each status: shares rounded down, what is left goes to the largest rests."""
    exact = {status: count * share / 1000 for status, share in STATUS_PER_1000.items()}
    counts = {status: int(share) for status, share in exact.items()}
    left = count - sum(counts.values())
    for status in sorted(exact, key=lambda name: counts[name] - exact[name])[:left]:
        counts[status] += 1
    return counts


def as_json(order: Order) -> str:
    """The value of an order's record: all eight columns, null where nothing has happened."""
    return json.dumps(asdict(order))


def as_records(those: Iterable[Order]) -> list[tuple[str, str]]:
    """Orders as Kafka's (key, value): the order's id is the key, so a copy of a record can be told from another one."""
    return [(order.order_id, as_json(order)) for order in those]


def as_parquet(those: Iterable[Order]) -> bytes:
    """Orders as one Parquet file: the same orders, the same bytes."""
    import pyarrow  # on the cluster's nodes; the control machine has no use for it
    from pyarrow.parquet import write_table

    kinds = {field.name: pyarrow.string() for field in fields(Order)}
    kinds |= {name: pyarrow.timestamp("us", tz="UTC") for name in kinds if name.endswith("_at")}
    rows = [{name: _time(value) if name.endswith("_at") else value for name, value in asdict(o).items()} for o in those]
    file = io.BytesIO()
    write_table(pyarrow.Table.from_pylist(rows, schema=pyarrow.schema(list(kinds.items()))), file)
    return file.getvalue()


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _text(time: datetime) -> str:
    return time.replace(microsecond=0).isoformat().replace("+00:00", "Z")
