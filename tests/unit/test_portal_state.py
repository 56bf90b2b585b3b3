"""What the portal makes of a student's stack, which may say anything; and of the keys that a student enters."""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from portal import edges, keys, state
from portal.edges import Edges
from portal.keys import Keys, Owner
from streamlab.gateway import bastion
from streamlab.stacks import status
from streamlab.students.student import Student

APPLICATION = {"id": "application_1_2", "name": "ada-lesson03-read", "state": "FINISHED", "final_status": "SUCCEEDED"}
STUDENT: dict[str, Any] = {
    "name": "ada",
    "nodes": [
        {"name": "namenode", "healthy": True, "problem": None},
        {"name": "kafka1", "healthy": False, "problem": "refused"},
    ],
    "applications": [APPLICATION],
    "in_use": {"yarn_mb": [896, 4096]},
    "checks": [{"job": "lesson03", "at": 7, "right": 2, "of": 3}],
}


def said(**changes: Any) -> bytes:
    return json.dumps({"students": [STUDENT | changes]}).encode()


def test_a_stack_s_state_is_read() -> None:
    assert state.parse(said()) == state.State(
        silent={"kafka1": "refused"},
        yarn_mb=(896, 4096),
        hdfs_mb=None,
        applications=(state.Application("application_1_2", "ada-lesson03-read", "SUCCEEDED"),),
        checks={"lesson03": state.Check(at=7, right=2, of=3)},
    )
    assert not state.parse(said()).checks["lesson03"].passed


def test_the_edge_s_own_answer_has_what_is_read(student: Student) -> None:
    found = status._found(student, "healthy", healthy=True, rows=[], applications=None)
    assert state.parse(json.dumps({"students": [found]}).encode()) == state.State({}, None, None, None, {})


def test_the_last_applications_come_first() -> None:
    many = [
        APPLICATION | {"id": f"application_1_{i}", "final_status": "UNDEFINED", "state": "RUNNING"} for i in range(9)
    ]
    shown = state.parse(said(applications=many)).applications
    assert shown is not None
    assert [(one.id[-1], one.state) for one in shown] == [(i, "RUNNING") for i in "87654"]


@pytest.mark.parametrize(
    "changes",
    [
        {"applications": [APPLICATION | {"id": "application_1_2/../../x"}]},
        {"applications": [APPLICATION | {"name": 7}]},
        {"applications": "xxxxx"},
        {"in_use": {"yarn_mb": [1, -1]}},
        {"in_use": {"yarn_mb": [1, 10**30]}},
        {"in_use": {"yarn_mb": ["1", 2]}},
        {"in_use": {"yarn_mb": [1]}},
        {"in_use": None},
        {"checks": [{"job": "../x", "at": 7, "right": 2, "of": 3}]},
        {"checks": [{"job": "lesson03", "at": True, "right": 2, "of": 3}]},
        {"checks": {"lesson03": 1}},
        {"nodes": [{"name": None, "healthy": False, "problem": "x"}]},
        {"nodes": 3},
    ],
)
def test_what_is_no_state_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever is wrong, the cluster counts as one that does not answer
        state.parse(said(**changes))


@pytest.mark.parametrize("text", [b"", b"{}", b"[]", b"null", b"\xff", b'{"students": []}'])
def test_nor_is_anything_else(text: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        state.parse(text)


def test_a_text_is_cut_and_has_no_control_characters() -> None:
    hostile = "<script>\x1b[2J\u202e\n" + "x" * 1000
    (shown,) = state.parse(said(applications=[APPLICATION | {"name": hostile}])).applications or ()
    assert len(shown.name) <= state.LONGEST
    assert shown.name.isprintable()


def looked(program: str, tmp_path: Path, *, wait: float = 20) -> tuple[edges.Seen | None, bool]:
    """What is known after a look at an edge node that runs this shell program."""

    async def look() -> tuple[edges.Seen | None, bool]:
        return await edges_of(program, tmp_path).look("ada", wait=wait)

    return asyncio.run(look())


def edges_of(program: str, tmp_path: Path) -> Edges:
    return Edges(lambda student: [f"key of {student}"], command=("sh", "-c", f"cd {tmp_path}; {program}"))


def test_an_edge_node_is_given_the_keys_and_answers(tmp_path: Path) -> None:
    (tmp_path / "answer").write_bytes(said())
    seen, asking = looked('echo "$0 $1" >asked; cat >given; cat answer', tmp_path)
    assert seen is not None
    assert (seen.state, asking) == (state.parse(said()), False)
    assert (tmp_path / "asked").read_text() == "ada state\n"
    assert (tmp_path / "given").read_text() == "key of ada\n# end\n"


@pytest.mark.parametrize("program", ["exit 255", "echo {}", "exec head -c 3000000 /dev/zero", "exec <&-; echo no"])
def test_one_that_fails_or_says_something_else_does_not_answer(program: str, tmp_path: Path) -> None:
    seen, asking = looked(program, tmp_path)
    assert seen is not None
    assert (seen.state, asking) == (None, False)


def test_a_page_does_not_wait_for_a_slow_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    began = time.monotonic()
    assert looked("exec sleep 30", tmp_path, wait=0.3) == (None, True)
    assert time.monotonic() - began < 5
    monkeypatch.setattr(edges, "ASK_SECONDS", 0.3)
    seen, asking = looked("exec sleep 30", tmp_path)
    assert seen is not None
    assert (seen.state, asking) == (None, False)


def test_an_answer_is_good_for_a_while_and_asked_for_once_by_a_crowd(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "answer").write_bytes(said())

    async def crowd() -> None:
        asked = edges_of("echo x >>asked; cat >given; cat answer", tmp_path)
        await asyncio.gather(*(asked.look("ada", wait=20) for _ in range(10)))
        await asked.look("ada", wait=20)
        assert (tmp_path / "asked").read_text() == "x\n"
        assert await asked.renew("ada", wait=20)
        assert (tmp_path / "asked").read_text() == "x\nx\n"
        monkeypatch.setattr(edges, "FRESH_SECONDS", 0)
        await asked.look("ada", wait=20)
        assert (tmp_path / "asked").read_text() == "x\nx\nx\n"

    asyncio.run(crowd())


def test_a_change_that_an_edge_node_did_not_hear_of_is_not_called_known(tmp_path: Path) -> None:
    assert asyncio.run(edges_of("exit 255", tmp_path).renew("ada", wait=20)) is False


def a_key(letter: str) -> str:
    parts = (b"ssh-ed25519", letter.encode() * 32)
    return "ssh-ed25519 " + base64.b64encode(b"".join(len(one).to_bytes(4, "big") + one for one in parts)).decode()


ADA, BOB = Owner('permitopen="10.89.1.8:2222"', "c"), Owner('permitopen="10.89.2.8:2222"', "d")


@pytest.fixture
def kept(tmp_path: Path) -> Keys:
    return Keys(tmp_path, {"ada": ADA, "bob": BOB})


def test_a_key_that_was_entered_opens_the_way_to_its_owner_s_edge_node(
    kept: Keys, tmp_path: Path, student: Student
) -> None:
    bob = replace(student, name="bob", subnet="10.89.2.0/27")
    kept.add("ada", f" {a_key('a')} ada@laptop\n")
    kept.add("ada", a_key("a"))
    kept.add("ada", a_key("s"))
    kept.add("bob", a_key("s"))
    lines = (tmp_path / "authorized_keys").read_text()
    assert lines == bastion.authorized_keys([(a_key("a"), student), (a_key("s"), student), (a_key("s"), bob)])
    assert bastion.opens(bob) == BOB.opens
    assert {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {
        "authorized_keys": 0o600, "keys.json": 0o600,
    }  # fmt: skip
    assert Keys(tmp_path, {"ada": ADA, "bob": BOB}).of("ada") == [a_key("a"), a_key("s")]


def test_a_key_is_removed_by_its_fingerprint(kept: Keys, tmp_path: Path) -> None:
    (tmp_path / "key.pub").write_text(a_key("a"))
    done = subprocess.run(["ssh-keygen", "-lf", tmp_path / "key.pub"], capture_output=True, text=True, check=True)
    assert keys.fingerprint(a_key("a")) == done.stdout.split()[1]
    kept.add("ada", a_key("a"))
    kept.remove("bob", keys.fingerprint(a_key("a")))
    kept.remove("ada", "SHA256:other")
    assert kept.of("ada") == [a_key("a")]
    kept.remove("ada", keys.fingerprint(a_key("a")))
    assert (kept.of("ada"), (tmp_path / "authorized_keys").read_text()) == ([], "")


@pytest.mark.parametrize("text", ["", "x", 'command="sh" ' + a_key("a"), f"{a_key('a')}\n{a_key('b')}"])
def test_what_is_no_key_changes_nothing(kept: Keys, text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - why, is said where public keys are read
        kept.add("ada", text)
    assert kept.of("ada") == []


def test_nobody_enters_keys_without_end(kept: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "MOST", 2)
    for letter in "ab":
        kept.add("ada", a_key(letter))
    with pytest.raises(ValueError, match="more than 2"):
        kept.add("ada", a_key("c"))
    kept.add("bob", a_key("c"))


def test_a_renewed_secret_or_a_student_who_is_gone_takes_the_keys_along(kept: Keys, tmp_path: Path) -> None:
    kept.add("ada", a_key("a"))
    kept.add("bob", a_key("b"))
    kept.reload({"ada": replace(ADA, credential="new"), "bob": BOB})
    assert (kept.of("ada"), kept.of("bob")) == ([], [a_key("b")])
    kept.reload({"ada": ADA})
    assert (tmp_path / "authorized_keys").read_text() == ""
