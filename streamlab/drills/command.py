"""`invoke drill`: its parts, of which one is asked for at a time."""

from __future__ import annotations

from streamlab.errors import WrongRequest
from streamlab.students.inventory import Lab


def run(
    lab: Lab, student: str | None, limit: str | None, *, name: str | None, answer: str | None, check: bool, end: bool
) -> None:
    """Begin a drill, have it answered, look at what was found and repaired, or end it; without any, show what there is.

    Raises:
        WrongRequest: several were asked for at once, or one that is another's to do.
    """
    asked = [
        option
        for option, given in (("--name", name), ("--answer", answer), ("--check", check), ("--end", end))
        if given
    ]
    if len(asked) > 1:
        raise WrongRequest(f"{' and '.join(asked)} are asked for at once", fix="one at a time")
    if (here := lab.students[0]).cluster is not None:
        from streamlab.drills import answer as of_student

        if name or end:
            raise WrongRequest(
                f"{asked[0]} is your instructor's", evidence="a drill is begun and ended from outside of the cluster",
                fix="invoke drill says what there is to do, invoke drill --answer NAME whether it was that",
            )  # fmt: skip
        if check:
            of_student.check(here)
        elif answer:
            of_student.give(here, answer)
        else:
            of_student.show(here)
        return
    from streamlab.drills import drill

    if answer:
        raise WrongRequest(
            "an answer is given where the student sits", fix="on the edge node: invoke drill --answer NAME"
        )
    if not asked:
        drill.show()
        return
    students = lab.explicitly_chosen(student, limit)
    if name:
        drill.begin(students, name)
    elif check:
        drill.check(students)
    else:
        drill.end(students)
