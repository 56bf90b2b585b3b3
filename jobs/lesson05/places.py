"""Names of what the lesson keeps, shared by its steps, its preparation and its check."""

CUSTOMERS_FILE = "customers.csv"

DEDUP = "l05-dedup"
TUMBLING = "l05-tumbling"
UPDATE = "l05-update"
COMPLETE = "l05-complete"
SLIDING = "l05-sliding"
STATIC = "l05-static"
INNER = "l05-inner"
LEFT = "l05-left"

#: The queries that append to a file sink of their own.
FILES = (DEDUP, TUMBLING, SLIDING, STATIC, INNER, LEFT)
