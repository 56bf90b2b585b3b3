"""Fetches what the locks list with ordinary clients, and writes the locks.

Only verified files get a place of their own in the cache: jars/<sha256>.jar, wheels/<key>/. Each arrives at one
stroke, so what is there is whole, whenever a run was interrupted. Maven's repository and pip's cache, kept beside them,
are what lets an interrupted fetch go on where it stopped.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from xml.sax.saxutils import escape

import docker

from streamlab.building import npm
from streamlab.building.lock import Jar, diff_locks, format_lock, parse_lock
from streamlab.building.versions import Product, Versions, load_versions, lock_folder
from streamlab.engines.throwaway import ClientFailed, inside, run_client, without_hosts, work_folder
from streamlab.errors import LabError
from streamlab.paths import CACHE, IMAGES, ROOT, private_folder
from streamlab.ui import progress, say

_MAVEN_REPOSITORY = CACHE / "maven"
_AGAIN = "run the same command again: it goes on from there"
_LISTED = re.compile(r"\s+([^:\s]+):([^:\s]+):jar:(?:([^:\s]+):)?([^:\s]+):(?:compile|runtime):/")
_EVERYTHING = ("*:*",)
#: How clients mark an error, what they add to every one, and what stands before the reason.
_MARK = re.compile(r"(\[ERROR\]|ERROR:|error:)\s*")
_HOUSEKEEPING = re.compile(
    r"To see the full stack trace|Re-run Maven|For more information|\[Help|After correcting|Ignored the following"
)
_PREAMBLE = re.compile(r"^Failed to execute goal on project \S+: Could not resolve dependencies for project \S+: ")
#: What is locked of Python for the cluster's nodes, and for the gateway.
NODES_LOCK = lock_folder("spark") / "requirements.lock"
GATEWAY_LOCK = IMAGES / "gateway" / "requirements.lock"
#: Python locks: what is asked for, and what is written. For the cluster's nodes; for the gateway; for the control
#: machine; for its static checks, which keep the control machine's versions.
PYTHON_LOCKS = {
    NODES_LOCK.with_suffix(".in"): NODES_LOCK,
    GATEWAY_LOCK.with_suffix(".in"): GATEWAY_LOCK,
    ROOT / "requirements.in": ROOT / "requirements.lock",
    ROOT / "requirements-dev.in": ROOT / "requirements-dev.lock",
}


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
        _fetch(client, builder, {product: jars for product, jars in absent.items() if jars})
        say(f"fetched {sum(map(len, absent.values()))} jars in {time.monotonic() - started:.0f} s")
    for product, jars in missing.items():
        for jar in jars:
            _store(jar, lock=str(jars_lock(product).relative_to(ROOT)))


def _fetched(jar: Jar) -> Path:
    return _MAVEN_REPOSITORY / jar.repository_path


def _fetch(client: docker.DockerClient, builder: str, wanted: Mapping[str, list[Jar]]) -> None:
    """Have Maven fetch exactly these jars. Their dependencies are excluded: the lock has them, or nobody wants them."""
    everything = [jar for jars in wanted.values() for jar in jars]

    def show() -> None:
        here = [path.stat().st_size for path in map(_fetched, everything) if path.exists()]
        line.update(f"{len(here)} of {len(everything)} jars, {sum(here) / 1e6:.0f} MB")

    with work_folder() as work, progress("fetching") as line:
        modules = {name: [(jar.coordinate, _EVERYTHING) for jar in jars] for name, jars in wanted.items()}
        _run_maven(client, builder, work, modules, ["resolve"], watch=show)


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


def ensure_wheels(client: docker.DockerClient, builder: str, requirements: Path, *, processor: str) -> Path:
    """The folder with the wheels that `requirements` locks, verified by pip against its hashes."""
    place = wheels_folder(requirements, processor)
    if place.is_dir():
        return place
    started = time.monotonic()
    count = len(re.findall(r"^[A-Za-z]", requirements.read_text(encoding="utf-8"), re.MULTILINE))
    with work_folder() as work, progress("fetching") as line:
        shutil.copyfile(requirements, work / "requirements.lock")
        (work / "tmp").mkdir()
        # What is built here is unpacked once, and jars, most of PySpark, are compressed already.
        (work / "build.cfg").write_text("[bdist_wheel]\ncompression = stored\n", encoding="utf-8")

        def show() -> None:
            done = len(list(work.glob("wheels/*.whl")))
            line.update(f"{done} of {count} Python packages, {_size(work) / 1e6:.0f} MB on disk")

        # TMPDIR: pip's unfinished downloads are where the progress line can see them.
        argv = ["env", f"TMPDIR={inside(work / 'tmp')}", f"DIST_EXTRA_CONFIG={inside(work / 'build.cfg')}"]
        argv += ["python3", "-m", "pip", "wheel", "--wheel-dir=wheels"]
        argv += ["--no-deps", "--require-hashes", "--no-build-isolation", "--progress-bar=off"]
        argv += ["--requirement=requirements.lock"]
        try:
            run_client(client, builder, argv, work=work, watch=show)
        except ClientFailed as error:
            raise _not_fetched("the Python packages of the lock", error) from error
        private_folder(place.parent)
        if not place.is_dir():
            (work / "wheels").rename(place)
    say(f"fetched {len(list(place.iterdir()))} Python packages in {time.monotonic() - started:.0f} s")
    return place


def ensure_scripts(client: docker.DockerClient, builder: str) -> Path:
    """The folder with the locked packages of npm's registry."""
    try:
        return npm.ensure_packages(client, builder)
    except ClientFailed as error:
        raise _not_fetched("the scripts of the lock", error) from error


def _scripts_lock(client: docker.DockerClient, builder: str, versions: Versions) -> str:
    try:
        return npm.resolve(client, builder, versions.npm)
    except ClientFailed as error:
        raise _not_fetched("what images/versions.yml asks of npm", error) from error


def wheels_folder(requirements: Path, processor: str) -> Path:
    """Where the verified wheels of a lock are kept."""
    key = hashlib.sha256(requirements.read_bytes() + processor.encode()).hexdigest()[:16]
    return CACHE / "wheels" / key


def _size(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):  # pip moves its files while we look; os.walk does not mind
                total += Path(parent, name).stat().st_size
    return total


def write_locks(client: docker.DockerClient, builder: str, *, upgrade: bool = False) -> list[str]:
    """Write every lock anew from versions.yml and the requirements.in files; return what changed, a line each.

    Python packages that nothing pins keep the version they have, unless `upgrade`.
    """
    versions = load_versions()
    changes = []
    for product, jars in resolve_jars(client, builder, versions).items():
        changes += [f"{product}: {line}" for line in diff_locks(load_jars(product), jars)]
        _replace(jars_lock(product), format_lock(jars))
    after = _scripts_lock(client, builder, versions)
    if after != npm.LOCK.read_text(encoding="utf-8"):
        changes.append(f"{npm.LOCK.relative_to(ROOT)}: changed, see git diff")
        _replace(npm.LOCK, after)
    for source, lock in PYTHON_LOCKS.items():
        before = lock.read_text(encoding="utf-8") if lock.is_file() else ""
        after = _compile(client, builder, source, lock, before="" if upgrade else before, uv=versions.uv)
        if before != after:
            changes.append(f"{lock.relative_to(ROOT)}: changed, see git diff")
            _replace(lock, after)
    return changes


def _replace(path: Path, text: str) -> None:
    half = path.with_name(path.name + ".new")
    half.write_text(text, encoding="utf-8")
    half.rename(path)


def resolve_jars(client: docker.DockerClient, builder: str, versions: Versions) -> dict[str, list[Jar]]:
    """Ask Maven what every product needs, transitively, and hash what it fetched."""
    modules = {name: _roots(product) for name, product in versions.products.items()}
    goals = ["list", "-DoutputFile=list.txt", "-DincludeScope=runtime", "-DoutputAbsoluteArtifactFilename=true"]
    with work_folder() as work, progress("resolving") as line:
        _run_maven(client, builder, work, modules, goals, watch=lambda: line.update(", ".join(modules)))
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


def _compile(client: docker.DockerClient, builder: str, source: Path, lock: Path, *, before: str, uv: str) -> str:
    """Lock Python packages with uv: for every platform, with hashes, without any address."""
    with work_folder() as work, progress("resolving") as line:
        for file in source.parent.glob("requirements*"):  # one may name another as its constraints
            shutil.copyfile(file, work / file.name)
        (work / lock.name).write_text(before, encoding="utf-8")
        install = 'python3 -m pip install --quiet --target /tmp/uv "uv==$0" && exec /tmp/uv/bin/uv "$@"'
        argv = ["sh", "-c", install, uv, "pip", "compile", "--quiet", "--universal", "--python-version=3.11"]
        argv += ["--generate-hashes", "--no-emit-index-url", "--no-emit-find-links", "--no-annotate", "--no-header"]
        argv += [f"--output-file={lock.name}", source.name]
        try:
            run_client(client, builder, argv, work=work, watch=lambda: line.update(source.name))
        except ClientFailed as error:
            raise _not_fetched(f"what {source.relative_to(ROOT)} asks for", error) from error
        return (work / lock.name).read_text(encoding="utf-8")


def _run_maven(
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
    argv += [f"-Dmaven.repo.local={inside(_MAVEN_REPOSITORY)}", f"{plugin}:{goals[0]}", *goals[1:]]
    try:
        run_client(client, builder, argv, work=work, watch=watch)
    except ClientFailed as error:
        raise _not_fetched("the jars", error) from error


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


def _not_fetched(what: str, error: ClientFailed) -> LabError:
    reasons = reasons_in(error.log)
    # The registry answered, and will answer the same again.
    final = any("Could not find artifact" in line or "No matching distribution" in line for line in reasons)
    fix = "name another version in images/versions.yml and run: ./lab lock" if final else _AGAIN
    return LabError(f"{what} cannot be fetched", evidence=reasons, fix=fix)


def reasons_in(log: str) -> list[str]:
    """A client's own reason out of its log: its first error lines, else its last lines; without host names."""
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line).strip() for line in log.splitlines()]
    marked = [_MARK.sub("", line, count=1) for line in lines if _MARK.match(line)]
    telling = [line for line in marked if line and not _HOUSEKEEPING.match(line)]
    chosen = telling[:3] or [line for line in lines if line][-5:]
    told = (without_hosts(_PREAMBLE.sub("", line).replace("-> [Help 1]", "")).strip() for line in chosen)
    return [line if len(line) <= 300 else f"{line[:300]} …" for line in told]
