"""The part of a drill that is done inside a stack: the note for the student, HDFS that fills up, and what was answered.

``python3 -m edge.drill begin FILE NOTE`` (JSON; with "fill" HDFS is filled as well, by this file), ``state FILE`` and
``end FILE``. `state` answers ``{"note": the note or None, "answers": [{"at": seconds since 1970, "answer"}], "wrong":
[code and count of what the student has still to repair], "waiting": the hand-ins that nobody has taken yet}``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from common.channel import emit
from common.hdfs import Hdfs
from common.settings import LabInfo, load_info

from . import drill_records, outbox

#: In the student's own folder: what is kept there is for the student to see, and proves nothing.
FOLDER = Path("~/.streamlab").expanduser()
NOTE, ANSWERS = FOLDER / "drill.json", FOLDER / "drill-answers.json"
#: The size of the file that takes the room, and what stays free beside it (bytes). HDFS counts a whole block (128 MB)
#: for what is being written: the file is larger, so that there is room again once it is deleted.
FILE_BYTES, FREE_BYTES = 136 << 20, 1 << 20
PIECE = 1 << 20
#: Bytes of a note or of answers that are read.
LONGEST = 100_000


def begin(hdfs: Hdfs, info: LabInfo, file: str, note: dict[str, Any]) -> None:
    FOLDER.mkdir(mode=0o700, exist_ok=True)
    ANSWERS.unlink(missing_ok=True)
    NOTE.write_text(json.dumps(note), encoding="utf-8")
    if note["fill"]:
        hdfs.mkdirs(file.rpartition("/")[0])
        hdfs.write_pieces(file, (bytes(PIECE) for _ in range(FILE_BYTES // PIECE)), length=FILE_BYTES)
        hdfs.set_space_quota("/", hdfs.space_used("/") + FREE_BYTES * info.hdfs_replication)


def end(hdfs: Hdfs, info: LabInfo, file: str) -> None:
    """Take everything back, whether or not there is anything."""
    hdfs.delete(file)
    if info.hdfs_disk_mb is not None:
        hdfs.set_space_quota("/", info.hdfs_disk_mb * 2**20 or None)
    for kept in (NOTE, ANSWERS):
        kept.unlink(missing_ok=True)


def state(hdfs: Hdfs, info: LabInfo, file: str) -> dict[str, Any]:
    folder, note = FOLDER / outbox.FOLDER, _read(NOTE)
    waiting = [str(name) for name in outbox.names_in(folder) if not name.receipt(folder).exists()]
    wrong = _wrong(hdfs, info, file, note if isinstance(note, dict) else {})
    return {"note": note, "answers": _read(ANSWERS) or [], "wrong": wrong, "waiting": waiting}


def _wrong(hdfs: Hdfs, info: LabInfo, file: str, note: dict[str, Any]) -> list[drill_records.Wrong]:
    if note.get("fill"):
        return [("filled", 1)] if hdfs.exists(file) else []
    return drill_records.wrong_in(note["job"], info) if note.get("job") in drill_records.JOBS else []


def _read(file: Path) -> Any:
    try:
        with file.open("rb") as opened:
            return json.loads(opened.read(LONGEST))
    except (OSError, ValueError):
        return None


def main(argv: list[str], info: LabInfo) -> None:
    what, file, *rest = argv
    hdfs = Hdfs(info.webhdfs)
    if what == "begin":
        begin(hdfs, info, file, json.loads(rest[0]))
    elif what == "end":
        end(hdfs, info, file)
    emit(answer=state(hdfs, info, file) if what == "state" else True)


if __name__ == "__main__":
    main(sys.argv[1:], load_info())
