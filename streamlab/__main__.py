"""`./lab`: invoke, with the lab's own words for a command line that cannot be right."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence

from invoke import Exit, ParseError, Program

from streamlab import __version__
from streamlab.errors import WrongRequest, unknown
from streamlab.paths import ROOT
from streamlab.tasks import READER_GONE, forget_reader, give_words_their_option


class Lab(Program):
    """The tasks of tasks.py as a program."""

    def parse_tasks(self) -> None:
        give_words_their_option(self, self.collection)
        try:
            super().parse_tasks()
        except ParseError as error:
            wrong = _wrong(error, self.collection.task_names, self.core.unparsed)
        except ValueError as error:  # for an option whose default is a number
            wrong = WrongRequest(
                f"{str(error).rpartition(': ')[2]} is not a whole number",
                evidence=f"typed: {' '.join(self.core.unparsed)}",
                fix="give a number to the option before it",
            )
        else:
            return
        raise Exit(str(wrong), code=wrong.exit_code)


def _wrong(error: ParseError, tasks: Iterable[str], typed: Sequence[str]) -> WrongRequest:
    """What invoke's parser has found, with what it knows of the place."""
    context, said = error.context, str(error)
    found = re.fullmatch(r"No idea what '(.+)' is!", said)
    words = re.sub(r"<Argument: (\w+).*?>", lambda name: _option(name[1]), said)
    if context is None or context.name is None:
        if found:
            return unknown("task", found[1], tasks, usage="invoke {}")
        return WrongRequest(words, fix="invoke --list shows the tasks")
    task, fix = context.name, f"invoke --help {context.name} explains each option"
    # Invoke takes an unknown option for the value of one that is missing, and complains of the word after it.
    options = [word.partition("=")[0] for word in typed if word.startswith("-")]
    mistyped = [option for option in options if option not in context.flags]
    if mistyped:
        return unknown(f"option of {task}", mistyped[0], context.flags, usage="{}")
    if found:
        return WrongRequest(
            f"{task} does not accept {found[1]!r}",
            evidence=f"its options: {', '.join(option for option in context.flags if option.startswith('--'))}",
            fix=fix,
        )
    missing = [_option(str(argument.name)) for argument in context.missing_positional_args]
    if missing:
        return WrongRequest(f"{task} needs {' and '.join(missing)}", fix=fix)
    return WrongRequest(words, fix=fix)


def _option(name: str) -> str:
    """As it is typed what Python calls `name`."""
    return f"--{name.strip('_').replace('_', '-')}"


def _help_first(words: list[str]) -> list[str]:
    """`TASK --help` as `--help TASK`: invoke itself takes the word for the job of a task that needs one."""
    return [words[1], words[0], *words[2:]] if words[1:2] in (["--help"], ["-h"]) else words


if __name__ == "__main__":
    try:
        words = ["--search-root", str(ROOT), *_help_first(sys.argv[1:])]  # wherever it is typed
        Lab(name="lab", binary="./lab", version=__version__).run([sys.argv[0], *words])
    except BrokenPipeError:
        forget_reader()
        sys.exit(READER_GONE)
