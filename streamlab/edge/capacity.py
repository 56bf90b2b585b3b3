"""What YARN could hand out now, node by node, and what holds the rest.

Prints ``{"free_mb", "free_vcores", "step_mb", "total_mb", "held_mb", "running"}``.
"""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

from edge.yarn import Yarn

SITE = Path("/etc/streamlab/hadoop/yarn-site.xml")
DEFAULT_STEP_MB = 1024


def allocation_step(site: Path = SITE) -> int:
    """YARN gives memory in multiples of this (MB)."""
    for prop in ElementTree.parse(site).getroot().iter("property"):
        if prop.findtext("name") == "yarn.scheduler.minimum-allocation-mb":
            return int(prop.findtext("value"))
    return DEFAULT_STEP_MB


def held_mb(app: dict[str, Any]) -> int:
    """What an application's containers hold; YARN says -1 of one that has not been given any yet."""
    return max(0, app["allocatedMB"])


def main() -> None:
    yarn = Yarn()
    nodes, running = yarn.nodes(), yarn.unfinished()
    print(
        json.dumps(
            {
                "free_mb": [node["availMemoryMB"] for node in nodes],
                "free_vcores": [node["availableVirtualCores"] for node in nodes],
                "step_mb": allocation_step(),
                "total_mb": yarn.metrics()["totalMB"],
                "held_mb": sum(map(held_mb, running)),
                "running": [f"{app['id']} {held_mb(app)} MB {app['name']}" for app in running],
            }
        )
    )


if __name__ == "__main__":
    main()
