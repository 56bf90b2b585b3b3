"""Which of the named applications run now: ``python3 -m edge.running NAME …`` prints ``{name: application id}``."""

from __future__ import annotations

import json
import sys

from edge.yarn import Yarn


def main(names: list[str]) -> None:
    print(json.dumps({app["name"]: app["id"] for app in Yarn().unfinished() if app["name"] in names}))


if __name__ == "__main__":
    main(sys.argv[1:])
