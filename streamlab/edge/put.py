"""Receive files from the control machine: ``edge.put PLACE [--force]`` reads a stream of `edge.transfer`.

Prints a line of JSON when everything may come, and one with what has come.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

from common.settings import load_info

from .arrival import arrival
from .place import find, saying_why
from .transfer import read_manifest


def main(place: str, *options: str) -> None:
    coming = read_manifest(sys.stdin.buffer)
    fs, path = find(place, load_info())
    made = arrival(fs, path, coming, is_folder=place.endswith("/"), force="--force" in options)
    print(json.dumps({"ready": True}), flush=True)
    print(json.dumps({"received": [asdict(one) for one in made.receive(sys.stdin.buffer)]}))


if __name__ == "__main__":
    with saying_why():
        main(*sys.argv[1:])
