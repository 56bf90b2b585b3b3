"""How package registries are reached: whom this machine trusts, and which mirror of Maven Central it has."""

from __future__ import annotations

from pathlib import Path

import certifi
import pytest

from streamlab.engines import registries

SETTINGS = """<settings xmlns="urn:settings"><mirrors>
  <mirror><id>other</id><mirrorOf>snapshots</mirrorOf><url>https://one.example/</url></mirror>
  <mirror><id>ours</id><mirrorOf>{of}</mirrorOf><url> https://two.example/maven </url></mirror>
</mirrors></settings>"""


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        ("central", "https://two.example/maven"),
        ("external:*", "https://two.example/maven"),
        ("*,!central", ""),
        ("jboss", ""),
    ],
)
def test_the_mirror_of_central_is_the_one_that_says_so(tmp_path: Path, of: str, expected: str) -> None:
    settings = tmp_path / "settings.xml"
    settings.write_text(SETTINGS.format(of=of))
    assert registries.maven_mirror(settings) == expected


@pytest.mark.parametrize("text", [None, "<settings", "<settings/>"])
def test_no_settings_and_broken_ones_name_no_mirror(tmp_path: Path, text: str | None) -> None:
    settings = tmp_path / "settings.xml"
    if text is not None:
        settings.write_text(text)
    assert registries.maven_mirror(settings) == ""


def test_only_certificates_that_not_everybody_trusts_are_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = registries.certificates(certifi.contents())
    # Any certificate will do for one of a network's own: the last of everybody's, which is taken from them.
    bundle = tmp_path / "bundle.pem"
    bundle.write_text("# a comment\n" + "\n".join(usual))
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    assert registries.extra_certificates() == ""
    monkeypatch.setattr(certifi, "contents", lambda: "\n".join(usual[:-1]))
    assert registries.extra_certificates() == usual[-1] + "\n"
