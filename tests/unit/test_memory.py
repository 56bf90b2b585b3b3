"""Memory in use: by the kernel where it can be asked, else by the engine; without the idle page cache either way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from streamlab.engines import memory

ID = "0123456789ab"
VERSION_1 = f"9:name=systemd:/docker/{ID}\n4:cpu,cpuacct:/docker/{ID}\n3:memory:/docker/{ID}\n0::/docker/{ID}\n"
VERSION_2 = f"0::/system.slice/docker-{ID}.scope\n"


def container(*, cache: dict | None = None) -> Any:
    """A container of which the engine says that it uses 100 bytes, of which 30 are idle cache."""
    answer = {"memory_stats": {"usage": 100, "stats": cache or {"inactive_file": 30}}}
    api = SimpleNamespace(stats=lambda name, stream, one_shot: answer)
    return SimpleNamespace(id=ID, attrs={"State": {"Pid": 7}}, client=SimpleNamespace(api=api))


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A kernel whose process 7 stands in the groups given, one folder of which holds the files given."""
    monkeypatch.setattr(memory, "CGROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(memory, "PROCESSES", tmp_path / "proc")

    def says(groups: str, folder: str = ".", **files: str) -> None:
        (tmp_path / "proc" / "7").mkdir(parents=True)
        (tmp_path / "proc" / "7" / "cgroup").write_text(groups)
        (tmp_path / "cgroup" / folder).mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (tmp_path / "cgroup" / folder / f"memory.{name}").write_text(text)

    return says


def test_version_1_is_read_from_the_memory_controller_s_own_tree(kernel: Callable) -> None:
    stat = "cache 9\ninactive_file 1\ntotal_inactive_file 300\n"
    kernel(VERSION_1, f"memory/docker/{ID}", usage_in_bytes="1000\n", stat=stat)
    assert memory.in_use(container(), here=True) == 700


def test_version_2_is_read_from_the_one_tree(kernel: Callable) -> None:
    kernel(VERSION_2, f"system.slice/docker-{ID}.scope", current="1000\n", stat="anon 5\ninactive_file 300\n")
    assert memory.in_use(container(), here=True) == 700


@pytest.mark.parametrize("groups", ["0::/user.slice/somebody-elses\n", VERSION_2, "", "nonsense\n"])
def test_the_engine_is_asked_where_the_kernel_does_not_know_the_container(kernel: Callable, groups: str) -> None:
    kernel(groups)
    assert memory.in_use(container(), here=True) == 70


def test_the_engine_of_another_machine_is_asked_itself(kernel: Callable) -> None:
    kernel(VERSION_2, f"system.slice/docker-{ID}.scope", current="1000\n", stat="inactive_file 300\n")
    assert memory.in_use(container(), here=False) == 70


@pytest.mark.parametrize("cache", [{"total_inactive_file": 30, "inactive_file": 1}, {"inactive_file": 30}])
def test_the_engine_speaks_of_either_version(cache: dict) -> None:
    assert memory.in_use(container(cache=cache), here=False) == 70
