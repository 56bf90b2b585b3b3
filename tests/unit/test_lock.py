"""Jar locks: what is written can be read, and what cannot be read is named by file and line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from streamlab.building import fetching, maven, pip
from streamlab.building.jars import Jar, diff_locks, format_lock, parse_lock
from streamlab.building.versions import load_versions
from streamlab.engines.throwaway import ClientFailed, proxy_properties, trust_store, without_hosts
from streamlab.errors import LabError
from streamlab.paths import ROOT

ONE, TWO = "1" * 64, "2" * 64
GUAVA = Jar("com.example", "guava", "33.0-jre", sha256=ONE)
NATIVE = Jar("io.example", "native", "1.2.Final", "linux-x86_64", sha256=TWO)


def test_a_lock_reads_back_what_was_written() -> None:
    text = format_lock([NATIVE, GUAVA])
    assert text == f"com.example:guava:33.0-jre {ONE}\nio.example:native:1.2.Final:linux-x86_64 {TWO}\n"
    assert parse_lock(text, source="jars.lock") == [GUAVA, NATIVE]


def test_a_jar_knows_its_file_and_its_place_in_a_repository() -> None:
    assert NATIVE.filename == "native-1.2.Final-linux-x86_64.jar"
    assert GUAVA.repository_path == "com/example/guava/33.0-jre/guava-33.0-jre.jar"


@pytest.mark.parametrize(
    "line",
    [
        "com.example:guava:33.0-jre",
        f"com.example:guava {ONE}",
        f"com.example:guava:33.0-jre {ONE[:-1]}",
        f"com.example:../guava:33.0-jre {ONE}",
        f"com.example:guava:33.0-jre {ONE} extra",
    ],
)
def test_a_malformed_line_is_named_by_file_and_line(line: str) -> None:
    with pytest.raises(LabError) as caught:
        parse_lock(f"# jars\n{line}\n", source="images/kafka/jars.lock")
    assert str(caught.value) == (
        "error: images/kafka/jars.lock, line 2 is no jar\n"
        f"  found: {line}\n"
        "  expected: group:artifact:version[:classifier] sha256\n"
        "  fix: run: ./lab lock"
    )


def test_two_versions_of_one_jar_are_refused() -> None:
    text = f"com.example:guava:1 {ONE}\ncom.example:guava:2 {TWO}\n"
    with pytest.raises(LabError, match=r"images/kafka/jars\.lock, line 2") as caught:
        parse_lock(text, source="images/kafka/jars.lock")
    assert "line 1 names the same jar" in caught.value.evidence


def test_a_diff_says_what_came_went_and_changed() -> None:
    other_bytes = Jar("a", "same", "1", sha256=TWO)
    old = [Jar("a", "gone", "1", sha256=ONE), Jar("a", "kept", "1", sha256=ONE), Jar("a", "same", "1", sha256=ONE)]
    new = [Jar("a", "kept", "2", sha256=TWO), other_bytes, GUAVA]
    assert diff_locks(old, new) == [
        "removed a:gone:1",
        "changed a:kept:1 -> 2",
        "changed a:same:1 -> other bytes under the same version",
        "added com.example:guava:33.0-jre",
    ]


@pytest.mark.parametrize("product", sorted(load_versions().products))
def test_every_product_has_a_lock_with_all_its_roots(product: str) -> None:
    coordinates = {jar.coordinate for jar in maven.load_jars(product)}
    assert set(load_versions().products[product].roots) <= coordinates


@pytest.mark.parametrize("product", sorted(load_versions().products))
def test_no_two_jars_of_a_product_have_one_file_name(product: str) -> None:
    names = [jar.filename for jar in maven.load_jars(product)]
    assert len(names) == len(set(names))


def test_no_lock_names_an_address() -> None:
    locks = [maven.jars_lock(product) for product in load_versions().products]
    for lock in [*locks, *pip.LOCKS.values()]:
        assert "://" not in lock.read_text(), lock


@pytest.mark.parametrize("lock", pip.LOCKS.values(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_python_package_is_pinned_and_hashed(lock: Path) -> None:
    for entry in lock.read_text().replace("\\\n", "").splitlines():
        assert re.match(r"[a-z0-9-]+==[^ ]+ .*--hash=sha256:", entry), entry


def test_the_static_checks_tools_change_no_version_of_the_control_program() -> None:
    """They go into the same .venv."""
    versions = [
        dict(re.findall(r"^([a-z0-9-]+)==([^ ]+)", (ROOT / name).read_text(), re.MULTILINE))
        for name in ("requirements.lock", "requirements-dev.lock")
    ]
    assert {name: version for name, version in versions[1].items() if versions[0].get(name, version) != version} == {}
    assert {"mypy", "ruff", "ansible-lint"} <= versions[1].keys() - versions[0].keys()


def test_spark_has_one_version() -> None:
    lock = pip.NODES_LOCK
    assert f"pyspark=={load_versions().products['spark'].version} " in lock.read_text()


def test_maven_s_listing_is_read() -> None:
    listing = (
        "\nThe following files have been resolved:\n"
        "   com.example:guava:jar:33.0-jre:compile:/cache/maven/guava.jar -- module com.example (auto)\n"
        "   io.example:native:jar:linux-x86_64:1.2.Final:runtime:/cache/maven/native.jar\n\n"
    )
    assert maven.parse_listing(listing) == [
        Jar("com.example", "guava", "33.0-jre"),
        Jar("io.example", "native", "1.2.Final", "linux-x86_64"),
    ]


def test_a_project_asks_for_exactly_what_it_is_told() -> None:
    text = maven.pom("kafka", dependencies=[("io.example:native:1:linux", ["*:*"])])
    assert (
        "<dependency><groupId>io.example</groupId><artifactId>native</artifactId><version>1</version>"
        "<classifier>linux</classifier><exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId>"
        "</exclusion></exclusions></dependency>"
    ) in text


def test_a_client_s_reason_is_shown_without_addresses() -> None:
    log = (
        "[INFO] Building kafka 1\n"
        "[ERROR] Failed to execute goal on project kafka: "
        "Could not resolve dependencies for project streamlab:kafka:pom:1: "
        "Could not transfer artifact org.example:thing:pom:1.0 from/to central (https://repo.example.org/m2): "
        "transfer failed for https://repo.example.org/m2/thing.pom: repo.example.org: unknown host -> [Help 1]\n"
        "[ERROR] \n[ERROR] Re-run Maven using the -X switch to enable full debug logging.\n"
    )
    assert fetching.reasons_in(log) == [
        "Could not transfer artifact org.example:thing:pom:1.0 from/to central: "
        "transfer failed for the registry: unknown host"
    ]
    assert without_hosts("org.apache.hadoop:hadoop-common:jar:3.5.0") == "org.apache.hadoop:hadoop-common:jar:3.5.0"


@pytest.mark.parametrize(
    ("log", "fix"),
    [
        ("[ERROR] Could not find artifact com.example:guava:jar:99", "name another version in images/versions.yml"),
        ("ERROR: No matching distribution found for numpy==99", "name another version in images/versions.yml"),
        ("[ERROR] Read timed out", "run the same command again"),
    ],
)
def test_what_no_registry_has_is_not_asked_for_again(log: str, fix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object, **__: object) -> None:
        raise ClientFailed(1, log)

    monkeypatch.setattr(fetching, "run_client", failing)
    with pytest.raises(LabError, match=r"^error: the jars cannot be fetched\n") as caught:
        fetching.fetch(None, "builder", ["mvn"], "the jars", work=Path("work"))
    assert caught.value.fix.startswith(fix)


def test_a_trust_store_holds_every_certificate() -> None:
    pem = "junk\n" + "-----BEGIN CERTIFICATE-----\nAAEC\n-----END CERTIFICATE-----\n# a comment\n" * 2
    store = trust_store(pem)
    assert store[:12] == bytes.fromhex("feedfeed0000000200000002")
    assert store.count(b"X.509") == 2


def test_proxies_reach_java() -> None:
    environment = {"https_proxy": "http://proxy.example:3128", "NO_PROXY": "localhost,.example"}
    assert proxy_properties(environment) == [
        "-Dhttps.proxyHost=proxy.example",
        "-Dhttps.proxyPort=3128",
        "-Dhttp.nonProxyHosts=localhost|*.example",
    ]
    assert proxy_properties({"NO_PROXY": "localhost"}) == []
