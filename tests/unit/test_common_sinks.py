"""What a checkpoint and a file sink's log say: how a check sees a streaming query from outside."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from common.checkpoint import Checkpoint
from common.errors import Missing
from common.file_sink import committed_files, json_rows
from common.hdfs import Status


def hdfs(files: dict[str, str]) -> Any:
    """HDFS as a dictionary of texts."""

    def listed(folder: str) -> list[Status]:
        names = {path.removeprefix(f"{folder}/").split("/")[0] for path in files if path.startswith(f"{folder}/")}
        if not names:
            raise Missing(f"no such file: {folder}")
        return [Status(f"{folder}/{name}", is_dir=False, length=1) for name in sorted(names)]

    def read_text(path: str) -> str:
        if path not in files:
            raise Missing(f"no such file: {path}")
        return files[path]

    return SimpleNamespace(list=listed, read_text=read_text)


def plan(*sources: str, watermark: int = 0) -> str:
    return "\n".join(["v1", json.dumps({"batchWatermarkMs": watermark, "conf": {}}), *sources])


def test_batch_sizes_are_differences_of_offsets_over_all_sources() -> None:
    query = Checkpoint(
        hdfs(
            {
                "/c/offsets/0": plan('{"a":{"0":10,"1":5}}', "-"),
                "/c/offsets/1": plan('{"a":{"0":10,"1":9}}', '{"b":{"0":7}}', watermark=5),
                "/c/offsets/2": plan('{"a":{"0":10,"1":9}}', '{"b":{"0":7}}', watermark=60),
                "/c/offsets/3": plan('{"a":{"0":30,"1":9}}', '{"b":{"0":7}}', watermark=90),
                **{f"/c/commits/{number}": "v1" for number in (0, 1, 2)},
                "/c/commits/.2.crc": "",
            }
        ),
        "/c",
    )
    assert query.batch_sizes() == [15, 11, 0]
    assert (query.commits, query.planned) == ([0, 1, 2], [0, 1, 2, 3])
    assert (query.records_done(), query.watermark_ms()) == (26, 60)
    assert query.end_offsets(1) == {"a": {0: 10, 1: 9}, "b": {0: 7}}


def test_batches_are_in_the_order_of_their_numbers() -> None:
    files = {f"/c/offsets/{n}": plan(json.dumps({"a": {"0": n + 1}})) for n in range(12)}
    query = Checkpoint(hdfs(files | {f"/c/commits/{n}": "v1" for n in range(12)}), "/c")
    assert query.batch_sizes() == [1] * 12


def test_batches_that_spark_no_longer_keeps_are_not_taken_for_one_large_one() -> None:
    files = {f"/c/offsets/{n}": plan(json.dumps({"a": {"0": 10 * (n + 1)}})) for n in range(11, 111)}
    query = Checkpoint(hdfs(files | {f"/c/commits/{n}": "v1" for n in range(11, 111)}), "/c")
    assert query.batch_sizes() == [10] * 99
    assert query.records_done() == 1110


def test_a_query_that_never_ran_has_no_folder() -> None:
    with pytest.raises(Missing, match="no such file: /c/commits"):
        Checkpoint(hdfs({}), "/c").batch_sizes()


def log(*names: str) -> str:
    return "\n".join(["v1", *(json.dumps({"path": f"hdfs://n:8020/s/{name}", "action": "add"}) for name in names)])


def test_only_files_that_the_log_names_count() -> None:
    files = {
        "/s/_spark_metadata/0": log("part-0.json"),
        "/s/_spark_metadata/1": log("part-1.json"),
        "/s/_spark_metadata/.1.crc": "",
        "/s/part-0.json": '{"n": 1}\n{"n": 2}\n',
        "/s/part-1.json": "",
        "/s/part-orphan.json": '{"n": 9}\n',
    }
    assert committed_files(hdfs(files), "/s") == ["/s/part-0.json", "/s/part-1.json"]
    assert json_rows(hdfs(files), "/s") == [{"n": 1}, {"n": 2}]


def test_a_compact_log_stands_for_all_before_it() -> None:
    files = {f"/s/_spark_metadata/{n}": log(f"part-{n}") for n in (7, 8, 10, 11)}
    files["/s/_spark_metadata/9.compact"] = log(*(f"part-{n}" for n in range(10)))
    assert committed_files(hdfs(files), "/s") == [f"/s/part-{n}" for n in range(12)]


def test_a_name_with_a_sign_that_an_address_must_hide_is_found() -> None:
    assert committed_files(hdfs({"/s/_spark_metadata/0": log("kind=a%20b/part-0")}), "/s") == ["/s/kind=a b/part-0"]


def test_a_committed_file_that_is_gone_is_an_error() -> None:
    with pytest.raises(Missing, match="no such file: /s/part-0"):
        json_rows(hdfs({"/s/_spark_metadata/0": log("part-0")}), "/s")
