"""What the caller's own surroundings are like changes nothing about a stack: locale, proxy, the name of the socket."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab_runner import LabRunner

UNCHANGED = "provisioned and answering, 0 changed"
#: A proxy that answers nobody: what is asked through it fails.
PROXY = "http://127.0.0.1:1"
ASK = "import sys, urllib.request; print(*(urllib.request.urlopen(url, timeout=20).status for url in sys.argv[1:]))"


@pytest.mark.parametrize("locale", ["LC_ALL=xx_XX.UTF-8", "LC_ALL=C", "LC_TIME=xx_XX.UTF-8"])
def test_any_locale_will_do(lab: LabRunner, monkeypatch: pytest.MonkeyPatch, locale: str) -> None:
    monkeypatch.setenv(*locale.split("="))
    assert UNCHANGED in lab("provision")


def test_another_proxy_makes_no_container_anew(lab: LabRunner, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    said = {"proxies": {"default": {"httpProxy": PROXY, "httpsProxy": PROXY}}}
    (tmp_path / "config.json").write_text(json.dumps(said), encoding="utf-8")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    assert UNCHANGED in lab("provision")


@pytest.mark.parametrize("node", ["edge", "nodemanager1"])
def test_a_node_asks_its_own_stack_without_a_proxy(lab: LabRunner, node: str) -> None:
    urls = "http://namenode:9870/jmx http://resourcemanager:8088/ws/v1/cluster/info http://nodemanager1:8042/ws/v1/node/info"
    assert lab.inside(f"http_proxy={PROXY} python3 -c '{ASK}' {urls}", node=node) == "200 200 200\n"


def test_an_engine_may_be_named_by_docker_host(lab: LabRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///run/docker.sock")
    (found,) = json.loads(lab("status", "--json"))["students"]
    assert found["healthy"] is True
    assert "Docker Engine" in lab.run("doctor", student=False).out
    assert " at unix:///run/docker.sock, as DOCKER_HOST says\n" in lab.run("doctor", student=False).out
