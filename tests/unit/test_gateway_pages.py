"""A gateway's pages and files: what nginx and the portal are told follows from the students alone."""

from __future__ import annotations

import json
import re
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace

import pytest

from streamlab.gateway import pages, settings
from streamlab.paths import ROOT
from streamlab.students import addresses, topology
from streamlab.students.problems import INSTRUCTOR, LANGUAGES, find_problems
from streamlab.students.student import Gateway, Student
from streamlab.work import look, notebook

GATEWAY = Gateway(port=18443)
SECRETS = {"ada": "aaaa", "bob": "bbbb", INSTRUCTOR: "iiii"}


@pytest.fixture
def ada(student: Student) -> Student:
    history = {"node": "edge", "port": 18080, "offset": 81, "title": "Spark history"}
    return replace(student, gateway=GATEWAY, pages={**student.pages, "spark-history": history})


@pytest.fixture
def bob(ada: Student) -> Student:
    return replace(
        ada, name="bob", port_base=21000, subnet="10.89.2.0/27", node_counts={**ada.node_counts, "datanode": 2}
    )


def test_every_daemon_and_every_page_of_the_inventory_has_a_host_name(ada: Student, bob: Student) -> None:
    assert [(page.label, page.inside) for page in pages.pages(ada)] == [
        ("nn", "namenode:9870"), ("rm", "resourcemanager:8088"), ("hs", "edge:18080"), ("dn1", "datanode1:9864"),
        ("nm1", "nodemanager1:8042"),
    ]  # fmt: skip
    assert [page.label for page in pages.pages(bob)][-3:] == ["dn1", "dn2", "nm1"]
    assert pages.url(ada, pages.pages(ada)[1]) == "https://ada-rm.lab.localhost:18443/"
    assert pages.origin("lab.example.org", Gateway(port=443)) == "https://lab.example.org"


def test_a_page_of_an_instructor_s_own_is_called_by_its_name(ada: Student) -> None:
    own = replace(ada, pages={"My kafka; {}": {"node": "kafka1", "port": 9000, "offset": 1, "title": "Kafka; }"}})
    assert next((page.label, page.title) for page in pages.pages(own)) == ("mykafka", "Kafka; }")
    assert "Kafka; }" not in settings.nginx([own], GATEWAY)


def test_addresses_are_those_of_the_plan(ada: Student, bob: Student) -> None:
    found = pages.upstreams([ada, bob])
    assert (found["ada-rm"], found["bob-dn2"]) == ("10.89.1.4:8088", "10.89.2.10:9864")
    assert "ada-dn2" not in found


def test_with_a_gateway_nothing_is_published_on_the_loopback(ada: Student, student: Student) -> None:
    assert [page for node in topology.nodes(ada) for page in node.pages] == []
    assert [page for node in topology.nodes(student) for page in node.pages] != []
    assert topology.plan(ada)["gateway"] == "10.89.1.30"
    assert topology.plan(student)["gateway"] is None


def test_nobody_else_gets_the_gateway_s_address(student: Student) -> None:
    spare = addresses.spare_addresses(student)
    assert addresses.gateway_address(student) == "10.89.1.30"
    assert "10.89.1.30" not in spare
    assert spare[0] == "10.89.1.29"


def test_links_are_those_that_a_browser_can_open(ada: Student) -> None:
    lines = look.links(ada).splitlines()
    assert re.split(r"  +", lines[1]) == ["log in and start here", "https://lab.localhost:18443/"]
    assert re.split(r"  +", lines[3]) == ["YARN", "https://ada-rm.lab.localhost:18443/"]
    assert "127.0.0.1" not in look.links(ada)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"domain": "lab"}, "gateway.domain 'lab' is no host name with a dot in it, such as lab.example.org"),
        ({"domain": "lab.ex ample;"}, "gateway.domain 'lab.ex ample;' is no host name"),
        ({"address": "host"}, "gateway.address 'host' is no IPv4 address such as 127.0.0.1"),
        ({"ssh_port": 8443}, "gateway.port and gateway.ssh_port are both 8443"),
        ({"tls": "acme"}, "gateway.tls is 'acme'; it may be own or files"),
        ({"tls": "files"}, "gateway.certificate and gateway.key go with tls: files, and both are needed"),
    ],
)
def test_an_impossible_gateway_is_said_once(student: Student, changes: dict, problem: str) -> None:
    both = [replace(student, name=name, gateway=Gateway(**changes)) for name in ("ada", "bob")]
    (found,) = find_problems(both[:1])
    assert found.startswith(problem)
    assert sum(line == found for line in find_problems(both)) == 1


def test_one_docker_host_has_one_gateway(ada: Student, bob: Student) -> None:
    (found,) = find_problems([ada, replace(bob, gateway=Gateway(port=1))])
    assert found == "bob and ada are on one Docker host and differ in gateway or language"
    (found,) = find_problems([replace(ada, name=INSTRUCTOR)])
    assert found == "student 'instructor': with a gateway, the instructor logs in under this name"
    (found,) = find_problems([replace(ada, language="tlh")])
    assert found == "ada: language 'tlh' is none of en, ru"


def test_the_gateway_needs_a_place_in_the_network(ada: Student) -> None:
    """In a /28 the second Cassandra node would have it."""
    full = replace(ada, subnet="10.89.1.0/28", node_counts={**ada.node_counts, "cassandra": 2})
    assert find_problems([full]) == ["ada: subnet 10.89.1.0/28 is too small for 8 nodes and the gateway"]
    assert find_problems([replace(full, gateway=None)]) == []


def test_every_text_is_there_in_every_language() -> None:
    texts = {language: settings.texts(language) for language in LANGUAGES}
    for key, text in texts["en"].items():
        fields = {language: sorted(re.findall(r"{(\w+)}", texts[language][key])) for language in LANGUAGES}
        assert len(set(map(tuple, fields.values()))) == 1, key
        assert text
    used = "".join(path.read_text() for path in (ROOT / "images/gateway/portal").rglob("*.*ml"))
    assert set(re.findall(r"""\bt\("([\w.]+)\"""", used)) <= set(texts["en"])


def test_the_portal_knows_who_may_open_what_and_no_secret(ada: Student, bob: Student) -> None:
    from portal import config

    made = settings.files([ada, bob], GATEWAY, secrets=SECRETS, certificate=b"c", key=b"k")
    assert not any(secret in made["portal.json"].decode() for secret in SECRETS.values())
    found = json.loads(made["portal.json"])
    assert {one["name"]: one["students"] for one in found["people"]} == {
        "ada": ["ada"], "bob": ["bob"], INSTRUCTOR: ["ada", "bob"],
    }  # fmt: skip
    assert [one["name"] for one in found["people"] if one["instructor"]] == [INSTRUCTOR]
    assert found["lessons"][0]["name"] == "lesson01"
    assert made["handouts/lesson01.md"] == (ROOT / "jobs/lesson01/README.md").read_bytes()
    assert made["handouts/course.md"] == (ROOT / "jobs/README.md").read_bytes()
    assert {"label": "dn2", "title": "HDFS: datanode2"} in found["pages"]["bob"]
    assert set(found) - {"people"} <= set(config.Config.__dataclass_fields__)
    assert settings.digest(made) == settings.digest(dict(made))
    renewed = {**SECRETS, "bob": "cccc"}
    other = settings.files([ada, bob], GATEWAY, secrets=renewed, certificate=b"c", key=b"k")
    assert settings.digest(other) != settings.digest(made)
    assert other["nginx.conf"] == made["nginx.conf"]


def test_nginx_knows_no_address_but_those_of_the_plan_and_no_resolver(ada: Student, bob: Student) -> None:
    text = settings.nginx([ada, bob], GATEWAY)
    assert "resolver " not in text
    ways = {"http://portal", "http://$upstream", "http://$datanode_way"}
    assert set(re.findall(r"proxy_pass (\S+);", text)) == ways
    servers = text.split("server {")[3:]  # after what is nobody's, and the portal's
    assert len(servers) == len(pages.kinds([ada, bob]))
    for server in servers:
        asked = server.count("auth_request /.lab/question;")
        assert (asked, server.count("internal;")) == (1, 1)
        outside = re.findall(r"location ([^{]+) {[^}]*auth_request off", server)
        assert sorted(outside) == [
            "= /.lab/enter", "= /.lab/question", "= /.lab/style.css", "@absent", "@begin", "@refused",
        ]  # fmt: skip


@pytest.mark.usefixtures("alone")
def test_a_notebook_s_address_is_the_gateway_s(
    ada: Student, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    own = {"node": "edge", "port": notebook.PORT, "offset": 89, "title": "JupyterLab"}
    student = replace(ada, pages={**ada.pages, "notebook": own})
    monkeypatch.setattr(notebook, "open_on_engine", lambda _: nullcontext(SimpleNamespace(edge=None)))
    for name, answer in {"place_notebooks": None, "_require_answer": None, "_token": "t0ken"}.items():
        monkeypatch.setattr(notebook, name, lambda *_, answer=answer: answer)
    notebook.notebook(student, stop=False)
    assert capsys.readouterr().out == "https://ada-jl.lab.localhost:18443/lab?token=t0ken\n"
