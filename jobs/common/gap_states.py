"""What has become of a gap of an exercise, as it is noted on HDFS, and in words."""

RUNS, DONE, OPEN, FAILED, WAITS = "runs", "done", "open", "failed", "waits"
WORDS = {
    RUNS: "the run was ended while it was at work",
    DONE: "it ran",
    OPEN: "it is open",
    WAITS: "it waits for an earlier gap",
}
#: Nothing is wrong yet in a gap of these.
PENDING = (OPEN, WAITS, RUNS)
