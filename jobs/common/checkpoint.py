"""What a streaming query's checkpoint on HDFS says: which batches are done, what each read, how far event time was.

Needs no Spark: the files are text, and reading them is how a check sees a query from outside.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

from common.errors import Missing
from common.hdfs import Hdfs


@dataclass(frozen=True)
class Checkpoint:
    """The checkpoint folder of a query. What was looked up once is kept: make one for each look."""

    hdfs: Hdfs
    path: str

    @cached_property
    def commits(self) -> list[int]:
        """The numbers of the batches that are done, in order."""
        return self._numbers("commits")

    @cached_property
    def planned(self) -> list[int]:
        """The numbers of the batches that were begun, in order; one more than `commits` after a kill."""
        return self._numbers("offsets")

    def end_offsets(self, batch: int) -> dict[str, dict[int, int]]:
        """By topic and partition, the offset at which `batch` ended; a topic is missing while nothing came from it.

        Sources that are not Kafka are left out: a folder's line is ``{"logOffset":3}``, a rate's a number.
        """
        ends: dict[str, dict[int, int]] = {}
        for line in self._plan(batch)[2:]:
            topics = json.loads(line) if line != "-" else {}  # a source that had no data when the batch began
            for topic, parts in topics.items() if isinstance(topics, dict) else ():
                if isinstance(parts, dict):
                    ends[topic] = {int(part): end for part, end in parts.items()}
        return ends

    def records_done(self) -> int:
        """How many records the finished batches have read, over all topics, when the query began at offset 0."""
        return self._total(self._last()) if self.commits else 0

    def batch_sizes(self) -> list[int]:
        """How many records each finished batch read, in order; 0 for a batch that only moved event time on.

        Spark keeps the last hundred batches. Where earlier ones are gone, so is the size of the first that is kept.
        """
        totals = [self._total(batch) for batch in self.commits]
        begin = [0] if not self.commits or self.commits[0] == 0 else []
        return [later - earlier for earlier, later in pairwise([*begin, *totals])]

    def watermark_ms(self) -> int:
        """The watermark of the last finished batch, in milliseconds since 1970; 0 before there was one."""
        return int(json.loads(self._plan(self._last())[1]).get("batchWatermarkMs", 0))

    def _last(self) -> int:
        if not self.commits:
            raise Missing(f"no finished batch in {self.path}")
        return self.commits[-1]

    def _total(self, batch: int) -> int:
        return sum(end for parts in self.end_offsets(batch).values() for end in parts.values())

    def _plan(self, batch: int) -> list[Any]:
        return self.hdfs.read_text(f"{self.path}/offsets/{batch}").splitlines()

    def _numbers(self, folder: str) -> list[int]:
        return sorted(int(file.name) for file in self.hdfs.list(f"{self.path}/{folder}") if file.name.isdigit())
