"""Stacks that are not where the inventory says: found, refused, shown and removed, whatever is known of their host."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from conftest import SECOND, Engines
from fake_engine import FakeEngine
from streamlab import doctor
from streamlab.engines import engine
from streamlab.errors import LabError, WrongRequest
from streamlab.stacks import destroy, host_setup, known_hosts, location, preflight, provision, status
from streamlab.stacks.playbooks import Summary
from streamlab.students.docker_hosts import LOCAL
from streamlab.students.inventory import Lab
from streamlab.students.student import Student

THIRD = "ssh://lab@third"


def lab_of(*students: Student) -> Lab:
    return Lab(Path("class.yml"), students)


def at(student: Student, docker_host: str) -> Student:
    return replace(student, docker_host=docker_host)


def test_with_one_docker_host_in_all_no_engine_is_asked(engines: Engines, student: Student) -> None:
    known_hosts.remember([student])
    everybody = [student, replace(student, name="bob")]
    for address in (LOCAL, "unix:///run/docker.sock"):  # two names of one socket
        assert location.refusals(lab_of(*everybody), [at(one, address) for one in everybody]) == {}
    assert engines.asked == []


def test_who_is_where_the_inventory_says_costs_one_list_of_each_docker_host(
    engines: Engines, student: Student, bob: Student, monkeypatch: pytest.MonkeyPatch
) -> None:
    everybody = [student, bob, replace(student, name="carl")]
    for one in everybody:
        engines[one.docker_host].add_stack(one)
    lists: list[str] = []
    for host, fake in engines.items():
        monkeypatch.setattr(
            fake, "_answer", lambda *asked, host=host, real=fake._answer: lists.append(host) or real(*asked)
        )
    assert location.refusals(lab_of(*everybody), everybody) == {}
    assert sorted(lists) == sorted([LOCAL, SECOND])
    known_hosts.remember([at(student, THIRD)])  # a machine that was given up long ago is not waited for
    assert location.refusals(lab_of(*everybody), everybody) == {}
    assert THIRD not in engines.asked


def test_a_stack_on_another_docker_host_of_the_inventory_is_refused_with_both_addresses(
    engines: Engines, student: Student, bob: Student
) -> None:
    engines[SECOND].add_stack(at(student, SECOND))
    engines[SECOND].sizes |= dict.fromkeys(engines[SECOND].volumes, 2**20)
    (error,) = location.refusals(lab_of(student, bob), [student]).values()
    assert isinstance(error, WrongRequest)
    assert str(error) == (
        f"error: ada has no stack on {LOCAL}, which the inventory names, but has one elsewhere\n"
        f"  on {SECOND}: made 2026-11-27T10:00:00Z, 7 volumes, 7 MB\n"
        "  fix: invoke move --student ada\n"
        f"       brings it to {LOCAL} with its data;\n"
        f"       or write docker_host: {SECOND} into the inventory again;\n"
        "       or remove it with its data: invoke destroy --student ada"
    )


def test_containers_need_not_be_left(engines: Engines, student: Student, bob: Student) -> None:
    engines[SECOND].add_stack(at(student, SECOND))
    engines[SECOND].containers.clear()
    assert set(location.refusals(lab_of(student, bob), [student])) == {"ada"}


def test_a_docker_host_that_has_left_the_inventory_is_known_from_before(engines: Engines, student: Student) -> None:
    engines[SECOND].add_stack(at(student, SECOND))
    assert location.refusals(lab_of(student), [student]) == {}
    known_hosts.remember([at(student, SECOND), student])
    assert set(location.refusals(lab_of(student), [student])) == {"ada"}
    known_hosts.forget("spring", "ada", SECOND)
    assert location.refusals(lab_of(student), [student]) == {}


def test_docker_hosts_that_do_not_answer_are_a_warning(
    engines: Engines, student: Student, bob: Student, capsys: pytest.CaptureFixture
) -> None:
    engines.gone = {SECOND}
    assert location.refusals(lab_of(student, bob), [student, bob], silent=[SECOND]) == {}
    assert capsys.readouterr().err == ""  # it is named as not reached anyway
    known_hosts.remember([at(student, SECOND)])
    assert location.refusals(lab_of(student), [student]) == {}
    assert capsys.readouterr().err == (
        f"warning: {SECOND} does not answer, and may have stacks of this class: "
        f"no Docker Engine answers at {SECOND}; Connection refused\n"
        f"  if that machine is gone for good, take it out of the inventory and of {known_hosts.FILE}\n"
    )


def test_one_engine_by_two_addresses_has_one_stack(engines: Engines, student: Student) -> None:
    engines[THIRD] = engines[LOCAL]
    engines[LOCAL].add_stack(student)
    known_hosts.remember([at(student, THIRD)])
    assert location.find(lab_of(student), [student], everywhere=True).elsewhere == {}
    destroy.destroy(lab_of(student), "ada", yes=True)
    assert engines[LOCAL].volumes == {}


@pytest.mark.parametrize("proved", [False, True])
def test_an_interrupted_move_is_refused_until_it_is_ended(
    engines: Engines, student: Student, bob: Student, proved: bool
) -> None:
    engines[LOCAL].add_stack(student)
    for step in range(1 + proved):
        location.mark(engines[LOCAL].client, student, source=SECOND, ran=True, proved=step == 1)
    (error,) = location.refusals(lab_of(student, bob), [student]).values()
    assert error.what == f"ada: a move from {SECOND} to {LOCAL} was interrupted"
    assert error.fix == "invoke move --student ada"
    assert location.mark_of(student) == location.Mark(SECOND, True, proved)
    location.remove_marks(engines[LOCAL].client, student)
    assert location.refusals(lab_of(student, bob), [student]) == {}
    removed = [call for call in engines[LOCAL].calls if call.startswith("remove volume")]
    assert removed[-1:] == [f"remove volume spring-ada-mov{'ed' if proved else 'ing'}"]


def test_what_is_known_is_kept_for_this_user_only_and_what_is_not_ours_is_no_address(student: Student) -> None:
    assert known_hosts.of_class("spring") == {}
    known_hosts.remember([student, replace(student, name="bob"), at(student, SECOND), student])
    assert known_hosts.FILE.stat().st_mode & 0o777 == 0o600
    assert known_hosts.of_class("spring") == {"ada": [LOCAL, SECOND], "bob": [LOCAL]}
    known_hosts.remember([replace(student, lab_class="autumn")])
    known_hosts.forget("spring", "bob", LOCAL)
    known_hosts.forget("autumn", "ada", LOCAL)
    known_hosts.forget("autumn", "ada", LOCAL)
    assert json.loads(known_hosts.FILE.read_text()) == {"spring": {"ada": [LOCAL, SECOND]}}
    for text in ("", "[]", "{", '{"spring": 1}', '{"spring": {"ada": 1}}', '{"spring": {"ada": ["tcp://x", 1]}}'):
        known_hosts.FILE.write_text(text)
        assert known_hosts.of_class("spring").get("ada", []) == []


@pytest.fixture
def played(engines: Engines, alone: None, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Whom provision brings up."""
    names: list[str] = []
    monkeypatch.setattr(engine, "silence", lambda host: None)
    monkeypatch.setattr(preflight, "require_possible", lambda *_, **__: None)
    monkeypatch.setattr(preflight, "require_memory", lambda *_, **__: None)
    monkeypatch.setattr(host_setup, "ensure_images", lambda *_: False)
    monkeypatch.setattr(provision, "play", lambda *_, limit, **__: names.extend(limit) or Summary(changed=1))
    return names


def test_who_has_a_stack_elsewhere_is_not_provisioned_and_the_others_are(
    engines: Engines, student: Student, bob: Student, played: list[str], capsys: pytest.CaptureFixture
) -> None:
    engines[SECOND].add_stack(at(student, SECOND))
    with pytest.raises(LabError, match="1 of 2 students failed") as caught:
        provision.provision(lab_of(student, bob), [student, bob])
    assert (caught.value.exit_code, played) == (1, ["bob"])
    assert "invoke move --student ada" in capsys.readouterr().err
    assert known_hosts.of_class("spring") == {"bob": [SECOND]}
    with pytest.raises(WrongRequest, match="has one elsewhere"):
        provision.provision(lab_of(student, bob), [student])
    assert played == ["bob"]


def test_a_preview_refuses_what_provision_would_and_touches_nothing(
    engines: Engines, student: Student, bob: Student, played: list[str], capsys: pytest.CaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    engines[SECOND].add_stack(at(student, SECOND))
    asked: list[bool] = []

    def play(*_: object, limit: list[str], check: bool, **__: object) -> Summary:
        played.extend(limit)
        asked.append(check)
        return Summary(changed=2)

    monkeypatch.setattr(provision, "play", play)
    monkeypatch.setattr(provision.build, "missing", lambda client, wanted: ["base", "spark"])
    with pytest.raises(LabError, match="provision --check: 1 of 2 students failed"):
        provision.preview(lab_of(student, bob), [student, bob])
    said = capsys.readouterr()
    assert (played, asked) == (["bob"], [True])
    assert "images would be brought or built: base, spark" in said.out
    assert "bob: 2 changes would be made" in said.out
    assert "invoke move --student ada" in said.err
    assert known_hosts.of_class("spring") == {}


def test_what_fails_for_the_others_says_who_was_refused(
    engines: Engines, student: Student, bob: Student, played: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object, **__: object) -> None:
        raise LabError("provision.yml failed for bob", evidence="bob: no space")

    monkeypatch.setattr(provision, "play", failing)
    engines[SECOND].add_stack(at(student, SECOND))
    with pytest.raises(LabError) as caught:
        provision.provision(lab_of(student, bob), [student, bob])
    assert caught.value.evidence[0] == "bob: no space"
    assert caught.value.evidence[1].startswith("ada: ada has no stack")
    assert known_hosts.of_class("spring") == {"bob": [SECOND]}  # which may have been half-made there


def test_status_shows_where_the_stack_is(
    engines: Engines, student: Student, bob: Student, alone: None, capsys: pytest.CaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(engine, "silence", lambda host: None)
    engines[SECOND].add_stack(at(student, SECOND))
    status.report(lab_of(student, bob), [student, bob], as_json=False)
    assert capsys.readouterr().out == (
        f"ada: the stack is on {SECOND}, not on {LOCAL}; invoke move brings it there\n\n"
        "bob: no stack; invoke provision makes one\n"
    )
    status.report(lab_of(student, bob), [student], as_json=True)
    (found,) = json.loads(capsys.readouterr().out)["students"]
    assert (found["docker_host"], found["state"], found["elsewhere"]) == (LOCAL, "missing", [SECOND])


def test_destroy_asks_with_the_addresses_and_removes_it_there(
    engines: Engines, student: Student, alone: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("builtins.input", lambda question: asked.append(question) or "y")
    for host in (LOCAL, SECOND):
        engines[host].add_stack(at(student, host))
        known_hosts.remember([at(student, host)])
    destroy.destroy(lab_of(student), "ada", docker_host=SECOND, yes=False)
    assert (engines[SECOND].volumes, len(engines[LOCAL].volumes)) == ({}, 7)
    assert known_hosts.of_class("spring") == {"ada": [LOCAL]}
    engines[SECOND].add_stack(at(student, SECOND))
    known_hosts.remember([at(student, SECOND)])
    destroy.destroy(lab_of(student), "ada", yes=False)
    assert engines[SECOND].volumes == engines[LOCAL].volumes == engines[SECOND].containers == {}
    assert known_hosts.of_class("spring") == {}
    assert asked == [
        f"remove 7 containers, 0 networks and 7 volumes of ada on {SECOND}, with all their data? [y/N] ",
        f"remove 14 containers, 0 networks and 14 volumes of ada on {SECOND} and {LOCAL}, with all their data? [y/N] ",
    ]


def test_destroy_goes_on_without_a_docker_host_that_was_known_before(
    engines: Engines, student: Student, alone: None, capsys: pytest.CaptureFixture
) -> None:
    engines[LOCAL].add_stack(student)
    known_hosts.remember([student, at(student, SECOND)])
    engines.gone = {SECOND}
    destroy.destroy(lab_of(student), yes=True)
    assert engines[LOCAL].volumes == {}
    assert f"warning: {SECOND} does not answer" in capsys.readouterr().err
    assert known_hosts.of_class("spring") == {"ada": [SECOND]}


def test_the_mark_of_a_move_is_the_last_volume_to_go(engines: Engines, student: Student, alone: None) -> None:
    location.mark(engines[LOCAL].client, student, source=SECOND, ran=True)
    engines[LOCAL].add_stack(student)
    destroy.take_away(student)
    assert engines[LOCAL].calls[-1] == "remove volume spring-ada-moving"


def test_doctor_shows_stacks_that_are_not_or_not_only_where_the_inventory_says(
    engines: Engines, student: Student, bob: Student, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        doctor, "_engine", lambda *_, elsewhere, **__: iter([doctor.Finding(f"without {[*elsewhere]}")])
    )
    carl = replace(student, name="carl")
    for one in (at(student, SECOND), at(carl, SECOND), bob):
        engines[SECOND].add_stack(one)
    engines[LOCAL].add_stack(carl)
    known_hosts.remember([at(bob, THIRD)])
    engines[THIRD] = FakeEngine()
    engines.gone = {THIRD}
    found = [(one.what, one.fix) for one in doctor.examine(lab_of(student, bob, carl)) if "ssh" in one.what]
    assert found[:2] == [
        (f"ada: the stack is on {SECOND}, not on {LOCAL}", "invoke move --student ada"),
        (f"carl has another stack on {SECOND}, not only on {LOCAL}", "invoke move --student carl"),
    ]
    assert [what.partition(",")[0] for what, _ in found[2:]] == [f"{THIRD} does not answer"]
    engines.gone = {SECOND}
    found = [one for one in doctor.examine(lab_of(student, bob, carl)) if "does not answer" in one.what]
    assert found == []  # which the check of that engine says
    engines.gone = set()
    assert "without ['ada', 'carl']" in [one.what for one in doctor.examine(lab_of(student, bob, carl))]


def test_a_refusal_without_sizes_is_one_too(
    engines: Engines, student: Student, bob: Student, monkeypatch: pytest.MonkeyPatch, error_of: Callable
) -> None:
    engines[SECOND].add_stack(at(student, SECOND))
    monkeypatch.setattr(engines[SECOND].client, "df", lambda: {})
    (error,) = location.refusals(lab_of(student, bob), [student]).values()
    assert error.evidence == [f"on {SECOND}: made 2026-11-27T10:00:00Z, 7 volumes"]
