"""The help line of each option of each task, as `invoke --help TASK` prints it."""

from __future__ import annotations

from collections.abc import Iterable

#: By option, or by ``task.option`` if its meaning differs between tasks. Names are Python's.
HELP = {
    "again": "grade also what has been graded",
    "app": "print the log of the application with this id",
    "at_once": "how many jobs run at a time on each Docker host (default: as many as its CPUs and memory allow)",
    "at": "the lesson at whose start the snapshot is taken, or to whose start the stack is restored",
    "at_work": "how many students of each Docker host run applications at the same time (default: from the inventory)",
    "bench.only": "the name of one figure or comparison in benchmarks/README.md",
    "bench.runs": "how often each figure is measured (default: the figure's own number)",
    "bundle.to": "the file to write",
    "cluster": "the description of a cluster that is worked with instead of a student's stack",
    "cards.to": "the file to write: cards.html to print and cut, cards.csv for a spreadsheet",
    "collect.to": "the folder to keep them in (default: below .streamlab/hand-ins)",
    "columns": "what each column holds: 'name=Last name+First name,login=Email address' (default: from the headings)",
    "command": "run this command instead of opening a terminal",
    "continuous": "run as a stream until `invoke stop`",
    "csv": "write the table to this file; - is the standard output",
    "deadlines": "the file with the class's deadlines (default: grading.yml beside the inventory, if it is there)",
    "detach": "return as soon as YARN has accepted the job",
    "docker_host": "remove only what is on this Docker host, named by its address (default: on all that are known)",
    "disk": "also measure the disk of each stack, which takes longer the more files there are",
    "driver_memory": "the driver's heap in MB (default: the preset's)",
    "encoding": "the file's encoding, such as cp1251 (default: detected)",
    "executor_memory": "an executor's heap in MB (default: the preset's)",
    "executors": "the number of executors (default: the preset's)",
    "exercise.name": "the name of your folder (default: my and the lesson's number, such as my04)",
    "exercise.to": "the folder in which to create yours",
    "language": "en or ru (default: en; on an edge node, the class's)",
    "answer": "the node, file, record, field or customer that you take for the cause",
    "drill.check": "say who has found and repaired it; on an edge node, whether what you can repair is repaired",
    "drill.end": "take back whatever a drill has done, and prove every service",
    "drill.name": "the drill to begin; without it, and without anything else, all are listed",
    "export.to": "the folder to write to",
    "fetch_output.to": "the folder to create (default: one for student and job, below .streamlab/output)",
    "file": "a file or folder on this machine; may be repeated, and --file may be left out",
    "format": "plain, moodle, canvas or json",
    "force": "stop even if applications are running (they are lost)",
    "from_": "the folder that they were collected to (default: below .streamlab/hand-ins)",
    "get.force": "overwrite files that have the same names",
    "get.to": "the folder to copy to, or a new name (default: the current folder)",
    "grade.job": "the lesson whose exercise was handed in, such as lesson04",
    "gradebook.job": "the lesson whose exercise was handed in, such as lesson04",
    "gradebook.to": "the file to write",
    "hand_in.detach": "do not wait until it was received",
    "hand_in.job": "the folder of your exercise, such as my04",
    "import_.from_": "the folder that export wrote",
    "inventory": "the inventory file (default: inventory/local.yml)",
    "job": "a lesson (lesson08), one of its steps (lesson08/train) or a folder with a job.yml",
    "json": "print JSON, with all details",
    "like": "the lesson to copy from",
    "limit": "students by name, with wildcards and commas: 'ada,b*'",
    "lines": "how many lines of a node's log to print, from its end",
    "name": "the snapshot's name",
    "new.job": "the job's name: lower-case letters and digits",
    "new.to": "the folder in which to create the job's folder",
    "node": "the node, as listed by `invoke status`",
    "notebook.stop": "stop it instead",
    "on": "the stacks to grade on, with wildcards and commas (default: all that have `grading: true`)",
    "over_disk": "only stacks that use more disk than the inventory's disk_mb",
    "overcommit": "continue even if the stacks may use more memory than their Docker host has",
    "path": "a file or folder on the edge node, relative to its home unless it begins with /; on HDFS as hdfs:data "
    "(below /user/student) or hdfs:///data; may be repeated, and --path may be left out",
    "ports_from": "the first port of the first student; each gets a hundred (default: the existing file's, or 24000)",
    "port": "the port of this machine's loopback at which a class without a gateway is shown; 0 for any that is free",
    "preset": "the preset to run with (default: the step's own)",
    "prove.seconds": "how long a service may take to answer",
    "provision.check": "only say what would be changed; with --verbose, Ansible's own differences",
    "put.force": "overwrite files that have the same names",
    "put.to": "the folder to copy to, or a new name: on the edge node, relative to its home unless it begins with /; "
    "on HDFS as hdfs:data (below /user/student) or hdfs:///data (default: the edge node's home)",
    "remove": "the snapshot to delete",
    "renew": "the student (or instructor) who gets a new secret; the old one opens nothing any more",
    "roster.from_": "the class list, one student per line: your own CSV, or an export from an LMS or Excel",
    "roster.name": "the class's name",
    "roster.to": "the inventory file to write; students already in it keep their name, ports and addresses",
    "service": "hdfs, yarn, kafka, cassandra, spark, or one that `services` in the inventory adds",
    "set": "KEY=VALUE, an argument of the job itself; may be repeated",
    "student": "one student by name; `all` for everybody, if the task supports it",
    "subnets": "the network that is divided among the students (default: the existing file's, or 10.90.0.0/16)",
    "take_over": "also act on stacks that another user or checkout created",
    "test.only": "one kind: static, unit, jobs, cluster, lessons, exercises, course, seat, faults, larger, "
    "services, diagnoses, gateway or grading",
    "verbose": "show Ansible's own output",
    "watch": "show them again and again, until Ctrl-C",
    "why.app": "the application with this id",
    "why.job": "the last run of a lesson, one of its steps or a folder with a job.yml (default: all that runs)",
    "yes": "do not ask for confirmation",
}


def help_of(task: str, options: Iterable[str]) -> dict[str, str]:
    """Option -> its help line, for the options of one task.

    Raises:
        KeyError: an option has no help line.
    """
    return {option: HELP.get(f"{task}.{option}") or HELP[option] for option in options}
