"""What each option of each task is for, as `invoke --help TASK` tells it."""

from __future__ import annotations

from collections.abc import Iterable

#: By option; by ``task.option`` where it is not the same everywhere. Names as Python has them.
HELP = {
    "app": "what an application said, by its id",
    "at_once": "jobs that run at a time on each Docker host; else what its processors and memory carry",
    "at": "the lesson at whose start the stack is kept, or brought back to",
    "at_work": "students of each Docker host who run applications at the same time; else as the inventory says",
    "bench.only": "the name of one figure, of benchmarks/README.md",
    "bench.runs": "how often each figure is measured; else as often as it says itself",
    "bundle.to": "the file to write",
    "columns": "which column says what: 'name=Last name+First name,login=Email address'; else told by the headings",
    "command": "run this there, instead of opening a terminal",
    "continuous": "go on until `invoke stop`, as a stream does",
    "csv": "write the table to this file; - is the standard output",
    "detach": "give the prompt back once YARN has taken the job",
    "driver_memory": "MB of the driver's heap, in place of the preset's",
    "encoding": "how the file is written, such as cp1251; else found out",
    "executor_memory": "MB of an executor's heap, in place of the preset's",
    "executors": "how many executors, in place of the preset's",
    "export.to": "the folder to write to",
    "fetch_output.to": "the folder to make; else one of the student and the job, below .streamlab/output",
    "file": "a file or folder of this machine; may be given again, and without --file",
    "force": "stop even if applications are running (they are lost)",
    "get.force": "write over files that have the same names",
    "get.to": "the folder to copy to, or a new name; else the folder you are in",
    "import_.from_": "the folder that export wrote",
    "inventory": "the inventory's file; else inventory/local.yml",
    "job": "a lesson (lesson08), a step of one (lesson08/train) or a folder with a job.yml",
    "json": "as JSON, with everything that is known",
    "like": "the lesson to begin from",
    "limit": "students by name, with wildcards and commas: 'ada,b*'",
    "lines": "how many lines of a node's log, from its end",
    "name": "the snapshot's name",
    "new.job": "the job's name: lower-case letters and digits",
    "new.to": "the folder in which the job's own is made",
    "node": "which node, as `invoke status` lists them",
    "notebook.stop": "end it instead",
    "overcommit": "go on though the stacks may use more memory than their Docker host has",
    "path": "a file or folder of the edge node, below its home unless it begins with /; on HDFS as hdfs:data (below "
    "/user/student) or hdfs:///data; may be given again, and without --path",
    "ports_from": "the first port of the first student; each takes a hundred; else as the file was made, else 24000",
    "preset": "the preset to run with, in place of the step's own",
    "prove.seconds": "how long a service may take to answer",
    "put.force": "write over files that have the same names",
    "put.to": "a folder there, or a new name in one: of the edge node, below its home unless it begins with /; on HDFS "
    "as hdfs:data (below /user/student) or hdfs:///data; else the edge node's home",
    "remove": "the snapshot to delete",
    "roster.from_": "the class list: CSV of one's own or as an LMS or Excel writes it, one student a line",
    "roster.name": "the class's name",
    "roster.to": "the inventory's file to write; who is in it already keeps name, ports and addresses",
    "service": "hdfs, yarn, kafka, cassandra or spark",
    "set": "KEY=VALUE, an argument of the job's own; may be given again",
    "student": "one student by name; all is everybody, where a task can do that",
    "subnets": "the network of which each student gets a part; else as the file was made, else 10.90.0.0/16",
    "take_over": "act on stacks that another user or checkout has made, too",
    "test.only": "one kind: static, unit, jobs, cluster, lessons, course, seat, faults or larger",
    "verbose": "show Ansible's own output",
    "yes": "do not ask for confirmation",
}


def help_of(task: str, options: Iterable[str]) -> dict[str, str]:
    """Option -> its line, for the options of one task.

    Raises:
        KeyError: one has none.
    """
    return {option: HELP.get(f"{task}.{option}") or HELP[option] for option in options}
