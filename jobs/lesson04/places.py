"""Names of what the lesson keeps, shared by its steps, its preparation and its check."""

from __future__ import annotations

from common.errors import unknown

#: Its name is its table's name too, and SQL takes no hyphen there.
MEMORY_QUERY = "l04_memory"
ROW_QUERY = "l04-kafka-row"
JSON_QUERY = "l04-kafka-json"
FOREACH_QUERY = "l04-foreach"

#: The file sink's formats, with the option that each needs to keep the names of its columns.
FORMATS: dict[str, dict[str, object]] = {"parquet": {}, "orc": {}, "json": {}, "csv": {"header": True}}
FOREACH = "foreach"

#: Folders below out/foreach.
DELIVERED = "delivered"
OTHER = "other"
SUMMARY = "summary"


def known_format(name: object) -> str:
    if name not in FORMATS:
        raise unknown("format", str(name), FORMATS, usage="--set format={}")
    return str(name)


def file_query(file_format: str) -> str:
    """The file sink's query: another format is another sink, so it has a name and a checkpoint of its own."""
    return f"l04-{file_format}"


def batch_folder(batch_id: int) -> str:
    """Where foreachBatch writes a batch: the same batch again replaces its own folder and no other."""
    return f"batch_id={batch_id}"
