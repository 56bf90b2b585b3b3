"""What is fetched and built, after what; and what is left behind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from streamlab import stages
from streamlab.building import build, images
from streamlab.engines import engine

HERE = "unix:///here.sock"
NAMES = [image.name for image in images.with_parents(images.PRODUCTS)]  # what every class needs
HALVES = {image.name for image in images.IMAGES_OF_OURS if image.half}


class Engine:
    """An engine that has some of our images."""

    def __init__(self, *names: str) -> None:
        tags = images.all_tags()
        self.tags = {tags[name] for name in names}
        self.pruned = 0
        self.images = SimpleNamespace(
            list=lambda name: [name] if name in self.tags else [], remove=self.tags.remove, prune=self._prune
        )

    def _prune(self, filters: dict) -> None:
        assert filters == {"dangling": True, "label": "streamlab.stage=true"}
        self.pruned += 1

    def info(self) -> dict[str, int]:
        return {"NCPU": 2}

    @property
    def has(self) -> set[str]:
        return {name for name, tag in images.all_tags().items() if tag in self.tags}


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """What has still to be fetched."""
    lacking: set[str] = set()
    monkeypatch.setattr(build, "_lacking", lambda fetcher, wanted: lacking)
    return lacking


def connected(monkeypatch: pytest.MonkeyPatch, client: Engine) -> Engine:
    @contextmanager
    def connect(docker_host: str) -> Iterator[Engine]:
        yield client

    monkeypatch.setattr(engine, "connect", connect)
    return client


def graph(absent: list[str], fetch_at: str = HERE) -> dict[str, set[str]]:
    return {stage.name: set(stage.after) for stage in build._graph(HERE, absent, fetch_at)}


def test_a_new_machine_fetches_beside_building(monkeypatch: pytest.MonkeyPatch, fetched: set[str]) -> None:
    connected(monkeypatch, Engine())
    fetched |= {"jars", "wheels"}
    found = graph(NAMES)
    assert set(found) == {"base system", "jars", "wheels", *NAMES}
    assert (found["base system"], found["base"]) == (set(), {"base system"})
    assert (found["jars"], found["wheels"]) == ({"builder"}, {"builder"})
    assert (found["kafka"], found["pyspark"]) == ({"base", "jars"}, {"builder", "jars", "wheels"})
    assert found["spark"] == {"plain", "archive"}


def test_what_is_fetched_already_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, fetched: set[str]) -> None:
    connected(monkeypatch, Engine())
    assert set(graph(NAMES)) == {"base system", *NAMES}


def test_another_engine_s_fetching_makes_its_builder_once(monkeypatch: pytest.MonkeyPatch, fetched: set[str]) -> None:
    connected(monkeypatch, Engine())
    fetched |= {"jars", "wheels"}
    assert graph(NAMES, "unix:///other.sock")["wheels"] == {"jars"}


def test_of_an_image_that_is_there_no_half_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert build.missing(Engine(*images.PRODUCTS)) == []
    assert build.missing(Engine("base", "builder", "hadoop", "kafka", "cassandra")) == [
        "tools", "pyspark", "plain", "archive", "spark",
    ]  # fmt: skip


@pytest.mark.parametrize("built", [NAMES, [name for name in NAMES if name != "spark"]])
def test_halves_stay_until_all_is_built(monkeypatch: pytest.MonkeyPatch, fetched: set[str], built: list[str]) -> None:
    """What is interrupted goes on from them."""
    client = connected(monkeypatch, Engine("base"))

    def run(graph: list[stages.Stage], *, at_once: int) -> None:
        client.tags |= {images.all_tags()[name] for name in built}
        if built != NAMES:
            raise KeyboardInterrupt

    monkeypatch.setattr(stages, "run", run)
    if built == NAMES:
        assert build.ensure_images(HERE) == NAMES[1:]
        assert client.has == set(NAMES) - HALVES
    else:
        with pytest.raises(KeyboardInterrupt):
            build.ensure_images(HERE)
        assert client.has >= HALVES
    assert client.pruned == 1
