"""One stack for all that a run of tests asks of one, whichever folders it collects."""

from lab_runner import lab

__all__ = ["lab"]
