"""Make the lesson's input: history on HDFS, today's orders in Kafka, customers in Cassandra. Repeatable."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import datetime

from common.lab import Lab
from common.orders import Order
from lesson06 import data
from lesson06.places import HISTORY


def prepare(lab: Lab) -> list[str]:
    """One line for each thing: made, or already there."""
    settings = lab.settings
    files = [
        lab.ensure_file(settings.input(HISTORY, f"day={day}", "orders.parquet"), parquet(those))
        for day, those in data.history().items()
    ]
    written = sum("already there" not in line for line in files)
    known = [(one.cid, one.full_name, one.city) for one in data.customers()]
    return [
        f"folder {settings.input(HISTORY)}: {len(files)} days, {written or 'none'} written",
        lab.ensure_rows(settings.table("customer_names"), data.NAME_COLUMNS, known),
        lab.ensure_records(settings.topic("orders"), data.records()),
    ]


def parquet(those: Sequence[Order]) -> bytes:
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
