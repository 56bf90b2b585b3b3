"""Which engine a stack runs on where the inventory names none: the one that Docker's own command would ask.

In its order: DOCKER_HOST, DOCKER_CONTEXT, the current context of Docker's configuration, the default socket. Contexts
are read as Docker keeps them; the SDK's own reader loses them where there is no config.json beside them.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streamlab.errors import WrongRequest, unknown
from streamlab.students.docker_hosts import LOCAL, is_here, is_known

#: Docker's name for what there is without a context.
DEFAULT = "default"
#: Where an engine of a user's own (rootless) has its socket.
ROOTLESS = "run/user/*/docker.sock"


@dataclass(frozen=True)
class Endpoint:
    """The address of an engine, and what says so, in words that end a sentence: ``as DOCKER_HOST says``."""

    address: str
    why: str

    def __str__(self) -> str:
        return f"{self.address} ({self.why})"


def current(env: Mapping[str, str] = os.environ) -> Endpoint:
    """The engine that is meant where an inventory names none.

    Raises:
        WrongRequest: what is set names no context, or an address that the lab cannot use.
    """
    found = _meant(env)
    if not is_known(found.address):
        raise WrongRequest(
            f"{found.address!r}, {found.why}, is not a Docker host that the lab can use",
            evidence=[
                "known: unix:///path of this machine, ssh://user@machine of another",
                "an engine that listens on TCP gives control of its machine to anyone who can reach the port",
            ],
            fix=f"write docker_host: {LOCAL}, or ssh://user@machine, into the inventory, which comes first",
        )
    return found


def is_meant(docker_host: str, env: Mapping[str, str] = os.environ) -> bool:
    """Whether an address is the one that is used where an inventory names none."""
    try:
        return current(env).address == docker_host
    except WrongRequest:
        return False


def here(env: Mapping[str, str] = os.environ) -> str:
    """This machine's own engine: the one that is meant, unless that is another machine's."""
    try:
        meant = current(env).address
    except WrongRequest:
        return LOCAL
    return meant if is_here(meant) else LOCAL


def candidates(env: Mapping[str, str] = os.environ, *, root: Path = Path("/")) -> list[Endpoint]:
    """Everywhere an engine may be that this machine knows of: what is meant first, and each address once."""
    found: dict[str, Endpoint] = {}
    with suppress(WrongRequest):
        meant = current(env)
        found[meant.address] = meant
    for name, address in _contexts(_folder(env)):
        if is_here(address) and is_known(address):
            found.setdefault(address, Endpoint(address, f"Docker's context {name}"))
    for socket in sorted(root.glob(ROOTLESS)):
        found.setdefault(f"unix://{socket}", Endpoint(f"unix://{socket}", "an engine of a user's own"))
    found.setdefault(LOCAL, Endpoint(LOCAL, "the default"))
    return list(found.values())


def looked_at(env: Mapping[str, str] = os.environ) -> str:
    """What has been looked at to learn which engine is meant, for an error."""
    host = f"DOCKER_HOST is {env['DOCKER_HOST']}" if env.get("DOCKER_HOST") else "DOCKER_HOST is not set"
    return f"{host}; Docker's context is {_context_name(env)}"


def _meant(env: Mapping[str, str]) -> Endpoint:
    if env.get("DOCKER_HOST"):
        return Endpoint(env["DOCKER_HOST"], "as DOCKER_HOST says")
    name = _context_name(env)
    if name == DEFAULT:
        return Endpoint(LOCAL, "the default")
    address = _context_address(_folder(env), name)
    if address is None:
        known = [DEFAULT, *(there for there, _ in _contexts(_folder(env)))]
        error = unknown("Docker context", name, known, usage="docker context use {}")
        raise WrongRequest(
            f"Docker's current context is {name}, and there is none", evidence=error.evidence, fix=error.fix
        )
    return Endpoint(address, f"as Docker's context {name} says")


def _folder(env: Mapping[str, str]) -> Path:
    return Path(env.get("DOCKER_CONFIG") or Path(env.get("HOME") or Path.home()) / ".docker")


def _context_name(env: Mapping[str, str]) -> str:
    """DOCKER_CONTEXT wins over the configuration; with a DOCKER_HOST neither counts."""
    name = env.get("DOCKER_CONTEXT") or _json(_folder(env) / "config.json").get("currentContext")
    return str(name or DEFAULT)


def _context_address(folder: Path, name: str) -> str | None:
    meta = _json(folder / "contexts" / "meta" / hashlib.sha256(name.encode()).hexdigest() / "meta.json")
    return _address_of(meta)


def _contexts(folder: Path) -> Iterator[tuple[str, str]]:
    """Every context that has an address, by name."""
    metas = (_json(file) for file in sorted((folder / "contexts" / "meta").glob("*/meta.json")))
    named = ((str(meta.get("Name")), _address_of(meta)) for meta in metas)
    return ((name, address) for name, address in sorted(named, key=str) if address)


def _address_of(meta: Mapping[str, Any]) -> str | None:
    try:
        return str(meta["Endpoints"]["docker"]["Host"])
    except (KeyError, TypeError):
        return None


def _json(file: Path) -> dict[str, Any]:
    """A JSON object; an empty one where there is none, as Docker's own command takes it."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
