"""The lab's images: names that follow from their content, and building what is missing.

Names and keys are pure and cheap, and need no Docker: whoever starts a container asks `image_tags()`.
"""

from __future__ import annotations

import fcntl
import hashlib
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, TYPE_CHECKING

from streamlab.building.versions import Versions, load_versions
from streamlab.errors import LabError, unknown
from streamlab.paths import CACHE, IMAGES
from streamlab.students.docker_hosts import LOCAL
from streamlab.ui import progress, say

if TYPE_CHECKING:
    import docker


@dataclass(frozen=True)
class Image:
    """An image of ours: a folder under images/, built on its parents, with locked jars and wheels where it says so.

    `versions` are products whose version its Dockerfile is given.
    """

    name: str
    parents: tuple[str, ...] = ()
    jars: bool = False
    wheels: bool = False
    versions: tuple[str, ...] = ()


#: Parents before children.
IMAGES_OF_OURS = (
    Image("base"),
    Image("builder", parents=("base",)),
    Image("hadoop", parents=("base", "builder"), jars=True),
    Image("kafka", parents=("base",), jars=True),
    Image("cassandra", parents=("base",), jars=True),
    Image("spark", parents=("hadoop", "kafka", "builder"), jars=True, wheels=True, versions=("cassandra",)),
)
#: What containers of a stack are started from.
PRODUCTS = ("hadoop", "kafka", "cassandra", "spark")


def image_keys(folder: Path = IMAGES) -> dict[str, str]:
    """Each image's key: 12 hex digits over all that goes into it, its parents' keys included, so a change goes down."""
    versions = load_versions(folder / "versions.yml")
    keys: dict[str, str] = {}
    for image in IMAGES_OF_OURS:
        digest = hashlib.sha256()
        for name, content in recipe(folder / image.name).items():
            digest.update(f"{name} {len(content)}\n".encode() + content)
        for name, value in _arguments(image, versions, keys).items():
            digest.update(f"{name}={value}\n".encode())
        keys[image.name] = digest.hexdigest()[:12]
    return keys


def image_tags(folder: Path = IMAGES) -> dict[str, str]:
    """The image that each product's containers are started from, for example `streamlab/kafka:0123456789ab`."""
    tags = all_tags(folder)
    return {name: tags[name] for name in PRODUCTS}


def all_tags(folder: Path = IMAGES) -> dict[str, str]:
    """Every image of ours, those that others are built on included; parents before children."""
    return {name: _tag(name, key) for name, key in image_keys(folder).items()}


def recipe(folder: Path) -> dict[str, bytes]:
    """An image folder's files by name, sorted; hidden ones are editors' own."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def _tag(name: str, key: str) -> str:
    return f"streamlab/{name}:{key}"


def _arguments(image: Image, versions: Versions, keys: Mapping[str, str]) -> dict[str, str]:
    """What the Dockerfile is given, by upper-case name: parents' tags, products' versions; the base, Debian, Java."""
    if not image.parents:
        return {"DEBIAN": _tag("debian", versions.debian), "JAVA_PACKAGE": versions.java_package}
    given = {f"{name.upper()}_VERSION": versions.products[name].version for name in image.versions}
    return {parent.upper(): _tag(parent, keys[parent]) for parent in image.parents} | given


def ensure_images(client: docker.DockerClient, *, only: tuple[str, ...] = PRODUCTS, fetch_at: str = LOCAL) -> list[str]:
    """Build what is missing, fetching what that takes; return the images built, none where all were there.

    Args:
        fetch_at: the engine that fetches, one of this machine whatever `client` is: it writes to the cache here.
    """
    tags = all_tags()
    for name in only:
        if name not in PRODUCTS:
            raise unknown("image", name, PRODUCTS)
    if not _missing(client, tags, only):
        return []
    with _one_at_a_time():
        missing = _missing(client, tags, only)
        return [_build(client, image, tags, fetch_at) for image in IMAGES_OF_OURS if image.name in missing]


def missing(client: docker.DockerClient) -> list[str]:
    """The images that `ensure_images` would build, parents first."""
    tags = all_tags()
    absent = _missing(client, tags, PRODUCTS)
    return [image.name for image in IMAGES_OF_OURS if image.name in absent]


def ensure_builder(client: docker.DockerClient) -> str:
    """The tag of the builder image, for throw-away containers; built first where it is missing."""
    tags = all_tags()
    for image in IMAGES_OF_OURS[:2]:
        if not is_present(client, tags[image.name]):
            _build(client, image, tags, LOCAL)
    return tags["builder"]


def _missing(client: docker.DockerClient, tags: Mapping[str, str], only: tuple[str, ...]) -> set[str]:
    """The images to build: those asked for that are not there, and whichever of their parents are not."""
    parents = {image.name: image.parents for image in IMAGES_OF_OURS}
    missing: set[str] = set()
    pending = list(only)
    while pending:
        name = pending.pop()
        if name not in missing and not is_present(client, tags[name]):
            missing.add(name)
            pending += parents[name]
    return missing


def is_present(client: docker.DockerClient, tag: str) -> bool:
    """Whether an engine has an image."""
    return bool(client.images.list(name=tag))


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Two commands at once would fetch and build everything twice: the second waits, and finds it done."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "images.lock").open("w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another command of yours that builds the images")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _build(client: docker.DockerClient, image: Image, tags: Mapping[str, str], fetch_at: str) -> str:
    """Build one image whose parents are there, and say how long it took."""
    versions = load_versions()
    if not image.parents:
        _ensure_debian(client, versions.debian)
    files = _artifacts(client, image, fetch_at) if image.jars else {}
    arguments = _arguments(image, versions, {name: tag.rpartition(":")[2] for name, tag in tags.items()})
    started = time.monotonic()
    with tempfile.TemporaryFile(dir=CACHE) as context:
        write_context(context, recipe(IMAGES / image.name), files)
        context.seek(0)
        try:
            run_build(client, context, image.name, tag=tags[image.name], arguments=arguments)
        finally:
            # Only our own left-over stages; what else dangles in this engine is not ours to judge.
            client.images.prune(filters={"dangling": True, "label": "streamlab.stage=true"})
    say(f"built {image.name} in {time.monotonic() - started:.0f} s")
    return image.name


def all_artifacts(client: docker.DockerClient, *, fetch_at: str) -> set[Path]:
    """Every jar and wheel, in the cache, of which the images are built; fetched where they are not there."""
    return {path for image in IMAGES_OF_OURS if image.jars for path in _artifacts(client, image, fetch_at).values()}


def _artifacts(client: docker.DockerClient, image: Image, fetch_at: str) -> dict[str, Path]:
    """The locked files that go into the build, by name. A test jar is raw material, never on a class path."""
    from streamlab.building import artifacts
    from streamlab.engines import engine

    with engine.connect(fetch_at) as fetcher:
        builder = ensure_builder(fetcher)
        # All products' jars in one go: one start of Maven, and the other images' turn comes anyway.
        jars = {other.name: artifacts.load_jars(other.name) for other in IMAGES_OF_OURS if other.jars}
        artifacts.ensure_jars(fetcher, builder, jars)
        files = {
            f"{'unpack' if jar.classifier == 'tests' else 'jars'}/{jar.filename}": artifacts.jar_path(jar)
            for jar in jars[image.name]
        }
        if image.wheels:
            processor = client.version()["Arch"]
            if processor != fetcher.version()["Arch"]:
                fix = "run this command on a machine with that processor"
                raise LabError(f"Python packages for {processor} cannot be fetched on this machine", fix=fix)
            lock = IMAGES / image.name / "requirements.lock"
            folder = artifacts.ensure_wheels(fetcher, builder, lock, processor=processor)
            files |= {f"wheels/{path.name}": path for path in folder.glob("*.whl")}
    return files


def write_context(out: IO[bytes], recipe_files: Mapping[str, bytes], artifact_files: Mapping[str, Path]) -> None:
    """Write a build's context as a tar: same content, same bytes, whatever this checkout's file modes and times are."""
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, content in sorted(recipe_files.items()):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            entry.mode = 0o755 if content.startswith(b"#!") else 0o644
            tar.addfile(entry, BytesIO(content))
        for name, path in sorted(artifact_files.items()):
            entry = tarfile.TarInfo(name)
            entry.size = path.stat().st_size
            entry.mode = 0o644
            with path.open("rb") as file:
                tar.addfile(entry, file)


def run_build(
    client: docker.DockerClient, context: IO[bytes], name: str, *, tag: str, arguments: Mapping[str, str]
) -> None:
    """Build the context's Dockerfile as `tag`, with a line of progress.

    Raises:
        LabError: it does not build; the last lines of its log are the evidence.
    """
    from streamlab.engines import proxies

    log: list[str] = []
    proxy = proxies.configured()
    with progress(f"building {name}") as line:
        events = client.api.build(
            fileobj=context,
            custom_context=True,
            tag=tag,
            # A step that starts daemons asks them; a proxy that Docker's configuration names would be asked instead.
            buildargs={**arguments, **(proxies.direct((), proxy) if proxy else {})},
            labels={"streamlab.image": name},
            rm=True,
            forcerm=True,
            decode=True,
            timeout=1800,  # for one silent step, such as unpacking PySpark on a slow disk
        )
        for event in events:
            text = (event.get("stream") or event.get("error") or "").rstrip()
            log += text.splitlines()
            if text.startswith("Step "):
                line.update(text.splitlines()[0][:100])
            if "error" in event:
                fix = f"the reason stands above; images/{name}/Dockerfile is what was built"
                raise LabError(f"image {name} does not build", evidence=log[-15:], fix=fix)


def _ensure_debian(client: docker.DockerClient, suite: str) -> None:
    """The image under all of ours: the official one where a registry answers, else one made here with debootstrap."""
    from streamlab.building import debian

    tag = _tag("debian", suite)
    if not is_present(client, tag):
        started = time.monotonic()
        how = debian.make(client, suite, tag=tag)
        say(f"base system: {how}, in {time.monotonic() - started:.0f} s")
