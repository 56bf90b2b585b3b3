"""A container asks the world through the proxy that Docker's configuration names, and never itself."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from streamlab.building import build
from streamlab.engines import proxies
from streamlab.engines.inside import Result
from streamlab.work import notebook

PROXY = {"httpProxy": "http://proxy.example:3128", "noProxy": "localhost,.uni.example"}


@pytest.mark.parametrize("said", [{}, {"proxies": None}, {"proxies": []}, {"proxies": {"default": {"noProxy": "x"}}}])
def test_without_a_proxy_there_is_none(docker_config: Callable, said: dict) -> None:
    docker_config(said)
    assert proxies.configured() is None


def test_an_engine_may_have_a_proxy_of_its_own(docker_config: Callable) -> None:
    docker_config({"proxies": {"default": PROXY, "unix:///second.sock": {"httpProxy": "http://other.example:1"}}})
    assert proxies.configured().http == "http://proxy.example:3128"
    assert proxies.configured("unix:///second.sock").http == "http://other.example:1"


def test_what_is_exempt_is_said_once_in_both_ways(docker_config: Callable) -> None:
    docker_config({"proxies": {"default": PROXY}})
    assert proxies.direct(["kafka1", "localhost"], proxies.configured()) == dict.fromkeys(
        ("NO_PROXY", "no_proxy"), "localhost,127.0.0.1,::1,kafka1,.uni.example"
    )
    assert proxies.direct([])["no_proxy"] == "localhost,127.0.0.1,::1"


@pytest.mark.parametrize("said", [{}, {"proxies": {"default": PROXY}}])
def test_a_build_asks_the_daemons_that_it_starts_without_the_proxy(docker_config: Callable, said: dict) -> None:
    docker_config(said)
    given: dict[str, Any] = {}
    client = SimpleNamespace(api=SimpleNamespace(build=lambda **options: given.update(options) or []))
    build.run_build(client, None, "hadoop", tag="streamlab/hadoop:1", given={"BASE": "b"})
    exempt = proxies.direct([], proxies.configured()) if said else {}
    assert given["buildargs"] == {"BASE": "b", **exempt}


def test_jupyterlab_is_asked_without_a_proxy(
    web: Callable, network: dict[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the very command that the node runs."""
    web(notebook.PORT, {"version": "4"})

    def run(edge: object, argv: list[str], *, seconds: int) -> Result:
        here = [sys.executable, *argv[1:-1], argv[-1].replace(str(notebook.PORT), str(network[notebook.PORT]))]
        env = dict.fromkeys(("http_proxy", "HTTP_PROXY"), "http://127.0.0.1:1")
        return Result(subprocess.run(here, env=env, check=False, timeout=seconds).returncode, "", "")

    monkeypatch.setattr(notebook, "run_inside", run)
    notebook._require_answer(None)
