"""Copy what a lesson left under its output folder from HDFS to a folder of this node: ``edge.fetch LESSON FOLDER``.

Answers with the paths copied, below the output folder.
"""

from __future__ import annotations

import sys
from pathlib import Path

from common.channel import emit
from common.errors import Missing
from common.hdfs import Hdfs
from common.settings import Settings, load_info


def main(lesson: str, folder: str) -> None:
    settings = Settings(info=load_info(), lesson=lesson)
    hdfs, top = Hdfs(settings.info.webhdfs), settings.output()
    copied = []
    try:
        found = list(hdfs.walk(top.rstrip("/")))
    except Missing:
        found = []
    for file in found:
        relative = file.path.removeprefix(top.rstrip("/") + "/")
        target = Path(folder) / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(hdfs.read(file.path))
        copied.append(relative)
    emit(answer=copied)


if __name__ == "__main__":
    main(*sys.argv[1:])
