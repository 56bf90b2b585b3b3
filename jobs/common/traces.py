"""What streaming queries leave on HDFS: the batches of a checkpoint, and the files that a file sink has committed.

For checks: read from outside, without Spark.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from itertools import pairwise
from typing import Any
from urllib.parse import unquote, urlsplit

from common.errors import Missing
from common.hdfs import Hdfs

#: Spark's own list of a file sink's files; a reader takes those and no other.
SINK_LOG = "_spark_metadata"


def last_batch(hdfs: Hdfs, folder: str) -> int:
    """The highest number among the entries of a checkpoint's `offsets` or `commits`."""
    numbers = [int(entry.name) for entry in hdfs.list(folder) if entry.name.isdigit()]
    if not numbers:
        raise Missing(f"no batch in {folder}")
    return max(numbers)


def batch_ends(hdfs: Hdfs, checkpoint: str, topic: str) -> list[dict[int, int]]:
    """Per committed batch of a query on Kafka, the offset in each partition of `topic` where the batch ended.

    Spark keeps the last hundred batches; the first of the list is batch 0 only while there were no more.
    """
    numbers = sorted(int(entry.name) for entry in hdfs.list(f"{checkpoint}/commits") if entry.name.isdigit())
    noted = [hdfs.read_text(f"{checkpoint}/offsets/{number}").splitlines()[-1] for number in numbers]
    return [{int(partition): offset for partition, offset in json.loads(line)[topic].items()} for line in noted]


def batch_sizes(ends: Iterable[dict[int, int]]) -> list[int]:
    """Records of each batch, from where the batches ended: the first is taken to begin at offset 0."""
    totals = [0, *(sum(end.values()) for end in ends)]
    return [after - before for before, after in pairwise(totals)]


def committed_files(hdfs: Hdfs, folder: str) -> list[str]:
    """The paths of a file sink's committed files, in order; what a killed batch left besides is not among them."""
    log = {entry.name: entry.path for entry in hdfs.list(f"{folder}/{SINK_LOG}")}
    # Every tenth entry, such as 9.compact, repeats all before it.
    compact = max((int(name.partition(".")[0]) for name in log if name.endswith(".compact")), default=-1)
    newer = sorted(int(name) for name in log if name.isdigit() and int(name) > compact)
    read = [*([f"{compact}.compact"] if compact >= 0 else []), *map(str, newer)]
    entries = [json.loads(line) for name in read for line in hdfs.read_text(log[name]).splitlines()[1:]]
    return sorted({unquote(urlsplit(entry["path"]).path) for entry in entries if entry["action"] == "add"})


def parquet_rows(data: bytes, columns: list[str] | None = None) -> list[dict[str, Any]]:
    """The rows of one parquet file."""
    from pyarrow import parquet  # 0.3 s, and on the cluster's nodes only; other checks do without

    return parquet.read_table(io.BytesIO(data), columns=columns).to_pylist()
