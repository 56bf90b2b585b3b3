"""Temporary containers of the builder image: ordinary clients (Maven, pip, uv) with this machine's own settings.

They see one folder of ours, the cache, as /cache. They run as the calling user, so that the cache belongs to them.
"""

from __future__ import annotations

import hashlib
import os
import re
import ssl
import struct
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import docker
from docker.models.containers import Container
from docker.types import Mount

from streamlab.engines import engine
from streamlab.engines.registries import ca_bundle, certificates
from streamlab.errors import LabError
from streamlab.paths import CACHE, private_folder

LABEL = "streamlab.builder"
_TRUST_PASSWORD = "changeit"  # what every Java trust store has; it holds nothing secret
_PASSED_ON = (
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
    *("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "PIP_DEFAULT_TIMEOUT"),
    *("NPM_CONFIG_REGISTRY", "npm_config_registry"),
    *("UV_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX", "UV_HTTP_TIMEOUT"),
)


class ClientFailed(Exception):
    """A client in a temporary container exited with a status other than 0."""

    def __init__(self, status: int, log: str) -> None:
        super().__init__(f"exit status {status}")
        self.log = log


@contextmanager
def work_folder() -> Iterator[Path]:
    """A folder in the cache for one run: gone afterwards, however the run ends."""
    parent = private_folder(CACHE / "work")
    with tempfile.TemporaryDirectory(dir=parent, ignore_cleanup_errors=True) as name:
        yield Path(name)


def inside(path: Path) -> str:
    """The path inside a temporary container of a path in the cache."""
    return f"/cache/{path.relative_to(CACHE).as_posix()}"


def run_client(
    client: docker.DockerClient, image: str, argv: list[str], *, work: Path, watch: Callable[[], None] = lambda: None
) -> None:
    """Run `argv` in a temporary container, calling `watch` meanwhile. The container is always removed."""
    environment = _trust(work) | _settings(os.environ)
    mounts = [Mount("/cache", str(CACHE), type="bind"), *_host_files()]
    options = {"working_dir": inside(work), "environment": environment, "mounts": mounts, "labels": {LABEL: "true"}}
    _remove_leftovers(client)
    user = f"{os.getuid()}:{os.getgid()}"
    try:
        with engine.temporary_container(client, image, argv, user=user, **options) as container:
            container.start()
            status = _watched(container, watch)
            if status != 0:
                raise ClientFailed(status, container.logs(tail=400).decode(errors="replace"))
    except docker.errors.APIError as error:
        fix = "fetching needs an engine on this machine that may see the cache folder; STREAMLAB_CACHE moves it"
        raise LabError("the engine does not run a builder container", evidence=error.explanation, fix=fix) from error


def _watched(container: Container, watch: Callable[[], None]) -> int:
    container.reload()
    while container.status in ("created", "running"):
        watch()
        time.sleep(0.2)
        container.reload()
    watch()
    return int(container.attrs["State"]["ExitCode"])


def _remove_leftovers(client: docker.DockerClient) -> None:
    """Remove finished containers of runs that were killed before they could; running ones may be somebody else's."""
    for container in client.containers.list(all=True, filters={"label": f"{LABEL}=true", "status": "exited"}):
        with suppress(docker.errors.APIError):  # its own run removed it just now
            container.remove()


def _settings(env: Mapping[str, str]) -> dict[str, str]:
    """What of the caller's environment a client needs, and where the clients keep what may be reused."""
    passed = {name: env[name] for name in _PASSED_ON if env.get(name)}
    if "PIP_INDEX_URL" in passed and "UV_INDEX_URL" not in passed:
        passed.setdefault("UV_DEFAULT_INDEX", passed["PIP_INDEX_URL"])
    return passed | {
        "HOME": "/tmp",
        "PIP_CACHE_DIR": "/cache/pip",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "UV_CACHE_DIR": "/cache/uv",
        "UV_LINK_MODE": "copy",
    }


def _host_files() -> list[Mount]:
    """This machine's settings for Maven, pip and npm, if there are any: mounted, not copied: they may hold secrets."""
    config = os.environ.get("PIP_CONFIG_FILE")
    files = {
        Path.home() / ".m2" / "settings.xml": "/tmp/.m2/settings.xml",
        Path.home() / ".m2" / "settings-security.xml": "/tmp/.m2/settings-security.xml",
        Path("/etc/pip.conf"): "/etc/pip.conf",
        Path.home() / ".npmrc": "/tmp/.npmrc",
        Path(config) if config else Path.home() / ".config" / "pip" / "pip.conf": "/tmp/.config/pip/pip.conf",
    }
    return [Mount(there, str(here), type="bind", read_only=True) for here, there in files.items() if here.is_file()]


def _trust(work: Path) -> dict[str, str]:
    """Make the clients trust whom this machine trusts: behind an inspecting proxy the image's own list is too short."""
    maven = ["-Duser.home=/tmp", *proxy_properties(os.environ)]
    bundle = ca_bundle()
    if bundle is None:
        return {"MAVEN_OPTS": " ".join(maven)}
    pem = bundle.read_text(encoding="ascii", errors="ignore")
    (work / "ca.pem").write_text(pem, encoding="ascii")
    (work / "trust.jks").write_bytes(trust_store(pem))
    maven += [f"-Djavax.net.ssl.trustStore={inside(work / 'trust.jks')}"]
    maven += [f"-Djavax.net.ssl.trustStorePassword={_TRUST_PASSWORD}"]
    names = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "NPM_CONFIG_CAFILE")
    return dict.fromkeys(names, inside(work / "ca.pem")) | {"MAVEN_OPTS": " ".join(maven)}


def trust_store(pem: str) -> bytes:
    """A Java trust store (JKS) with the certificates of a PEM file.

    Java reads no PEM, `keytool` takes a second per certificate, and a host without Java has no trust store to lend.
    """
    blocks = certificates(pem)
    store = struct.pack(">III", 0xFEEDFEED, 2, len(blocks))
    for number, block in enumerate(blocks):
        alias, der = f"ca{number}".encode(), ssl.PEM_cert_to_DER_cert(block)
        store += struct.pack(">IH", 2, len(alias)) + alias + struct.pack(">Q", 0)
        store += struct.pack(">H", 5) + b"X.509" + struct.pack(">I", len(der)) + der
    seal = _TRUST_PASSWORD.encode("utf-16-be") + b"Mighty Aphrodite"
    return store + hashlib.sha1(seal + store, usedforsecurity=False).digest()


def proxy_properties(env: Mapping[str, str]) -> list[str]:
    """Java's properties for the proxies that other programs read from the environment."""
    properties = []
    for scheme in ("http", "https"):
        value = env.get(f"{scheme.upper()}_PROXY") or env.get(f"{scheme}_proxy")
        if value:
            url = urlsplit(value if "://" in value else f"http://{value}")
            properties += [f"-D{scheme}.proxyHost={url.hostname}", f"-D{scheme}.proxyPort={url.port or 80}"]
    direct = env.get("NO_PROXY") or env.get("no_proxy")
    if properties and direct:
        hosts = (f"*{host}" if host.startswith(".") else host for host in re.split(r"[,\s]+", direct) if host)
        properties.append(f"-Dhttp.nonProxyHosts={'|'.join(hosts)}")
    return properties


def without_hosts(text: str) -> str:
    """A client's message without addresses: which registry is used is each lab's own affair, and the reason stays."""
    text = re.sub(r"\s*\(https?://[^\s)]+\)", "", text)
    text = re.sub(r"https?://\S+?(?=[\s,;'\")]|$)", "the registry", text)
    text = re.sub(r"\b(?:[a-z0-9-]+\.)+(?:org|com|net|io|dev|cloud)(?::\d+)?(?![\w.:-]*[\w-])", "the registry", text)
    return re.sub(r"the registry(\W+the registry)+", "the registry", text)
