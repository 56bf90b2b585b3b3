"""The records and files that lesson 3 reads, and what should come of them (the oracle)."""

from __future__ import annotations

import csv
import io
import json
import math
from collections import Counter
from collections.abc import Mapping
from functools import cache
from random import Random

from common.orders import COUNT, MALFORMED_RECORDS, SEED, Order, as_records, orders
from lesson03.places import MALFORMED_KIND, ORDER_KIND

SECOND_DELIVERY = 20
FILES = 4
ROWS_PER_FILE = 250
CATEGORY_COLUMNS = ("category", "description")
#: Category and description are made of letters, each 4 to 12 of them, so about one row in nine has two equal lengths.
LENGTHS = (4, 12)


@cache
def first_orders() -> tuple[Order, ...]:
    """As many orders as make a thousand records together with the malformed ones."""
    return tuple(orders()[: COUNT - len(MALFORMED_RECORDS)])


@cache
def messages() -> tuple[tuple[str, str], ...]:
    """The topic's thousand records as (key, value): orders, and between them three that are none."""
    records = [*as_records(first_orders()), *MALFORMED_RECORDS]
    Random(SEED).shuffle(records)
    return tuple(records)


@cache
def second_delivery() -> tuple[tuple[str, str], ...]:
    """Twenty more orders that a student sends once the first thousand are read."""
    return tuple(as_records(orders(SECOND_DELIVERY, seed=SEED + 1)))


def second_delivery_text() -> str:
    """As the console producer reads them: key, tab, value."""
    return "".join(f"{key}\t{value}\n" for key, value in second_delivery())


def kinds(*, second: bool) -> dict[str, int]:
    """Records of each kind; `second` when the second delivery has been sent."""
    more = SECOND_DELIVERY if second else 0
    return {MALFORMED_KIND: len(MALFORMED_RECORDS), ORDER_KIND: len(first_orders()) + more}


def statuses(*, second: bool) -> dict[str, int]:
    """Orders by status, of those that can be read."""
    more = orders(SECOND_DELIVERY, seed=SEED + 1) if second else []
    return dict(sorted(Counter(order.status for order in [*first_orders(), *more]).items()))


def batch_plan(sizes: Mapping[int, int], limit: int) -> list[int]:
    """The batches into which Spark's Kafka source divides `sizes` (records by partition) with maxOffsetsPerTrigger.

    Each batch gives every partition its share of the limit, in proportion to what the partition still holds. A share
    is rounded down (below one, up), which is why a batch rarely has as many records as the limit says.
    """
    left = {partition: size for partition, size in sizes.items() if size > 0}
    plan = []
    while left:
        total = sum(left.values())
        shares = {partition: limit * size / total for partition, size in left.items()}
        taken = {
            partition: min(left[partition], math.ceil(share) if share < 1 else math.floor(share))
            for partition, share in shares.items()
        }
        plan.append(sum(taken.values()))
        left = {partition: size - taken[partition] for partition, size in left.items() if size > taken[partition]}
    return plan


def exercise_records(seed: int) -> list[tuple[str, str]]:
    """A student's own thousand records for the exercise: orders, and between them four that are none."""
    none = [*MALFORMED_RECORDS, ("empty", "{}")]
    records = [*as_records(orders(seed=seed)[: COUNT - len(none)]), *none]
    Random(seed).shuffle(records)
    return records


def exercise_returns(seed: int) -> list[tuple[str, str]]:
    """Some of the student's own orders that came back, as (key, value) of the exercise's other topic."""
    random = Random(seed)
    some = random.sample(orders(seed=seed), random.randint(30, 60))
    return [(one.order_id, json.dumps({"order_id": one.order_id, "reason": "damaged"})) for one in some]


@cache
def categories() -> tuple[tuple[tuple[str, str], ...], ...]:
    """The rows of each file."""
    random = Random(SEED)

    def word() -> str:
        return "".join(random.choices("abcdefghijklmnopqrstuvwxyz", k=random.randint(*LENGTHS)))

    return tuple(tuple((word(), word()) for _ in range(ROWS_PER_FILE)) for _ in range(FILES))


def category_files() -> dict[str, str]:
    """Each file's name and text, with a header line."""
    return {f"categories-{number}.csv": _csv(rows) for number, rows in enumerate(categories(), start=1)}


def _csv(rows: tuple[tuple[str, str], ...]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CATEGORY_COLUMNS)
    writer.writerows(rows)
    return text.getvalue()


def equally_long() -> set[str]:
    """The categories that are as long as their descriptions: what the files' query keeps."""
    return {category for rows in categories() for category, description in rows if len(category) == len(description)}
