"""A gateway is made once, reads its files as it runs, and is in every stack's network while there is one."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from test_reconcile import SETTINGS

from fake_engine import FakeEngine
from streamlab import doctor
from streamlab.doctor import Finding
from streamlab.engines.inside import Result
from streamlab.errors import LabError, WrongRequest
from streamlab.gateway import authority, bring_up, cards, gateway, health, secrets
from streamlab.stacks import destroy, reconcile, status
from streamlab.stacks.parallel import Outcome
from streamlab.students import topology
from streamlab.students.inventory import Lab
from streamlab.students.student import Gateway, Student

FILES = {"nginx.conf": b"events {}", "tls/server.key": b"secret"}
LABELS = {"streamlab.class": "spring"}


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    monkeypatch.setattr(health, "wait_until_it_answers", lambda *_: None)
    made = FakeEngine()
    monkeypatch.setattr(cards.engine, "connect", made.connect)
    return made


@pytest.fixture
def ada(student: Student) -> Student:
    return replace(student, gateway=Gateway(port=18443, ssh_port=12222))


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The control machine's own folder."""
    monkeypatch.setattr(secrets, "STATE", tmp_path)
    return tmp_path / "gateway" / "spring"


def ensure(engine: FakeEngine, student: Student, files: dict[str, bytes] = FILES) -> list[str]:
    assert student.gateway
    return gateway.ensure(engine.client, [student], student.gateway, files, labels=LABELS)


def stack(engine: FakeEngine, student: Student, **changes: Any) -> None:
    student = replace(student, **changes)
    labels = {"streamlab.class": "spring", "streamlab.student": student.name}
    reconcile.reconcile(
        engine.client, plan=topology.plan(student), subnet=student.subnet, labels=labels, settings=SETTINGS,
        config_files={"lab.json": "{}"}, ssh_files={},
    )  # fmt: skip


def networks(engine: FakeEngine) -> dict[str, str | None]:
    """Network -> the front's address there."""
    joined = engine.containers["spring-gateway-front"]["NetworkSettings"]["Networks"]
    return {name: (end.get("IPAMConfig") or {}).get("IPv4Address") for name, end in joined.items()}


def test_it_is_made_once(engine: FakeEngine, ada: Student) -> None:
    assert ensure(engine, ada) == ["files", "front", "portal", "bastion"]
    assert engine.running() == {f"spring-gateway-{part}" for part in ("front", "portal", "bastion")}
    assert set(engine.volumes) == {"spring-gateway-config", "spring-gateway-run", "spring-gateway-state"}
    engine.calls.clear()
    assert ensure(engine, ada) == []
    assert engine.calls == []


def test_its_parts_have_no_rights_and_share_one_network(engine: FakeEngine, ada: Student) -> None:
    ensure(engine, ada)
    parts = front, portal, bastion = [
        engine.containers[f"spring-gateway-{part}"] for part in ("front", "portal", "bastion")
    ]
    for part in parts:
        host = part["HostConfig"]
        assert (host["ReadonlyRootfs"], host["CapDrop"], part["Config"]["User"]) == (True, ["ALL"], "10002:10002")
        assert host["SecurityOpt"] == ["no-new-privileges:true"]
        assert not any(bind.startswith("/") for bind in host["Binds"])
    assert front["HostConfig"]["Sysctls"] == {"net.ipv4.ip_forward": "0"}
    assert front["HostConfig"]["PortBindings"] == {
        "8443/tcp": [{"HostIp": "127.0.0.1", "HostPort": "18443"}],
        "2222/tcp": [{"HostIp": "127.0.0.1", "HostPort": "12222"}],
    }
    assert {one["HostConfig"]["NetworkMode"] for one in (portal, bastion)} == {f"container:{front['Id']}"}
    assert "spring-gateway-config:/etc/gateway:ro" in front["HostConfig"]["Binds"]
    assert not any("gateway-state" in bind for bind in front["HostConfig"]["Binds"])


def test_changed_files_are_read_by_what_runs(engine: FakeEngine, ada: Student) -> None:
    ensure(engine, ada)
    engine.calls.clear()
    assert ensure(engine, ada, {**FILES, "nginx.conf": b"events { }"}) == ["files"]
    assert [call for call in engine.calls if call.startswith("kill")] == [
        "kill spring-gateway-front HUP", "kill spring-gateway-portal HUP", "kill spring-gateway-bastion HUP",
    ]  # fmt: skip
    assert not [call for call in engine.calls if "create spring-gateway" in call]


def test_another_port_makes_the_front_anew_and_who_shares_its_network(engine: FakeEngine, ada: Student) -> None:
    ensure(engine, ada)
    assert ensure(engine, replace(ada, gateway=Gateway(port=19443))) == ["front", "portal", "bastion"]
    front = engine.containers["spring-gateway-front"]
    assert engine.containers["spring-gateway-portal"]["HostConfig"]["NetworkMode"] == f"container:{front['Id']}"


def test_the_engine_publishes_by_the_gateway_s_own_network(ada: Student) -> None:
    """It takes the first by name, and every student's begins with a letter."""
    assert gateway.network_name("spring") < replace(ada, name="a").network


def test_it_is_in_the_network_of_a_stack_from_its_first_moment_to_its_last(engine: FakeEngine, ada: Student) -> None:
    ensure(engine, ada)
    assert networks(engine) == {"spring-0gateway": None}
    stack(engine, ada)
    assert networks(engine)["spring-ada"] == "10.89.1.30"
    moved = replace(ada, subnet="10.89.7.0/27")
    stack(engine, moved)
    assert networks(engine)["spring-ada"] == "10.89.7.30"
    gateway.detach(engine.client, "spring", "spring-ada")
    gateway.detach(engine.client, "spring", "spring-ada")
    assert networks(engine) == {"spring-0gateway": None}
    ensure(engine, moved)
    assert networks(engine)["spring-ada"] == "10.89.7.30"


def test_a_stack_without_a_gateway_is_left_by_one(engine: FakeEngine, ada: Student) -> None:
    ensure(engine, ada)
    stack(engine, ada, gateway=None)
    assert networks(engine) == {"spring-0gateway": None}


def test_it_is_nobody_s_stack(engine: FakeEngine, ada: Student) -> None:
    ensure(engine, ada)
    stack(engine, ada)
    assert set(destroy.belongings(engine.client, "spring")) == {"ada"}


def test_all_of_it_goes(engine: FakeEngine, ada: Student) -> None:
    ensure(engine, ada)
    assert gateway.remove(engine.client, "spring")
    assert (engine.containers, engine.networks, engine.volumes) == ({}, {}, {})
    assert not gateway.remove(engine.client, "spring")


def test_what_an_engine_refuses_is_said(engine: FakeEngine, ada: Student) -> None:
    engine.refuse = "spring-gateway-front"
    with pytest.raises(LabError) as caught:
        ensure(engine, ada)
    assert caught.value.what == "the Docker Engine refused a part of the gateway of spring"
    assert "port is already allocated" in caught.value.evidence[0]
    assert "gateway.port" in caught.value.fix


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the portal is asked under; it answers."""
    asked: list[str] = []
    monkeypatch.setattr(health, "_asked", lambda front, domain: asked.append(domain) or Result(0, "", ""))
    return asked


def looked(engine: FakeEngine, ada: Student, tmp_path: Path) -> health.Health:
    bring_up.ensure(engine.client, [ada], folder=tmp_path)
    return health.look(engine.client, ada)


@pytest.mark.usefixtures("kept")
def test_a_gateway_that_is_well_says_so(engine: FakeEngine, ada: Student, answering: list, tmp_path: Path) -> None:
    found = looked(engine, ada, tmp_path)
    assert found.expires is not None
    assert abs((found.expires - datetime.now(UTC)).days - authority.SERVER_DAYS) <= 2
    assert str(found) == f"gateway https://lab.localhost:18443/: answers, certificate until {found.expires:%Y-%m-%d}"
    assert (found.problem, answering) == ("", ["lab.localhost"])
    assert found.as_json()["parts"] == {"front": "running", "portal": "running", "bastion": "running"}


@pytest.mark.usefixtures("kept", "answering")
@pytest.mark.parametrize(
    ("changes", "problem", "fix"),
    [
        ({"parts": {"front": "running", "portal": "exited"}}, "portal is exited", "invoke provision"),
        (
            {"parts": {"front": "missing", "portal": "missing"}},
            "front is missing, portal is missing",
            "invoke provision",
        ),
        ({"answers": False}, "it does not answer", "invoke provision"),
        ({"expires": None}, "its certificate cannot be read", "invoke provision"),
        ({"expires": datetime.now(UTC) + timedelta(days=29)}, "its certificate expires on ", "invoke provision"),
        ({"expires": datetime.now(UTC) - timedelta(days=1)}, "its certificate expired on ", "invoke provision"),
        ({"expires": datetime.now(UTC), "tls": "files"}, "its certificate expired on ", "replace gateway.certificate"),
    ],
)
def test_what_is_wrong_with_a_gateway_is_said_with_the_fix(
    engine: FakeEngine, ada: Student, tmp_path: Path, changes: dict[str, Any], problem: str, fix: str
) -> None:
    found = replace(looked(engine, ada, tmp_path), **changes)
    assert found.problem.startswith(problem)
    assert found.fix.startswith(fix)
    assert f"NOT HEALTHY, {problem}" in str(found)
    assert found.as_json()["problem"] == found.problem


def test_a_gateway_that_is_not_there_is_missing(engine: FakeEngine, ada: Student, answering: list) -> None:
    found = health.look(engine.client, ada)
    assert (set(found.parts.values()), found.answers, found.expires, answering) == ({"missing"}, False, None, [])


@pytest.mark.usefixtures("kept", "answering")
def test_status_and_doctor_say_how_the_gateway_is(
    engine: FakeEngine, ada: Student, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    bring_up.ensure(engine.client, [ada], folder=tmp_path)
    engine.client.containers.get("spring-gateway-portal").stop()
    lab = Lab(tmp_path / "class.yml", (ada,))
    unasked = Outcome("ada", 0, answer=status.unknown(ada, LabError("it is not asked here")))
    monkeypatch.setattr(status, "_ask_all", lambda students: [(ada, unasked)])
    monkeypatch.setattr(status, "_add_elsewhere", lambda *_: None)
    status.report(lab, [ada], as_json=False)
    line = "gateway https://lab.localhost:18443/: NOT HEALTHY, portal is exited"
    assert capsys.readouterr().out.splitlines()[-1] == line
    status.report(lab, [ada], as_json=True)
    (found,) = json.loads(capsys.readouterr().out)["gateways"]
    assert (found["parts"]["portal"], found["problem"]) == ("exited", "portal is exited")
    assert list(doctor._gateway(engine.client, ada)) == [Finding(line, "invoke provision")]
    engine.client.containers.get("spring-gateway-portal").start()
    (well,) = doctor._gateway(engine.client, ada)
    assert (well.well, "answers, certificate until" in well.what) == (True, True)
    assert list(doctor._gateway(engine.client, replace(ada, gateway=None))) == []


def test_somebody_else_s_gateway_is_left_alone(engine: FakeEngine, ada: Student, kept: Path, tmp_path: Path) -> None:
    bring_up.ensure(engine.client, [replace(ada, owner="them")], folder=tmp_path)
    engine.calls.clear()
    with pytest.raises(WrongRequest, match="belongs to somebody else"):
        bring_up.ensure(engine.client, [replace(ada, owner="us")], folder=tmp_path)
    assert engine.calls == []
