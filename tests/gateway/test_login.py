"""Who comes with a card gets in, and to nothing but their own; who guesses waits."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

import pytest

from browser import Browser, browser
from visitor import Site


def test_a_student_with_a_card_comes_to_the_own_pages(site: Site, logged_in: Callable[[str], Browser]) -> None:
    chromium = logged_in("ada")
    assert "My cluster" in chromium.text()
    pages = [link for link in chromium.links() if f".{site.domain}:" in link]
    assert site.origin(site.page("ada", "rm")) + "/" in pages
    assert [link for link in pages if "//ada-" not in link] == []
    assert "Logged in as: student" in chromium.open(site.origin(site.page("ada", "rm")) + "/cluster")
    assert chromium.driver.current_url == site.origin(site.page("ada", "rm")) + "/cluster"
    assert chromium.complaints() == []


def test_without_the_authority_a_browser_warns(site: Site, tmp_path: Path) -> None:
    with browser(tmp_path, None) as unknowing:
        assert "NET::ERR_CERT_AUTHORITY_INVALID" in unknowing.open(site.home) + unknowing.driver.page_source


def test_a_page_that_was_wanted_is_opened_after_the_login(site: Site, chromium: Browser) -> None:
    wanted = site.origin(site.page("bob", "nn")) + "/explorer.html?x=1&y=%2F"
    chromium.open(wanted)
    assert chromium.driver.current_url.startswith(f"{site.home}/?to=")
    chromium.driver.find_element("id", "name").send_keys("bob")
    chromium.driver.find_element("id", "secret").send_keys(site.cards["bob"]["secret"].upper(), "\n")
    chromium.wait(lambda: chromium.driver.current_url.partition("#")[0] == wanted)


def test_another_student_s_page_is_refused_in_words(site: Site, logged_in: Callable[[str], Browser]) -> None:
    chromium = logged_in("ada")
    assert "This page is not yours" in chromium.open(site.origin(site.page("bob", "rm")) + "/cluster")


def test_the_instructor_opens_every_student_s_pages(site: Site, logged_in: Callable[[str], Browser]) -> None:
    chromium = logged_in("instructor")
    for student in ("ada", "bob"):
        assert "Logged in as: student" in chromium.open(site.origin(site.page(student, "rm")) + "/cluster")


def test_who_logs_out_is_out_of_every_page(site: Site) -> None:
    home = site.log_in("ada").cookie()
    host = site.page("ada", "rm")
    page = site.ask(host, site.hand_over(home, host)).cookie()
    assert site.ask(host, "/cluster", cookie=page).status == 200
    assert site.ask(site.domain, "/logout", "POST", cookie=home, origin=f"https://{host}:{site.port}").status == 403
    assert site.ask(host, "/cluster", cookie=page).status == 200
    assert site.ask(site.domain, "/logout", "POST", cookie=home, origin=site.home).status == 303
    assert site.ask(host, "/cluster", cookie=page).status == 302
    assert "secret" in site.ask(site.domain, cookie=home).body.decode()


def test_a_wrong_secret_is_refused_and_slowed_down(site: Site) -> None:
    answers = [site.log_in("eve", "wrong").status for _ in range(7)]
    assert answers == [403] * 5 + [429] * 2
    assert site.log_in("ada").status == 303  # who has a card does not wait for others
    said = site.log_in("eve", "wrong").body.decode()
    assert "Too many attempts. Try again in " in said


def test_a_name_that_nobody_has_is_told_apart_by_nothing(site: Site) -> None:
    known, unknown = site.log_in("bob", "wrong"), site.log_in("nobody", "wrong")
    assert known.status == unknown.status == 403
    assert known.body.replace(b"bob", b"") == unknown.body.replace(b"nobody", b"")


def test_a_login_that_another_page_sends_is_refused(site: Site) -> None:
    form = urlencode({"name": "ada", "secret": site.cards["ada"]["secret"]})
    for origin in ("https://evil.example", site.origin(site.page("bob", "jl")), "null"):
        assert site.ask(site.domain, "/login", "POST", body=form, origin=origin).status == 403
    assert site.ask(site.domain, "/login", "POST", body=form).status == 403


@pytest.mark.parametrize("to", ["//evil.example", "https://evil.example/", "/\\evil.example", "/%0d%0aSet-Cookie:x=1"])
def test_a_login_leads_nowhere_else(site: Site, to: str) -> None:
    host, home = site.page("ada", "rm"), site.log_in("ada").cookie()
    path = site.hand_over(home, host, to)
    answer = site.ask(host, path)
    assert answer.leads_to in ("/", "/%0d%0aSet-Cookie:x=1")
    assert len(answer.headers["set-cookie"]) == 1
    assert site.ask(site.domain, "/enter?" + urlencode({"host": "evil.example", "to": "/"}), cookie=home).status == 404


def test_a_code_is_good_once_and_at_one_host_name(site: Site) -> None:
    home, host = site.log_in("ada").cookie(), site.page("ada", "rm")
    path = site.hand_over(home, host)
    assert "set-cookie" in site.ask(host, path).headers
    assert "set-cookie" not in site.ask(host, path).headers
    assert "set-cookie" not in site.ask(site.page("ada", "nn"), site.hand_over(home, host)).headers


def test_a_renewed_secret_ends_what_the_old_one_began(site: Site) -> None:
    """The gateway reads it as it runs: bob, who is logged in, notices nothing."""
    host, other = site.page("ada", "rm"), site.page("bob", "rm")
    before, bob = site.session("ada", host), site.session("bob", other)
    old = site.cards["ada"]["secret"]
    site.renew("ada")
    assert site.ask(host, "/cluster", cookie=before).status == 302
    assert site.log_in("ada", old).status == 403
    assert site.log_in("ada").status == 303
    assert site.ask(other, "/cluster", cookie=bob).status == 200


def test_a_handout_is_read(site: Site, logged_in: Callable[[str], Browser]) -> None:
    chromium = logged_in("bob")
    assert "invoke check --job lesson03" in chromium.open(f"{site.home}/lessons/lesson03")
    chromium.driver.find_element("link text", "how to get there").click()
    chromium.wait(lambda: "Where commands are typed" in chromium.text())
    assert chromium.complaints() == []
    cookie = site.log_in("ada").cookie()
    pages, seen = ["/lessons/course", "/"], set[str]()
    while pages:
        page = pages.pop()
        seen.add(page)
        answer = site.ask(site.domain, page, cookie=cookie)
        assert answer.status == 200, page
        found = re.findall(r'href="([^"]*)"', answer.body.decode())
        assert [link for link in found if not link.startswith(("/", "https://", "#"))] == []
        pages += [link for link in found if link.startswith("/lessons/") and link not in {*seen, *pages}]
    assert len(seen) >= 10
    assert site.ask(site.domain, "/lessons/lesson03").status == 302
    assert site.ask(site.domain, "/lessons/..%2fportal.json", cookie=cookie).status == 404
