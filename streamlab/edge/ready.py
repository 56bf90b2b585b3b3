"""Make what a step needs, then put its bundle on the student's HDFS unless it is there.

``python3 -m edge.ready ZIP SHA256 STEP [--set KEY=VALUE]…``, in one process, since each start costs as much as all it
does. Prints JSON, one event a line: ``{"made"}`` for each thing as it is made, and last
``{"bundle", "launcher", "uploaded"}``, the two as addresses for ``spark-submit``. A file appears under its name only
when it is whole.
"""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path

from common import prepare
from common.command import at_once, print_lines
from common.hdfs import Hdfs
from common.settings import load_info

SHELF = "/streamlab/bundles"


def _ensure(hdfs: Hdfs, path: str, data: bytes) -> bool:
    if hdfs.exists(path):
        return False
    hdfs.write(f"{path}.partial", data)
    hdfs.rename(f"{path}.partial", path)
    return True


def shelve(local: str, sha256: str) -> None:
    info = load_info()
    hdfs, short = Hdfs(info.webhdfs), sha256[:16]
    names = {"bundle": f"{SHELF}/{short}.zip", "launcher": f"{SHELF}/{short}-launch.py"}
    with zipfile.ZipFile(local) as archive:
        launcher = archive.read("common/launch.py")
    uploaded = [_ensure(hdfs, names["bundle"], Path(local).read_bytes()), _ensure(hdfs, names["launcher"], launcher)]
    at_once(json.dumps({key: f"{info.hdfs}{path}" for key, path in names.items()} | {"uploaded": any(uploaded)}))


def main(local: str, sha256: str, *step: str) -> int:
    """Returns the exit status: 0, or that of what could not be made."""
    code = print_lines(step, prepare.lines, prog="common.prepare", say=lambda line: at_once(json.dumps({"made": line})))
    if code == 0:
        shelve(local, sha256)
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
