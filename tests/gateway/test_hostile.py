"""What a stack answers is its own student's affair: it reaches no other page, and does the gateway no harm."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from browser import Browser
from visitor import Site

#: On the edge node, where the page of a Spark shell would be: a server that means no good.
SERVER = r"""
import http.server
class Bad(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *a): pass
    def do_GET(self):
        path = self.path.partition("?")[0]
        if path == "/headers":
            return self.say(200, str(self.headers))
        if path == "/big":
            self.send_response(200); self.send_header("Content-Type", "text/html"); self.end_headers()
            try:
                for _ in range(16384): self.wfile.write(b"x" * 65536)
            except OSError: pass
            self.close_connection = True
            return
        if path == "/inside":
            return self.say(200, "nobody's", **{"X-Accel-Redirect": "/.lab/question"})
        if path == "/cookie":
            self.send_response(200)
            for one in ("a=1; Domain=lab.localhost", "b=2; domain = .lab.localhost ; Path=/", "c=3"):
                self.send_header("Set-Cookie", one)
            self.send_header("Content-Length", "2"); self.end_headers(); self.wfile.write(b"ok"); return
        if path == "/away":
            return self.say(302, "", Location="http://namenode:2375/containers/json")
        if path == "/open":
            return self.say(200, "ok", **{"Access-Control-Allow-Origin": "https://evil.example",
                                         "Access-Control-Allow-Credentials": "true", "X-Frame-Options": "ALLOWALL"})
        if path == "/page":
            return self.say(200, "<title><script>1</script></title>ready", **{"Content-Type": "text/html"})
        return self.say(404, "no")
    do_POST = do_GET
    def say(self, status, text, **headers):
        self.send_response(status)
        for name, value in {"Content-Type": "text/plain", **headers}.items(): self.send_header(name, value)
        self.send_header("Content-Length", str(len(text))); self.end_headers(); self.wfile.write(text.encode())
http.server.ThreadingHTTPServer(("0.0.0.0", 4040), Bad).serve_forever()
"""


@pytest.fixture(scope="module")
def bad(site: Site) -> Iterator[tuple[str, str]]:
    """The host name of the page, and a session of the student whose it is."""
    site.lab.inside(f"cat > bad.py <<'END'\n{SERVER}\nEND\n(setsid python3 bad.py >/dev/null 2>&1 & echo $! > bad.pid)")
    host = site.page("ada", "ui")
    cookie = site.session("ada", host)
    ends = time.monotonic() + 30
    while site.ask(host, "/headers", cookie=cookie).status != 200:
        assert time.monotonic() < ends, "the page on the edge node did not come up within 30 s"
        time.sleep(0.3)
    yield host, cookie
    site.lab.inside("pkill -F bad.pid; rm -f bad.py bad.pid; true")


def test_a_stack_sees_its_own_cookies_and_not_the_lab_s(site: Site, bad: tuple[str, str]) -> None:
    host, cookie = bad
    for given, seen in (
        (cookie, ""),
        (f"a=1; {cookie}; b=2", "a=1; b=2"),
        (f"{cookie}; b=2", "b=2"),
        (f"a=1; {cookie}", "a=1"),
    ):
        said = site.ask(host, "/headers", cookie=given, x_lab_host="forged").body.decode()
        assert cookie.partition("=")[2] not in said
        found = next((line.partition(": ")[2] for line in said.splitlines() if line.lower().startswith("cookie:")), "")
        assert found.strip("; ") == seen
        assert "x-lab-" not in said.lower()


def test_a_cookie_for_every_student_becomes_one_for_this_page(site: Site, bad: tuple[str, str]) -> None:
    host, cookie = bad
    given = site.ask(host, "/cookie", cookie=cookie).headers["set-cookie"]
    domains = [part.strip().lower() for one in given for part in one.split(";") if "domain" in part.lower()]
    assert set(domains) <= {f"domain={host}"}
    assert len(given) == 3


def test_a_stack_sends_nginx_nowhere(site: Site, bad: tuple[str, str]) -> None:
    host, cookie = bad
    assert site.ask(host, "/inside", cookie=cookie).body == b"nobody's"
    away = site.ask(host, "/away", cookie=cookie)
    assert (away.status, away.leads_to) == (302, "http://namenode:2375/containers/json")


def test_a_stack_does_not_open_its_pages_to_others(site: Site, bad: tuple[str, str]) -> None:
    host, cookie = bad
    headers = site.ask(host, "/open", cookie=cookie).headers
    assert not [name for name in headers if name.startswith("access-control-")]
    assert headers["x-frame-options"] == ["SAMEORIGIN"]


def test_a_gigabyte_takes_no_memory_and_keeps_nobody_waiting(site: Site, bad: tuple[str, str]) -> None:
    host, cookie = bad

    def swallow(_: int) -> int:
        with site.connect(host) as connection:
            connection.sendall(f"GET /big HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\n\r\n".encode())
            came = 0
            while came < 300_000_000 and (chunk := connection.recv(1 << 20)):
                came += len(chunk)
            return came

    with ThreadPoolExecutor(3) as pool:
        running = [pool.submit(swallow, one) for one in range(3)]
        slowest = 0.0
        while not all(one.done() for one in running):
            began = time.monotonic()
            assert site.ask(site.domain).status == 200
            slowest = max(slowest, time.monotonic() - began)
        assert [one.result() >= 300_000_000 for one in running] == [True] * 3
    assert slowest < 5
    assert site.ask(host, "/headers", cookie=cookie).status == 200  # the front is the same one, not a new one


def test_a_student_s_page_that_an_instructor_opens_does_nothing_elsewhere(
    site: Site, bad: tuple[str, str], logged_in: Callable[[str], Browser]
) -> None:
    """Script in one stack's page, in the browser of somebody who is logged in at all others."""
    chromium = logged_in("instructor")
    other = site.origin(site.page("bob", "rm"))
    chromium.open(f"{other}/cluster")
    nn = site.origin(site.page("bob", "nn"))
    chromium.open(f"{nn}/explorer.html")
    assert "ready" in chromium.open(site.origin(bad[0]) + "/page")
    tried = chromium.promised(
        """(async () => {
        const [rm, stolen, home] = arguments;
        const attempt = async what => { try { return await what(); } catch (e) { return 'blocked'; } };
        const credentials = 'include';
        return [
          await attempt(async () => (await fetch(rm + '/ws/v1/cluster/info', {credentials})).status),
          await attempt(async () => (await fetch(rm + '/cluster', {credentials, mode: 'no-cors'})).type),
          await attempt(async () => (await fetch(stolen, {credentials, method: 'PUT'})).status),
          await attempt(async () => (await fetch(home + '/', {credentials})).status),
          await attempt(() => new Promise((ok, no) => {
            const s = document.createElement('script');
            s.src = rm + '/jmx'; s.onload = () => ok('loaded'); s.onerror = () => no(); document.head.append(s); })),
          await attempt(() => new Promise((ok, no) => {
            const w = new WebSocket(rm.replace('https', 'wss') + '/x');
            w.onopen = () => ok('open'); w.onerror = no; })),
        ];
        })()""",
        other,
        f"{nn}/webhdfs/v1/stolen?op=MKDIRS",
        site.home,
    )
    assert tried == ["blocked"] * 6
    form = (
        "const f = document.createElement('form'); f.method = 'post'; f.action = arguments[0]; "
        "document.body.append(f); f.submit()"
    )
    chromium.script(form, f"{nn}/webhdfs/v1/stolen?op=MKDIRS")
    chromium.wait(lambda: chromium.driver.current_url.startswith(nn))
    assert "This page is not yours" in chromium.text()
    assert "stolen" not in replace(site.lab, student="bob").inside("hdfs dfs -ls /")
