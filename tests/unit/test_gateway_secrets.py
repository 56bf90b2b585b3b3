"""What is secret of a gateway: the class's authority, students' secrets, and who can read them."""

from __future__ import annotations

import re
import stat
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from portal import passwords
from streamlab.errors import WrongRequest
from streamlab.gateway import authority, secrets
from streamlab.students.student import Gateway

GATEWAY = Gateway(domain="lab.example.org")


def verify(folder: Path, certificate: Path, host: str) -> str:
    """What openssl says of a certificate that shows itself for a host."""
    done = subprocess.run(
        ["openssl", "verify", "-CAfile", folder / "ca.pem", "-verify_hostname", host, certificate],
        capture_output=True, text=True,
    )  # fmt: skip
    return done.stdout + done.stderr


def test_the_certificate_is_for_the_domain_and_its_pages(tmp_path: Path) -> None:
    chain, key = authority.ensure_certificate(tmp_path, GATEWAY, name="spring")
    assert chain.count(b"BEGIN CERTIFICATE") == 2
    assert b"PRIVATE KEY" in key
    for host in ("lab.example.org", "ada-rm.lab.example.org"):
        assert verify(tmp_path, tmp_path / "server.pem", host).endswith("OK\n")
    assert "hostname mismatch" in verify(tmp_path, tmp_path / "server.pem", "bank.example.org")
    assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.glob("*.key")} == {0o600}
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700


def test_the_authority_vouches_for_no_other_domain(tmp_path: Path) -> None:
    """Whoever has stolen its key can do nothing else with it."""
    authority.ensure_authority(tmp_path, GATEWAY, name="spring")
    stolen = tmp_path / "stolen"
    stolen.mkdir()
    (stolen / "ca.key").write_bytes((tmp_path / "ca.key").read_bytes())
    (stolen / "ca.pem").write_bytes((tmp_path / "ca.pem").read_bytes())
    bank = Gateway(domain="bank.example.com")
    monkey = pytest.MonkeyPatch()
    with monkey.context() as patched:
        patched.setattr(authority, "_is_for", lambda *_: True)
        authority.ensure_certificate(stolen, bank, name="spring")
    assert "permitted subtree violation" in verify(tmp_path, stolen / "server.pem", "bank.example.com")


def test_a_second_time_nothing_is_made(tmp_path: Path) -> None:
    first = authority.ensure_certificate(tmp_path, GATEWAY, name="spring")
    assert authority.ensure_certificate(tmp_path, GATEWAY, name="spring") == first


def test_another_domain_and_an_expiring_certificate_are_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = authority.ensure_certificate(tmp_path, GATEWAY, name="spring")
    other, _ = authority.ensure_certificate(tmp_path, Gateway(domain="x.example.org"), name="spring")
    assert other != first
    monkeypatch.setattr(authority, "SERVER_DAYS", authority.RENEW_DAYS - 1)
    (tmp_path / "server.pem").unlink()
    old, _ = authority.ensure_certificate(tmp_path, Gateway(domain="x.example.org"), name="spring")
    monkeypatch.undo()
    new, _ = authority.ensure_certificate(tmp_path, Gateway(domain="x.example.org"), name="spring")
    assert new != old
    left = x509.load_pem_x509_certificate(new).not_valid_after_utc - datetime.now(UTC)
    assert left > timedelta(days=390)


def test_files_of_one_s_own_must_belong_together_and_be_for_the_domain(tmp_path: Path) -> None:
    pem, key = tmp_path / "server.pem", tmp_path / "server.key"
    authority.ensure_certificate(tmp_path, GATEWAY, name="spring")
    chain, secret = authority.given_certificate(pem, key, GATEWAY)
    assert (chain, secret) == (pem.read_bytes(), key.read_bytes())
    for other, told in (
        (tmp_path / "ca.key", "ca.key is not the key of server.pem"),
        (tmp_path / "none.key", "FileNotFoundError"),
        (pem, "ValueError"),
    ):
        with pytest.raises(WrongRequest) as caught:
            authority.given_certificate(pem, other, GATEWAY)
        assert caught.value.evidence[0].startswith(told)
    with pytest.raises(WrongRequest) as caught:
        authority.given_certificate(pem, key, Gateway(domain="x.example.org"))
    assert caught.value.evidence == [
        "it is for *.lab.example.org, lab.example.org; needed: *.x.example.org, x.example.org"
    ]


def test_a_secret_has_100_bits_and_stays_until_it_is_renewed(tmp_path: Path) -> None:
    first = secrets.ensure_secrets(tmp_path, ["ada", "bob"])
    assert all(re.fullmatch(r"([0-9a-hjkmnp-tv-z]{5}-){3}[0-9a-hjkmnp-tv-z]{5}", one) for one in first.values())
    assert len(secrets.ALPHABET) ** secrets.LENGTH == 2**100
    assert secrets.ensure_secrets(tmp_path, ["ada", "bob", "eve"]).items() >= first.items()
    after = secrets.ensure_secrets(tmp_path, ["ada", "bob"], renew=["ada"])
    assert (after["ada"] != first["ada"], after["bob"]) == (True, first["bob"])
    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600


def test_the_portal_knows_a_secret_however_it_is_typed() -> None:
    kept = secrets.stable_hash("0k1st-2wcf9-dtjzz-wdnag")
    assert kept == secrets.stable_hash("0k1st-2wcf9-dtjzz-wdnag")
    assert "2wcf9" not in kept
    for typed in ("0k1st-2wcf9-dtjzz-wdnag", " 0K1ST2WCF9DTJZZWDNAG ", "Oklst 2wcf9 dtjzz wdnag"):
        assert passwords.matches(typed, kept)
    for typed in ("", "0k1st-2wcf9-dtjzz-wdnah", "0k1st-2wcf9-dtjzz-wdnag" * 9):
        assert not passwords.matches(typed, kept)
