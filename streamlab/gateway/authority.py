"""The class's own certificate authority, and the gateway's server certificate.

The authority may sign for the gateway's domain alone: who installs it trusts nothing else because of it, even if its
key is stolen. Its key never leaves the control machine.
"""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from streamlab.errors import WrongRequest
from streamlab.paths import private_file, private_folder
from streamlab.students.student import Gateway

#: Days for which the authority and a certificate are valid. Browsers refuse a server's certificate of more than 398.
AUTHORITY_DAYS, SERVER_DAYS = 1825, 397
#: A certificate that is valid for fewer days is made anew by the next provision.
RENEW_DAYS = 30
#: A clock of a laptop may be slow.
SLOW_CLOCK = timedelta(hours=24)


def ensure_authority(folder: Path, gateway: Gateway, *, name: str) -> x509.Certificate:
    """The class's authority in `folder` (ca.pem, ca.key), made if it is missing, expiring or for another domain."""
    private_folder(folder)
    found = _load(folder / "ca.pem")
    if found and (folder / "ca.key").exists() and _is_for(found, gateway.domain) and not _expires_soon(found):
        return found
    key = ec.generate_private_key(ec.SECP256R1())
    constraints = x509.NameConstraints(
        permitted_subtrees=[x509.DNSName(gateway.domain)],
        # An IP address would otherwise be unconstrained: each kind of name is constrained for itself.
        excluded_subtrees=[x509.IPAddress(ipaddress.ip_network(net)) for net in ("0.0.0.0/0", "::/0")],
    )
    subject = _named(f"{name} ({gateway.domain})")
    made = (
        _builder(subject, subject, key.public_key(), days=AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(constraints, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    _write(folder, "ca", key, made)
    return made


def ensure_certificate(folder: Path, gateway: Gateway, *, name: str) -> tuple[bytes, bytes]:
    """The gateway's certificate with its authority's, and its key, both as PEM; made if it is missing or expiring."""
    authority = ensure_authority(folder, gateway, name=name)
    found = _load(folder / "server.pem")
    if found is None or found.issuer != authority.subject or not _signed_by(found, authority) or _expires_soon(found):
        signing_key = _key(folder / "ca.key")
        key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.DNSName(gateway.domain), x509.DNSName(f"*.{gateway.domain}")]
        days = min(SERVER_DAYS, (authority.not_valid_after_utc - datetime.now(UTC)).days)
        found = (
            _builder(_named(gateway.domain[:64]), authority.subject, key.public_key(), days=days)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing_key.public_key()), critical=False)
            .sign(signing_key, hashes.SHA256())
        )
        _write(folder, "server", key, found)
    return (folder / "server.pem").read_bytes() + (folder / "ca.pem").read_bytes(), (folder / "server.key").read_bytes()


def given_certificate(certificate: Path, key: Path, gateway: Gateway) -> tuple[bytes, bytes]:
    """A certificate and its key from the instructor's own files.

    Raises:
        WrongRequest: they cannot be read, do not belong together, have expired or are for other names.
    """
    try:
        pem, secret = certificate.read_bytes(), key.read_bytes()
        found = x509.load_pem_x509_certificate(pem)
        public = serialization.load_pem_private_key(secret, password=None).public_key()
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, TypeError, x509.ExtensionNotFound) as error:
        raise _unusable(f"{type(error).__name__}: {error}") from None
    have, needed = set(names.get_values_for_type(x509.DNSName)), {gateway.domain, f"*.{gateway.domain}"}
    if public != found.public_key():
        raise _unusable(f"{key.name} is not the key of {certificate.name}")
    if not needed <= have:
        raise _unusable(f"it is for {', '.join(sorted(have))}; needed: {', '.join(sorted(needed))}")
    if found.not_valid_after_utc < datetime.now(UTC):
        raise _unusable(f"it expired on {found.not_valid_after_utc:%Y-%m-%d}")
    return pem, secret


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256, as browsers show it: ``AB:CD:…``."""
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def _unusable(evidence: str) -> WrongRequest:
    return WrongRequest(
        "gateway.certificate and gateway.key cannot be used", evidence=evidence, fix="correct them, or use tls: own"
    )


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, *, days: int):
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SLOW_CLOCK)
        .not_valid_after(now + timedelta(days=days) - SLOW_CLOCK)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates, key_cert_sign=signs_certificates, crl_sign=signs_certificates,
        content_commitment=False, key_encipherment=False, data_encipherment=False, key_agreement=False,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])


def _load(file: Path) -> x509.Certificate | None:
    try:
        return x509.load_pem_x509_certificate(file.read_bytes())
    except (FileNotFoundError, ValueError):
        return None


def _key(file: Path) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(file.read_bytes(), password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


def _is_for(authority: x509.Certificate, domain: str) -> bool:
    constraints = authority.extensions.get_extension_for_class(x509.NameConstraints).value
    return constraints.permitted_subtrees == [x509.DNSName(domain)]


def _signed_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except Exception:  # of several kinds, and each says no
        return False
    return True


def _expires_soon(certificate: x509.Certificate) -> bool:
    return certificate.not_valid_after_utc - datetime.now(UTC) < timedelta(days=RENEW_DAYS)


def _write(folder: Path, name: str, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
    """The key first: a certificate without one is made anew, a key without a certificate too."""
    encoded = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for path, content in (
        (folder / f"{name}.key", encoded),
        (folder / f"{name}.pem", certificate.public_bytes(serialization.Encoding.PEM)),
    ):
        with private_file(path) as file:
            file.write(content)
