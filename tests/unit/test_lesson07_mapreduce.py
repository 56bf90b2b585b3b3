"""Lesson 7's mapper and reducer, with a sort between them as Hadoop's shuffle does, give what the oracle says."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

from lesson07 import data
from streamlab.paths import JOBS


def ran(program: str, text: str) -> str:
    command = [sys.executable, str(JOBS / "lesson07" / program)]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout


def test_mapped_sorted_and_reduced_are_the_cents_of_each_product() -> None:
    mapped = ran("mapper.py", "".join(data.order_files().values()))
    assert len(mapped.splitlines()) == data.ORDERS
    shuffled = "".join(sorted(mapped.splitlines(keepends=True)))
    wanted: Counter[str] = Counter()
    for one in data.orders():
        wanted[one.product] += one.quantity * one.price_cents
    assert ran("reducer.py", shuffled) == "".join(f"{product}\t{cents}\n" for product, cents in sorted(wanted.items()))


def test_without_the_shuffle_a_product_comes_several_times() -> None:
    """What a student sees who forgets `sort` between the two."""
    mapped = ran("mapper.py", "".join(data.order_files().values()))
    assert len(ran("reducer.py", mapped).splitlines()) > len(data.PRODUCTS)
