"""What a check says, in the language of the class: phrases with places for what differs each time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from common import request


class Words:
    """Translates whole phrases; what nobody has translated stays as it is."""

    def __init__(self, phrases: Mapping[str, str]) -> None:
        """`phrases` maps an English one to its translation; "{}" in both is a place, "rows of {}"."""
        self._phrases = [(re.compile(re.escape(key).replace(r"\{\}", "(.+)")), text) for key, text in phrases.items()]

    def __call__(self, phrase: str) -> str:
        for pattern, text in self._phrases:
            found = pattern.fullmatch(phrase)
            if found:
                return text.format(*found.groups())
        return phrase


def described(package: str, name: str) -> dict[str, Any]:
    """A YAML file beside a package's modules; empty where there is none."""
    return yaml.safe_load(request.resource(package, name) or "{}") or {}
