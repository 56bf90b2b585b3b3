"""What the portal takes out of outboxes, by the script that edge nodes have for it, and what is collected from it."""

from __future__ import annotations

import asyncio
import io
import json
import tarfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from docker.errors import NotFound

import handed_in
from edge import hand_ins as node
from portal import hand_ins as portal
from portal.hand_ins import HandIns
from streamlab.edge import outbox
from streamlab.errors import LabError
from streamlab.gateway import gateway, hand_ins
from streamlab.grading import collect
from streamlab.grading.store import GATEWAY, Store
from streamlab.paths import ANSIBLE
from streamlab.students.student import Gateway, Student

AT = datetime(2026, 12, 1, 20, 0, tzinfo=UTC)
SCRIPT = ANSIBLE / "roles" / "edge" / "templates" / "portal.sh.j2"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A student's home on an edge node, with an outbox, and the lab's command in its path."""
    (tmp_path / "home" / ".streamlab" / "hand-ins").mkdir(parents=True)
    return tmp_path / "home"


@pytest.fixture
def taken(home: Path, tmp_path: Path) -> HandIns:
    """The portal's, whose ssh is the script itself; bob's edge node does not answer."""
    its = f'PATH={tmp_path}/bin:$PATH HOME={home} SSH_ORIGINAL_COMMAND="$2"'
    ssh = f'[ "$1" = bob ] && exec sleep 60; {its} exec sh {SCRIPT}'
    audited: list[Any] = []
    found = HandIns(
        tmp_path / "state",
        audit=lambda event, **said: audited.append((event, said)),
        command=("sh", "-c", ssh, "ssh"),
        now=lambda: AT,
    )
    found.audited = audited
    (tmp_path / "state").mkdir()
    return found


def put(home: Path, *, number: int = 1, job: str = "my04", data: bytes | None = None) -> outbox.Name:
    zipped = handed_in.packed()
    name = outbox.Name(number, job, zipped.sha256)
    name.zip(home / ".streamlab" / "hand-ins").write_bytes(zipped.data if data is None else data)
    return name


def test_both_sides_know_the_same_names_and_limits() -> None:
    assert portal.NAME.pattern == outbox._NAME.pattern
    assert (portal.MOST_BYTES, portal.MOST, portal.CLOCK) == (outbox.MOST_BYTES, outbox.MOST, GATEWAY)
    assert f"head -c {outbox.MOST_BYTES + 1} " in SCRIPT.read_text(encoding="utf-8")


def test_what_waits_is_taken_once_and_its_author_gets_a_receipt(home: Path, taken: HandIns, tmp_path: Path) -> None:
    name = put(home)
    assert asyncio.run(taken.take("ada")) == 1
    (one,) = taken.of("ada")
    assert (one.name, one.received_at, one.number, one.job) == (str(name), AT, 1, "my04")
    kept = tmp_path / "state" / "hand-ins" / "ada" / f"{name}.zip"
    assert kept.read_bytes() == handed_in.packed().data
    assert kept.parent.stat().st_mode & 0o777 == 0o700
    receipt = name.receipt(home / ".streamlab" / "hand-ins")
    assert json.loads(receipt.read_text()) == {"received_at": AT.isoformat(), "clock": "gateway"}
    assert asyncio.run(taken.take("ada")) == 0
    receipt.unlink()  # by the student: it comes again, with the first time
    taken._now = lambda: AT.replace(hour=23)
    assert asyncio.run(taken.take("ada")) == 0
    assert json.loads(receipt.read_text())["received_at"] == AT.isoformat()
    assert HandIns(tmp_path / "state", audit=print).of("ada") == [one]


@pytest.mark.parametrize(
    "data", [b"", b"another's", b"x" * 1_200_000], ids=["empty", "not what its name says", "too large"]
)
def test_what_is_not_what_it_says_is_not_taken(home: Path, taken: HandIns, data: bytes) -> None:
    put(home, data=data)
    assert asyncio.run(taken.take("ada")) == 0
    assert taken.of("ada") == []
    assert [event for event, _ in taken.audited] == ["hand-in refused"]


def test_what_is_refused_keeps_no_later_one_back_and_ends_the_look(home: Path, taken: HandIns) -> None:
    for number in (1, 2):
        put(home, number=number, data=b"none")
    put(home, number=3)
    put(home, number=4)
    assert asyncio.run(taken.take("ada")) == 2
    assert [one.number for one in taken.of("ada")] == [4, 3]
    assert len({one.received_at for one in taken.of("ada")}) == 1
    assert [event for event, _ in taken.audited] == ["hand-in", "hand-in", "hand-in refused"]


def test_nobody_fills_the_gateway(home: Path, taken: HandIns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portal, "MOST_EACH", 10_000)
    for number in range(1, 6):
        put(home, number=number)
    assert asyncio.run(taken.take("ada")) == 2
    monkeypatch.setattr(portal, "MOST_EACH", 10**9)
    monkeypatch.setattr(portal, "FREE", 10**18)
    assert asyncio.run(taken.take("ada")) == 0


def test_names_that_are_none_are_not_asked_for(home: Path, taken: HandIns) -> None:
    folder = home / ".streamlab" / "hand-ins"
    (home / "secret.zip").write_text("x")
    for name in ("../../secret.zip", "x.zip", "0001-my04-short.zip", "a b.zip", "$(id).zip"):
        (folder / name.replace("/", "_")).write_text("x")
    (folder / f"0002-my04-{'0' * 64}.zip").symlink_to("/etc/passwd")
    assert asyncio.run(taken.take("ada")) == 0
    assert taken.of("ada") == []


def test_an_edge_node_that_does_not_answer_keeps_nobody_waiting(
    home: Path, taken: HandIns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portal, "ASK_SECONDS", 1.0)
    put(home)

    async def both() -> list[int]:
        return await asyncio.gather(taken.take("bob"), taken.take("ada"))

    assert asyncio.run(both()) == [0, 1]


def test_the_button_packs_the_folder_and_takes_it(home: Path, taken: HandIns, tmp_path: Path) -> None:
    script = tmp_path / "bin" / "lab"
    script.parent.mkdir()
    zipped = handed_in.packed()
    (tmp_path / "zip").write_bytes(zipped.data)
    script.write_text(
        f'#!/bin/sh\n[ "$*" = "hand-in --detach --job my04" ] || {{ echo "error: no job" >&2; exit 2; }}\n'
        f'cp {tmp_path}/zip "$HOME/.streamlab/hand-ins/0001-my04-{zipped.sha256}.zip"\necho done\n'
    )
    script.chmod(0o755)
    assert asyncio.run(taken.pack("ada", "my05")) == "error: no job\n"
    assert asyncio.run(taken.pack("ada", "my04")) == ""
    assert [one.job for one in taken.of("ada")] == ["my04"]


@pytest.mark.parametrize("told", [b"", b'{"received_at": "2026', b"x"])
def test_a_receipt_that_was_cut_off_is_not_kept(home: Path, taken: HandIns, told: bytes) -> None:
    name = put(home)
    asyncio.run(portal.said(taken._command, "ada", f"receipt {name}", told=told, limit=10))
    folder = home / ".streamlab" / "hand-ins"
    assert sorted(file.name for file in folder.iterdir()) == [f"{name}.zip"]


@pytest.mark.parametrize("words", ["hand-in ../../secret", "receipt ../../secret", "hand-ins x", "hand-in", "id"])
def test_the_script_does_nothing_else(home: Path, taken: HandIns, words: str) -> None:
    (home / "secret.zip").write_text("x")
    assert asyncio.run(portal.said(taken._command, "ada", words, told=b"{}", limit=100)) == b""
    assert sorted(file.name for file in home.iterdir()) == [".streamlab", "secret.zip"]


class Container:
    """The portal's, of which the engine gives a folder as tar."""

    def __init__(self, files: dict[str, bytes] | None) -> None:
        self.files = files

    def get_archive(self, path: str) -> Any:
        assert path == "/var/lib/gateway/hand-ins/ada"
        if self.files is None:
            raise NotFound("no such file")
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            for name, data in self.files.items():
                entry = tarfile.TarInfo(f"ada/{name}")
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
        return [buffer.getvalue()], {}


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    found: dict[str, Any] = {}
    monkeypatch.setattr(gateway, "parts_of", lambda client, lab_class: found)
    return found


def test_the_control_machine_gets_them_with_the_gateway_s_time(
    home: Path, taken: HandIns, parts: dict[str, Any], student: Student, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = put(home)
    asyncio.run(taken.take("ada"))
    second = put(home, number=2)  # which the gateway has not taken yet
    place = tmp_path / "state" / "hand-ins" / "ada"
    parts["portal"] = Container({file.name: file.read_bytes() for file in place.iterdir()})

    ada = replace(student, gateway=Gateway())

    class Stack(collect.StackOnEngine):
        def __init__(self) -> None:
            pass

        student, client = ada, None

        def answer(self, module: str, request: str, **options: Any) -> Any:
            said: list[Any] = []
            monkeypatch.setattr(node, "emit", lambda answer: said.append(answer))
            node.main(request)
            return options["read"](said[0])

    class Opened(SimpleNamespace):
        def __enter__(self) -> Stack:
            return Stack()

        def __exit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr(Path, "home", lambda: home)
    monkeypatch.setattr(collect, "open_stack", lambda student: Opened())
    store = Store("spring", str(tmp_path / "kept"))
    collect.collect(ada, store)
    clocks = {one.number: (one.clock, one.received_at == AT) for one in store.hand_ins("lesson04")}
    assert clocks == {1: ("gateway", True), 2: ("control machine", False)}
    folder = home / ".streamlab" / "hand-ins"
    receipts = [json.loads(name.receipt(folder).read_text())["clock"] for name in (first, second)]
    assert receipts == ["gateway", "control machine"]
    collect.collect(ada, store)
    assert len(store.hand_ins("lesson04")) == 2


def test_a_gateway_that_has_nothing_of_a_student_or_is_spoilt(
    parts: dict[str, Any], student: Student, error_of: Callable
) -> None:
    assert "the gateway of spring is missing" in error_of(hand_ins.taken, None, student)
    parts["portal"] = Container(None)
    assert hand_ins.taken(None, student) == {}
    for files in ({"a.json": b"{}"}, {"a.json": b'{"received_at": 3}', "a.zip": b""}, {"a.json": b"x", "a.zip": b""}):
        parts["portal"] = Container(files)
        with pytest.raises(LabError, match="cannot be read"):
            hand_ins.taken(None, student)
