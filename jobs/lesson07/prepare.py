"""Make the lesson's input: orders and wines on HDFS. Repeatable."""

from __future__ import annotations

from datetime import date

from common.errors import WrongRequest
from common.lab import Lab
from lesson07 import data
from lesson07.places import ORDERS, WINES_FILE


def prepare(lab: Lab) -> list[str]:
    """One line for each thing: made, or already there. Refuses what is no date here, before YARN is asked."""
    settings = lab.settings
    if "date" in settings.args:
        known_date(str(settings.args["date"]))
    lines = [lab.ensure_file(settings.input(ORDERS, name), text) for name, text in data.order_files().items()]
    lines.append(lab.ensure_file(settings.input(WINES_FILE), data.wines_csv()))
    return lines


def known_date(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise WrongRequest(f"not a date: {text!r}", fix="write it as --set date=2025-01-31") from None
