"""Every Ansible role has one shape, and what it may be told is what it says."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from jinja2 import Environment

from lab_runner import write_inventory
from streamlab.paths import ANSIBLE
from streamlab.stacks import playbooks
from streamlab.students import inventory, services

ROLES = sorted((ANSIBLE / "roles").iterdir())
PLAYBOOKS = sorted(ANSIBLE.glob("*.yml"))
TASK_FILES = sorted(ANSIBLE.glob("roles/*/tasks/*.yml"))
TEMPLATES = sorted(ANSIBLE.glob("roles/*/templates/*"))


def load(file: Path) -> Any:
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def defaults(role: Path) -> dict[str, Any]:
    file = role / "defaults" / "main.yml"
    return (load(file) or {}) if file.is_file() else {}


def described(role: Path) -> dict[str, Any]:
    """What a service's role says of its nodes."""
    file = role / "vars" / "main.yml"
    return load(file) if file.is_file() else {}


def options(role: Path) -> dict[str, Any]:
    return load(role / "meta" / "argument_specs.yml")["argument_specs"]["main"]["options"]


def tasks(found: Any) -> list[dict]:
    """Every task of a file, those inside blocks included."""
    return [t for one in found or [] for t in (one, *(t for key in ("block", "rescue") for t in tasks(one.get(key))))]


def by_name(path: Path) -> str:
    return "/".join(path.relative_to(ANSIBLE).parts[-3:])


@pytest.mark.parametrize("role", ROLES, ids=by_name)
def test_a_role_has_one_shape(role: Path) -> None:
    """It does something, or it only describes; never both."""
    assert (role / "tasks" / "main.yml").is_file() != (role / "vars" / "main.yml").is_file()
    assert {path.name for path in role.iterdir()} <= {"defaults", "meta", "tasks", "templates", "vars"}
    assert load(role / "meta" / "argument_specs.yml")["argument_specs"]["main"]["short_description"].endswith(".")


@pytest.mark.parametrize("role", ROLES, ids=by_name)
def test_a_role_s_variables_carry_its_name(role: Path) -> None:
    public = {*defaults(role), *options(role), *described(role)}
    assert [name for name in public if not name.startswith(f"{role.name}_")] == []


@pytest.mark.parametrize("role", ROLES, ids=by_name)
def test_an_option_has_nothing_but_a_type_and_a_sentence(role: Path) -> None:
    """A comma ends a value in YAML's braces: what follows would be one more key, and the sentence cut in half."""
    for name, option in options(role).items():
        assert {"type", "description"} <= set(option) <= {"type", "elements", "required", "description"}, name
        assert option["description"].endswith("."), name


@pytest.mark.parametrize("role", ROLES, ids=by_name)
def test_a_role_describes_exactly_what_it_may_be_told(role: Path) -> None:
    arguments, told = options(role), "".join(file.read_text() for file in role.glob("tasks/*.yml"))
    assert set(defaults(role)) - set(arguments) == set()
    for name, option in arguments.items():
        assert option["description"], name
        assert option.get("required") or name in defaults(role) or f"{name} | default(" in told, (
            f"{name} has no default"
        )
        if option.get("required"):
            assert name not in defaults(role), f"{name} is required and has a default"


@pytest.mark.parametrize("file", TASK_FILES, ids=by_name)
def test_every_task_has_a_name_that_is_a_sentence(file: Path) -> None:
    for task in tasks(load(file)):
        assert task.get("name", "")[:1].isupper(), task


@pytest.mark.parametrize("file", TASK_FILES, ids=by_name)
def test_a_command_says_when_it_changes_something(file: Path) -> None:
    for task in tasks(load(file)):
        commands = {"ansible.builtin.command", "ansible.builtin.shell"} & set(task)
        assert not commands or "changed_when" in task or "creates" in task[commands.pop()], task["name"]


@pytest.mark.parametrize("file", TEMPLATES, ids=by_name)
def test_a_template_is_used_and_can_be_parsed(file: Path) -> None:
    Environment().parse(file.read_text())
    role = file.parent.parent
    assert f"{role.name}_templates ~ '/{file.name}'" in (role / "vars" / "main.yml").read_text()


@pytest.mark.parametrize(("keeps", "segment"), [(2**30, 2**27), (10**6, 2**20), (2**40, 2**30)])
def test_what_kafka_keeps_of_a_partition_is_bounded_and_segments_fit(keeps: int, segment: int) -> None:
    """Kafka deletes whole segments only, which have 1 MiB at least and 2 GiB at most."""
    template = (ANSIBLE / "roles" / "kafka" / "templates" / "server.properties.j2").read_text(encoding="utf-8")
    text = Environment().from_string(template).render(kafka_retention_bytes=keeps)
    settings = dict(line.split("=", 1) for line in text.splitlines() if line and not line.startswith("#"))
    assert (settings["log.retention.bytes"], settings["log.segment.bytes"]) == (str(keeps), str(segment))
    assert settings["log.retention.hours"] == "-1"
    assert int(settings["log.retention.check.interval.ms"]) <= 60_000


@pytest.mark.parametrize(("broker", "port"), [("kafka1", 19092), ("kafka2", 19093)])
def test_a_client_behind_a_forwarded_port_is_sent_on_to_such_ports(broker: str, port: int) -> None:
    """Everybody else is sent to the brokers' own names."""
    template = (ANSIBLE / "roles" / "kafka" / "templates" / "server.properties.j2").read_text(encoding="utf-8")
    given = {"node": broker, "kafka_controller": "kafka1", "forwarded": port, "kafka_retention_bytes": 2**30}
    text = Environment().from_string(template).render(given)
    settings = dict(line.split("=", 1) for line in text.splitlines() if line and not line.startswith("#"))
    own = [
        f"PLAINTEXT://0.0.0.0:9092,FORWARDED://0.0.0.0:{port}",
        *(["CONTROLLER://kafka1:9093"] * (broker == "kafka1")),
    ]
    assert settings["listeners"] == ",".join(own)
    assert settings["advertised.listeners"] == f"PLAINTEXT://{broker}:9092,FORWARDED://localhost:{port}"
    assert settings["listener.security.protocol.map"].split(",")[1:] == ["PLAINTEXT:PLAINTEXT", "FORWARDED:PLAINTEXT"]
    assert defaults(ANSIBLE / "roles" / "kafka")["kafka_forwarded_port"] == 19092


def test_a_partition_keeps_far_more_than_a_lesson_writes() -> None:
    assert defaults(ANSIBLE / "roles" / "kafka")["kafka_retention_bytes"] >= 100 * 10_000_000


def rendered(text: str, **variables: Any) -> str:
    return Environment().from_string(text).render(**variables)


def test_what_the_services_may_use_is_less_than_the_stack_may() -> None:
    """Kafka, Cassandra and the student's home need the rest."""
    parts = [defaults(ANSIBLE / "roles" / name)[f"{name}_disk_mb"] for name in ("hdfs", "yarn")]
    assert [int(rendered(part, stack={"disk_mb": 10240})) for part in parts] == [4096, 2048]
    assert [rendered(part, stack={"disk_mb": 0}) for part in parts] == ["0", "0"]


def test_a_nodemanager_looks_at_its_disk_by_a_script_that_it_has() -> None:
    """Hadoop starts a file that is executable, which none of a stack's configuration is."""
    yarn = ANSIBLE / "roles" / "yarn"
    site = defaults(yarn)["yarn_site"]
    checker = "yarn.nodemanager.health-checker.script"
    assert site[f"{checker}.opts"].removeprefix("/etc/streamlab/") in described(yarn)["yarn_files"]
    paths = [rendered(site[f"{checker}.path"], yarn_disk_mb=mb) for mb in (2048, 0)]
    assert paths == ["/bin/sh", ""]


@pytest.mark.parametrize(("disk_mb", "kept_mb"), [(2048, 512), (0, 10240)])
def test_what_a_nodemanager_keeps_for_later_does_not_make_it_unhealthy(disk_mb: int, kept_mb: int) -> None:
    site = defaults(ANSIBLE / "roles" / "yarn")["yarn_site"]
    assert int(rendered(site["yarn.nodemanager.localizer.cache.target-size-mb"], yarn_disk_mb=disk_mb)) == kept_mb


@pytest.mark.parametrize(("limit_mb", "nodemanagers", "said"), [(4, 2, True), (4, 1, False), (8, 2, False)])
def test_what_the_script_of_a_nodemanager_says(tmp_path: Path, limit_mb: int, nodemanagers: int, said: bool) -> None:
    """YARN takes a line that begins with ERROR, and nothing else, as a reason to stop applications."""
    (tmp_path / "spill").write_bytes(b"x" * (3 << 20))
    stack = {"nodes": [{"kind": "nodemanager"}] * nodemanagers + [{"kind": "edge"}]}
    text = described(ANSIBLE / "roles" / "yarn")["yarn_files"]["hadoop/disk.sh"]
    script = rendered(text, yarn_disk_mb=limit_mb, stack=stack).replace("/data", str(tmp_path))
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout.startswith("ERROR applications' files and logs use ") is said
    assert bool(done.stdout) is said


def test_every_service_s_role_only_describes() -> None:
    """What touches the engine is one call, at the end."""
    describing = {role.name: set(described(role)) for role in ROLES if described(role)}
    assert set(describing) == {*services.all_services(), "edge"} - {"spark"}
    playbook = (ANSIBLE / "provision.yml").read_text()
    for name, says in describing.items():
        assert {f"{name}_files", f"{name}_nodes"} <= says
        assert f"name: {name}\n" in playbook


#: A value of a wrong type for one variable of each role that describes.
WRONG = {
    "hdfs_site": ["a", "list"],
    "yarn_allocation_step_mb": "many",
    "kafka_retention_bytes": "plenty",
    "cassandra_overhead_rows": "many",
    "edge_spark_defaults": ["a", "list"],
}


def test_what_the_inventory_says_wrongly_is_told_at_once_and_before_anything_is_touched(tmp_path: Path) -> None:
    student = {"port_base": 28100, "subnet": "10.89.251.0/27", **WRONG}
    file = write_inventory(tmp_path, "wrong", {"ada": student}, docker_host="unix:///nowhere.sock")
    done = subprocess.run(
        playbooks.argv("provision.yml", file), env=playbooks.environment(os.environ), capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode != 0
    event = json.loads(done.stdout.splitlines()[-1])
    assert event["host"] == "ada"
    assert [name for name in WRONG if f"'{name}'" not in event["failed"]] == []


def test_the_services_roles_are_those_that_are_checked() -> None:
    listed = rendered(
        load(ANSIBLE / "group_vars" / "students.yml")["service_roles"], stack={"services": [*services.OPTIONAL]}
    )
    assert sorted(ast.literal_eval(listed)) == sorted(role.name for role in ROLES if described(role))


def test_every_playbook_can_be_parsed_with_its_roles() -> None:
    command = [*playbooks.argv("provision.yml", inventory.DEFAULT)[:3], "--syntax-check", *map(str, PLAYBOOKS)]
    done = subprocess.run(
        command, env=playbooks.environment(os.environ, verbose=True), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("playbook: ") == len(PLAYBOOKS)
    assert sys.executable.rpartition("/")[0] in command[0]
