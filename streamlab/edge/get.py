"""Send files to the control machine: ``edge.get PATH…`` prints a stream of `edge.transfer`.

Its input is the connection: once that ends, the engine would take everything that is still to come and throw it away.
"""

from __future__ import annotations

import os
import sys
import threading

from common.settings import load_info

from .place import find, saying_why
from .transfer import contents, gather, manifest


def leave_with_reader() -> None:
    os.read(sys.stdin.fileno(), 1)  # not its buffer, on which the end of the program would wait
    os._exit(1)


def main(*paths: str) -> None:
    info = load_info()
    items = gather(find(path, info) for path in paths)
    sys.stdout.buffer.write(manifest(items).line())
    for piece in contents(items):
        sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    threading.Thread(target=leave_with_reader, daemon=True).start()
    with saying_why():
        main(*sys.argv[1:])
