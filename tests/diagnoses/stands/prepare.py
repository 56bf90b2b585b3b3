"""Two hundred orders in each topic, one a second by their own time."""

from __future__ import annotations

import json
from collections.abc import Iterator

from common.lab import Lab

COUNT = 200


def prepare(lab: Lab) -> Iterator[str]:
    for topic in ("stands-orders", "stands-returns"):
        records = [
            (str(n), json.dumps({"id": n, "at": f"2026-01-01T00:{n // 60:02}:{n % 60:02}Z"})) for n in range(COUNT)
        ]
        yield f"topic {topic}: {lab.kafka.produce_missing(topic, records)} records sent"
