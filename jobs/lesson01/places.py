"""Names of what the lesson keeps, shared by its steps, its preparation and its check."""

FILES_IN = "files"
FILES_OUT = "files"
RATE_OUT = "rate.jsonl"

#: A memory sink's name is its table's name too, which SQL takes with "_" only.
RATE = "l01_rate"
EVEN = "l01-even"
FILES = "l01-files"
CONSOLE = "l01-files-console"
SOCKET = "l01-socket"

FORMATS = ("csv", "json", "parquet", "orc")


def query_of(format_: str) -> str:
    return f"l01-formats-{format_}"
