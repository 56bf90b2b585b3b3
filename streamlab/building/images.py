"""The lab's images: names that follow from their content. Pure and cheap: whoever starts a container asks for them."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from streamlab.building.versions import Versions, load_versions
from streamlab.paths import IMAGES


@dataclass(frozen=True)
class Image:
    """An image of ours: a folder under images/, built on its parents, with locked jars and wheels where it says so.

    Its wheels are those of its own requirements.lock, and its scripts, for browsers, those of its npm.lock. One that
    differs from another in its parents alone is built `like` that one, its parents in the places of the other's.

    `versions` are products whose version its Dockerfile is given. A `half` is what another image is made of, built by
    itself so that others can be built meanwhile; nobody needs it afterwards. Of the processors, an image that is built
    beside others has as many `shares` as Docker gives a container, or more where all else waits for it in the end.
    """

    name: str
    parents: tuple[str, ...] = ()
    like: str = ""
    jars: str = ""
    wheels: bool = False
    scripts: bool = False
    versions: tuple[str, ...] = ()
    half: bool = False
    shares: int = 1024

    @property
    def folder(self) -> str:
        """The folder below images/ that has its recipe."""
        return self.like or self.name


#: Parents before children.
IMAGES_OF_OURS = (
    Image("base"),
    Image("builder", parents=("base",)),
    Image("hadoop", parents=("base", "builder"), jars="hadoop"),
    Image("kafka", parents=("base",), jars="kafka", shares=512),
    Image("cassandra", parents=("base",), jars="cassandra", shares=128),
    Image("tools", parents=("hadoop",), jars="hadoop-streaming", half=True),
    Image("pyspark", parents=("builder",), jars="spark", wheels=True, versions=("cassandra",), half=True, shares=4096),
    Image("plain", parents=("tools", "kafka", "pyspark"), half=True),
    Image("archive", parents=("pyspark",), half=True, shares=4096),
    Image("spark", parents=("plain", "archive")),
    Image("spark-flink", parents=("spark", "builder"), jars="flink", wheels=True),
    Image("hbase", parents=("hadoop", "builder"), jars="hbase", wheels=True),
    Image("spark-hbase", parents=("spark", "hbase")),
    Image("spark-flink-hbase", parents=("spark-flink", "hbase"), like="spark-hbase"),
    Image("gateway", parents=("base", "builder"), wheels=True, scripts=True),
)
#: What containers of a stack are started from.
PRODUCTS = ("hadoop", "kafka", "cassandra", "spark")
#: What containers of a gateway are started from, besides; a class without one does not need it.
GATEWAY = "gateway"


def image_keys(folder: Path = IMAGES) -> dict[str, str]:
    """Each image's key: 12 hex digits over all that goes into it, its parents' keys included, so a change goes down."""
    versions = load_versions(folder / "versions.yml")
    keys: dict[str, str] = {}
    for image in IMAGES_OF_OURS:
        digest = hashlib.sha256()
        for name, content in recipe(folder / image.folder).items():
            digest.update(f"{name} {len(content)}\n".encode() + content)
        for name, value in arguments(image, versions, keys).items():
            digest.update(f"{name}={value}\n".encode())
        keys[image.name] = digest.hexdigest()[:12]
    return keys


def image_tags(folder: Path = IMAGES) -> dict[str, str]:
    """The image that each product's containers are started from, for example `streamlab/kafka:0123456789ab`."""
    tags = all_tags(folder)
    return {name: tags[name] for name in PRODUCTS}


def with_parents(wanted: Collection[str]) -> tuple[Image, ...]:
    """Images of ours by their names, and all that they are built on; parents before children."""
    names = set(wanted)
    for image in reversed(IMAGES_OF_OURS):
        if image.name in names:
            names.update(image.parents)
    return tuple(image for image in IMAGES_OF_OURS if image.name in names)


def all_tags(folder: Path = IMAGES) -> dict[str, str]:
    """Every image of ours, those that others are built on included; parents before children."""
    return {name: tag_of(name, key) for name, key in image_keys(folder).items()}


def recipe(folder: Path) -> dict[str, bytes]:
    """An image folder's files by name, sorted; hidden ones are editors' own, and compiled ones Python's."""
    found = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
    files = sorted(path for path in found if not path.name.startswith("."))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def tag_of(name: str, key: str) -> str:
    return f"streamlab/{name}:{key}"


def arguments(image: Image, versions: Versions, keys: Mapping[str, str]) -> dict[str, str]:
    """What the Dockerfile is given, by upper-case name: parents' tags, products' versions; the base, Debian, Java."""
    if not image.parents:
        return {"DEBIAN": tag_of("debian", versions.debian), "JAVA_PACKAGE": versions.java_package}
    given = {f"{_argument(name)}_VERSION": versions.products[name].version for name in image.versions}
    places = next((other.parents for other in IMAGES_OF_OURS if other.name == image.like), image.parents)
    tags = (tag_of(parent, keys[parent]) for parent in image.parents)
    return dict(zip(map(_argument, places), tags, strict=True)) | given


def _argument(name: str) -> str:
    """``spark-flink`` -> ``SPARK_FLINK``; a dash would be an operator there."""
    return name.upper().replace("-", "_")
