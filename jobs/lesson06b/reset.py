"""What the general reset does not know of: the lesson's tables in HBase."""

from __future__ import annotations

from common.lab import Lab
from lesson06b.places import BROKEN, KEYS, NAMES, in_hbase


def reset(lab: Lab) -> list[str]:
    if not lab.info.hbase:  # taken away, or never there: the rest of the lesson is reset all the same
        return []
    tables = [in_hbase(name) for name in (*KEYS, NAMES, BROKEN)]
    return [f"hbase table {table}: {'dropped' if lab.hbase.drop_table(table) else 'not there'}" for table in tables]
