"""Gives the portal what comes on the standard input: `invoke board` on the control machine runs this, and no one else.

It ends with 3 if another board has taken its place, with 0 at the end of its input, and with 1 if the portal is gone.
"""

from __future__ import annotations

import os
import socket
import sys
import threading

from portal.hub import REPLACED, SOCKET

REPLACED_CODE = 3


def main() -> int:
    """Copy until one of the two sides has ended."""
    ended = threading.Event()
    with socket.socket(socket.AF_UNIX) as portal:
        portal.connect(str(SOCKET))

        def copy() -> None:
            try:
                while piece := os.read(sys.stdin.fileno(), 65536):
                    portal.sendall(piece)
                ended.set()
                portal.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # the portal's side has ended, which is seen below

        threading.Thread(target=copy, daemon=True).start()
        said = portal.recv(len(REPLACED))
    if said == REPLACED:
        return REPLACED_CODE
    return 0 if ended.is_set() else 1


if __name__ == "__main__":
    sys.exit(main())
