"""An image's name follows from everything that goes into it, and from nothing else."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from streamlab.building import build, images
from streamlab.paths import IMAGES, ROOT


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(IMAGES, tmp_path / "images"))


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {name for name in before if before[name] != after[name]}


def test_tags_name_every_product() -> None:
    tags = images.image_tags()
    assert tuple(tags) == images.PRODUCTS
    assert all(re.fullmatch(rf"streamlab/{name}:[0-9a-f]{{12}}", tag) for name, tag in tags.items())


def test_the_same_content_has_the_same_name_elsewhere(folder: Path) -> None:
    (folder / "base" / ".bin.swp").write_text("an editor's own")
    (folder / "gateway" / "portal" / "rules.cpython-311.pyc").write_text("Python's own, after a test")
    assert images.image_tags(folder) == images.image_tags()


#: The edge nodes' images of stacks with optional services, and Spark's, on which all of them are built.
SPARK = {"spark", "spark-flink", "spark-hbase", "spark-flink-hbase"}


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("kafka/jars.lock", {"kafka", "plain", *SPARK}),
        ("hadoop/bin/start", {"hadoop", "tools", "plain", "hbase", *SPARK}),
        ("pyspark/requirements.lock", {"pyspark", "plain", "archive", *SPARK}),
        ("cassandra/Dockerfile", {"cassandra"}),
        ("training/spark/train", set()),
        ("gateway/portal/rules.py", {"gateway"}),
        ("spark-flink/jars.lock", {"spark-flink", "spark-flink-hbase"}),
        ("hbase/requirements.lock", {"hbase", "spark-hbase", "spark-flink-hbase"}),
        ("spark-hbase/Dockerfile", {"spark-hbase", "spark-flink-hbase"}),
        (
            "builder/Dockerfile",
            {"builder", "hadoop", "tools", "pyspark", "plain", "archive", "hbase", "gateway", *SPARK},
        ),
        (
            "base/Dockerfile",
            {
                "base",
                "builder",
                "hadoop",
                "kafka",
                "cassandra",
                "tools",
                "pyspark",
                "plain",
                "archive",
                "hbase",
                "gateway",
            }
            | SPARK,
        ),
    ],
)
def test_a_change_reaches_exactly_what_is_built_on_it(folder: Path, file: str, expected: set[str]) -> None:
    before = images.image_keys(folder)
    with (folder / file).open("a") as lines:
        lines.write("# changed\n")
    assert changed(before, images.image_keys(folder)) == expected


def test_a_new_file_and_a_new_name_change_the_key(folder: Path) -> None:
    before = images.image_keys(folder)
    (folder / "kafka" / "bin" / "kafka-tool").rename(folder / "kafka" / "bin" / "kafka-other")
    assert changed(before, images.image_keys(folder)) == {"kafka", "plain", *SPARK}


def test_another_debian_changes_everything(folder: Path) -> None:
    before = images.image_keys(folder)
    versions = folder / "versions.yml"
    versions.write_text(versions.read_text().replace("debian: bookworm", "debian: trixie"))
    assert changed(before, images.image_keys(folder)) == set(before)


def test_an_image_like_another_has_its_parents_in_the_places_of_the_other_s() -> None:
    both = next(image for image in images.IMAGES_OF_OURS if image.name == "spark-flink-hbase")
    given = images.arguments(both, images.load_versions(), {"spark-flink": "f", "hbase": "h"})
    assert given == {"SPARK": "streamlab/spark-flink:f", "HBASE": "streamlab/hbase:h"}


def test_names_need_no_docker() -> None:
    code = "import sys; from streamlab.building import images; images.image_tags(); print('docker' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_context_is_the_same_whatever_the_file_modes_and_times(tmp_path: Path) -> None:
    jar = tmp_path / "some.jar"
    jar.write_bytes(b"bytes")
    written = []
    for mode in (0o600, 0o755):
        jar.chmod(mode)
        out = io.BytesIO()
        build.write_context(out, {"start": b"#!/bin/sh\n", "Dockerfile": b"FROM x\n"}, {"jars/some.jar": jar})
        written.append(out.getvalue())
    assert written[0] == written[1]
    with tarfile.open(fileobj=io.BytesIO(written[0])) as tar:
        entries = tar.getmembers()
    assert [(entry.name, oct(entry.mode), entry.mtime) for entry in entries] == [
        ("Dockerfile", "0o644", 0),
        ("start", "0o755", 0),
        ("jars/some.jar", "0o644", 0),
    ]


def test_scripts_in_images_stay_small() -> None:
    for path in IMAGES.rglob("bin/*"):
        text = path.read_text()
        assert "python3" in text.splitlines()[0] or len(text.splitlines()) < 40, path
