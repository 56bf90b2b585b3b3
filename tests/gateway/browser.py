"""A real browser with a fresh profile, as a student has one who knows nothing but a card."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

SECONDS = 60
NETWORK_CHANGED = "ERR_NETWORK_CHANGED"


class Browser:
    """Chromium, headless, driven by selenium."""

    def __init__(self, driver: webdriver.Chrome, downloads: Path) -> None:
        self.driver, self.downloads = driver, downloads
        self._said: list[str] = []

    def open(self, address: str) -> str:
        """Go to an address, and return the text that is shown there.

        Chromium gives up what it loads whenever an interface of the machine comes or goes, as each container's does.
        """
        for _ in range(10):
            self.driver.get(address)
            self._said = self._console()
            if not any(NETWORK_CHANGED in said for said in [*self._said, self.driver.page_source]):
                break
        return self.text()

    def text(self) -> str:
        return self.driver.find_element(By.TAG_NAME, "body").text

    def log_in(self, home: str, name: str, secret: str) -> None:
        """Fill in the form by keyboard, as it lies there."""
        self.open(home)
        self.driver.find_element(By.ID, "name").send_keys(name)
        self.driver.find_element(By.ID, "secret").send_keys(secret, "\n")
        self.wait(lambda: not self.driver.find_elements(By.ID, "secret") or "problem" in self.driver.page_source)

    def wait(self, condition: Any, seconds: float = SECONDS) -> Any:
        return WebDriverWait(self.driver, seconds).until(lambda _: condition())

    def script(self, text: str, *arguments: object) -> Any:
        return self.driver.execute_script(text, *arguments)

    def promised(self, text: str, *arguments: object) -> Any:
        """What an expression with a promise comes to, or its error as a text."""
        done = f"const done = arguments[arguments.length - 1]; ({text}).then(done, e => done('failed: ' + e))"
        for _ in range(10):
            self._console()
            came_to = self.driver.execute_async_script(done, *arguments)
            if not any(NETWORK_CHANGED in said for said in self._console()):
                break
        return came_to

    def links(self) -> list[str]:
        """Where the links and the frames of the page lead."""
        found = self.script("return [...document.querySelectorAll('a[href], iframe[src]')].map(e => e.href || e.src)")
        return [link.partition("#")[0] for link in found if link.startswith("http")]

    def complaints(self) -> list[str]:
        """What the console says of errors since the page was opened."""
        self._said, said = [], self._said + self._console()
        return said

    def _console(self) -> list[str]:
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]

    def answers(self) -> list[tuple[int, str]]:
        """Status and address of every answer since the last look, but for what the browser asks of its own accord."""
        found = []
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.responseReceived":
                response = message["params"]["response"]
                if response["url"].startswith("http") and not response["url"].endswith("/favicon.ico"):
                    found.append((response["status"], response["url"]))
        return found

    def picture(self, file: Path, *, width: int) -> Path:
        """The whole page as it is at a width in pixels; wider than the window is a mistake of the page's."""
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600},
        )
        shot = self.driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True})
        file.write_bytes(base64.b64decode(shot["data"]))
        return file


@contextmanager
def browser(folder: Path, authority: Path | None) -> Iterator[Browser]:
    """A browser whose profile is in `folder`; it trusts `authority` besides whom every browser trusts."""
    store = folder / ".pki" / "nssdb"
    store.mkdir(parents=True)
    subprocess.run(["certutil", "-N", "-d", f"sql:{store}", "--empty-password"], check=True)
    if authority:
        command = ["certutil", "-A", "-d", f"sql:{store}", "-n", "lab", "-t", "C,,", "-i", str(authority)]
        subprocess.run(command, check=True)
    options = Options()
    options.binary_location = "/usr/bin/chromium"
    downloads = folder / "downloads"
    for argument in (
        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-proxy-server",
        "--window-size=1280,900", f"--user-data-dir={folder / 'profile'}",
    ):  # fmt: skip
        options.add_argument(argument)
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = Service(shutil.which("chromedriver"), env={**os.environ, "HOME": str(folder)})
    driver = webdriver.Chrome(options, service)
    try:
        driver.set_page_load_timeout(SECONDS)
        driver.set_script_timeout(SECONDS)
        yield Browser(driver, downloads)
    finally:
        driver.quit()
