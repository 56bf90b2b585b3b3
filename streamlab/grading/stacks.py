"""The stacks on which hand-ins are graded: which they are, and how each is made anew."""

from __future__ import annotations

from collections.abc import Sequence

from streamlab.engines import engine
from streamlab.errors import LabError, WrongRequest
from streamlab.grading.store import Store
from streamlab.stacks import destroy
from streamlab.stacks.operation import Access, Operation, admitted
from streamlab.stacks.provision import bring_up, provision
from streamlab.students.inventory import Lab, matching
from streamlab.students.student import Student
from streamlab.ui import captured_output


class StackNotMade(LabError):
    """A stack for grading could not be removed or made: the hand-in whose turn it was has not been looked at."""


def graders_of(lab: Lab, on: str | None) -> list[Student]:
    """The grading stacks of a class, or those of them that `on` names.

    Raises:
        WrongRequest: there is none, or one that is named is a student's.
    """
    graders = {one.name: one for one in lab.graders}
    if not graders:
        raise WrongRequest(
            f"{lab.path.name} has no stack to grade on",
            evidence="a stack on which hand-ins are graded is removed and made anew for each of them",
            fix="add one to the students: grader01: {grading: true, port_base: …, subnet: …}",
        )
    names = matching(on, [one.name for one in lab.everybody]) if on else graders.keys()
    others = sorted(set(names) - set(graders))
    if others:
        raise WrongRequest(
            f"{', '.join(others)} is not a stack to grade on",
            evidence=f"without `grading: true` it is a student's, and would be removed; there are {', '.join(graders)}",
            fix=f"--on {','.join(graders)}",
        )
    return [graders[name] for name in sorted(names)]


def refuse_hand_ins_of(graders: Sequence[Student], store: Store) -> None:
    """Refuse a grading stack under whose name something was handed in: it may be a student's with work in it."""
    for one in graders:
        if store.known(one.name):
            raise WrongRequest(
                f"{one.name} has handed in itself",
                evidence=f"records in {store.folder}",
                fix=f"take `grading: true` away from {one.name}, or remove these records",
            )


def make_clean(lab: Lab, graders: Sequence[Student]) -> None:
    """Remove the grading stacks with all that is in them, and make them anew.

    Raises:
        LabError: something was left, or one could not be made.
    """
    remove(lab, graders)
    provision(lab, graders)


def make_anew(lab: Lab, grader: Student) -> None:
    """The same for one of them, whose Docker host has had what it needs since the first was made.

    Raises:
        StackNotMade: something was left, or it could not be made.
    """
    try:
        remove(lab, [grader])
        with admitted(grader, Operation("provision", Access.CHANGE)):
            bring_up(lab, [grader], at_once=1)
    except LabError as error:
        raise StackNotMade(error.what, evidence=error.evidence, fix=error.fix) from error


def remove(lab: Lab, graders: Sequence[Student]) -> None:
    """Remove the grading stacks with all that is in them.

    Raises:
        LabError: something was left.
    """
    names = ",".join(one.name for one in graders)
    with captured_output():
        destroy.destroy(lab, limit=names, yes=True)
    for one in graders:
        with engine.connect(one.docker_host) as client:
            left = destroy.belongings(client, one.lab_class).get(one.name, destroy.Belongings())
        if len(left):
            raise LabError(
                f"{one.name} could not be made clean",
                evidence=f"after it was removed there are {left}",
                fix=f"invoke destroy --student {one.name}, then the same command again",
            )
