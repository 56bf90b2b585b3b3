"""The lab's control program: decides what each student's cluster should be, and makes it so."""

__version__ = "1.0.0"
