"""Say whether what a lesson should leave behind is there: `python3 -m common.check lesson08[/step]`.

Answers with a list of assertions; exit status 0 whenever the check itself could run.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from common import request
from common.channel import emit
from common.checks import Assertion
from common.errors import WrongRequest
from common.lab import Lab
from common.settings import Settings, load_info


def assertions(settings: Settings) -> list[Assertion]:
    """The lesson's assertions; with a step in `settings`, those whose name begins with it and a colon."""
    own = request.own("check", settings.lesson, settings.exercise)
    if own is None:
        raise WrongRequest(f"{settings.lesson} has no check")
    with Lab(settings) as lab:
        found = own.check(lab)
    return [one for one in found if one.name.startswith(f"{settings.step}:")] if settings.step else found


def main(argv: Sequence[str]) -> None:
    _, settings = request.settings_from(request.parse(argv, prog="common.check"), load_info())
    emit(answer=[one.as_dict() for one in assertions(settings)])


if __name__ == "__main__":
    main(sys.argv[1:])
