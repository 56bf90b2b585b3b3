"""The proxy that Docker's configuration names: containers use it for the outside world, but not for one another.

Docker's clients put it into every container that they make. Without more, a program that asks 127.0.0.1, or another
node by its name, asks the proxy, which knows neither; few set `noProxy` in that configuration.
"""

from __future__ import annotations

from collections.abc import Iterable

from docker.utils.config import load_general_config
from docker.utils.proxy import ProxyConfig

#: What a program asks without a proxy, written in both ways: Python, curl, wget, pip and git differ in what they read.
DIRECT = ("NO_PROXY", "no_proxy")
#: A container, as it calls itself.
ITSELF = ("localhost", "127.0.0.1", "::1")


def configured(docker_host: str = "") -> ProxyConfig | None:
    """What Docker's configuration says for one engine, or for all; None where it names no proxy."""
    settings = load_general_config().get("proxies")
    if not isinstance(settings, dict):
        return None
    found = ProxyConfig.from_dict(settings.get(docker_host) or settings.get("default") or {})
    return found if found.http or found.https or found.ftp else None


def direct(names: Iterable[str], proxy: ProxyConfig | None = None) -> dict[str, str]:
    """The variables by which a container asks these names, itself, and what `proxy` exempts, without a proxy."""
    exempt = [*ITSELF, *names, *((proxy and proxy.no_proxy) or "").split(",")]
    return dict.fromkeys(DIRECT, ",".join(dict.fromkeys(filter(None, exempt))))
