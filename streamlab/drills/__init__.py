"""Drills: faults in one student's stack, to be found by the student, and taken back in any case."""
