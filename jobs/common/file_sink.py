"""What a streaming file sink has committed. Needs no Spark: the sink's own log is text.

Spark writes the files of a batch first and then their names into `_spark_metadata`; only a file that is named there
counts. A batch that was killed and run again leaves files that no reader of the folder sees, but `part-*` does.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote, urlparse

from common.hdfs import Hdfs

METADATA = "_spark_metadata"
COMPACT = ".compact"


def committed_files(hdfs: Hdfs, folder: str) -> list[str]:
    """The paths of the files that the sink's log names, in the order of their batches."""
    logs = {file.name: file.path for file in hdfs.list(f"{folder}/{METADATA}")}
    batches = {int(name.removesuffix(COMPACT)): name for name in logs if name.removesuffix(COMPACT).isdigit()}
    compact = max((batch for batch, name in batches.items() if name.endswith(COMPACT)), default=-1)
    paths: dict[str, None] = {}
    for batch, name in sorted(batches.items()):
        if batch >= compact:  # a compact log repeats all that came before it
            for line in hdfs.read_text(logs[name]).splitlines()[1:]:
                paths[_path(json.loads(line)["path"])] = None
    return list(paths)


def json_rows(hdfs: Hdfs, folder: str) -> list[dict[str, Any]]:
    """The rows of a JSON file sink. A committed file that is gone is an error, as it is for Spark."""
    lines = (line for path in committed_files(hdfs, folder) for line in hdfs.read_text(path).splitlines())
    return [json.loads(line) for line in lines]


def parquet_rows(hdfs: Hdfs, paths: Iterable[str], columns: list[str] | None = None) -> list[dict[str, Any]]:
    """The rows of parquet files, such as `committed_files` names; a partition's own column is in their paths alone."""
    from pyarrow import parquet  # here, because it takes 0.3 s, and the control machine, where tests run, has none

    def read(path: str) -> list[dict[str, Any]]:
        # Without pyarrow's threads: one that still runs when Python ends aborts the process, one time in five
        # on a busy machine ("terminate called without an active exception"; read_table always has some).
        file = parquet.ParquetFile(io.BytesIO(hdfs.read(path)), pre_buffer=False)
        return file.read(columns=columns, use_threads=False).to_pylist()

    return [row for path in paths for row in read(path)]


def _path(address: str) -> str:
    """The path in an address such as hdfs://namenode:8020/user/student/part-0.json."""
    return unquote(urlparse(address).path)
