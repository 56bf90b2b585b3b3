"""What an image's jars are rid of: what of a manifest nobody reads, signatures, words, compression; nothing else."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path
from xml.etree import ElementTree

from streamlab.paths import ROOT

DEFAULTS = b"""<?xml version="1.0"?>
<!-- Copyright of somebody -->
<configuration>
  <!-- names of things -->
  <property>
    <name>a.name</name>
    <value> two  words </value>
    <description>What it is for, at length.</description>
    <final>true</final>
    <tag>security</tag>
  </property>
  <property><name>b.empty</name><value></value></property>
  <property><name>c.unset</name></property>
</configuration>
"""


def jar(path: Path, files: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in files.items():
            made.writestr(name, data)


def lean(folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, str(ROOT / "images/base/bin/lean-jars"), str(folder)],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return done.stdout


def contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as found:
        return {name: found.read(name) for name in found.namelist()}


def test_hadoops_defaults_keep_everything_but_words(tmp_path: Path) -> None:
    jar(tmp_path / "hadoop.jar", {"core-default.xml": DEFAULTS, "org/A.class": b"\xca\xfe"})

    assert lean(tmp_path) == "hadoop.jar: core-default.xml without words\n"

    found = contents(tmp_path / "hadoop.jar")
    assert found["org/A.class"] == b"\xca\xfe"
    assert not any(words in found["core-default.xml"] for words in (b"at length", b"Copyright", b"names of"))
    properties = [[(part.tag, part.text) for part in one] for one in ElementTree.fromstring(found["core-default.xml"])]
    assert properties == [
        [("name", "a.name"), ("value", " two  words "), ("final", "true"), ("tag", "security")],
        [("name", "b.empty"), ("value", None)],
        [("name", "c.unset")],
    ]


def test_a_signature_goes_and_what_it_signed_stays(tmp_path: Path) -> None:
    signed = {"META-INF/MANIFEST.MF": b"m", "META-INF/KEY.SF": b"s", "META-INF/KEY.RSA": b"r", "org/A.class": b"a"}
    jar(tmp_path / "signed.jar", signed)

    assert lean(tmp_path) == "signed.jar: unsigned\n"
    assert contents(tmp_path / "signed.jar") == {"META-INF/MANIFEST.MF": b"m", "org/A.class": b"a"}


MANIFEST = b"""Manifest-Version: 1.0\r
Multi-Release: true\r
Import-Package: org.a;version="[1,2)",org.b;resolution:=optional,org.c;ver\r
 sion="[1,2)"\r
Bundle-SymbolicName: org.a;singl\r
 eton:=true\r
Export-Package: org.d\r
\r
Name: org/a/A.class\r
SHA-256-Digest: AAAA\r
\r
Name: org/b/\r
Specification-Title: B\r
SHA-256-Digest: BBBB\r
\r
Name: org/a/a/very/long/name/that/goes/on/in/the/next/line/of/the/manif\r
 est.class\r
SHA1-Digest: CCCC\r
\r
"""


def test_a_manifest_keeps_what_java_and_libraries_read(tmp_path: Path) -> None:
    jar(tmp_path / "bundle.jar", {"META-INF/MANIFEST.MF": MANIFEST, "org/a/A.class": b"a" * 1000})

    assert lean(tmp_path).startswith("bundle.jar: ")
    assert contents(tmp_path / "bundle.jar")["META-INF/MANIFEST.MF"].replace(b"\r\n", b"\n") == (
        b"Manifest-Version: 1.0\nMulti-Release: true\nBundle-SymbolicName: org.a;singl\n eton:=true\n\n"
        b"Name: org/b/\nSpecification-Title: B\n\n"
    )
    with zipfile.ZipFile(tmp_path / "bundle.jar") as found:
        how = {entry.filename: entry.compress_type for entry in found.infolist()}
    assert how == {"META-INF/MANIFEST.MF": zipfile.ZIP_STORED, "org/a/A.class": zipfile.ZIP_DEFLATED}


def test_jars_that_are_read_through_are_not_compressed(tmp_path: Path) -> None:
    files = {"hdfs-default.xml": DEFAULTS, "org/A.class": b"a" * 1000}
    for name in ("hadoop-hdfs-3.5.0.jar", "hadoop-hdfs-webapps.jar", "hadoop-hdfs-client-3.5.0.jar"):
        jar(tmp_path / name, files)

    assert lean(tmp_path).splitlines() == [
        "hadoop-hdfs-3.5.0.jar: hdfs-default.xml without words, not compressed",
        "hadoop-hdfs-client-3.5.0.jar: hdfs-default.xml without words",
        "hadoop-hdfs-webapps.jar: hdfs-default.xml without words, not compressed",
    ]
    for name, how in (("hdfs-3.5.0", zipfile.ZIP_STORED), ("hdfs-client-3.5.0", zipfile.ZIP_DEFLATED)):
        path = tmp_path / f"hadoop-{name}.jar"
        assert contents(path)["org/A.class"] == b"a" * 1000
        with zipfile.ZipFile(path) as found:
            assert {entry.compress_type for entry in found.infolist()} == {how}


def test_other_jars_are_not_written_at_all(tmp_path: Path) -> None:
    other = b"<html><description>a page</description></html>"
    jar(tmp_path / "other.jar", {"conf/core-default.xml": DEFAULTS, "page.xml": other})
    before = (tmp_path / "other.jar").read_bytes()

    assert lean(tmp_path) == ""
    assert (tmp_path / "other.jar").read_bytes() == before
