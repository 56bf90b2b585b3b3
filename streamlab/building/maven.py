"""Jars from Maven's repositories: fetched as their locks list them, and resolved anew."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from xml.sax.saxutils import escape

import docker

from streamlab.building.fetching import fetch
from streamlab.building.jars import Jar, parse_lock
from streamlab.building.versions import Product, Versions, load_versions, lock_folder
from streamlab.engines.throwaway import inside, work_folder
from streamlab.errors import LabError
from streamlab.paths import CACHE, ROOT, private_folder
from streamlab.ui import progress, say

_REPOSITORY = CACHE / "maven"
_LISTED = re.compile(r"\s+([^:\s]+):([^:\s]+):jar:(?:([^:\s]+):)?([^:\s]+):(?:compile|runtime):/")
_EVERYTHING = ("*:*",)


def jars_lock(product: str) -> Path:
    return lock_folder(product) / "jars.lock"


def load_jars(product: str) -> list[Jar]:
    """The jars that a product's lock lists; none if it has no lock yet."""
    path = jars_lock(product)
    return parse_lock(path.read_text(encoding="utf-8"), source=str(path.relative_to(ROOT))) if path.is_file() else []


def jar_path(jar: Jar) -> Path:
    """Where a verified jar is kept. The name is its hash: what is there needs no second look."""
    return CACHE / "jars" / f"{jar.sha256}.jar"


def ensure_jars(client: docker.DockerClient, builder: str, wanted: Mapping[str, Iterable[Jar]]) -> None:
    """Fetch and verify the missing jars of all products, in one run of Maven."""
    missing = {product: [jar for jar in jars if not jar_path(jar).exists()] for product, jars in wanted.items()}
    missing = {product: jars for product, jars in missing.items() if jars}
    # What an earlier run fetched and could not verify any more (it was interrupted) needs no Maven.
    absent = {product: [jar for jar in jars if not _fetched(jar).exists()] for product, jars in missing.items()}
    if any(absent.values()):
        started = time.monotonic()
        _fetch_jars(client, builder, {product: jars for product, jars in absent.items() if jars})
        say(f"fetched {sum(map(len, absent.values()))} jars in {time.monotonic() - started:.0f} s")
    for product, jars in missing.items():
        for jar in jars:
            _store(jar, lock=str(jars_lock(product).relative_to(ROOT)))


def _fetched(jar: Jar) -> Path:
    return _REPOSITORY / jar.repository_path


def _fetch_jars(client: docker.DockerClient, builder: str, wanted: Mapping[str, list[Jar]]) -> None:
    """Have Maven fetch exactly these jars. Their dependencies are excluded: the lock has them, or nobody wants them."""
    everything = [jar for jars in wanted.values() for jar in jars]

    def show() -> None:
        here = [path.stat().st_size for path in map(_fetched, everything) if path.exists()]
        line.update(f"{len(here)} of {len(everything)} jars, {sum(here) / 1e6:.0f} MB")

    with work_folder() as work, progress("fetching") as line:
        modules = {name: [(jar.coordinate, _EVERYTHING) for jar in jars] for name, jars in wanted.items()}
        _run(client, builder, work, modules, ["resolve"], watch=show)


def _store(jar: Jar, *, lock: str) -> None:
    """Give a fetched jar its place if it is what the lock says; else throw it away: the next run fetches it anew."""
    path = _fetched(jar)
    found = sha256(path)
    if found != jar.sha256:
        path.unlink()
        evidence = [f"lock:     {lock}", f"expected: {jar.sha256}", f"found:    {found}"]
        fix = "run the same command again, which fetches it anew; if the hash stays wrong, trust neither and ask why"
        raise LabError(f"{jar.filename} is not the file that was locked", evidence=evidence, fix=fix)
    place = jar_path(jar)
    private_folder(place.parent)
    try:
        os.link(path, place)
    except FileExistsError:
        pass
    except OSError:  # a file system without hard links
        half = place.with_suffix(f".{os.getpid()}")
        shutil.copyfile(path, half)
        half.rename(place)


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def resolve_jars(client: docker.DockerClient, builder: str, versions: Versions) -> dict[str, list[Jar]]:
    """Ask Maven what every product needs, transitively, and hash what it fetched."""
    modules = {name: _roots(product) for name, product in versions.products.items()}
    goals = ["list", "-DoutputFile=list.txt", "-DincludeScope=runtime", "-DoutputAbsoluteArtifactFilename=true"]
    with work_folder() as work, progress("resolving") as line:
        _run(client, builder, work, modules, goals, watch=lambda: line.update(", ".join(modules)))
        return {
            name: _hashed(parse_listing((work / name / "list.txt").read_text(encoding="utf-8"))) for name in modules
        }


def _roots(product: Product) -> list[tuple[str, tuple[str, ...]]]:
    """A root with a classifier is wanted for itself alone, as Hadoop's test jar for its web pages."""
    return [(root, _EVERYTHING if root.count(":") == 3 else product.without) for root in product.roots]


def parse_listing(text: str) -> list[Jar]:
    """The jars in what `dependency:list` writes: `group:artifact:jar:[classifier:]version:scope:path`."""
    jars = []
    for line in text.splitlines():
        if line.startswith("   ") and ":" in line:
            match = _LISTED.match(line)
            if not match:
                raise LabError("Maven lists a dependency that is no jar", evidence=line.strip(), fix="leave it out")
            group, artifact, classifier, version = match.groups()
            jars.append(Jar(group, artifact, version, classifier or ""))
    return jars


def _hashed(jars: Iterable[Jar]) -> list[Jar]:
    return sorted(replace(jar, sha256=sha256(_fetched(jar))) for jar in jars)


def _run(
    client: docker.DockerClient,
    builder: str,
    work: Path,
    modules: Mapping[str, Iterable[tuple[str, Iterable[str]]]],
    goals: list[str],
    *,
    watch: Callable[[], None],
) -> None:
    """Run a goal of the dependency plugin on a project per product: one project cannot hold two versions of a jar."""
    for name, dependencies in modules.items():
        (work / name).mkdir()
        (work / name / "pom.xml").write_text(pom(name, dependencies=dependencies), encoding="utf-8")
    (work / "pom.xml").write_text(pom("streamlab", modules=modules), encoding="utf-8")
    plugin = f"org.apache.maven.plugins:maven-dependency-plugin:{load_versions().maven_dependency_plugin}"
    # -U: Maven otherwise remembers for a day what it could not fetch, and an interrupted run would not go on.
    argv = ["mvn", "--batch-mode", "--no-transfer-progress", "-U", "-T", "4", "-Dmaven.artifact.threads=8"]
    argv += [f"-Dmaven.repo.local={inside(_REPOSITORY)}", f"{plugin}:{goals[0]}", *goals[1:]]
    fetch(client, builder, argv, "the jars", work=work, watch=watch)


def pom(name: str, *, dependencies: Iterable[tuple[str, Iterable[str]]] = (), modules: Iterable[str] = ()) -> str:
    """A Maven project: dependencies as (coordinate, what to leave out), or modules."""
    lines = ["<project><modelVersion>4.0.0</modelVersion><packaging>pom</packaging>"]
    lines.append(f"<groupId>streamlab</groupId><artifactId>{escape(name)}</artifactId><version>1</version>")
    lines += ["<modules>", *(f"<module>{escape(module)}</module>" for module in modules), "</modules>"]
    lines.append("<dependencies>")
    for coordinate, without in dependencies:
        tags = zip(("groupId", "artifactId", "version", "classifier"), coordinate.split(":"), strict=False)
        fields = "".join(f"<{tag}>{escape(value)}</{tag}>" for tag, value in tags)
        pairs = (pair.split(":") for pair in without)
        excluded = "".join(
            f"<exclusion><groupId>{group}</groupId><artifactId>{artifact}</artifactId></exclusion>"
            for group, artifact in pairs
        )
        lines.append(f"<dependency>{fields}<exclusions>{excluded}</exclusions></dependency>")
    return "\n".join([*lines, "</dependencies></project>", ""])
