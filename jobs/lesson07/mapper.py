"""The map of a MapReduce: lines of order files come in, `product<tab>cents` goes out, a line for each order.

Hadoop starts it for each part of the input and writes that part to its standard input.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator


def pairs(lines: Iterable[str]) -> Iterator[str]:
    """Product and cents of each order; a file's header line is no order."""
    for line in lines:
        order_id, product, quantity, price_cents, _ = line.rstrip("\n").split(",")
        if order_id != "order_id":
            yield f"{product}\t{int(quantity) * int(price_cents)}"


if __name__ == "__main__":
    for pair in pairs(sys.stdin):
        print(pair)
