"""What a program of the lab says while it runs in a node: one event a line, told apart from everything else printed.

A lesson's `prepare.py` and `check.py` run in the same process and may print what they like, and `spark-submit` takes
its place. So an event is a line with a record separator before its JSON (RFC 7464); all other lines are only text.
"""

from __future__ import annotations

import json
import runpy
import sys

from common.errors import JobError, WrongRequest

#: What stands before an event; no program prints it by chance.
MARK = "\x1e"


def emit(**event: object) -> None:
    """Print one event, at once."""
    print(f"{MARK}{json.dumps(event)}", flush=True)


def main(module: str, *argv: str) -> None:
    """Run `module` as a program. A `JobError` becomes an event, ``{"error": …}``, which the reader raises again."""
    sys.argv[1:] = argv
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except JobError as error:
        parts = {"what": error.what, "evidence": error.evidence, "fix": error.fix}
        emit(error={**parts, "wrong_request": isinstance(error, WrongRequest)})
        sys.exit(error.exit_code)
