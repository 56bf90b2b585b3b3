"""A cluster by its own description: enough to work with it where no engine is, inside a stack or far from one.

The description is the JSON that jobs read too (`LabInfo` in jobs/common/settings.py). Every node of a stack has its
stack's at `DESCRIPTION`; for a cluster that the lab has not made, somebody writes one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from streamlab.errors import WrongRequest
from streamlab.paths import ROOT, typed

#: Where a node of a stack has the description of its stack.
DESCRIPTION = Path("/etc/streamlab/lab.json")
#: What the description of a stack does not say, since it would differ when a node comes or goes: the control program
#: places it with the lab's code.
_STACK = ROOT / "stack.json"
#: The variable that names the description where no option does: on the edge node, the student's own stack's.
VARIABLE = "STREAMLAB_CLUSTER"
#: What a description must have, and the JSON type of it; what it may have.
_NEEDED = {"student": str, "kafka": str, "cassandra": list, "webhdfs": str, "hdfs": str, "yarn": str}
_OPTIONAL = {"hadoop_conf": str, "spark_conf": dict, "pages": dict, "nodes": list, "gateway": bool, "services": list}
_NAMES = {str: "a text", list: "a list", dict: "a mapping", bool: "true or false"}


@dataclass(frozen=True)
class Cluster:
    """A description that was read and checked.

    Args:
        student: whose cluster it is; applications are named after it.
        hadoop_conf: the folder of Hadoop's client configuration; empty where the machine has its own.
        spark_conf: settings of Spark's that every application there needs.
        pages: title -> address of each web page.
        nodes: the names of a stack's nodes; none of a cluster that the lab has not made.
        gateway: whether a gateway takes what is handed in.
        services: the optional services that are there (`streamlab/students/services.py`).
    """

    path: Path
    student: str
    hadoop_conf: str = ""
    spark_conf: Mapping[str, str] = field(default_factory=dict)
    pages: Mapping[str, str] = field(default_factory=dict)
    nodes: tuple[str, ...] = ()
    gateway: bool = False
    services: tuple[str, ...] = ()

    @property
    def is_here(self) -> bool:
        """Whether this is a node of the stack that is described."""
        return self.path == DESCRIPTION

    @property
    def env(self) -> dict[str, str]:
        """The environment in which Hadoop's and Spark's clients and the lab's own programs find this cluster.

        Empty for a stack's own nodes, where all of them do.
        """
        if self.is_here:
            return {}
        conf = {"HADOOP_CONF_DIR": self.hadoop_conf, "YARN_CONF_DIR": self.hadoop_conf} if self.hadoop_conf else {}
        return {"STREAMLAB_LAB_JSON": str(self.path), **conf}


def read(path: str | Path) -> Cluster:
    """Read and check a description.

    Raises:
        WrongRequest: it is missing, no JSON, or lacks something.
    """
    file = typed(str(path))
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        if file == DESCRIPTION and _STACK.exists():
            found |= json.loads(_STACK.read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError) as error:
        raise WrongRequest(
            f"{file} is not the description of a cluster", evidence=str(error), fix="README shows one: --cluster FILE"
        ) from None
    problems = _problems(found)
    if problems:
        raise WrongRequest(f"{file} does not describe a cluster", evidence=problems, fix=f"correct {file.name}")
    conf = str(file.parent / found["hadoop_conf"]) if found.get("hadoop_conf") else ""
    if conf and not Path(conf, "core-site.xml").is_file():
        raise WrongRequest(
            f"{file}: hadoop_conf is not a folder with Hadoop's configuration",
            evidence=f"{conf} has no core-site.xml",
            fix="copy core-site.xml, hdfs-site.xml and yarn-site.xml of the cluster there",
        )
    texts = {name: {str(k): str(v) for k, v in found.get(name, {}).items()} for name in ("spark_conf", "pages")}
    nodes, services = (tuple(map(str, found.get(name, ()))) for name in ("nodes", "services"))
    return Cluster(file, found["student"], conf, **texts, nodes=nodes, gateway=found.get("gateway", False),
                   services=services)  # fmt: skip


def _problems(found: Any) -> list[str]:
    if not isinstance(found, dict):
        return ["it is no JSON object"]
    wrong = [f"{name} is missing" for name in _NEEDED if name not in found]
    kinds = {**_NEEDED, **_OPTIONAL}
    return wrong + [
        f"{name} is not {_NAMES[kind]}"
        for name, kind in kinds.items()
        if name in found and not isinstance(found[name], kind)
    ]


def named(option: str | None, inventory: object | None) -> str | None:
    """The description that commands are about: what `--cluster` names, else the variable's; None with an inventory.

    Raises:
        WrongRequest: both a description and an inventory were named.
    """
    if option and inventory:
        raise WrongRequest("--cluster and --inventory are both given", fix="give one of them")
    return option or (None if inventory else os.environ.get(VARIABLE))
