"""From a laptop that knows its key and two files to the own edge node, by every way that ssh has; and where it ends.

The laptop is a container of the spark image, which has the clients, on the Docker host's network. Its public key is
entered on the start page, which has its two files as well: no instructor, and no provision, has a part in it.
"""

from __future__ import annotations

import html
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import docker
import pytest
from docker.models.containers import Container

from lab_runner import LabRunner
from streamlab.building import images
from streamlab.engines import engine, inside
from streamlab.gateway import bastion
from streamlab.students import addresses, inventory
from streamlab.students.public_keys import public_key
from streamlab.students.student import Student
from visitor import Site

HOME = "/home/student"
#: What the laptop is started with, as containers of the lab are.
CONFINED: dict[str, Any] = {
    "init": True,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true"],
    "labels": {"streamlab.builder": "true"},
}
#: What a laptop's own configuration would not do: wait for ever, or for an answer.
QUICK = "-o ConnectTimeout=20 -o BatchMode=yes"


@dataclass(frozen=True)
class Laptop:
    """A student's machine."""

    container: Container

    def run(self, command: str, *, seconds: int = 120) -> inside.Result:
        return inside.run_inside(self.container, ["bash", "-c", command], seconds=seconds)

    def __call__(self, command: str, *, seconds: int = 120) -> str:
        """What a command prints that must succeed."""
        done = self.run(command, seconds=seconds)
        assert done.code == 0, f"{command}\nexit status {done.code}\n{done.out[-2000:]}\n{done.err[-2000:]}"
        return done.out

    def new_key(self, name: str) -> str:
        """Make a key pair, and return the public one."""
        self(f"ssh-keygen -q -t ed25519 -N '' -f {HOME}/.ssh/{name} -C 'ada@laptop of mine'")
        return public_key(self(f"cat {HOME}/.ssh/{name}.pub"))

    def refused(self, command: str) -> str:
        """The words with which something is refused that must be."""
        done = self.run(command)
        assert done.code != 0, f"{command}\nsucceeded:\n{done.out}"
        return done.out + done.err

    @contextmanager
    def forwarding(self, options: str, port: int) -> Iterator[None]:
        """Ports forwarded for the length of a block."""
        control = f"{HOME}/.ssh/forwarding"
        self(f"ssh {QUICK} -fNM -S {control} -o ExitOnForwardFailure=yes {options}")
        try:
            self(f"timeout 20 sh -c 'until nc -z localhost {port}; do sleep 0.2; done'")
            yield
        finally:
            self(f"ssh -S {control} -O exit edge")


@pytest.fixture(scope="module")
def lab(site: Site) -> LabRunner:
    return site.lab


@pytest.fixture(scope="module")
def student(lab: LabRunner) -> Student:
    return inventory.load(lab.inventory).student("ada")


@pytest.fixture(scope="module")
def client(student: Student) -> Iterator[docker.DockerClient]:
    with engine.connect(student.docker_host) as client:
        yield client


@pytest.fixture(scope="module")
def laptop(site: Site, client: docker.DockerClient) -> Iterator[Laptop]:
    """A laptop of ada's, with the key `id_ed25519`, and one `bobs` of a classmate's."""
    with engine.temporary_container(
        client, images.image_tags()["spark"], ["sleep", "1800"], network_mode="host", hostname="laptop",
        extra_hosts={site.domain: "127.0.0.1"}, **CONFINED,
    ) as own:  # fmt: skip
        own.start()
        made = Laptop(own)
        made(f"install -d -m 0700 {HOME}/.ssh")
        ada, bob = (site.log_in(name).cookie() for name in ("ada", "bob"))
        assert site.enter_key(ada, made.new_key("id_ed25519")).leads_to == "/ssh"
        assert site.enter_key(bob, made.new_key("bobs")).leads_to == "/ssh"
        shown = site.ask(site.domain, "/ssh", cookie=ada).body.decode()
        config, known = (html.unescape(text) for text in re.findall(r"<pre[^>]*>(.*?)</pre>", shown, re.DOTALL))
        files = {"config": config.encode(), "edge_known_hosts": known.encode()}
        own.put_archive(f"{HOME}/.ssh", inside.tar_of(files))
        yield made


def test_a_command_has_what_it_has_in_a_shell_of_the_lab(lab: LabRunner, laptop: Laptop) -> None:
    own = {"SSH_CLIENT", "SSH_CONNECTION", "MAIL", "_", "SHLVL", "USER", "LOGNAME", "SHELL", "PWD", "STREAMLAB_RUN"}

    def variables(text: str) -> dict[str, str]:
        found = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
        return {name: value for name, value in found.items() if name not in own}

    assert variables(laptop(f"ssh {QUICK} edge bash -lc env")) == variables(lab.inside("env"))
    where = "for name in hdfs pyspark cqlsh kafka-topics.sh; do command -v $name; done"
    assert laptop(f"ssh {QUICK} edge '{where}'") == lab.inside(where)


def test_the_clients_of_every_service_answer(laptop: Laptop) -> None:
    assert "/user" in laptop(f"ssh {QUICK} edge hdfs dfs -ls /")
    assert "system_schema" in laptop(f"ssh {QUICK} edge 'cqlsh -e \"DESCRIBE KEYSPACES\"'")
    counted = laptop(f"echo 'print(\"counted\", spark.range(7).count())' | ssh {QUICK} edge pyspark", seconds=180)
    assert "counted 7" in counted


def test_a_terminal_is_one(laptop: Laptop) -> None:
    shown = laptop(f"ssh {QUICK} -tt edge 'tty; echo $-'")
    assert re.search(r"^/dev/pts/\d+", shown)
    assert "student@edge" in laptop(f"(sleep 2; echo exit) | ssh {QUICK} -tt edge")


def test_files_come_and_go_by_scp_sftp_and_rsync(laptop: Laptop) -> None:
    folder = f"ssh-{secrets.token_hex(3)}"
    laptop(f"mkdir -p ~/{folder}/below && head -c 3000000 /dev/urandom >~/{folder}/below/data")
    digest = laptop(f"sha256sum <~/{folder}/below/data")
    try:
        laptop(f"scp {QUICK} -rq ~/{folder} edge: && scp {QUICK} -q edge:{folder}/below/data ~/by-scp")
        laptop(f"printf 'put by-scp {folder}/by-sftp\\nget {folder}/by-sftp by-sftp\\n' | sftp {QUICK} -qb - edge")
        laptop(f"rsync -e 'ssh {QUICK}' -a ~/{folder}/ edge:{folder}/")
        again = laptop(f"rsync -e 'ssh {QUICK}' -ai ~/{folder}/ edge:{folder}/")
        laptop(f"rsync -e 'ssh {QUICK}' -a edge:{folder}/below/data ~/by-rsync")
        assert [laptop(f"sha256sum <~/{name}") for name in ("by-scp", "by-sftp", "by-rsync")] == [digest] * 3
        assert again == ""  # rsync of both sides agree that there is nothing to do
    finally:
        laptop(f"ssh {QUICK} edge rm -rf {folder}")


def test_kafka_answers_at_a_port_of_the_laptop(lab: LabRunner, laptop: Laptop) -> None:
    topic = f"ssh-{secrets.token_hex(3)}"
    laptop.container.put_archive(HOME, inside.tar_of({"kafka_client.py": KAFKA_CLIENT.encode()}))
    try:
        with laptop.forwarding("edge-ports", bastion.KAFKA_PORT):
            assert laptop(f"python3 kafka_client.py {topic}").split() == ["from", "the", "laptop"]
    finally:
        lab.inside(f"kafka-topics.sh --bootstrap-server kafka1:9092 --delete --if-exists --topic {topic}")


KAFKA_CLIENT = f"""
import sys
from kafka import KafkaConsumer, KafkaProducer
where = {{"bootstrap_servers": "localhost:{bastion.KAFKA_PORT}"}}
producer = KafkaProducer(**where)
for word in ("from", "the", "laptop"):
    producer.send(sys.argv[1], word.encode()).get(timeout=30)
consumer = KafkaConsumer(sys.argv[1], auto_offset_reset="earliest", consumer_timeout_ms=20000, **where)
for _ in range(3):
    print(next(consumer).value.decode())
"""


def test_cassandra_and_pages_answer_at_a_port_of_the_laptop(laptop: Laptop) -> None:
    with laptop.forwarding("edge-ports", bastion.CASSANDRA_PORT):
        assert "system_schema" in laptop("CQLSH_HOST= cqlsh localhost -e 'DESCRIBE KEYSPACES'")
    with laptop.forwarding("-L 19870:namenode:9870 edge", 19870):
        assert '"FileStatuses"' in laptop("curl -s --noproxy '*' 'http://localhost:19870/webhdfs/v1/?op=LISTSTATUS'")


def test_who_has_no_key_or_another_is_not_let_in(laptop: Laptop) -> None:
    laptop.new_key("unknown")
    for host in ("edge", "edge-gateway"):
        other = f"-o IdentitiesOnly=yes -i {HOME}/.ssh/unknown"
        assert "Permission denied (publickey)" in laptop.refused(f"ssh {QUICK} {other} {host} true")
        methods = "-o PreferredAuthentications=password,keyboard-interactive"
        assert "Permission denied (publickey)" in laptop.refused(f"ssh {QUICK} {methods} {host} true")


def test_the_bastion_opens_no_session(laptop: Laptop) -> None:
    for asked in ("ssh edge-gateway id", "ssh -tt edge-gateway", "sftp -b /dev/null edge-gateway"):
        program, _, rest = asked.partition(" ")
        words = laptop.refused(f"{program} {QUICK} {rest} </dev/null")
        assert "uid=" not in words
        assert "open failed" in words or "Connection closed" in words


def test_a_key_reaches_its_owner_s_edge_node_and_nothing_else(lab: LabRunner, laptop: Laptop, student: Student) -> None:
    edge = bastion.edge_address(student)
    ask = f"ssh {QUICK} edge-gateway -W"
    assert laptop.run(f"timeout 5 {ask} {edge} </dev/null").out.startswith("SSH-2.0")
    bob = f"ssh {QUICK} -o IdentitiesOnly=yes -i {HOME}/.ssh/bobs edge-gateway -W"
    bobs_edge = bastion.edge_address(inventory.load(lab.inventory).student("bob"))
    assert laptop.run(f"timeout 5 {bob} {bobs_edge} </dev/null").out.startswith("SSH-2.0")
    for refused in (
        f"{bob} {edge}",  # by a key that the bastion knows
        f"{ask} {bobs_edge}",
        f"{ask} 10.89.255.8:2222",
        f"{ask} {addresses.address(student, 'namenode')}:9870",
        f"{ask} {addresses.address(student, 'edge')}:8888",
        f"{ask} 127.0.0.1:2222",
        f"ssh {QUICK} edge -W 192.0.2.1:80",
        f"ssh {QUICK} edge -W {addresses.address(student, 'namenode')}:9870",
    ):
        assert "administratively prohibited" in laptop.refused(f"{refused} </dev/null"), refused


def test_nothing_is_listened_to_and_no_agent_is_handed_on(laptop: Laptop) -> None:
    for host in ("edge", "edge-gateway"):
        words = laptop.refused(f"ssh {QUICK} -o ExitOnForwardFailure=yes -N -R 18000:localhost:22 {host}")
        assert "remote port forwarding failed" in words
    agent = f"eval $(ssh-agent) >/dev/null; ssh {QUICK} -A edge 'echo agent:$SSH_AUTH_SOCK'; ssh-agent -k >/dev/null"
    assert laptop(agent).strip() == "agent:"


def test_an_edge_node_that_is_another_is_not_trusted(site: Site, laptop: Laptop) -> None:
    other = laptop.new_key("another")
    laptop(f"sed 's#^\\(.*{site.domain}\\) .*#\\1 {other}#' ~/.ssh/edge_known_hosts >~/.ssh/wrong")
    words = laptop.refused(f"ssh {QUICK} -o UserKnownHostsFile=~/.ssh/wrong edge true")
    assert "Host key verification failed" in words


def test_nothing_runs_for_ssh_while_nobody_is_connected(lab: LabRunner, laptop: Laptop) -> None:
    assert laptop(f"ssh {QUICK} edge pgrep -x sshd").split()
    lab.inside("timeout 20 sh -c 'while pgrep -x sshd; do sleep 0.5; done'")


def test_a_key_that_is_removed_or_whose_secret_was_renewed_is_refused(site: Site, laptop: Laptop) -> None:
    ada = site.log_in("ada").cookie()
    own = f"ssh {QUICK} -o IdentitiesOnly=yes -i {HOME}/.ssh/second edge true"
    site.enter_key(ada, laptop.new_key("second"))
    laptop(own)
    mark = laptop(f"ssh-keygen -lf {HOME}/.ssh/second.pub").split()[1]
    assert mark in site.ask(site.domain, "/ssh", cookie=ada).body.decode()
    site.enter_key(ada, remove=mark)
    assert mark not in site.ask(site.domain, "/ssh", cookie=ada).body.decode()
    assert "Permission denied (publickey)" in laptop.refused(own)
    assert "second" not in site.lab.inside("cat ~/.ssh/gateway_keys")
    laptop(f"ssh {QUICK} edge true")  # the other key is good still
    site.renew("ada")
    assert "Permission denied (publickey)" in laptop.refused(f"ssh {QUICK} edge true")


def test_what_is_no_key_or_comes_from_elsewhere_is_not_entered(site: Site) -> None:
    ada = site.log_in("ada").cookie()
    before = site.ask(site.domain, "/ssh", cookie=ada).body
    for wrong in ("x", 'command="sh" ssh-ed25519 AAAA', "<script>"):
        answer = site.enter_key(ada, wrong)
        assert (answer.status, b"This is not one public key" in answer.body) == (400, True)
        assert b"<script>" not in answer.body
    assert site.enter_key(ada, "x", origin=site.origin(site.page("bob", "jl"))).status == 403
    assert site.enter_key("", "x").status == 401
    assert site.enter_key(site.log_in("instructor").cookie(), "x").status == 404
    assert site.ask(site.domain, "/ssh", cookie=ada).body == before
