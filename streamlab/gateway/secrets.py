"""Students' secrets: made once, kept on the control machine where only its user may read them.

The gateway gets a hash of each. 100 random bits cannot be guessed, so the hash needs no great cost.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import secrets
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from streamlab.paths import STATE, private_file, private_folder

#: Letters and digits that are not taken for one another in print: Crockford's base 32, five bits each.
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
LENGTH, GROUP = 20, 5
#: scrypt's costs: 4 MB and about 15 ms for each attempt.
COST, BLOCK, PARALLEL = 2**12, 8, 1


def class_folder(lab_class: str) -> Path:
    """Where the control machine keeps what is secret of a class's gateway: secrets, and the authority's key."""
    return private_folder(STATE / "gateway" / lab_class)


def new_secret() -> str:
    """100 random bits in a form that is easy to type: ``k3v9x-…``."""
    drawn = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    return "-".join(drawn[at : at + GROUP] for at in range(0, LENGTH, GROUP))


def ensure_secrets(folder: Path, names: Collection[str], *, renew: Collection[str] = ()) -> dict[str, str]:
    """Name -> secret; those that are missing, or to be renewed, are made. Whoever has left keeps one."""
    with _one_at_a_time(folder):
        file = folder / "secrets.json"
        known: dict[str, str] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        after = {**known, **{name: new_secret() for name in names if name in renew or name not in known}}
        if after != known:
            with private_file(file) as new:
                new.write(json.dumps(after, indent=1, sort_keys=True).encode())
    return {name: after[name] for name in names}


def hashed(secret: str, *, salt: bytes | None = None) -> str:
    """What the gateway gets: ``scrypt$n$r$p$salt$hash``, the last two in base 64."""
    salt = salt or secrets.token_bytes(16)
    digest = hashlib.scrypt(plain_form(secret), salt=salt, n=COST, r=BLOCK, p=PARALLEL)
    encoded = (base64.b64encode(part).decode() for part in (salt, digest))
    return f"scrypt${COST}${BLOCK}${PARALLEL}${'$'.join(encoded)}"


def stable_hash(secret: str) -> str:
    """The same, with a salt that follows from the secret: a second provision finds nothing changed.

    The secret is random, so its salt protects nothing that the secret does not protect itself.
    """
    return hashed(secret, salt=hashlib.sha256(b"streamlab salt" + plain_form(secret)).digest()[:16])


def plain_form(secret: str) -> bytes:
    """A secret without what a person adds or leaves out in typing it: dashes, blanks, capitals."""
    return "".join(secret.lower().replace("-", "").split()).encode()


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    with (folder / "lock").open("w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
