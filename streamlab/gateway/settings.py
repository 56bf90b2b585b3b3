"""All files of a class's gateway, from its students. Pure, but for the templates, handouts and keys that it reads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import yaml

from streamlab.gateway import bastion, edge_ssh, pages
from streamlab.gateway.keys import key_pair
from streamlab.gateway.secrets import stable_hash
from streamlab.lessons import jobs
from streamlab.lessons.handouts import handout
from streamlab.students.problems import INSTRUCTOR
from streamlab.students.student import Gateway, Student

HERE = Path(__file__).parent
#: Pages that open WebSockets and stay open, and that look at the Host themselves.
INTERACTIVE = ("jl",)
#: What nginx says to the portal of a request: header -> nginx's variable.
LAB_HEADERS = {
    "X-Lab-Host": "$host",
    "X-Lab-Address": "$remote_addr",
    "X-Lab-Method": "$request_method",
    "X-Lab-Path": "$request_uri",
    "X-Lab-Upgrade": "$http_upgrade",
    "X-Lab-Upstream": '""',  # where an upload goes; nobody says so but nginx, and only for HDFS's page
}


@cache
def _texts() -> dict[str, dict[str, str]]:
    files = ("texts.yml", "texts_board.yml")
    return {
        key: text for name in files for key, text in yaml.safe_load((HERE / name).read_text(encoding="utf-8")).items()
    }


def texts(language: str) -> dict[str, str]:
    """Key -> text, of everything that is read of the gateway and the board."""
    return {key: text[language].strip() for key, text in _texts().items()}


def template(name: str) -> jinja2.Template:
    """One of this folder's templates; what is filled into HTML is escaped."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE), undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        autoescape=jinja2.select_autoescape(enabled_extensions=("html.j2",)), keep_trailing_newline=True,
    )  # fmt: skip
    return environment.get_template(name)


def files(
    students: Sequence[Student],
    gateway: Gateway,
    *,
    secrets: Mapping[str, str],
    certificate: bytes,
    key: bytes,
    authority: bytes = b"",
    fingerprint: str = "",
) -> dict[str, bytes]:
    """Path below /etc/gateway -> contents.

    Args:
        students: of one Docker host; they share the gateway and the language.
        secrets: name -> secret of everybody who may log in, the instructor among them.
        authority, fingerprint: of the class's own authority; empty where the certificate is another's.
    """
    found = {
        "nginx.conf": nginx(students, gateway).encode(),
        "portal.json": json.dumps(portal(students, gateway, secrets, fingerprint), ensure_ascii=False).encode(),
        "tls/server.pem": certificate,
        "tls/server.key": key,
        "handouts/course.md": handout(jobs.JOBS, students[0].language).read_bytes(),
        **{f"handouts/{path.parent.name}.md": path.read_bytes() for path in _handouts(students[0].language)},
    }
    return {**found, **({"tls/ca.pem": authority} if authority else {})}


def digest(contents: Mapping[str, bytes]) -> str:
    """What is compared to know whether a gateway has these files."""
    each = {path: hashlib.sha256(data).hexdigest() for path, data in contents.items()}
    return hashlib.sha256(json.dumps(each, sort_keys=True).encode()).hexdigest()


def nginx(students: Sequence[Student], gateway: Gateway) -> str:
    """nginx's configuration."""
    headers = "\n".join(f"proxy_set_header {name} {value};" for name, value in LAB_HEADERS.items())
    return template("nginx.conf.j2").render(
        domain=gateway.domain,
        authority=pages.origin(gateway.domain, gateway).removeprefix("https://"),
        subnets=sorted(student.subnet for student in students),
        upstreams=pages.upstreams(students),
        kinds=pages.kinds(students),
        interactive=INTERACTIVE,
        daemons=[label for label, page in pages.kinds(students).items() if page.node != "edge"] + ["mr"],
        lab_headers=list(LAB_HEADERS),
        asks_the_portal=lambda: headers,
    )


def portal(
    students: Sequence[Student], gateway: Gateway, secrets: Mapping[str, str], fingerprint: str
) -> dict[str, Any]:
    """portal.json, as images/gateway/portal/config.py reads it."""
    first, names = students[0], sorted(student.name for student in students)
    words = texts(first.language)
    may_open = {**{name: [name] for name in names}, INSTRUCTOR: names}
    return {
        "lab_class": first.lab_class,
        "domain": gateway.domain,
        "port": gateway.port,
        "language": first.language,
        "people": [
            {
                "name": name,
                "hash": stable_hash(secrets[name]),
                "students": opens,
                "instructor": name == INSTRUCTOR,
            }
            for name, opens in may_open.items()
        ],
        "pages": {
            student.name: [{"label": page.label, "title": title(page, words)} for page in pages.pages(student)]
            for student in students
        },
        "lessons": [
            {"name": path.parent.name, "title": jobs.find(path.parent.name)[0].title} for path in _handouts("en")
        ],
        "texts": words,
        "fingerprint": fingerprint,
        "ssh": {student.name: _on_a_laptop(student, gateway) for student in students},
    }


def _on_a_laptop(student: Student, gateway: Gateway) -> dict[str, Any]:
    """The lines with which `ssh edge` works on the student's laptop; the inventory's keys, and what any key opens."""
    keys = key_pair(student.lab_class, bastion.HOST_KEY).public, edge_ssh.host_key(student).public
    return {
        "config": bastion.client_config(student, gateway.domain, gateway.ssh_port),
        "known_hosts": bastion.known_hosts(student, gateway.domain, *keys),
        "keys": list(student.ssh_keys),
        "opens": bastion.opens(student),
    }


def title(page: pages.GatewayPage, words: Mapping[str, str]) -> str:
    """What a page is called in a language."""
    return words.get(f"page.{page.label.rstrip('0123456789')}", page.title).format(node=page.node)


def _handouts(language: str) -> list[Path]:
    return [handout(path.parent, language) for path in sorted(jobs.JOBS.glob("*/README.md"))]
