"""The reduce of a MapReduce: lines `product<tab>cents`, sorted by product, come in; a line for each product goes out.

Between the two Hadoop shuffles: it brings all lines of one product to one reducer, sorted. So a reducer never has to
keep more than one product's sum in memory.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from itertools import groupby


def sums(lines: Iterable[str]) -> Iterator[str]:
    """The total of each product; its lines come one after another."""
    fields = (line.rstrip("\n").split("\t") for line in lines)
    for product, same in groupby(fields, key=lambda pair: pair[0]):
        yield f"{product}\t{sum(int(cents) for _, cents in same)}"


if __name__ == "__main__":
    for total in sums(sys.stdin):
        print(total)
