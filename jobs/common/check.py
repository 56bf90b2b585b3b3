"""Say whether what a lesson should leave behind is there: `python3 -m common.check lesson08[/step]`.

Prints a JSON list of assertions and nothing else on stdout; exit status 0 whenever the check itself could run.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from common import request
from common.checks import Assertion
from common.errors import JobError, WrongRequest
from common.lab import Lab
from common.settings import Settings, load_info


def assertions(settings: Settings) -> list[Assertion]:
    """The lesson's assertions; with a step in `settings`, those whose name begins with it and a colon."""
    own = request.module(settings.lesson, "check")
    if own is None:
        raise WrongRequest(f"{settings.lesson} has no check")
    with Lab(settings) as lab:
        found = own.check(lab)
    return [one for one in found if one.name.startswith(f"{settings.step}:")] if settings.step else found


def main(argv: Sequence[str]) -> int:
    try:
        _, settings = request.settings_from(request.parse(argv, prog="common.check"), load_info())
        print(json.dumps([one.as_dict() for one in assertions(settings)]))
    except JobError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
