"""One stack for all that a run of tests asks of one, whichever folders it collects."""

import signal

from lab_runner import lab

__all__ = ["lab"]

# Ignored by what nohup has started, and so by all that the tests would start.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
