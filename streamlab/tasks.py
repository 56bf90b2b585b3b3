"""The common base of the lab's invoke tasks: errors in three parts, and an exit status for each kind of error.

A task may also be given any number of words without an option before each, as in `invoke put FILE… --to PLACE`. Invoke
has no such thing (pyinvoke/invoke#132 and #378 are open), but it lets a program look at what was typed before it does.
"""

from __future__ import annotations

import copy
import functools
import inspect
import os
import sys
from collections.abc import Callable, Container, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from invoke import Collection, Exit, Program, task
from invoke import main as plain
from invoke.parser import ParserContext

from streamlab.cancel import Cancelled, cancelled_by_signals
from streamlab.errors import LabError, engine_said
from streamlab.options import help_of
from streamlab.students.clusters import VARIABLE
from streamlab.ui import show_any_script

if TYPE_CHECKING:
    from streamlab.students.inventory import Lab

#: What a shell reports for a program that Ctrl-C ended; `Cancelled` knows it of other signals.
INTERRUPTED = 130
#: And for one whose reader went away.
READER_GONE = 141


#: Task -> the option before each word that is typed without one.
_options_of_words: dict[str, str] = {}
#: The tasks that need no engine, and so work inside a stack too.
_seat_tasks: set[str] = set()


def lab_task(
    body: Callable[..., int | None] | None = None, *, words: str = "", seat: bool = False, **options: Any
) -> Any:
    """``invoke.task`` for a body that raises `LabError` and may return an exit status.

    Args:
        words: the parameter that is a list of all words that are typed without an option.
        seat: whether it works without an engine, for one cluster that is described.
    """
    if body is None:
        return functools.partial(lab_task, words=words, seat=seat, **options)
    if seat:
        _seat_tasks.add(body.__name__)
    if words:
        _options_of_words[body.__name__] = f"--{words}"
        options["iterable"] = [words]

    @functools.wraps(body)
    def guarded(*args: Any, **kwargs: Any) -> None:
        show_any_script()
        try:
            with cancelled_by_signals():
                code = body(*args, **kwargs)
        except LabError as error:
            print(error, file=sys.stderr)
            raise Exit(code=error.exit_code) from None
        except KeyboardInterrupt as error:
            print("interrupted", file=sys.stderr)
            raise Exit(code=error.exit_code if isinstance(error, Cancelled) else INTERRUPTED) from None
        except BrokenPipeError:
            forget_reader()
            raise Exit(code=READER_GONE) from None
        except Exception as error:
            said = engine_said(error)
            if said is None:
                raise
            refused = LabError("the Docker Engine did not do what it was asked", evidence=said, fix="invoke doctor")
            print(refused, file=sys.stderr)
            raise Exit(code=refused.exit_code) from None
        if code:
            raise Exit(code=code)

    given = list(inspect.signature(body).parameters)[1:]  # after invoke's own context
    return task(guarded, help=help_of(body.__name__, given), **options)


def load(path: Path | str | None = None, cluster: str | None = None) -> Lab:
    """`inventory.load`, imported when a task calls it."""
    from streamlab.students import inventory

    return inventory.load(path, cluster)


def forget_reader() -> None:
    """The reader has what it wanted (`invoke logs … | head`); Python would complain again at its own end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def with_words(tasks: Collection) -> Collection:
    """The same tasks, or those for a student's seat. The command `invoke` is about to parse what was typed."""
    if VARIABLE in os.environ:
        tasks = of_a_seat(tasks)
    if hasattr(plain.program, "core"):
        give_words_their_option(plain.program, tasks)
    return tasks


def of_a_seat(tasks: Collection) -> Collection:
    """Those of the tasks that a student has on the edge node."""
    return Collection(*(tasks[name] for name in tasks.task_names if tasks[name].name in _seat_tasks))


def give_words_their_option(program: Program, tasks: Collection) -> None:
    """Have a program parse ``put --file a --file b`` where ``put a b`` was typed."""
    typed = program.core.unparsed
    option = _options_of_words.get(typed[0]) if typed else None
    if option:
        known = copy.copy(tasks[typed[0]])
        known.help = dict(known.help)  # which is used up
        flags = ParserContext(args=known.get_arguments()).flags
        with_value = [flag for flag in flags if flags[flag].takes_value]
        last = program.argv[program.argv.index("--") + 1 :] if "--" in program.argv else []
        typed[1:] = with_option(option, typed[1:], last, with_value)


def with_option(option: str, words: Sequence[str], last: Sequence[str], with_value: Container[str]) -> list[str]:
    """The words of a command line, with `option` before each that is neither one itself nor the value of one.

    What comes after ``--`` (the `last` words) is not an option, even if it begins with a dash.
    """
    made: list[str] = []
    for before, word in zip(["", *words], words, strict=False):
        is_option = word.startswith("-") and word != "-"
        made += [word] if is_option or before in with_value else [option, word]
    for word in last:
        made += [option, f"./{word}" if word.startswith("-") else word]
    return made
