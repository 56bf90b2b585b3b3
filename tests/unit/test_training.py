"""The lists of classes fit the locks that they were found with."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from streamlab.building import images, training
from streamlab.paths import IMAGES


@pytest.mark.parametrize("product", images.PRODUCTS)
def test_a_list_was_found_with_the_jars_that_are_locked(product: str) -> None:
    assert training.list_hash(product) == training.lock_hash(product), "run: ./lab train"


@pytest.mark.parametrize(
    ("file", "text", "changes"),
    [
        ("pyspark/requirements.lock", "pyspark==3.5.7", True),
        ("pyspark/requirements.lock", "pytest==", False),
        ("pyspark/jars.lock", "com.datastax", True),
    ],
)
def test_spark_s_list_depends_on_its_jars_and_on_nothing_else(
    tmp_path: Path, file: str, text: str, changes: bool
) -> None:
    folder = Path(shutil.copytree(IMAGES, tmp_path / "images"))
    before = training.lock_hash("spark", folder)
    place = folder / file
    assert text in place.read_text()
    place.write_text(place.read_text().replace(text, f"{text}1", 1))
    assert (training.lock_hash("spark", folder) != before) is changes


def test_lists_of_several_jvms_become_one() -> None:
    lists = ["# a comment\njava/lang/String\norg/B\n", "org/B\n@lambda-proxy org/B run\norg/A\n"]
    assert training.merged(lists) == ["@lambda-proxy org/B run", "java/lang/String", "org/A", "org/B"]
