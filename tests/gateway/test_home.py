"""A student's start page: the state of the own stack, what checks said, and nothing that a stack could forge."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from shlex import quote

import pytest

from browser import Browser
from streamlab.engines import engine, labelled
from streamlab.students import inventory
from visitor import Site

SECONDS = 60


def shown(chromium: Browser, home: str, text: str) -> str:
    """The start page once this is on it; it opens again by itself while a stack is asked, and else is opened again."""
    ends = time.monotonic() + SECONDS
    while text not in (page := chromium.open(home)):
        assert time.monotonic() < ends, f"not on the start page within {SECONDS} s: {text}\n{page}"
        time.sleep(2)
    return page


def test_the_state_of_the_own_stack_is_said_in_words(site: Site, logged_in: Callable[[str], Browser]) -> None:
    chromium = logged_in("ada")
    page = shown(chromium, site.home, "Every node answers.")
    assert "MB of YARN's memory" in page
    assert "Your instructor's board shows whether your nodes answer" in page
    assert "Files on HDFS use" in page
    assert chromium.complaints() == []
    for_instructor = site.ask(site.domain, cookie=site.log_in("instructor").cookie()).body.decode()
    assert ("YARN: applications" in for_instructor, "Every node answers" in for_instructor) == (True, False)
    assert ('href="/board"' in for_instructor, 'href="/board"' in chromium.driver.page_source) == (True, False)


def test_what_a_check_said_last_and_the_last_application_are_shown(
    site: Site, logged_in: Callable[[str], Browser]
) -> None:
    site.lab.inside("rm -rf ~/.streamlab/checks")
    chromium = logged_in("ada")
    assert "as expected" not in shown(chromium, site.home, "Every node answers.")
    site.lab.inside("invoke submit --job lesson03", seconds=600)
    right = site.lab.inside("invoke check --job lesson03").splitlines()[-1]
    said = right.partition(": ")[2]  # 13 of 13 as expected
    assert said.split()[0] == said.split()[2]
    page = shown(chromium, site.home, f"{said}, ")
    assert "ada-lesson03-read" in page
    assert "SUCCEEDED" in page
    (link,) = [one for one in chromium.links() if "/cluster/app/application_" in one and "ada-rm" in one][:1]
    assert "ada-lesson03-read" in chromium.open(link)
    assert b"as expected" not in site.ask(site.domain, cookie=site.log_in("bob").cookie()).body


def test_a_node_that_does_not_answer_is_named(site: Site, logged_in: Callable[[str], Browser]) -> None:
    student = inventory.load(site.lab.inventory).student("bob")
    chromium = logged_in("bob")
    with engine.connect(student.docker_host) as client:
        kafka = labelled.node(client, student, "kafka1")
        kafka.pause()
        try:
            page = shown(chromium, site.home, "Not every node is healthy:")
        finally:
            kafka.unpause()
    assert "kafka1: " in page
    shown(chromium, site.home, "Every node answers.")


def test_a_stack_that_is_suspended_does_not_keep_its_page_waiting(
    site: Site, logged_in: Callable[[str], Browser]
) -> None:
    bob = replace(site.lab, student="bob")
    bob("suspend")
    try:
        chromium = logged_in("bob")
        began = time.monotonic()
        page = chromium.open(site.home)
        assert time.monotonic() - began < 6
        assert "lesson03" in page
        shown(chromium, site.home, "Your cluster does not answer.")
    finally:
        bob("resume")
    shown(chromium, site.home, "Every node answers.")


FORGED = '{"students": [{"nodes": [{"name": "<img src=x onerror=alert(1)>", "healthy": false, "problem": "<script>"}],'
FORGED += ' "applications": null, "in_use": {}, "checks": []}]}'


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (f"echo '{FORGED}'; exit", "<img src=x onerror=alert(1)>: <script>"),
        ("yes; exit", "Your cluster does not answer."),
        ("sleep 60", "This page opens again by itself."),
    ],
)
def test_a_stack_that_says_something_else_harms_nobody(
    site: Site, logged_in: Callable[[str], Browser], said: str, text: str
) -> None:
    """bash reads the student's own file before it runs what sshd was told to."""
    bob = replace(site.lab, student="bob")
    line = f'[ -z "$SSH_ORIGINAL_COMMAND" ] || {{ {said}; }}'
    bob.inside(f"cp .bashrc .bashrc.kept; printf '%s\\n' {quote(line)} >first; cat first .bashrc.kept >.bashrc")
    try:
        chromium = logged_in("bob")
        assert text in shown(chromium, site.home, text)
        assert chromium.complaints() == []
        began = time.monotonic()
        assert site.ask(site.domain, "/", cookie=site.log_in("ada").cookie()).status == 200
        assert time.monotonic() - began < 6
    finally:
        bob.inside("mv .bashrc.kept .bashrc; rm -f first; pkill -u student -x yes || true")
