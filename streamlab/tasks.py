"""What every invoke task of the lab has in common: errors in three parts, and an exit status that says which kind."""

from __future__ import annotations

import functools
import inspect
import os
import sys
from collections.abc import Callable
from typing import Any

from invoke import Exit, task

from streamlab.errors import LabError
from streamlab.options import help_of
from streamlab.ui import show_any_script

#: What a shell reports for a program that Ctrl-C ended.
INTERRUPTED = 130
#: And for one whose reader went away.
READER_GONE = 141


def lab_task(body: Callable[..., int | None] | None = None, **options: Any) -> Any:
    """``invoke.task`` for a body that raises `LabError` and may return an exit status."""
    if body is None:
        return functools.partial(lab_task, **options)

    @functools.wraps(body)
    def guarded(*args: Any, **kwargs: Any) -> None:
        show_any_script()
        try:
            code = body(*args, **kwargs)
        except LabError as error:
            print(error, file=sys.stderr)
            raise Exit(code=error.exit_code) from None
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            raise Exit(code=INTERRUPTED) from None
        except BrokenPipeError:
            forget_reader()
            raise Exit(code=READER_GONE) from None
        if code:
            raise Exit(code=code)

    given = list(inspect.signature(body).parameters)[1:]  # after invoke's own context
    return task(guarded, help=help_of(body.__name__, given), **options)


def forget_reader() -> None:
    """The reader has what it wanted (`invoke logs … | head`); Python would complain again at its own end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
