"""How the rows of a view become rows of HBase, which knows keys and cells of bytes, and nothing of types."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lesson06b.places import KEYS, SEPARATOR

#: As text, times sort as times do only if all have the same length and the same time zone.
TIME = "yyyy-MM-dd'T'HH:mm:ss'Z'"


def keyed(rows: DataFrame, view: str) -> DataFrame:
    """All columns as text; those of the row key make one, called `key`, and the others are the row's cells."""
    text = {
        name: F.date_format(name, TIME) if kind == "timestamp" else F.col(name).cast("string")
        for name, kind in rows.dtypes
    }
    key = F.concat_ws(SEPARATOR, *(text.pop(name) for name in KEYS[view]))
    return rows.select(key.alias("key"), *(column.alias(name) for name, column in text.items()))
