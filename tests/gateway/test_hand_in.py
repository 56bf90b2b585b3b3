"""An exercise handed in through the gateway: from the terminal and by the button, with the gateway's time."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest

from browser import Browser
from visitor import Site


@pytest.fixture(scope="module")
def folder(site: Site) -> str:
    """A folder of an exercise on ada's edge node, and an empty outbox."""
    site.lab.inside("rm -rf my04 ~/.streamlab/hand-ins; invoke exercise --job lesson04")
    return "my04"


def test_the_command_waits_for_the_gateway_s_receipt(site: Site, folder: str) -> None:
    began = datetime.now(UTC).replace(microsecond=0)
    said = site.lab.inside(f"invoke hand-in --job {folder}", seconds=180)
    at = re.search(r"received (.{19}) UTC by the clock of the gateway\n", said)
    assert at, said
    received = datetime.strptime(at[1], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    assert began <= received <= began + timedelta(seconds=120)


def test_the_button_hands_in_at_once_and_shows_what_was_received(
    site: Site, folder: str, logged_in: Callable[[str], Browser], tmp_path: Path
) -> None:
    site.lab.inside(f"echo '# more' >>{folder}/exercise.py")
    chromium = logged_in("ada")
    before = chromium.open(f"{site.home}/hand-in")
    assert "hand-in 2" not in before
    cookie = site.log_in("ada").cookie()
    kind = "application/x-www-form-urlencoded"

    def press(job: str, **headers: str) -> int:
        form = urlencode({"job": job})
        return site.ask(site.domain, "/hand-in", "POST", body=form, cookie=cookie, content_type=kind, **headers).status

    assert press(folder, origin=site.home) == 303
    assert "hand-in 2" in chromium.open(f"{site.home}/hand-in")
    assert press("nothing", origin=site.home) == 400
    assert press("../x", origin=site.home) == 400
    assert press(folder, origin="https://evil.example") == 403
    assert chromium.complaints() == []
    shown = site.ask(site.domain, "/hand-in", cookie=site.log_in("bob").cookie()).body.decode()
    assert "hand-in 1" not in shown
    listed = site.lab.inside("invoke hand-in").splitlines()
    assert len(listed) == 3
    assert all("by the clock of the gateway" in line for line in listed[1:])


def test_collecting_brings_the_gateway_s_times_whatever_the_student_does(
    site: Site, folder: str, tmp_path: Path
) -> None:
    site.lab.inside("rm -rf ~/.streamlab/hand-ins")
    site.lab("collect", "--to", str(tmp_path))
    records = [json.loads(file.read_text()) for file in tmp_path.glob("*/lesson04/ada/*.record.json")]
    assert sorted(one["number"] for one in records) == [1, 2]
    assert {one["clock"] for one in records} == {"gateway"}
