"""Every test here has a whole real stack, and asks it by `./lab …` as a user does."""

from lab_runner import LabRunner, lab

__all__ = ["LabRunner", "lab"]
