"""Who may send what to whom: one student, another, the instructor and a stranger, from every kind of page."""

from __future__ import annotations

import http.client
import itertools
import os
import signal
import time
from contextlib import suppress

import pytest
from docker.errors import APIError
from docker.models.containers import Container

from streamlab.engines import engine
from streamlab.gateway import gateway
from streamlab.students import addresses, inventory
from visitor import Site

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "WebSocket")
#: Where a request comes from: what a browser says of it.
FROM = {
    "the page itself": {"sec_fetch_site": "same-origin", "origin": "own"},
    "a link": {"sec_fetch_site": "same-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"},
    "another stack's script": {"sec_fetch_site": "same-site", "sec_fetch_mode": "cors", "origin": "sibling"},
    "another stack's form": {"sec_fetch_site": "same-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document",
                             "origin": "sibling"},
    "a frame elsewhere": {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "iframe"},
    "an old browser elsewhere": {"origin": "sibling"},
    "no browser": {},
}  # fmt: skip
#: Of these, those where somebody opens a page: what reads may come from there.
BY_HAND = ("a link", "another stack's form", "no browser")
USERS = ("ada", "bob", "instructor", "nobody")
LABELS = ("rm", "nn", "dn1", "nm1", "hs", "mr", "jl", "ui")


@pytest.fixture(scope="module")
def sessions(site: Site) -> dict[tuple[str, str], str]:
    """(name, host) -> cookie. Who has none of a page comes with the one of an own page, as good as it gets."""
    found = {}
    for name, label in itertools.product(("ada", "instructor"), LABELS):
        host = site.page("ada", label)
        found[name, host] = site.session(name, host)
    for label in LABELS:
        found["bob", site.page("ada", label)] = site.session("bob", site.page("bob", label))
        found["nobody", site.page("ada", label)] = "__Host-lab=" + "x" * 43
    return found


def sent_by(method: str, place: str, *, own: str, sibling: str) -> tuple[str, dict[str, str]]:
    """HTTP's method and the headers of a request from a place of `FROM`; `own` and `sibling` are origins."""
    headers = {name: {"own": own, "sibling": sibling}.get(value, value) for name, value in FROM[place].items()}
    if method != "WebSocket":
        return method, headers
    key = "AAAAAAAAAAAAAAAAAAAAAA=="
    upgrade = {"upgrade": "websocket", "connection": "Upgrade", "sec_websocket_version": "13", "sec_websocket_key": key}
    return "GET", headers | upgrade


@pytest.mark.parametrize("label", LABELS)
def test_exactly_what_the_rule_allows_reaches_a_page(
    site: Site, sessions: dict[tuple[str, str], str], label: str
) -> None:
    host, sibling, wrong = site.page("ada", label), site.origin(site.page("bob", "jl")), []
    for user, method, place in itertools.product(USERS, METHODS, FROM):
        sent, headers = sent_by(method, place, own=site.origin(host), sibling=sibling)
        # A path that no daemon has: what is let through gets the daemon's own no, and changes nothing.
        answer = site.ask(host, "/.lab-test/none", sent, cookie=sessions[user, host], **headers)
        from_gateway = b"/.lab/style.css" in answer.body or (answer.status == 302 and "/enter?" in answer.leads_to)
        refused = answer.status in (401, 403) or (from_gateway and answer.status != 502)
        reads = method in ("GET", "HEAD")
        allowed = place == "the page itself" or (reads and place in BY_HAND)
        expected = allowed and user in ("ada", "instructor")
        if label == "jl" and expected and not reads and not from_gateway:
            refused = False  # JupyterLab itself refuses what writes without its own token
        if refused == expected:
            wrong.append((user, method, place, answer.status))
    assert wrong == []


@pytest.mark.parametrize("path", ["/board", "/board/students/ada", "/board/events"])
def test_the_board_is_the_instructor_s_and_only_read(site: Site, path: str) -> None:
    """Each student, the instructor and a stranger, by every method, from everywhere."""
    sibling = site.origin(site.page("bob", "jl"))
    cookies = {user: site.log_in(user).cookie() for user in USERS[:3]} | {"nobody": "__Host-lab=" + "x" * 43}
    wrong = []
    for user, method, place in itertools.product(USERS, METHODS, FROM):
        sent, headers = sent_by(method, place, own=site.home, sibling=sibling)
        status = site.status(site.domain, path, sent, cookie=cookies[user], **headers)
        reads = method in ("GET", "WebSocket") and place in ("the page itself", *BY_HAND)
        if (status == 200) != (user == "instructor" and reads):
            wrong.append((user, method, place, status))
    assert wrong == []


def test_a_cookie_of_one_page_is_worth_nothing_at_another(site: Site) -> None:
    cookie = site.session("ada", site.page("ada", "rm"))
    assert site.ask(site.page("ada", "rm"), "/cluster", cookie=cookie).status == 200
    assert site.ask(site.page("ada", "nn"), "/", cookie=cookie).status == 302
    assert "secret" in site.ask(site.domain, "/", cookie=cookie).body.decode()
    two = site.ask(site.page("ada", "rm"), "/cluster", cookie=f"{cookie}; __Host-lab=other")
    assert two.status == 302


@pytest.mark.parametrize(
    ("sni", "request_head", "status"),
    [
        ("ada-rm", "GET /cluster HTTP/1.1\r\nHost: bob-rm.{domain}\r\n", b"421"),
        ("", "GET / HTTP/1.1\r\nHost: ada-rm.{domain}\r\n", b"421"),
        ("ada-rm", "GET /cluster HTTP/1.1\r\nHost: ada-rm.{domain}\r\nHost: bob-rm.{domain}\r\n", b"400"),
        ("ada-rm", "GET https://bob-rm.{domain}/cluster HTTP/1.1\r\nHost: ada-rm.{domain}\r\n", b"421"),
        ("ada-rm", "GET http://127.0.0.1:8088/cluster HTTP/1.1\r\nHost: ada-rm.{domain}\r\n", b"421"),
        ("ada-rm", "CONNECT 127.0.0.1:8088 HTTP/1.1\r\nHost: ada-rm.{domain}\r\n", b"400"),
        ("ada-xx", "GET / HTTP/1.1\r\nHost: ada-xx.{domain}\r\n", b"421"),
        ("zoe-rm", "GET / HTTP/1.1\r\nHost: zoe-rm.{domain}\r\n", b"421"),
        ("ada-rm", "GET /cluster HTTP/1.1\r\nHost: evil.example\r\n", b"421"),
        ("ada-rm", "GET /.lab/../.lab/question HTTP/1.1\r\nHost: ada-rm.{domain}\r\n", b"404"),
        ("ada-rm", "GET /.lab/question HTTP/1.1\r\nHost: ada-rm.{domain}\r\nX-Lab-Host: ada-rm.{domain}\r\n", b"404"),
        ("", "GET /.lab/question HTTP/1.1\r\nHost: {domain}\r\n", b"404"),
    ],
)
def test_a_host_name_is_what_the_certificate_was_asked_for(
    site: Site, sni: str, request_head: str, status: bytes
) -> None:
    cookie = site.session("ada", site.page("ada", "rm"))
    head = request_head.format(domain=site.domain)
    host = f"{sni}.{site.domain}" if sni else site.domain
    answer = site.raw(f"{head}Cookie: {cookie}\r\nConnection: close\r\n\r\n".encode(), sni=host)
    assert answer.split(b" ")[1] == status


def test_nobody_speaks_in_the_gateway_s_name(site: Site) -> None:
    """What nginx says to the portal replaces what a browser sends under the same names."""
    host, bob = site.page("ada", "rm"), site.session("bob", site.page("bob", "rm"))
    forged = {
        "x_lab_host": site.page("bob", "rm"),
        "x_lab_method": "GET",
        "x_lab_path": "/",
        "x_lab_address": "1.2.3.4",
    }
    assert site.ask(host, "/cluster", cookie=bob, **forged).status == 302
    to_bob = {"x_lab_upstream": "10.89.1.4:8088", "origin": site.home}
    assert site.ask(site.domain, "/webhdfs/v1/x?op=CREATE", "PUT", body="x", **to_bob).status == 404
    own = site.session("ada", host)
    assert site.ask(host, "/cluster", "POST", cookie=own, **forged, origin="https://evil.example").status == 403


def test_from_inside_a_stack_nothing_of_the_gateway_or_of_others_is_reached(site: Site) -> None:
    """With the gateway in both networks: another's nodes, the gateway at its other addresses, its host."""
    ada, bob = (inventory.load(site.lab.inventory).student(name) for name in ("ada", "bob"))
    places = [
        f"{addresses.address(bob, 'resourcemanager')}:8088", f"{addresses.address(bob, 'edge')}:2222",
        f"{addresses.gateway_address(bob)}:8443",
    ]  # fmt: skip
    reached = site.lab.inside(
        f"for place in {' '.join(places)}; do "
        'timeout 3 bash -c "exec 3<>/dev/tcp/${place/:/\\/}" 2>/dev/null && echo $place; done; true'
    )
    assert reached == ""
    known = f"{site.domain}:8443:{addresses.gateway_address(ada)}"
    said = site.lab.inside(f"curl -sk -o /dev/null -w '%{{http_code}}' --resolve {known} https://{site.domain}:8443/")
    assert said == "403"
    # sshd listens there as well, and lets nobody in who comes from a stack, whatever key it is.
    away = "-o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
    site.lab.inside(f"ssh {away} -p 2222 gateway@{addresses.gateway_address(ada)} </dev/null 2>/dev/null || true")
    with engine.connect(ada.docker_host) as client:
        last = gateway.parts_of(client, ada.lab_class)["bastion"].logs(tail=5).decode()
    assert f"from {addresses.address(ada, 'edge')} not allowed because listed in DenyUsers" in last


def test_a_gateway_has_no_way_to_the_host(site: Site) -> None:
    student = inventory.load(site.lab.inventory).student("ada")
    with engine.connect(student.docker_host) as client:
        parts = gateway.parts_of(client, student.lab_class)
        assert set(parts) == {part.name for part in gateway.PARTS}
        for part in parts.values():
            host = part.attrs["HostConfig"]
            assert (host["CapDrop"], host["ReadonlyRootfs"], host["Privileged"]) == (["ALL"], True, False)
            assert host["SecurityOpt"] == ["no-new-privileges:true"]
            assert part.attrs["Config"]["User"] == f"{gateway.UID}:{gateway.UID}"
            assert [mount for mount in part.attrs["Mounts"] if mount["Type"] == "bind"] == []
            assert (host["Memory"] <= 128 << 20, host["PidsLimit"] <= 256) == (True, True)
        assert parts["front"].exec_run(["cat", "/proc/sys/net/ipv4/ip_forward"]).output == b"0\n"


def network(part: Container) -> bytes:
    """Which network namespace a part is in; nothing while it is not running."""
    with suppress(APIError):
        return part.exec_run(["readlink", "/proc/self/ns/net"]).output
    return b""


@pytest.mark.parametrize("part", ["front", "portal", "bastion"])
def test_a_part_that_is_killed_comes_back_and_nobody_logs_in_again(site: Site, part: str) -> None:
    student = inventory.load(site.lab.inventory).student("ada")
    host = site.page("ada", "rm")
    cookie = site.session("ada", host)
    with engine.connect(student.docker_host) as client:
        killed = gateway.parts_of(client, student.lab_class)[part]
        pid = killed.attrs["State"]["Pid"]
        os.kill(pid, signal.SIGKILL)
    ends = time.monotonic() + 60
    while True:
        with suppress(OSError, http.client.HTTPException):
            if site.ask(host, "/cluster", cookie=cookie).status == 200:
                break
        assert time.monotonic() < ends, f"the gateway did not answer within 60 s of the {part}'s end"
        time.sleep(0.5)
    with engine.connect(student.docker_host) as client:
        front, *others = (gateway.parts_of(client, student.lab_class)[one.name] for one in gateway.PARTS)
        ends = time.monotonic() + 30
        while any(network(front) != network(other) for other in others):
            assert time.monotonic() < ends, "not every part came into the front's new network within 30 s"
            time.sleep(0.5)
