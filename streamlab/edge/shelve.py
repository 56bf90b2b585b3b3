"""Put a bundle on the student's HDFS unless it is there: ``python3 -m edge.shelve ZIP SHA256``.

Prints ``{"bundle", "launcher", "uploaded"}``, the two as addresses for ``spark-submit``. A file appears under its name
only when it is whole.
"""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path

from common.hdfs import Hdfs
from common.settings import load_info

SHELF = "/streamlab/bundles"


def _ensure(hdfs: Hdfs, path: str, data: bytes) -> bool:
    if hdfs.exists(path):
        return False
    hdfs.write(f"{path}.partial", data)
    hdfs.rename(f"{path}.partial", path)
    return True


def main(local: str, sha256: str) -> None:
    info = load_info()
    hdfs, short = Hdfs(info.webhdfs), sha256[:16]
    names = {"bundle": f"{SHELF}/{short}.zip", "launcher": f"{SHELF}/{short}-launch.py"}
    with zipfile.ZipFile(local) as archive:
        launcher = archive.read("common/launch.py")
    uploaded = [_ensure(hdfs, names["bundle"], Path(local).read_bytes()), _ensure(hdfs, names["launcher"], launcher)]
    print(json.dumps({key: f"{info.hdfs}{path}" for key, path in names.items()} | {"uploaded": any(uploaded)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
