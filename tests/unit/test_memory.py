"""Memory in use: by the kernel where it can be asked, else by the engine; without the idle page cache either way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from streamlab.engines import memory

ID = "0123456789ab"


def container(*, cache: dict | None = None) -> Any:
    """A container of which the engine says that it uses 100 bytes, of which 30 are idle cache."""
    answer = {"memory_stats": {"usage": 100, "stats": cache or {"inactive_file": 30}}}
    api = SimpleNamespace(stats=lambda name, stream, one_shot: answer)
    return SimpleNamespace(id=ID, client=SimpleNamespace(api=api))


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A kernel that has a folder among its control groups with the files given."""
    monkeypatch.setattr(memory, "CGROUPS", tmp_path)

    def says(folder: str, **files: str) -> None:
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (tmp_path / folder / f"memory.{name}").write_text(text)

    return says


@pytest.mark.parametrize("folder", [f"docker/{ID}", f"system.slice/docker-{ID}.scope"])
def test_version_1_is_read_from_the_memory_controller_s_own_tree(kernel: Callable, folder: str) -> None:
    stat = "cache 9\ninactive_file 1\ntotal_inactive_file 300\n"
    kernel(f"memory/{folder}", usage_in_bytes="1000\n", stat=stat)
    assert memory.in_use(container(), here=True) == 700


@pytest.mark.parametrize("folder", [f"docker/{ID}", f"system.slice/docker-{ID}.scope"])
def test_version_2_is_read_from_the_one_tree(kernel: Callable, folder: str) -> None:
    kernel(folder, current="1000\n", stat="anon 5\ninactive_file 300\n")
    assert memory.in_use(container(), here=True) == 700


@pytest.mark.parametrize(
    ("folder", "files"),
    [
        ("docker/another", {"current": "1000\n", "stat": "inactive_file 300\n"}),
        (f"docker/{ID}", {"current": "1000\n"}),
        (f"docker/{ID}", {"current": "max\n", "stat": "inactive_file 300\n"}),
        (f"docker/{ID}", {"current": "1000\n", "stat": "anon 5\n"}),
    ],
)
def test_the_engine_is_asked_where_the_kernel_does_not_know_the_container(
    kernel: Callable, folder: str, files: dict[str, str]
) -> None:
    kernel(folder, **files)
    assert memory.in_use(container(), here=True) == 70


def test_the_engine_of_another_machine_is_asked_itself(kernel: Callable) -> None:
    kernel(f"docker/{ID}", current="1000\n", stat="inactive_file 300\n")
    assert memory.in_use(container(), here=False) == 70


@pytest.mark.parametrize("cache", [{"total_inactive_file": 30, "inactive_file": 1}, {"inactive_file": 30}])
def test_the_engine_speaks_of_either_version(cache: dict) -> None:
    assert memory.in_use(container(cache=cache), here=False) == 70
