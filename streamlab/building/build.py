"""Fetches the contents of the lab's images and builds them, independent parts in parallel."""

from __future__ import annotations

import fcntl
import re
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import IO

import docker

from streamlab import stages
from streamlab.building import debian, maven, npm, pip
from streamlab.building.images import IMAGES_OF_OURS, PRODUCTS, Image, all_tags, arguments, recipe, tag_of
from streamlab.building.versions import load_versions
from streamlab.engines import engine, proxies
from streamlab.errors import LabError
from streamlab.paths import CACHE, IMAGES, private_folder
from streamlab.stages import Stage
from streamlab.students.docker_hosts import LOCAL
from streamlab.ui import progress, say

#: How the engine begins what it says of a step.
_STEP = re.compile(r"Step (\d+)/(\d+) ")


def ensure_images(docker_host: str, *, fetch_at: str = LOCAL, wanted: Sequence[str] = PRODUCTS) -> list[str]:
    """Fetch and build what is missing, in parallel; return the images built, none if all existed.

    Args:
        fetch_at: the engine that fetches, one of this machine whatever `docker_host` is: it writes to the cache here.
        wanted: the images that are needed; those that they are built on are built too.

    Raises:
        LabError: something cannot be fetched or does not build; what is done is kept.
    """
    with _one_at_a_time():
        with engine.connect(docker_host) as client:
            absent, processors = missing(client, wanted), client.info()["NCPU"]
        if absent:
            # More than there are processors: fetching mostly waits for the network, and builds have their shares.
            try:
                stages.run(_graph(docker_host, absent, fetch_at), at_once=processors + 2)
            finally:
                with engine.connect(docker_host) as client:
                    _clean(client)
    return absent


def _graph(docker_host: str, absent: Sequence[str], fetch_at: str) -> list[Stage]:
    """What there is to do for the images that are `absent`: the base system, fetching, and each build."""

    def build(image: Image) -> None:
        with engine.connect(docker_host) as client:
            _build(client, image)

    def fetch(*, wheels: bool) -> None:
        with engine.connect(fetch_at) as fetcher:
            _fetch(fetcher, ensure_builder(fetcher), wanted, wheels=wheels)

    def base_system() -> None:
        with engine.connect(docker_host) as client:
            _ensure_debian(client)

    wanted = [image for image in IMAGES_OF_OURS if image.name in absent]
    with engine.connect(fetch_at) as fetcher:
        lacking = _lacking(fetcher, wanted)
    graph = [Stage("base system", base_system)] if "base" in absent else []
    for image in wanted:
        after = {*image.parents, *(["jars"] if image.jars else []), *(["wheels"] if image.wheels else [])}
        graph.append(Stage(image.name, partial(build, image), after or {"base system"}))
    # Where another engine fetches, the first of the two makes the builder there.
    if "jars" in lacking and any(image.jars for image in wanted):
        graph.append(Stage("jars", partial(fetch, wheels=False), {"builder"}))
    if "wheels" in lacking and any(image.wheels for image in wanted):
        graph.append(Stage("wheels", partial(fetch, wheels=True), {"builder"} if fetch_at == docker_host else {"jars"}))
    return graph


def _lacking(fetcher: docker.DockerClient, wanted: Sequence[Image]) -> set[str]:
    """What has to be fetched: `jars`, `wheels` (and scripts for browsers with them), both or neither."""
    jars = (jar for image in wanted if image.jars for jar in maven.load_jars(image.jars))
    processor = fetcher.version()["Arch"]
    wheels = (pip.folder(_lock(image), processor) for image in wanted if image.wheels)
    scripts = (npm.folder() for image in wanted if image.scripts)
    there = {
        "jars": all(maven.jar_path(jar).exists() for jar in jars),
        "wheels": all(folder.is_dir() for folder in (*wheels, *scripts)),
    }
    return {name for name, found in there.items() if not found}


def _lock(image: Image) -> Path:
    """What is locked of Python for an image."""
    return IMAGES / image.folder / "requirements.lock"


def _clean(client: docker.DockerClient) -> None:
    """Remove what nobody needs once all is built, and our own left-over stages; what else dangles is not ours."""
    tags = all_tags()
    if not missing(client):
        for image in IMAGES_OF_OURS:
            if image.half and is_present(client, tags[image.name]):
                client.images.remove(tags[image.name])
    client.images.prune(filters={"dangling": True, "label": "streamlab.stage=true"})


def missing(client: docker.DockerClient, wanted: Sequence[str] = PRODUCTS) -> list[str]:
    """The images that `ensure_images` would build: of those wanted, and of their parents, what is not there."""
    parents, tags = {image.name: image.parents for image in IMAGES_OF_OURS}, all_tags()
    absent: set[str] = set()
    pending = list(wanted)
    while pending:
        name = pending.pop()
        if name not in absent and not is_present(client, tags[name]):
            absent.add(name)
            pending += parents[name]
    return [image.name for image in IMAGES_OF_OURS if image.name in absent]


def ensure_builder(client: docker.DockerClient) -> str:
    """The tag of the builder image, for temporary containers; built first if it is missing."""
    tags = all_tags()
    for image in IMAGES_OF_OURS[:2]:
        if not is_present(client, tags[image.name]):
            _ensure_debian(client)
            _build(client, image)
    return tags["builder"]


def is_present(client: docker.DockerClient, tag: str) -> bool:
    """Whether an engine has an image."""
    return bool(client.images.list(name=tag))


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Two commands at once would fetch and build everything twice: the second waits, and finds it done."""
    private_folder(CACHE)
    with (CACHE / "images.lock").open("w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another command of yours that builds the images")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _build(client: docker.DockerClient, image: Image) -> None:
    """Build one image of which everything is there, and say how long it took."""
    tags, versions = all_tags(), load_versions()
    files = _artifacts(image, processor=client.version()["Arch"])
    given = arguments(image, versions, {name: tag.rpartition(":")[2] for name, tag in tags.items()})
    started = time.monotonic()
    with tempfile.TemporaryFile(dir=CACHE) as context:
        write_context(context, recipe(IMAGES / image.folder), files)
        context.seek(0)
        run_build(
            client, context, image.name, tag=tags[image.name], given=given, shares=image.shares, folder=image.folder
        )
    say(f"built {image.name} in {time.monotonic() - started:.0f} s")


def all_artifacts(client: docker.DockerClient, images: Sequence[Image], *, fetch_at: str) -> set[Path]:
    """Every jar and wheel, in the cache, of which these images are built; fetched where they are not there."""
    with engine.connect(fetch_at) as fetcher:
        builder = ensure_builder(fetcher)
        _fetch(fetcher, builder, images, wheels=False)
        _fetch(fetcher, builder, images, wheels=True)
    processor = client.version()["Arch"]
    return {path for image in images for path in _artifacts(image, processor=processor).values()}


def _fetch(fetcher: docker.DockerClient, builder: str, wanted: Sequence[Image], *, wheels: bool) -> None:
    """Fetch the wheels of the images `wanted`, or their jars, in one start of Maven."""
    if wheels:
        for image in wanted:
            if image.wheels:
                pip.ensure_wheels(fetcher, builder, _lock(image), processor=fetcher.version()["Arch"])
            if image.scripts:
                npm.ensure_packages(fetcher, builder)
    else:
        products = [image.jars for image in wanted if image.jars]
        maven.ensure_jars(fetcher, builder, {name: maven.load_jars(name) for name in products})


def _artifacts(image: Image, *, processor: str) -> dict[str, Path]:
    """The fetched files that go into a build, by name. A test jar is raw material, never on a class path."""
    files = {
        f"{'unpack' if jar.classifier == 'tests' else 'jars'}/{jar.filename}": maven.jar_path(jar)
        for jar in (maven.load_jars(image.jars) if image.jars else ())
    }
    if image.wheels:
        folder = pip.folder(_lock(image), processor)
        if not folder.is_dir():
            fix = "run this command on a machine with that processor"
            raise LabError(
                f"Python packages for {processor} cannot be fetched on this machine",
                evidence=f"{folder} is not there, and wheels are fetched for the processor that fetches",
                fix=fix,
            )
        files |= {f"wheels/{path.name}": path for path in folder.glob("*.whl")}
    if image.scripts:
        files |= {f"npm/{path.name}": path for path in npm.folder().glob("*.tgz")}
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
    client: docker.DockerClient,
    context: IO[bytes],
    name: str,
    *,
    tag: str,
    given: Mapping[str, str],
    shares: int = 1024,
    folder: str = "",
) -> None:
    """Build the context's Dockerfile as `tag`, with a line of progress.

    Args:
        folder: the one below images/ that has the recipe, where it is not the image's name.

    Raises:
        LabError: it does not build; the last lines of its log are the evidence.
    """
    log: list[str] = []
    proxy = proxies.configured()
    with progress(f"building {name}") as line:
        events = client.api.build(
            fileobj=context,
            custom_context=True,
            tag=tag,
            # A step that starts daemons asks them; a proxy that Docker's configuration names would be asked instead.
            buildargs={**given, **(proxies.direct((), proxy) if proxy else {})},
            labels={"streamlab.image": name},
            rm=True,
            forcerm=True,
            container_limits={"cpushares": shares},
            decode=True,
            timeout=1800,  # for one silent step, such as unpacking PySpark on a slow disk
        )
        for event in events:
            text = (event.get("stream") or event.get("error") or "").rstrip()
            log += text.splitlines()
            step = _STEP.match(text)
            if step:
                line.update(f"step {step[1]} of {step[2]}")
            if "error" in event:
                fix = f"the reason is above; images/{folder or name}/Dockerfile is what was built"
                raise LabError(f"image {name} does not build", evidence=log[-15:], fix=fix)


def _ensure_debian(client: docker.DockerClient) -> None:
    """The image under all of ours: the official one where a registry answers, else one made here with mmdebstrap."""
    suite = load_versions().debian
    tag = tag_of("debian", suite)
    if not is_present(client, tag):
        started = time.monotonic()
        how = debian.make(client, suite, tag=tag)
        say(f"base system: {how}, in {time.monotonic() - started:.0f} s")
