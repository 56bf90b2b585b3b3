"""Images travel as one archive, in pieces, and not at all where they would be of no use."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any

import docker
import pytest
import requests
from docker.errors import APIError

from streamlab.building import images, travel
from streamlab.engines import engine
from streamlab.errors import LabError
from streamlab.ui import Progress

TAGS = images.image_tags()


class Engine:
    """An engine that has these images, and hands out and takes an archive of a line for each."""

    def __init__(self, *products: str, processor: str = "amd64") -> None:
        self.tags = {TAGS[name] for name in products}
        self.processor = processor
        self.images = SimpleNamespace(list=lambda name: [name] if name in self.tags else [])
        self.api, self.base_url, self.api_version, self.timeout = self, "http://engine", "1.43", 7

    def version(self) -> dict[str, str]:
        return {"Arch": self.processor}

    def get(self, url: str, *, params: dict, stream: bool, timeout: int) -> Any:
        assert (url, stream, timeout) == ("http://engine/v1.43/images/get", True, 7)
        pieces = [f"{tag}\n".encode() for tag in params["names"]]
        return nullcontext(SimpleNamespace(raise_for_status=lambda: None, iter_content=lambda size: iter(pieces)))

    def load_image(self, archive: Iterable[bytes], *, quiet: bool) -> Iterator[dict]:
        self.tags |= {piece.decode().strip() for piece in archive}
        yield {"status": "Loading layer", "progress": "[=>  ]", "id": "0123"}


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> dict[str, Engine]:
    """Docker host -> engine; others do not answer."""
    known: dict[str, Engine] = {}

    @contextmanager
    def connect(docker_host: str, *, seconds: int) -> Iterator[Engine]:
        if docker_host not in known:
            raise engine.NoEngine(f"no Docker Engine answers at {docker_host}")
        yield known[docker_host]

    monkeypatch.setattr(engine, "connect", connect)
    return known


def test_what_is_missing_and_there_elsewhere_is_brought(engines: dict, capsys: pytest.CaptureFixture) -> None:
    engines.update(here=Engine("hadoop"), there=Engine("hadoop", "kafka", "spark"))
    assert travel.bring("here", "there") == ["kafka", "spark"]
    assert engines["here"].tags == {TAGS[name] for name in ("hadoop", "kafka", "spark")}
    assert capsys.readouterr().out == "brought kafka, spark from there to here: 0 MB in 0 s\n"


@pytest.mark.parametrize(
    "others",
    [{}, {"there": Engine()}, {"there": Engine(*images.PRODUCTS, processor="arm64")}],
    ids=["no engine", "no image", "another processor"],
)
def test_an_engine_that_has_nothing_of_use_gives_nothing(engines: dict, others: dict) -> None:
    engines.update(here=Engine(), **others)
    assert travel.bring("here", "there") == []
    assert engines["here"].tags == set()


def test_nobody_is_asked_for_what_is_there(engines: dict) -> None:
    engines["here"] = Engine(*images.PRODUCTS)
    assert travel.bring("here", "there") == []


class Refusing(Engine):
    def load_image(self, archive: Iterable[bytes], *, quiet: bool) -> Iterator[dict]:
        yield {"error": "no space left on device"}


class Vanishing(Engine):
    def load_image(self, archive: Iterable[bytes], *, quiet: bool) -> Iterator[dict]:
        raise requests.ConnectionError("connection reset by peer")


@pytest.mark.parametrize(
    ("target", "why"), [(Refusing(), "no space left on device"), (Vanishing(), "connection reset by peer")]
)
def test_images_that_do_not_arrive_are_an_error(error_of: Callable, target: Engine, why: str) -> None:
    text = error_of(travel.load, target, [b"archive"], line=Progress("loading"))
    assert text == (f"error: images did not arrive\n  {why}\n  fix: run the same command again; what arrived is kept")


def test_a_source_that_goes_away_is_an_error(engines: dict) -> None:
    class Breaking(Engine):
        def get(self, url: str, **_: Any) -> Any:
            raise requests.ConnectionError("the other engine is gone")

    engines.update(here=Engine(), there=Breaking("kafka"))
    with pytest.raises(LabError, match="images did not arrive"):
        travel.bring("here", "there")


@pytest.fixture
def answering(raw: Callable) -> Callable[[bytes], tuple[Any, list[bytes]]]:
    """A client of Docker's own SDK, the answer to its one question, and what it asked."""

    def client(answer: bytes) -> tuple[Any, list[bytes]]:
        asked: list[bytes] = []
        raw(2375, lambda request: asked.append(request) or answer)
        api = docker.APIClient(base_url="tcp://engine:2375", version="1.43", timeout=5)
        return SimpleNamespace(api=api), asked

    return client


def test_all_images_are_asked_for_at_once(answering: Callable) -> None:
    client, asked = answering(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\narchive")
    assert b"".join(travel.saved(client, ["streamlab/a:1", "streamlab/b:2"])) == b"archive"
    assert asked[0].startswith(b"GET /v1.43/images/get?names=streamlab%2Fa%3A1&names=streamlab%2Fb%3A2 HTTP/1.1\r\n")


def test_an_engine_that_lacks_an_image_says_so(answering: Callable) -> None:
    client, _ = answering(b'HTTP/1.1 404 Not Found\r\nContent-Length: 28\r\n\r\n{"message":"no such image"}\r\n')
    with pytest.raises(APIError, match="no such image"):
        list(travel.saved(client, ["streamlab/a:1"]))
