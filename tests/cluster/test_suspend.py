"""A stack that is suspended gives its memory back and keeps its data; resumed, it answers as before."""

from __future__ import annotations

import json

import kept
from lab_runner import LabRunner


def test_suspended_it_uses_nothing_and_resumed_it_has_everything(lab: LabRunner) -> None:
    before = kept.put(lab, "suspended")
    try:
        assert lab("suspend") == f"{lab.student}: suspended, 7 nodes stopped\n"
        (found,) = json.loads(lab("status", "--json"))["students"]
        assert (found["state"], found["healthy"]) == ("suspended", False)
        assert {(node["state"], node["memory_bytes"]) for node in found["nodes"]} == {("exited", 0)}
        assert lab("status") == f"{lab.student}: suspended; invoke resume starts it again\n"
        assert lab("suspend") == f"{lab.student}: was suspended already\n"
        assert lab.run("submit", "--job", "lesson01").code == 1
    finally:
        assert lab("resume") == f"{lab.student}: resumed and proved\n"
    assert kept.held(lab, "suspended") == before
    kept.drop(lab, "suspended")
