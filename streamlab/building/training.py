"""`invoke train`: which classes the products' JVMs load at work, for the class-data archives in their images.

The list depends on the locked jars alone, so it is found once for each lock and kept beside it, `classes.list.gz`:
building an image then needs no running HDFS, YARN or Kafka. Its first line names the lock it was found with; a list
that does not fit its lock makes a larger and slower archive, never a wrong one, and fails the tests.
"""

from __future__ import annotations

import gzip
import hashlib
import re
import tarfile
import tempfile
import time
from collections.abc import Iterable, Mapping
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from streamlab.building import build, images
from streamlab.building.versions import lock_folder
from streamlab.paths import CACHE, IMAGES
from streamlab.ui import say

if TYPE_CHECKING:
    import docker

LIST = "classes.list.gz"
#: Where a training image has the lists of its JVMs, one file each.
LISTS = "/tmp/lists"
_PYSPARK = re.compile(r"^pyspark==.*(?:\n    --hash.*)*", re.MULTILINE)


def lock_hash(product: str, folder: Path = IMAGES) -> str:
    """What a product's list of classes depends on: its jars, and for Spark those that PySpark brings."""
    digest = hashlib.sha256((lock_folder(product, folder) / "jars.lock").read_bytes())
    if product == "spark":
        lines = _PYSPARK.findall((lock_folder(product, folder) / "requirements.lock").read_text(encoding="utf-8"))
        digest.update("".join(lines).encode())
    return digest.hexdigest()


def list_hash(product: str, folder: Path = IMAGES) -> str:
    """The hash of the lock that a product's list of classes was found with."""
    with gzip.open(lock_folder(product, folder) / LIST, "rt", encoding="utf-8") as lines:
        return lines.readline().removeprefix("# jars ").strip()


def merged(lists: Iterable[str]) -> list[str]:
    """The lines of all lists, each once, sorted; without comments."""
    return sorted({line for text in lists for line in text.splitlines() if line and not line.startswith("#")})


def train(client: docker.DockerClient) -> None:
    """Find every product's list anew, with images that are built already, and say how long each took.

    Raises:
        LabError: a training does not run to its end; its own words are the evidence, and no list has changed.
    """
    tags = images.image_tags()
    # An image's name follows from its list: none is written before all are found.
    found = {product: _classes(client, product, tags) for product in images.PRODUCTS}
    for product, classes in found.items():
        text = "\n".join([f"# jars {lock_hash(product)}", *classes, ""])
        target = lock_folder(product) / LIST
        half = target.with_name(f".{LIST}.new")
        half.write_bytes(gzip.compress(text.encode(), mtime=0))
        half.replace(target)


def _classes(client: docker.DockerClient, product: str, tags: Mapping[str, str]) -> list[str]:
    began = time.monotonic()
    tag = f"streamlab/{product}:training"
    with tempfile.TemporaryFile(dir=CACHE) as context:
        build.write_context(context, images.recipe(IMAGES / "training" / product), {})
        context.seek(0)
        given = {"PRODUCT": tags[product], "CASSANDRA": tags["cassandra"]}
        build.run_build(client, context, f"training/{product}", tag=tag, given=given)
    try:
        classes = merged(_lists(client, tag))
    finally:
        client.images.remove(tag, force=True)
    say(f"{product}: {len(classes)} classes in {time.monotonic() - began:.0f} s")
    return classes


def _lists(client: docker.DockerClient, tag: str) -> list[str]:
    from streamlab.engines import engine

    with engine.temporary_container(client, tag, ["true"]) as container:
        packed = BytesIO(b"".join(container.get_archive(LISTS)[0]))
    with tarfile.open(fileobj=packed) as tar:
        return [file.read().decode() for entry in tar if (file := tar.extractfile(entry))]
