"""Names of what the lesson keeps, shared by its steps, its preparation and its check."""

ORDERS_QUERY = "l03-orders"
FILES_QUERY = "l03-files"
OFFSETS_QUERY = "l03-from-offsets"

#: Folders below in/ and out/.
ORDERS = "orders"
CATEGORIES = "categories"
FROM_OFFSETS = "from_offsets"
SECOND_DELIVERY = "second_delivery.txt"

#: What the column `kind` says of a record; in parquet it becomes the folders kind=order and kind=malformed.
KIND = "kind"
ORDER_KIND = "order"
MALFORMED_KIND = "malformed"

#: As in job.yml (a test compares them); a start at given offsets has to name every partition.
PARTITIONS = 3
