"""Copies images from an engine that has them to one that lacks them, or to a file; no registry is needed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Sequence

import docker
import requests
from docker.errors import DockerException, create_api_error_from_http_exception

from streamlab.building import build, images
from streamlab.engines import engine
from streamlab.errors import LabError
from streamlab.ui import Progress, progress, say

#: Seconds that an engine may be silent while it packs or unpacks a layer.
SILENT_SECONDS = 600
PIECE = 2**20


def bring(docker_host: str, other: str, wanted: Sequence[str] = images.PRODUCTS) -> list[str]:
    """Copy to `docker_host` the images that are wanted there, that it lacks and `other` has; return their names.

    An engine that does not answer, or has another processor, has nothing to give.

    Raises:
        LabError: they were on their way and did not arrive; an image is there whole or not at all.
    """
    with engine.connect(docker_host, seconds=SILENT_SECONDS) as target:
        tags = images.all_tags()
        lacking = {name: tags[name] for name in wanted if not build.is_present(target, tags[name])}
        if not lacking:
            return []
        try:
            with engine.connect(other, seconds=SILENT_SECONDS) as source:
                there = {name: tag for name, tag in lacking.items() if build.is_present(source, tag)}
                if there and source.version()["Arch"] == target.version()["Arch"]:
                    _carry(source, target, list(there.values()), way=f"from {other} to {docker_host}")
                    return list(there)
        except engine.NoEngine:
            pass
    return []


def _carry(source: docker.DockerClient, target: docker.DockerClient, tags: Sequence[str], *, way: str) -> None:
    began, sent = time.monotonic(), 0
    with progress("bringing images") as line:

        def counted() -> Iterator[bytes]:
            nonlocal sent
            for piece in saved(source, tags):
                sent += len(piece)
                line.update(f"{sent / 1e6:.0f} MB {way}")
                yield piece

        load(target, counted(), line=line)
    names = ", ".join(tag.partition("/")[2].partition(":")[0] for tag in tags)
    say(f"brought {names} {way}: {sent / 1e6:.0f} MB in {time.monotonic() - began:.0f} s")


def saved(client: docker.DockerClient, tags: Sequence[str]) -> Iterator[bytes]:
    """The images as one archive, piece by piece, with the layers that they share once.

    The SDK asks for one image at a time, and so for the shared layers again and again; the engine knows better.

    Raises:
        DockerException: the engine refuses, for example because it lacks one of the images.
        RequestException: the engine went away.
    """
    api = client.api  # a session of requests
    url = f"{api.base_url}/v{api.api_version}/images/get"
    with api.get(url, params={"names": list(tags)}, stream=True, timeout=api.timeout) as answer:
        try:
            answer.raise_for_status()
        except requests.HTTPError as error:
            create_api_error_from_http_exception(error)
        yield from answer.iter_content(PIECE)


def load(client: docker.DockerClient, archive: Iterable[bytes], *, line: Progress) -> None:
    """Unpack an archive of images in an engine.

    It is sent whole before the engine looks into it, so of one that breaks off nothing is kept.

    Raises:
        LabError: the engine would not have it, or one of the two engines went away.
    """
    try:
        for event in client.api.load_image(archive, quiet=False):
            if "error" in event:
                raise _not_loaded(event["error"])
            if event.get("progress"):
                line.update(f"{event['status'].lower()} {event.get('id', '')}")
    except (DockerException, requests.RequestException, json.JSONDecodeError) as error:
        raise _not_loaded(str(error)) from error


def _not_loaded(why: str) -> LabError:
    return LabError("images did not arrive", evidence=why, fix="run the same command again; what arrived is kept")
