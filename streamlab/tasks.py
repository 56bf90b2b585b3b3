"""What every invoke task of the lab has in common: errors in three parts, and an exit status that says which kind."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

from invoke import Exit, task

from streamlab.errors import LabError

#: What a shell reports for a program that Ctrl-C ended.
INTERRUPTED = 130


def lab_task(body: Callable[..., int | None] | None = None, **options: Any) -> Any:
    """``invoke.task`` for a body that raises `LabError` and may return an exit status."""
    if body is None:
        return functools.partial(lab_task, **options)

    @functools.wraps(body)
    def guarded(*args: Any, **kwargs: Any) -> None:
        try:
            code = body(*args, **kwargs)
        except LabError as error:
            print(error, file=sys.stderr)
            raise Exit(code=error.exit_code) from None
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            raise Exit(code=INTERRUPTED) from None
        if code:
            raise Exit(code=code)

    return task(guarded, **options)
