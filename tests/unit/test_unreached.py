"""Docker hosts that do not answer: the students of the others are served, and who was not reached is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from conftest import SECOND
from streamlab.engines import engine
from streamlab.errors import LabError, WrongRequest
from streamlab.stacks import host_setup, provision, status
from streamlab.stacks.playbooks import Summary
from streamlab.students.docker_hosts import LOCAL
from streamlab.students.inventory import Lab
from streamlab.students.student import Student

SILENT = engine.NoEngine(
    f"no Docker Engine answers at {SECOND}", evidence="Connection refused", fix="repair the connection"
)


@pytest.fixture
def second_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine of this machine answers, and the other machine's does not."""
    monkeypatch.setattr(engine, "silence", lambda host: SILENT if host == SECOND else None)


def test_who_was_not_reached_is_named_with_why(student: Student, bob: Student) -> None:
    error = engine.not_reached({SECOND: SILENT}, [student, bob, replace(bob, name="carl")])
    assert str(error) == (
        "error: not reached: bob, carl\n"
        f"  bob, carl: no Docker Engine answers at {SECOND}: Connection refused\n"
        "  fix: repair the connection"
    )
    assert (error.exit_code, engine.not_reached({SECOND: SILENT}, [bob]).exit_code) == (1, 2)


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch, second_is_gone: None, alone: None) -> list[str]:
    """Provision without an engine: whom the playbook was limited to."""
    told: list[str] = []

    def play(playbook: str, lab: Lab, *, limit: list[str], at_once: int, verbose: bool) -> Summary:
        assert at_once == 2  # both engines are on one machine, or one is gone
        told.extend(limit)
        return Summary(changed=3)

    nothing = SimpleNamespace(list=lambda **_: [])
    client = SimpleNamespace(
        info=lambda: {"NCPU": 2}, api=SimpleNamespace(volumes=lambda filters: {"Volumes": None}),
        containers=nothing, networks=nothing, volumes=nothing,
    )  # fmt: skip
    monkeypatch.setattr(engine, "connect", lambda host, **_: _opened(client))
    monkeypatch.setattr(provision.preflight, "require_possible", lambda *_, **__: None)
    monkeypatch.setattr(host_setup, "ensure_images", lambda *_: False)
    monkeypatch.setattr(provision.volumes, "prune", lambda *_: [])
    monkeypatch.setattr(provision, "play", play)
    return told


class _opened:
    def __init__(self, client: object) -> None:
        self.client = client

    def __enter__(self) -> object:
        return self.client

    def __exit__(self, *_: object) -> None:
        pass


def test_a_docker_host_that_is_gone_leaves_the_others_students_provisioned(
    student: Student, bob: Student, played: list[str], capsys: pytest.CaptureFixture
) -> None:
    with pytest.raises(LabError, match="not reached: bob") as caught:
        provision.provision(Lab(Path("class.yml"), (student, bob)), [student, bob])
    assert caught.value.exit_code == 1
    assert played == ["ada"]
    assert capsys.readouterr().out == "ada: provisioned and proved, 3 changed\n"


def test_nothing_is_provisioned_where_no_docker_host_answers(student: Student, bob: Student, played: list) -> None:
    with pytest.raises(WrongRequest, match="not reached: bob"):
        provision.provision(Lab(Path("class.yml"), (student, bob)), [bob])
    assert played == []


def test_a_docker_host_that_goes_away_while_images_travel_leaves_the_others_students_provisioned(
    student: Student, bob: Student, played: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    def vanishing(docker_host: str, others: object, wanted: object) -> bool:
        if docker_host == carl.docker_host:
            raise LabError("images did not arrive", evidence="connection reset by peer")
        return False

    carl = replace(student, name="carl", docker_host="unix:///run/second.sock", port_base=21000, subnet="10.89.2.0/27")
    monkeypatch.setattr(host_setup, "ensure_images", vanishing)
    lab = Lab(Path("class.yml"), (student, bob, carl))
    with pytest.raises(LabError, match="not reached: carl, bob") as caught:
        provision.provision(lab, lab.students)
    assert caught.value.evidence[0] == "carl: images did not arrive: connection reset by peer"
    assert played == ["ada"]
    played.clear()
    with pytest.raises(LabError, match="images did not arrive"):
        provision.provision(lab, [carl])
    assert played == []


def test_a_gateway_that_fails_leaves_the_other_docker_hosts_students_provisioned(
    student: Student, played: list, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def failing(lab: Lab, docker_host: str, one: Student) -> None:
        if docker_host == carl.docker_host:
            raise LabError("the gateway of spring did not answer", evidence="a port is taken", fix="free it")

    carl = replace(student, name="carl", docker_host="unix:///run/second.sock", port_base=21000, subnet="10.89.2.0/27")
    monkeypatch.setattr(provision, "_ensure_gateway", failing)
    lab = Lab(Path("class.yml"), (student, carl))
    with pytest.raises(LabError) as caught:
        provision.provision(lab, lab.students)
    assert (caught.value.exit_code, played) == (1, ["ada"])
    assert caught.value.evidence == ["carl: the gateway of spring did not answer: a port is taken"]
    assert caught.value.fix == "free it"
    played.clear()
    with pytest.raises(LabError, match=r"^error: the gateway of spring did not answer\n"):
        provision.provision(lab, [carl])
    assert played == []


def test_both_kinds_of_failure_are_told(
    student: Student, bob: Student, played: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object, **__: object) -> None:
        raise LabError("provision.yml failed for ada", evidence="ada: no space")

    monkeypatch.setattr(provision, "play", failing)
    with pytest.raises(LabError) as caught:
        provision.provision(Lab(Path("class.yml"), (student, bob)), [student, bob])
    assert caught.value.evidence == ["ada: no space", f"bob: {SILENT.what}: Connection refused"]


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """No engine answers; what is played to install one."""
    done: list[str] = []
    monkeypatch.setattr(engine, "silence", lambda host: done.append(host) or SILENT)
    monkeypatch.setattr(host_setup, "play", lambda playbook, *_, **__: done.append(playbook))
    return done


def test_only_this_machine_s_own_engine_is_installed(bob: Student, installed: list[str]) -> None:
    other = replace(bob, docker_host="unix:///run/second.sock")
    assert not host_setup.ensure_engines(Lab(Path("class.yml"), ()), [bob, other])
    assert installed == []
    assert host_setup.ensure_engines(Lab(Path("class.yml"), ()), [bob, replace(bob, docker_host=LOCAL)])
    assert installed == [LOCAL, "engine.yml"]


def test_none_is_installed_beside_one_that_answers(
    student: Student, installed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///run/user/7/docker.sock")
    monkeypatch.setattr(engine, "_is_there", lambda docker_host: docker_host.endswith("/7/docker.sock"))
    with pytest.raises(engine.NoEngine):
        host_setup.ensure_engines(Lab(Path("class.yml"), ()), [student])
    assert installed == [LOCAL]


def test_status_says_what_is_not_known(
    student: Student, bob: Student, second_is_gone: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(
        status, "of_student", lambda s: status._found(s, "healthy", healthy=True, rows=[], applications=[])
    )
    found = status.look([bob, student])["students"][0]
    assert (found["healthy"], found["applications"]) == (False, None)
    assert {(node["state"], node["problem"]) for node in found["nodes"]} == {("unreachable", SILENT.what)}
    with pytest.raises(LabError, match="1 of 2 students failed"):
        status.report(Lab(Path("class.yml"), (bob, student)), [bob, student], as_json=False)
    assert f"bob: UNKNOWN, {SILENT.what}\n" in capsys.readouterr().out
