"""Every page of a stack works through the gateway: no foreign link, no error, no complaint in the console."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from browser import Browser
from streamlab.engines import engine
from streamlab.gateway import gateway, settings
from streamlab.students import inventory
from visitor import Site

#: Pages without a user who is waiting: not opened by the crawl. Thread dumps and whole configurations have no links,
#: and each takes seconds; `logout` and `kill` do something.
LEFT_OUT = re.compile(r"/(jmx|conf|stacks|prom|logLevel)$|kill|logout|[?&](sort|order)")
#: Pages opened of each host name.
MOST = 14
START = {
    "rm": ["/cluster", "/cluster/nodes", "/cluster/scheduler", "/cluster/apps"],
    "nn": ["/dfshealth.html#tab-datanode", "/explorer.html#/"],
    "dn1": ["/datanode.html"],
    "nm1": ["/node", "/node/allApplications", "/node/allContainers"],
    "hs": ["/"],
    "mr": ["/jobhistory"],
}


@pytest.fixture(scope="module")
def applications(site: Site) -> Iterator[dict[str, str]]:
    """A finished Spark application, and one that runs until the tests are done."""
    script = "spark.range(1000).selectExpr('id % 7 AS k').groupBy('k').count().collect()"
    site.lab.inside(f'echo "{script}" | spark-shell --name finished >/dev/null 2>&1 || true', seconds=400)
    code = (
        "from pyspark.sql import SparkSession; import time; s = SparkSession.builder.getOrCreate(); "
        "q = s.readStream.format('rate').load().writeStream.format('noop').queryName('ticks').start(); time.sleep(900)"
    )
    site.lab.inside(f'cat > running.py <<< "{code}"')
    site.lab.inside(
        "spark-submit --deploy-mode cluster --conf spark.yarn.submit.waitAppCompletion=false --name running running.py "
        ">/dev/null 2>&1",
        seconds=400,
    )
    listed = site.lab.inside("yarn application -list -appStates RUNNING,ACCEPTED 2>/dev/null | grep running | cut -f1")
    done = site.lab.inside(
        "yarn application -list -appStates FINISHED 2>/dev/null | grep finished | cut -f1 | sort | tail -1"
    )
    running = listed.split()[0]
    yield {"running": running, "finished": done.strip()}
    site.lab.inside(f"yarn application -kill {running} >/dev/null 2>&1")


def crawl(site: Site, chromium: Browser, student: str, label: str, starts: list[str]) -> tuple[list[str], int]:
    """What is wrong with the pages that are reached from `starts`, and how many were opened."""
    origin, wrong = site.origin(site.page(student, label)), []
    pending, seen = [origin + path for path in starts], set[str]()
    while pending and len(seen) < MOST:
        address = pending.pop(0)
        if address in seen or LEFT_OUT.search(address):
            continue
        seen.add(address)
        chromium.answers()
        chromium.open(address)
        wrong += [f"{address}: {status} {url}" for status, url in chromium.answers() if status >= 400]
        wrong += [f"{address}: {said}" for said in chromium.complaints()]
        for link in chromium.links():
            host = urlsplit(link).hostname or ""
            own = host == site.domain or (host.startswith(f"{student}-") and host.endswith(f".{site.domain}"))
            if not own and not host.endswith("apache.org"):
                wrong.append(f"{address}: a link to {link}")
            if link.startswith(f"{origin}/"):
                pending.append(link)
    return wrong, len(seen)


@pytest.mark.parametrize("label", START)
def test_no_page_leads_out_of_the_gateway(
    site: Site, applications: dict[str, str], logged_in: Callable[[str], Browser], label: str
) -> None:
    more = {
        "rm": [f"/cluster/app/{applications['running']}", f"/proxy/{applications['running']}/",
               f"/proxy/{applications['running']}/executors/", f"/proxy/{applications['running']}/StreamingQuery/",
               f"/cluster/app/{applications['finished']}"],
        "hs": [f"/history/{applications['finished']}/jobs/", f"/history/{applications['finished']}/executors/"],
    }  # fmt: skip
    wrong, opened = crawl(site, logged_in("ada"), "ada", label, more.get(label, []) + START[label])
    assert wrong == []
    assert opened >= len(START[label])


def test_links_between_a_stack_s_pages_are_followed_by_clicking(
    site: Site, applications: dict[str, str], logged_in: Callable[[str], Browser]
) -> None:
    """From the list of applications to a finished one's history, and from its executors to their logs."""
    chromium = logged_in("ada")
    chromium.open(site.origin(site.page("ada", "rm")) + f"/cluster/app/{applications['finished']}")
    (history,) = {link for link in chromium.links() if "/proxy/" in link}
    chromium.open(history)
    chromium.wait(lambda: f"https://{site.page('ada', 'hs')}" in chromium.driver.current_url)
    assert "Spark Jobs" in chromium.text()
    chromium.open(site.origin(site.page("ada", "hs")) + f"/history/{applications['finished']}/executors/")
    logs = chromium.wait(lambda: [link for link in chromium.links() if "jobhistory/logs" in link])
    assert {urlsplit(link).hostname for link in logs} == {site.page("ada", "mr")}
    whole = next(link for link in logs if "stderr" in link).replace("start=-4096", "start=0")
    assert "Log Type: stderr" in chromium.open(whole)


def test_a_file_goes_through_hdfs_s_own_page(site: Site, logged_in: Callable[[str], Browser]) -> None:
    """Uploaded, previewed and downloaded by what the page itself asks; the SHA-256 is the same."""
    chromium = logged_in("ada")
    origin = site.origin(site.page("ada", "nn"))
    chromium.open(f"{origin}/explorer.html#/user/student")
    chromium.wait(lambda: "Browse Directory" in chromium.text())
    uploaded = chromium.promised("""(async () => {
        const bytes = new Uint8Array(3000000).map((_, i) => (i * 7919) % 251);
        const made = await (await fetch('/webhdfs/v1/user/student/by-page.bin?op=CREATE&noredirect=true&overwrite=true',
                                        {method: 'PUT'})).json();
        const put = await fetch(made.Location, {method: 'PUT', body: bytes});
        const told = await (await fetch('/webhdfs/v1/user/student/by-page.bin?op=OPEN&noredirect=true')).json();
        const preview = await (await fetch(told.Location)).arrayBuffer();
        const direct = await (await fetch('/webhdfs/v1/user/student/by-page.bin?op=OPEN')).arrayBuffer();
        const hash = async data => [...new Uint8Array(await crypto.subtle.digest('SHA-256', data))]
            .map(b => b.toString(16).padStart(2, '0')).join('');
        return [put.status, await hash(bytes), await hash(preview), await hash(direct), made.Location];
    })()""")
    assert isinstance(uploaded, list), uploaded
    status, sent, preview, direct, location = uploaded
    assert (status, sent) == (201, preview)
    assert sent == direct
    assert location.startswith("/.dn1/webhdfs/v1/user/student/by-page.bin?")
    kept = site.lab.inside("hdfs dfs -cat /user/student/by-page.bin | sha256sum").split()[0]
    assert kept == sent == hashlib.sha256(bytes((i * 7919) % 251 for i in range(3_000_000))).hexdigest()


def test_nginx_takes_what_is_rendered_for_stacks_of_every_shape(site: Site) -> None:
    """What this class has, it has taken already; here a stack is larger, and one has a page of the instructor's own."""
    ada, bob = (inventory.load(site.lab.inventory).student(name) for name in ("ada", "bob"))
    larger = replace(bob, node_counts={**bob.node_counts, "datanode": 3, "nodemanager": 2})
    own = replace(ada, pages={**ada.pages, "My kafka": {"node": "kafka1", "port": 9000, "offset": 1, "title": "Kafka"}})
    assert ada.gateway
    text = settings.nginx([own, larger], ada.gateway)
    assert "-mykafka" in text
    encoded = base64.b64encode(text.encode()).decode()
    command = ["sh", "-c", 'echo "$0" | base64 -d >/tmp/other.conf && nginx -t -c /tmp/other.conf', encoded]
    with engine.connect(ada.docker_host) as client:
        done = gateway.parts_of(client, ada.lab_class)["front"].exec_run(command)
    assert done.exit_code == 0, done.output.decode()
