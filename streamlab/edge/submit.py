"""Bring one step to YARN: see that it fits, make what it needs, put its program on HDFS, and start its engine's client.

``python3 -m edge.submit REQUEST``, in one process, since each start costs as much as all it does. REQUEST is JSON:
``{"zip": the bundle's path here, "sha256", "containers": [[MB, vcores], …], "step", "name": the application's,
"arguments": ["--set", …], "typed": what `--job` was given, "seed": of an exercise's data, null for the student's own,
"flink": whether it is a script for Flink, else it is a program for Spark, "options": of the engine's client,
"continuous", "seconds": that the client may take}``. The job itself is not told the seed: whoever knows it knows what
is expected.

Events: ``{"waiting"}`` while another submit is at work or memory is about to come back, ``{"fits", "room"}``,
``{"made"}`` for each thing as it is made, and last ``{"bundle", "uploaded"}`` or, for Flink, ``{"script": its path on
HDFS, "state": the folder there from which it goes on, or null}``; then ``spark-submit`` or ``sql-client.sh`` takes this
process's place and speaks for itself. Exit status 2 when it does not fit, or runs already.
"""

from __future__ import annotations

import json
import os
import sys
import time
import xml.etree.ElementTree as ElementTree
import zipfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

from common import prepare
from common.channel import emit
from common.command import print_lines
from common.errors import JobError, WrongRequest
from common.hdfs import Hdfs
from common.lab import Lab
from common.request import Job
from common.settings import load_info

from . import flink_sql, topics
from .locks import lock
from .room import Containers, Room
from .yarn import Yarn, held_mb

#: What a stack's own nodes have, and no other machine: all options of the client's JVM.
CLIENT = Path("/etc/streamlab/spark/submit.args")
DEFAULT_STEP_MB = 1024
BUNDLES = "/streamlab/bundles"
#: Seconds within which YARN has its memory back from an application that is over.
RELEASE_SECONDS = 20


def allocation_step(site: Path | None = None) -> int:
    """YARN gives memory in multiples of this (MB), by Hadoop's configuration here."""
    site = site or Path(os.environ.get("HADOOP_CONF_DIR", "/etc/hadoop/conf"), "yarn-site.xml")
    if not site.is_file():
        return DEFAULT_STEP_MB
    for prop in ElementTree.parse(site).getroot().iter("property"):
        if prop.findtext("name") == "yarn.scheduler.minimum-allocation-mb":
            return int(prop.findtext("value") or DEFAULT_STEP_MB)
    return DEFAULT_STEP_MB


def require_not_running(request: dict[str, Any], running: list[dict[str, Any]]) -> None:
    """Refuse a step that is already running: both runs would use the same checkpoints and outputs.

    Raises:
        WrongRequest: it does; with its application, and how to end that.
    """
    for app in (app for app in running if app["name"] == request["name"]):
        since = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(app["startedTime"] / 1000))
        raise WrongRequest(
            "it runs already",
            evidence=f"{app['id']} is {app['state']} since {since}",
            fix=f"invoke stop --job {request['typed']}/{request['step'].partition('/')[2]}, or wait for it",
        )


def room(yarn: Yarn, running: list[dict[str, Any]], step_mb: int) -> Room:
    """What YARN could hand out now, beside what is `running`."""
    found = yarn.nodes("RUNNING,UNHEALTHY")
    nodes = [node for node in found if node["state"] == "RUNNING"]
    held = [held_mb(app) for app in running]
    return Room(
        free_mb=[node["availMemoryMB"] for node in nodes],
        free_vcores=[node["availableVirtualCores"] for node in nodes],
        step_mb=step_mb,
        total_mb=yarn.metrics()["totalMB"],
        held_mb=sum(held),
        running=[f"{app['id']} {mb} MB {app['name']}" for app, mb in zip(running, held, strict=True)],
        unhealthy=[
            f"{one['nodeHostName']}: {' '.join(one['healthReport'].split())}" for one in found if one not in nodes
        ],
    )


def await_room(request: dict[str, Any]) -> bool:
    """Whether the step fits, now or when YARN has back what it is about to get.

    Raises:
        WrongRequest: it runs already.
    """
    asked: Containers = request["containers"]
    yarn, step_mb, ends = Yarn(), allocation_step(), time.monotonic() + RELEASE_SECONDS
    while True:
        require_not_running(request, running := yarn.unfinished())
        found = room(yarn, running, step_mb)
        if found.fits(asked) or not found.may_come(asked) or time.monotonic() > ends:
            break
        emit(waiting="YARN is about to get memory back from an application that is over")
        time.sleep(0.1)
    emit(fits=(fits := found.fits(asked)), room=asdict(found))
    return fits


def make(step: str, arguments: list[str]) -> None:
    """Make what the step needs."""
    print_lines([step, *arguments], lines, prog="common.prepare", say=lambda line: emit(made=line))


def lines(job: Job, lab: Lab) -> Iterator[str]:
    """As `prepare.lines`. A stream's topics are looked at before: one that is gone would be made anew."""
    if not job.steps[lab.settings.step].streaming:
        yield from prepare.lines(job, lab)
        return
    found = topics.require_same(job, lab)
    yield from prepare.lines(job, lab)
    topics.remember(job, lab, *found)


def _ensure(hdfs: Hdfs, path: str, data: bytes) -> bool:
    """A file appears under its name only when it is whole. Its name has the hash: whoever made it made the same."""
    if hdfs.exists(path):
        return False
    partial = f"{path}.{os.urandom(6).hex()}.partial"
    hdfs.write(partial, data)
    try:
        hdfs.rename(partial, path)
    except JobError:
        hdfs.delete(partial)
        if not hdfs.exists(path):
            raise
        return False
    return True


def upload(local: str, sha256: str) -> tuple[str, str]:
    """Put the bundle and its launcher on the student's HDFS unless they are there; their addresses."""
    info = load_info()
    hdfs, short = Hdfs(info.webhdfs), sha256[:16]
    bundle, launcher = f"{BUNDLES}/{short}.zip", f"{BUNDLES}/{short}-launch.py"
    with zipfile.ZipFile(local) as archive:
        program = archive.read("common/launch.py")
    uploaded = [_ensure(hdfs, bundle, Path(local).read_bytes()), _ensure(hdfs, launcher, program)]
    emit(bundle=sha256, uploaded=any(uploaded))
    return f"{info.hdfs}{bundle}", f"{info.hdfs}{launcher}"


def command(request: dict[str, Any], bundle: str, launcher: str) -> list[str]:
    """The ``spark-submit`` of a step whose files are at these addresses.

    The script of that name starts a JVM that puts this command together, with a class path at whose head no class-data
    archive counts: half a second more.
    """
    client = ["java", f"@{CLIENT}", "org.apache.spark.deploy.SparkSubmit"] if CLIENT.exists() else ["spark-submit"]
    return [
        *(*client, *request["options"], *description(os.environ.get("STREAMLAB_LAB_JSON"))),
        *("--py-files", bundle, launcher),
        *(request["step"], *request["arguments"]),
        *(["--continuous"] if request["continuous"] else []),
    ]


def description(path: str | None) -> list[str]:
    """The options by which a cluster's description, unless its nodes have it, reaches the driver and the executors."""
    if path is None:
        return []
    name = Path(path).name
    variables = ("spark.yarn.appMasterEnv.STREAMLAB_LAB_JSON", "spark.executorEnv.STREAMLAB_LAB_JSON")
    return ["--master", "yarn", "--files", path, *(part for key in variables for part in ("--conf", f"{key}={name}"))]


def hand_over(argv: list[str], seconds: int) -> NoReturn:
    """Become the engine's client, for at most `seconds`, in the folder where a student's own would begin."""
    os.chdir(Path.home())
    os.execvp("timeout", ["timeout", "-k", "5", str(seconds), *argv])


def main(request: dict[str, Any]) -> int:
    """Returns only when there is nothing to hand over: the exit status."""
    lock(request["step"].partition("/")[0])
    if not await_room(request):
        return 2
    seed = [] if request["seed"] is None else ["--seed", str(request["seed"])]
    make(request["step"], [*request["arguments"], "--typed", request["typed"], *seed])
    if request["flink"]:
        argv = flink_sql.command(request["step"], request["arguments"], request["options"])
    else:
        argv = command(request, *upload(request["zip"], request["sha256"]))
    hand_over(argv, request["seconds"])


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
