"""Public keys of ssh, as people paste them. Pure: text in, a key in its shortest form out."""

from __future__ import annotations

import base64
import binascii

#: The kinds that OpenSSH accepts today, with the fewest bytes that a key of the kind has: 2048 bits of RSA, for one.
LEAST_BYTES = {
    "ssh-ed25519": 51,
    "sk-ssh-ed25519@openssh.com": 74,
    "ecdsa-sha2-nistp256": 104,
    "ecdsa-sha2-nistp384": 136,
    "ecdsa-sha2-nistp521": 172,
    "sk-ecdsa-sha2-nistp256@openssh.com": 127,
    "ssh-rsa": 277,
}
#: Bytes of the longest key that is taken: 16384 bits of RSA, which is the most that OpenSSH takes.
MOST_BYTES = 2100
#: What is expected of one, for people.
EXPECTED = "the line of a file such as id_ed25519.pub: ssh-ed25519 AAAA…"


def public_key(text: str) -> str:
    """The kind and the key of one line, without its comment.

    A line that begins with options is none: what a key may do is decided here, not by its owner.

    Raises:
        ValueError: this is no public key of a kind that OpenSSH accepts, or a short one.
    """
    kind, written, *_ = [*text.split(maxsplit=2), "", ""]
    if kind not in LEAST_BYTES or len(text.strip().splitlines()) > 1:
        raise ValueError("not a public key of ssh in one line")
    try:
        key = base64.b64decode(written, validate=True)
    except binascii.Error as error:
        raise ValueError("the key is cut off or damaged") from error
    # The key itself begins with its kind, as a length and a text.
    if not key.startswith(len(kind).to_bytes(4, "big") + kind.encode()):
        raise ValueError("the key is of another kind than the line says")
    if not LEAST_BYTES[kind] <= len(key) <= MOST_BYTES:
        raise ValueError("the key is cut off, or too short to be safe")
    return f"{kind} {written}"
