"""How the tests of faults watch and end a command: a real process on a terminal, beside containers that are made up."""

from __future__ import annotations

import signal
import time
from types import SimpleNamespace

import pytest

from faults import control
from faults.control import CARRIER, EXIT_STATUS, LOCK, Container, Moment, begun

#: Ends as the control program does, when it is told to terminate or its terminal is gone.
PATIENT = "trap 'exit 143' TERM; trap 'exit 129' HUP; echo begun; while :; do sleep 0.02; done"
NODES = {"kafka1": Container("1", "running"), "edge": Container("2", "running")}
RESTARTING = {**NODES, "kafka1": Container("1", "exited")}


@pytest.fixture
def moments(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Container]]:
    """What the engine says, look after look; the last for ever."""
    left: list[dict[str, Container]] = [NODES]
    monkeypatch.setattr(control, "containers", lambda lab: left.pop(0) if len(left) > 1 else left[0])
    return left


def script(text: str) -> SimpleNamespace:
    """A lab whose only task is a script."""
    return SimpleNamespace(command=lambda task, *arguments: ["sh", "-c", text])


@pytest.mark.parametrize("number", EXIT_STATUS, ids=lambda number: number.name)
def test_a_signal_ends_it_with_the_status_that_a_shell_reports(
    moments: list[dict[str, Container]], number: signal.Signals
) -> None:
    with begun(script(PATIENT), "task") as command:
        while "begun" not in command.output:
            assert command.is_running()
        command.signal(number)
        assert command.end() == EXIT_STATUS[number]


def test_a_stage_after_a_stop_comes_when_all_nodes_run_again(moments: list[dict[str, Container]]) -> None:
    locked = {**NODES, LOCK: Container("3", "running")}
    moments[:] = [NODES, locked, {**RESTARTING, CARRIER: Container("4", "running")}, locked]
    seen: list[Moment] = []

    def proved(moment: Moment) -> bool:
        seen.append(moment)
        return moment.stopped and moment.all_run

    with begun(script(PATIENT), "task") as command:
        command.await_stage(proved)
    assert [(moment.has_new(LOCK), moment.has_new(CARRIER), moment.all_run) for moment in seen] == [
        (True, False, True), (False, True, False), (True, False, True)
    ]  # fmt: skip


def test_a_stage_that_the_command_ends_before_is_an_error_with_its_output(
    moments: list[dict[str, Container]],
) -> None:
    with begun(script("echo nothing to do"), "task") as command:
        time.sleep(0.1)
        with pytest.raises(AssertionError, match="ended before the stage came:\nnothing to do"):
            command.await_stage(lambda moment: False)
        assert command.end() == 0


def test_what_a_killed_command_has_left_is_not_new_and_a_container_made_anew_is() -> None:
    before = {**NODES, LOCK: Container("3", "exited")}
    assert not Moment(before, before, stopped=False).has_new(LOCK)
    now = {"kafka1": Container("5", "running"), LOCK: Container("6", "running")}
    moment = Moment(before, now, stopped=False)
    assert (moment.has_new(LOCK), moment.made_anew, moment.all_run) == (True, {"kafka1"}, False)


def test_it_stands_still_while_it_is_held(moments: list[dict[str, Container]]) -> None:
    with begun(script("while :; do echo x; sleep 0.01; done"), "task") as command:
        with command.held():
            command.is_running()
            quiet = len(command.output)
            time.sleep(0.2)
            command.is_running()
            assert len(command.output) == quiet
        time.sleep(0.2)
        assert command.is_running()
        assert len(command.output) > quiet
