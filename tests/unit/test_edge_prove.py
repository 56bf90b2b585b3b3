"""A proof of HDFS: what it sets, and what it says where nothing can be written."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from common.errors import JobError
from edge import prove

FULL = "DSQuotaExceededException: The DiskSpace quota of / is exceeded: quota = 1073741824 B = 1 GB"


class Hdfs:
    """A file system that refuses to write for these reasons in turn, then writes."""

    def __init__(self, *refusals: str) -> None:
        self.refusals, self.quotas, self.files = list(refusals), [], {}

    def set_space_quota(self, path: str, size: int | None) -> None:
        self.quotas.append((path, size))

    def mkdirs(self, path: str) -> None:
        pass

    def write(self, path: str, content: bytes, *, replication: int) -> None:
        if self.refusals:
            raise JobError(f"HDFS refuses {path}", evidence=self.refusals.pop(0))
        self.files[path] = content

    def read(self, path: str) -> bytes:
        return self.files[path]

    def delete(self, path: str) -> None:
        del self.files[path]


@pytest.fixture(autouse=True)
def lab_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "lab.json"
    info = dict.fromkeys(("student", "kafka", "cassandra", "webhdfs", "hdfs", "yarn", "events"), "x")
    file.write_text(json.dumps(info | {"hdfs_disk_mb": 4096}))
    monkeypatch.setenv("STREAMLAB_LAB_JSON", str(file))
    return file


def proved(monkeypatch: pytest.MonkeyPatch, hdfs: Hdfs) -> str:
    monkeypatch.setattr(prove, "open_lab", lambda: SimpleNamespace(hdfs=hdfs))
    monkeypatch.setattr(prove.time, "sleep", lambda seconds: None)
    return prove.prove_hdfs(prove.Proof(60, ["namenode", "datanode1"]))


@pytest.mark.parametrize(("disk_mb", "quota"), [(4096, 4096 * 2**20), (0, None)])
def test_the_quota_is_what_the_inventory_says_at_every_proof(
    monkeypatch: pytest.MonkeyPatch, lab_json: Path, disk_mb: int, quota: int | None
) -> None:
    """A restored snapshot brings the quota of its own time."""
    lab_json.write_text(lab_json.read_text().replace("4096", str(disk_mb)))
    hdfs = Hdfs()
    proved(monkeypatch, hdfs)
    assert hdfs.quotas == [("/", quota)]


def test_a_quota_that_is_used_up_is_said_at_once_in_the_words_of_hdfs(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(prove.Wrong) as caught:
        proved(monkeypatch, Hdfs(FULL))
    assert str(caught.value) == f"{FULL}: delete files on HDFS, or raise hdfs_disk_mb in the inventory"


def test_another_refusal_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    hdfs = Hdfs("SafeModeException: Cannot create file. Name node is in safe mode.")
    assert proved(monkeypatch, hdfs).startswith("put and read a file")
    assert len(hdfs.quotas) == 2


def test_what_needs_an_application_waits_until_one_will_run(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    monkeypatch.setattr(prove, "await_yarn", lambda proof: order.append(f"yarn for {proof}"))
    assert prove.after_yarn(lambda proof: order.append("asked") or "counted")("a proof") == "counted"  # type: ignore
    assert order == ["yarn for a proof", "asked"]
