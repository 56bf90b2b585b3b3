"""How far the copying is: ``python3 -m copying.progress`` answers ``{query: its last finished batch, or -1}``."""

from __future__ import annotations

from common import request
from common.channel import emit
from common.checkpoint import Checkpoint
from common.errors import Missing
from common.hdfs import Hdfs
from common.settings import load_info
from copying import QUERIES

TIMEOUT_S = 5.0


def last_batch(checkpoint: Checkpoint) -> int:
    try:
        return max(checkpoint.commits, default=-1)
    except Missing:
        return -1


def main() -> None:
    _, settings = request.settings_from(request.parse(["copying"], prog="copying.progress"), load_info())
    hdfs = Hdfs(settings.info.webhdfs, timeout=TIMEOUT_S)
    emit(answer={query: last_batch(Checkpoint(hdfs, settings.checkpoint(query))) for query in QUERIES.values()})


if __name__ == "__main__":
    main()
