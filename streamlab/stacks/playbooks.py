"""Runs the playbooks and prints one line with the result of each student's stage."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from streamlab.cancel import waiting
from streamlab.errors import LabError
from streamlab.paths import ANSIBLE, ROOT
from streamlab.stacks.channel import fields
from streamlab.students.inventory import Lab
from streamlab.ui import say

#: Ansible ends at once in a locale that the machine does not have, as ssh brings one along, and in one that is not
#: UTF-8, as cron's. This one is part of the C library itself, on every system for which the lab is made.
LOCALE = "C.UTF-8"
#: Seconds that Ansible may take to end once it is interrupted, before it is sent a stronger signal.
GRACE_SECONDS = 5


@dataclass
class Summary:
    """What a playbook did: names of what it changed, and the failures by host."""

    changed: int = 0
    failures: dict[str, str] = field(default_factory=dict)


def argv(
    playbook: str,
    inventory: Path,
    *,
    limit: Sequence[str] = (),
    at_once: int = 0,
    check: bool = False,
    verbose: bool = False,
) -> list[str]:
    """The command line of one playbook.

    Args:
        at_once: hosts at a time; 0 for as many as ansible.cfg says.
        check: only find out what would be changed, and with `verbose` show the differences.
    """
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(inventory), str(ANSIBLE / playbook)]
    if at_once:
        command += ["--forks", str(at_once)]
    if limit:
        command += ["--limit", ",".join(limit)]
    if check:
        command += ["--check", "--diff"]
    return [*command, "-v"] if verbose else command


def environment(base: Mapping[str, str], *, verbose: bool = False) -> dict[str, str]:
    """The environment of one playbook: our settings, and our events unless Ansible's own output was asked for."""
    made = {
        **base,
        "ANSIBLE_CONFIG": str(ANSIBLE / "ansible.cfg"),
        "PYTHONPATH": str(ROOT),
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        "LC_ALL": LOCALE,
    }
    made.pop("LANGUAGE", None)  # the messages of a program that apt starts would still be in that language
    if not verbose:
        made["ANSIBLE_STDOUT_CALLBACK"] = "streamlab_events"
    return made


def play(
    playbook: str,
    lab: Lab,
    *,
    limit: Sequence[str] = (),
    at_once: int = 0,
    check: bool = False,
    verbose: bool = False,
) -> Summary:
    """Run a playbook over the inventory; the arguments are those of `argv`.

    Raises:
        LabError: a host failed; every other host went on. The message names each with its cause.
    """
    command = argv(playbook, lab.path, limit=limit, at_once=at_once, check=check, verbose=verbose)
    env = environment(os.environ, verbose=verbose)
    summary, rest = Summary(), []
    # A file: a pipe that nobody reads until the end would stop Ansible once it is full of warnings.
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as kept:
        out, errors_to = (None, None) if verbose else (subprocess.PIPE, kept)
        process = subprocess.Popen(command, env=env, encoding="utf-8", errors="replace", stdout=out, stderr=errors_to)
        try:
            with waiting(process.terminate):
                if process.stdout is not None:
                    rest = _listen(process.stdout, summary)
                code = process.wait()
        except KeyboardInterrupt:
            _end(process)
            raise
        kept.seek(0)
        errors = kept.read()
    if summary.failures:
        raise _failed(playbook, summary)
    if code != 0:
        evidence = [line for line in [*rest, *errors.splitlines()] if line.strip()][-6:]
        raise LabError(
            f"ansible-playbook {playbook} ended with status {code}",
            evidence=evidence,
            fix="add --verbose to see Ansible's own output",
        )
    return summary


def _end(process: subprocess.Popen[str]) -> None:
    """Wait until an interrupted playbook has ended.

    It received the same Ctrl-C, and ends its own children first. Now and then it does not, or waits for ever for
    a child that was ended while it held a lock (ansible-core 2.19); SIGTERM reaches it there.
    """
    for ask in (lambda: None, process.terminate, process.kill):
        ask()
        try:
            process.wait(timeout=GRACE_SECONDS)
            return
        except subprocess.TimeoutExpired:
            continue


def _listen(lines: Iterable[str], summary: Summary) -> list[str]:
    """Print events as they come; return the lines that were none."""
    rest = []
    for line in lines:
        try:
            event = fields(host=str, stage=str, changed=list, details=list)(json.loads(line))
        except (ValueError, TypeError, KeyError):
            rest.append(line.rstrip())
            continue
        if "failed" in event:
            summary.failures[event["host"]] = event["failed"]
        summary.changed += len(event["changed"])
        say(describe(event))
        for detail in event["details"]:
            say(f"{'':14}{'':12}{detail}")
    return rest


def describe(event: Mapping[str, Any]) -> str:
    """One event as people read it: ``student01     hdfs        changed: namenode, datanode1  (1.2 s)``."""
    if "failed" in event:
        state = "FAILED"
    elif event["changed"]:
        state = "changed: " + ", ".join(event["changed"])
    else:
        state = "proved" if event["details"] else "unchanged"
    return f"{event['host']:13} {event['stage']:11} {state}  ({event['seconds']} s)"


def _failed(playbook: str, summary: Summary) -> LabError:
    names = ", ".join(sorted(summary.failures))
    evidence = [f"{name}: {line}" for name in sorted(summary.failures) for line in summary.failures[name].splitlines()]
    return LabError(
        f"{playbook} failed for {names}",
        evidence=evidence,
        fix="fix the cause and run the same command again: it continues from there",
    )
