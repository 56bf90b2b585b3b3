"""Which of the named applications run now: ``python3 -m edge.running NAME …`` answers ``{name: application id}``."""

from __future__ import annotations

import sys

from common.channel import emit

from .yarn import Yarn


def main(names: list[str]) -> None:
    emit(answer={app["name"]: app["id"] for app in Yarn().unfinished() if app["name"] in names})


if __name__ == "__main__":
    main(sys.argv[1:])
