"""A class of three with a gateway."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from browser import Browser, browser
from lab_runner import LabRunner, write_inventory
from visitor import Site, site_of

STUDENTS = {
    "ada": {"port_base": 26100, "subnet": "10.89.241.0/27"},
    "bob": {"port_base": 26200, "subnet": "10.89.242.0/27"},
    "eve": {"port_base": 26000, "subnet": "10.89.240.0/27"},
}
GATEWAY = {"domain": "lab.localhost", "port": 28444, "ssh_port": 22223}


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("gateway")
    own = os.environ.get("STREAMLAB_TEST_INVENTORY")
    file = Path(own) if own else write_inventory(folder, "labgate", STUDENTS, gateway=GATEWAY)
    runner = LabRunner(str(file), "ada")
    if own:
        yield site_of(runner, folder)
        return
    with runner.provisioned():
        yield site_of(runner, folder)


@pytest.fixture
def chromium(site: Site, tmp_path: Path) -> Iterator[Browser]:
    """A fresh browser in which the authority is installed."""
    with browser(tmp_path, site.authority) as made:
        yield made


@pytest.fixture
def logged_in(site: Site, chromium: Browser) -> Callable[[str], Browser]:
    """The browser after somebody has logged in with a card."""

    def log_in(name: str) -> Browser:
        chromium.log_in(site.home, name, site.cards[name]["secret"])
        return chromium

    return log_in
