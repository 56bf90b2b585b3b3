"""Wrong answers to the gaps of lesson 9's exercise.

Those of `REFUSED` end the script: Flink refuses them, or their job fails.
"""

LATE = "'sink.delivery-guarantee' = 'exactly-once',\n  'sink.transactional-id-prefix' = 'l09-late',\n"

WRONG = {
    1: [
        # A watermark every 200 ms of the machine's clock: which one an order meets depends on the machine.
        ("  'scan.watermark.emit.strategy' = 'on-event',\n", ""),
        # Two hours: nothing would ever be late.
        ("INTERVAL '2' MINUTE", "INTERVAL '2' HOUR"),
    ],
    2: [
        # All records: duplicates are counted too.
        ("TABLE(TUMBLE(TABLE unique_orders,", "TABLE(TUMBLE(TABLE orders,"),
        # A plain GROUP BY, whose counts change.
        (
            """SELECT window_start, window_end, status, COUNT(*)
FROM TABLE(TUMBLE(TABLE unique_orders, DESCRIPTOR(order_time), INTERVAL '5' MINUTES))
GROUP BY window_start, window_end, status;""",
            """SELECT CAST(MIN(order_time) AS TIMESTAMP(3)), CAST(MAX(order_time) AS TIMESTAMP(3)), status, COUNT(*)
FROM unique_orders
GROUP BY status;""",
        ),
    ],
    3: [
        # Windows of ten minutes that do not overlap.
        (
            "HOP(TABLE orders, DESCRIPTOR(order_time), INTERVAL '5' MINUTES, INTERVAL '10' MINUTES)",
            "TUMBLE(TABLE orders, DESCRIPTOR(order_time), INTERVAL '10' MINUTES)",
        ),
        # Size and slide the other way round.
        ("INTERVAL '5' MINUTES, INTERVAL '10' MINUTES", "INTERVAL '10' MINUTES, INTERVAL '5' MINUTES"),
    ],
    4: [
        # An inner join: orders without items are not there.
        ("LEFT JOIN", "JOIN"),
        # Items that came before their order.
        (
            "BETWEEN o.order_time AND o.order_time + INTERVAL '1' MINUTE",
            "BETWEEN o.order_time - INTERVAL '1' MINUTE AND o.order_time",
        ),
    ],
    5: [
        # At least once, which is what a sink does without the options.
        (LATE + "  ", ""),
        # The connector's own timeout, an hour, which Kafka does not allow.
        (",\n  'properties.transaction.timeout.ms' = '600000'", ""),
    ],
}

#: Gap -> which of its wrong answers, from 1.
REFUSED = {2: 2, 3: 2, 5: 2}
