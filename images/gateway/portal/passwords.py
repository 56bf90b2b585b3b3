"""Whether a secret is the one that was printed on a card. The control machine makes what is compared here."""

from __future__ import annotations

import base64
import hashlib
import hmac

#: Characters of a secret that are looked at: who sends more has none of ours.
LONGEST = 100
#: Signs that are taken for one another; a secret has none of them on the left.
ALIKE = str.maketrans("oil", "011")


def matches(secret: str, secret_hash: str) -> bool:
    """Whether a secret, however its letters were typed, is the one that was hashed (``scrypt$n$r$p$salt$hash``)."""
    _, cost, block, parallel, salt, expected = secret_hash.split("$")
    typed = "".join(secret[:LONGEST].lower().replace("-", "").split()).translate(ALIKE).encode()
    found = hashlib.scrypt(typed, salt=base64.b64decode(salt), n=int(cost), r=int(block), p=int(parallel))
    return hmac.compare_digest(found, base64.b64decode(expected))
