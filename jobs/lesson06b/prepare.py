"""Make the lesson's input: history on HDFS, today's orders in Kafka, and HBase's tables. Repeatable."""

from __future__ import annotations

from collections.abc import Mapping

from common import layers
from common.lab import Lab
from common.orders import as_parquet
from lesson06b.places import BROKEN, FAMILY, HISTORY, KEYS, MEASURED, NAMES, in_hbase


def prepare(lab: Lab) -> list[str]:
    """One line for each thing: made, or already there."""
    settings = lab.settings
    files = [
        lab.ensure_file(settings.input(HISTORY, f"day={day}", "orders.parquet"), as_parquet(those))
        for day, those in layers.history().items()
    ]
    written = sum("already there" not in line for line in files)
    # So that these show the same thing each time.
    if settings.step.startswith("broken"):
        lab.hbase.drop_table(in_hbase(BROKEN))
    if settings.step == "compare":
        lab.hbase.drop_table(in_hbase(MEASURED))
        lab.cassandra.truncate(settings.table(MEASURED))
    return [
        f"folder {settings.input(HISTORY)}: {len(files)} days, {written or 'none'} written",
        *(ensured(lab, in_hbase(name)) for name in (*KEYS, NAMES, BROKEN)),
        named(lab, in_hbase(NAMES), customers()),
        lab.ensure_records(settings.topic("orders"), layers.records()),
    ]


def customers() -> dict[str, dict[str, str]]:
    """The customers whose name we know, by row key, as cells."""
    return {one.cid: {f"{FAMILY}:full_name": one.full_name, f"{FAMILY}:city": one.city} for one in layers.customers()}


def ensured(lab: Lab, table: str) -> str:
    there = lab.hbase.table_exists(table)
    if not there:
        lab.hbase.create_table(table, [FAMILY])
    return f"hbase table {table}: {'already there' if there else 'made'}"


def named(lab: Lab, table: str, rows: Mapping[str, Mapping[str, str]]) -> str:
    """Make the table of names hold these rows; others are left alone."""
    found = lab.hbase.rows(table)
    missing = {key: row for key, row in rows.items() if found.get(key) != row}
    lab.hbase.put(table, missing)
    return f"hbase table {table}: {f'{len(missing)} rows written' if missing else f'{len(rows)} rows already there'}"
