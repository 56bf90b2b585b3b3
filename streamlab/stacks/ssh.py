"""How an edge node is logged in to: the key by which it proves who it is, and the keys that may.

Both are placed in the edge's container, beside its configuration: that is a volume whose name depends on its content,
so a student's new key would have every node of the stack created again.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import docker

from streamlab.engines import inside
from streamlab.paths import STATE, private_folder
from streamlab.students.topology import Student

#: Where sshd of an edge node answers.
PORT = 2222
#: The folder of the edge's container, root's, in which sshd_config looks for the two files.
FOLDER = "/etc/ssh/lab"
#: What a server of the lab's offers, as sshd_config has it: what every client since OpenSSH 7 and PuTTY 0.79 knows, and
#: nothing that is doubted today. What OpenSSH 9.2 offers by itself has curves of NIST's and SHA-1 among it.
SERVER_ALGORITHMS = """\
KexAlgorithms sntrup761x25519-sha512@openssh.com,curve25519-sha256,curve25519-sha256@libssh.org
HostKeyAlgorithms ssh-ed25519
Ciphers aes256-gcm@openssh.com,aes128-gcm@openssh.com,aes256-ctr
MACs hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com"""
#: The name of the gateway's own key, with which its portal opens terminals and asks for a stack's state.
PORTAL = "portal"
#: What that key may do: commands, with a terminal or without.
PORTAL_MAY = "restrict,pty"


@dataclass(frozen=True)
class KeyPair:
    """A private key in OpenSSH's format, and its public key as one line of type and base64."""

    private: str
    public: str


def key_pair(lab_class: str, name: str) -> KeyPair:
    """The key of this name, made at the first call and kept from then on where only this user can read it."""
    path = private_folder(STATE / "keys" / lab_class) / name
    if not path.exists():
        with tempfile.NamedTemporaryFile("w", dir=path.parent, encoding="ascii") as made:
            made.write("".join(_made()))
            made.flush()
            with suppress(FileExistsError):  # another command was faster, and may have given it to a node already
                os.link(made.name, path)
    private, end, public = path.read_text(encoding="ascii").partition("-----END OPENSSH PRIVATE KEY-----\n")
    return KeyPair(private + end, public.strip())


def _made() -> tuple[str, str]:
    from cryptography.hazmat.primitives import serialization  # takes longer to import than the rest of a command
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return private.decode(), f"{public.decode()}\n"


def host_key(student: Student) -> KeyPair:
    """The key by which the student's edge node proves who it is, whichever container it has."""
    return key_pair(student.lab_class, f"edge-{student.name}")


def has_portal(lab_class: str) -> bool:
    """Whether a gateway of this class has been given a key for its portal."""
    return (STATE / "keys" / lab_class / PORTAL).exists()


def files(student: Student) -> dict[str, bytes]:
    """What sshd of the student's edge node reads in FOLDER, by name."""
    keys = list(student.ssh_keys)
    if has_portal(student.lab_class):
        keys.append(f"{PORTAL_MAY} {key_pair(student.lab_class, PORTAL).public} {PORTAL}")
    return {
        "host_key": host_key(student).private.encode(),
        "authorized_keys": "".join(f"{key}\n" for key in keys).encode(),
    }


def place(client: docker.DockerClient, edge: str, found: Mapping[str, bytes]) -> None:
    """Give the sshd of an edge node's container its `files`, in the place of those that it had."""
    client.api.put_archive(edge, FOLDER, inside.tar_of(found, mode=0o600))
