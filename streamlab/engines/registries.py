"""How this machine reaches package registries: its trusted certificates and its Maven mirror."""

from __future__ import annotations

import os
import re
import ssl
import xml.etree.ElementTree as ElementTree
from pathlib import Path

SETTINGS = Path.home() / ".m2" / "settings.xml"
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
#: What a mirror of Maven Central says that it is a mirror of.
_CENTRAL = {"central", "*", "external:*"}


def ca_bundle() -> Path | None:
    """The file with the certificates that this machine's clients trust."""
    named = [os.environ.get(name) for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT")]
    usual = [ssl.get_default_verify_paths().cafile, "/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/cert.pem"]
    return next((Path(name) for name in [*named, *usual] if name and Path(name).is_file()), None)


def certificates(pem: str) -> list[str]:
    """The certificates of a PEM file, without what stands between them."""
    return _CERTIFICATE.findall(pem)


def extra_certificates() -> str:
    """What this machine trusts beyond what everybody does (Mozilla's list), as PEM: an inspecting proxy's, mostly."""
    import certifi

    bundle = ca_bundle()
    if bundle is None:
        return ""
    usual = {ssl.PEM_cert_to_DER_cert(one) for one in certificates(certifi.contents())}
    ours = certificates(bundle.read_text(encoding="ascii", errors="ignore"))
    return "".join(f"{one}\n" for one in ours if ssl.PEM_cert_to_DER_cert(one) not in usual)


def maven_mirror(settings: Path | None = None) -> str:
    """The mirror of Maven Central that this machine's Maven asks, or an empty text. Never its credentials."""
    try:
        root = ElementTree.parse(settings or SETTINGS).getroot()
    except (OSError, ElementTree.ParseError):
        return ""
    for mirror in root.iterfind(".//{*}mirror"):
        mirrored = {one.strip() for one in (mirror.findtext("{*}mirrorOf") or "").split(",")}
        if mirrored & _CENTRAL and not mirrored & {"!central"}:
            return (mirror.findtext("{*}url") or "").strip()
    return ""
