"""Keys of ssh that the control machine makes for a class and keeps: of its edge nodes and of its gateway."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from streamlab.paths import STATE, private_folder


@dataclass(frozen=True)
class KeyPair:
    """A private key in OpenSSH's format, and its public key as one line of type and base64."""

    private: str
    public: str


def key_pair(lab_class: str, name: str) -> KeyPair:
    """The key of this name, made at the first call and kept from then on where only this user can read it."""
    path = _path(lab_class, name)
    if not path.exists():
        private_folder(path.parent)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, encoding="ascii") as made:
            made.write("".join(_made()))
            made.flush()
            with suppress(FileExistsError):  # another command was faster, and may have given it to a node already
                os.link(made.name, path)
    private, end, public = path.read_text(encoding="ascii").partition("-----END OPENSSH PRIVATE KEY-----\n")
    return KeyPair(private + end, public.strip())


def _path(lab_class: str, name: str) -> Path:
    return STATE / "keys" / lab_class / name


def _made() -> tuple[str, str]:
    from cryptography.hazmat.primitives import serialization  # takes longer to import than the rest of a command
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return private.decode(), f"{public.decode()}\n"
