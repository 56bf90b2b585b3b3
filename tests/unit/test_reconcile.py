"""A stack is brought to what was asked for: what is there as it should be is left alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from docker.errors import NotFound
from docker.types import IPAMConfig, IPAMPool

from fake_engine import FakeEngine, Refused
from streamlab.errors import LabError, WrongRequest
from streamlab.stacks import containers, reconcile
from streamlab.students import services, topology
from streamlab.students.student import Student

SETTINGS = {kind: {"command": [kind], "env": {"JAVA_OPTS": "-Xmx1m"}} for kind in services.SERVICE_OF} | {
    "edge": {"command": ["sleep"], "data": "/home/student", "cpu_shares": 4096}
}

#: What sshd of the edge node reads.
SSH_FILES = {"host_key": b"secret", "authorized_keys": b"ssh-ed25519 AAAA\n"}

#: What every node asks without a proxy.
DIRECT = dict.fromkeys(
    ("NO_PROXY", "no_proxy"),
    "localhost,127.0.0.1,::1,namenode,datanode1,datanode2,datanode3,datanode4,resourcemanager,nodemanager1,nodemanager2,"
    "nodemanager3,nodemanager4,kafka1,kafka2,kafka3,kafka4,cassandra1,cassandra2,cassandra3,cassandra4,edge,10.89.1.0/27",
)


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


def run(engine: FakeEngine, student: Student, **options: Any) -> reconcile.Outcome:
    given = {"settings": SETTINGS, "config_files": {"lab.json": "{}"}, "ssh_files": SSH_FILES, **options}
    given.setdefault("subnet", student.subnet)
    labels = {"streamlab.class": student.lab_class, "streamlab.student": student.name, "streamlab.version": "1"}
    return reconcile.reconcile(engine.client, plan=topology.plan(student), labels=labels, **given)


def names(student: Student) -> tuple[str, ...]:
    return tuple(node.name for node in topology.nodes(student))


def about(engine: FakeEngine, container: str) -> list[str]:
    """What was done with one container."""
    return [call for call in engine.calls if call.split()[-1] == container]


def test_everything_is_made_the_first_time_and_nothing_the_second(engine: FakeEngine, student: Student) -> None:
    assert run(engine, student).changed == ("network", "7 volumes", "configuration", *names(student))
    assert engine.running() == {f"spring-ada-{name}" for name in names(student)}
    engine.calls.clear()
    outcome = run(engine, student)
    assert outcome.changed == ()
    assert json.loads(outcome.diff["after"]) == {}
    assert engine.calls == []


def test_a_container_has_its_limits_its_volumes_and_no_rights(engine: FakeEngine, student: Student) -> None:
    run(engine, student)
    made = engine.containers["spring-ada-namenode"]
    (config,) = (name for name in engine.volumes if "config" in name)
    said = dict(variable.split("=", 1) for variable in made["Config"]["Env"])
    assert said == {"JAVA_OPTS": "-Xmx1m", **DIRECT}
    assert (made["Config"]["Cmd"], made["Config"]["Hostname"]) == (["namenode"], "namenode")
    labels = made["Config"]["Labels"]
    assert json.loads(labels.pop(containers.MADE_FROM))["memory_mb"] == 100
    assert labels == {
        "streamlab.class": "spring", "streamlab.student": "ada", "streamlab.version": "1",
        "streamlab.node": "namenode", "streamlab.service": "hdfs",
    }  # fmt: skip
    assert {key: value for key, value in made["HostConfig"].items() if value} == {
        "NetworkMode": "spring-ada",
        "Binds": ["spring-ada-namenode:/data", f"{config}:/etc/streamlab:ro"],
        "PortBindings": {"9870/tcp": [{"HostIp": "127.0.0.1", "HostPort": "20070"}]},
        "Memory": 100 * 2**20,
        "MemorySwap": 100 * 2**20,
        "PidsLimit": 1024,
        "CpuShares": 1024,
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges:true"],
        "Init": True,
        "RestartPolicy": {"Name": "unless-stopped"},
        "LogConfig": {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "2"}},
    }
    endpoint = made["NetworkSettings"]["Networks"]["spring-ada"]
    assert (endpoint["Aliases"], endpoint["IPAMConfig"]) == (["namenode"], {"IPv4Address": "10.89.1.2"})


def test_no_file_of_a_node_is_larger_than_the_stack_may_be(engine: FakeEngine, student: Student) -> None:
    run(engine, replace(student, disk_mb=3))
    limits = [one["HostConfig"]["Ulimits"] for name, one in engine.containers.items() if "config" not in name]
    assert limits[0] == [{"Name": "fsize", "Soft": 3 * 2**20, "Hard": 3 * 2**20}]
    assert limits == limits[:1] * 7
    assert set(run(engine, replace(student, disk_mb=4)).changed) == set(names(student))


def test_a_node_s_own_limits_and_folder_are_what_the_engine_is_given(engine: FakeEngine, student: Student) -> None:
    run(engine, student)
    edge = engine.containers["spring-ada-edge"]["HostConfig"]
    assert edge["Binds"][0] == "spring-ada-edge:/home/student"
    assert (edge["PidsLimit"], edge["CpuShares"]) == (1024, 4096)
    assert engine.containers["spring-ada-nodemanager1"]["HostConfig"]["PidsLimit"] == 4096


def test_everything_carries_the_labels_by_which_it_is_found_again(engine: FakeEngine, student: Student) -> None:
    run(engine, student)
    labels = {"streamlab.class": "spring", "streamlab.student": "ada", "streamlab.version": "1"}
    assert all(one["Labels"] == labels for one in (*engine.networks.values(), *engine.volumes.values()))


def test_a_key_of_ssh_reaches_the_edge_node_and_no_container_is_made_anew(engine: FakeEngine, student: Student) -> None:
    run(engine, student)
    edge = engine.containers["spring-ada-edge"]
    assert edge["ssh"] == {name: (0o600, data) for name, data in SSH_FILES.items()}
    assert [one["Name"] for one in engine.containers.values() if "ssh" in one] == ["/spring-ada-edge"]
    engine.calls.clear()
    run(engine, student, ssh_files={**SSH_FILES, "authorized_keys": b"another"}, dry_run=True)
    assert edge["ssh"]["authorized_keys"] == (0o600, SSH_FILES["authorized_keys"])
    assert run(engine, student, ssh_files={**SSH_FILES, "authorized_keys": b"another"}).changed == ()
    assert edge["ssh"]["authorized_keys"] == (0o600, b"another")
    assert engine.calls == []


def test_nobody_else_s_stack_is_touched(engine: FakeEngine, student: Student) -> None:
    """A classmate's, a namesake's in another class, and that of a student whose name begins as this one's."""
    others = [replace(student, name="bob"), replace(student, lab_class="autumn"), replace(student, name="ada2")]
    for i, one in enumerate(others, 2):
        run(engine, replace(one, subnet=f"10.89.{i}.0/27", node_counts={**one.node_counts, "kafka": 2}))
    engine.calls.clear()
    outcome = run(engine, student)
    assert (outcome.changed[0], outcome.leaving) == ("network", ())
    assert all(
        "spring-ada-" in call or call == "create network spring-ada" for call in engine.calls if "unn" not in call
    )
    engine.calls.clear()
    assert (run(engine, student).changed, engine.calls) == ((), [])


def test_a_container_of_the_student_that_is_no_node_is_left_alone(engine: FakeEngine, student: Student) -> None:
    """What carries a snapshot's data, say."""
    run(engine, student)
    labels = {"streamlab.class": "spring", "streamlab.student": "ada"}
    engine.client.api.create_container("streamlab/hadoop:1", name="spring-ada-carrier", labels=labels)
    engine.calls.clear()
    assert (run(engine, student).changed, engine.calls) == ((), [])


def test_a_node_uses_the_proxy_of_docker_s_configuration_but_not_for_its_own_stack(
    engine: FakeEngine, student: Student, docker_config: Callable[[dict], None]
) -> None:
    run(engine, student)
    docker_config(
        {"proxies": {"default": {"httpProxy": "http://proxy.example:3128", "noProxy": ".uni.example,localhost"}}}
    )
    assert run(engine, student).changed == ()  # whose configuration it is changes nothing about a stack that is there
    engine.containers.clear()
    run(engine, student)
    variables = engine.containers["spring-ada-edge"]["Config"]["Env"]
    said = dict(variable.split("=", 1) for variable in variables)
    assert len(said) == len(variables)  # none is there twice: who reads the first and who the last?
    assert said["NO_PROXY"] == said["no_proxy"] == f"{DIRECT['NO_PROXY']},.uni.example"
    assert said["HTTP_PROXY"] == said["http_proxy"] == "http://proxy.example:3128"


@pytest.mark.parametrize("state", ["created", "exited", "dead"])
def test_what_does_not_run_is_started(engine: FakeEngine, student: Student, state: str) -> None:
    run(engine, student)
    engine.containers["spring-ada-kafka1"]["State"]["Status"] = state
    engine.calls.clear()
    assert run(engine, student).changed == ("kafka1",)
    assert engine.calls == ["start spring-ada-kafka1"]


def test_only_what_is_wanted_otherwise_is_made_anew(engine: FakeEngine, student: Student) -> None:
    run(engine, student)
    engine.calls.clear()
    settings = {**SETTINGS, "kafka": {"command": ["kafka"], "env": {"JAVA_OPTS": "-Xmx2m"}}}
    outcome = run(engine, student, settings=settings)
    assert outcome.changed == ("kafka1",)
    assert [call.split()[0] for call in about(engine, "spring-ada-kafka1")] == ["stop", "remove", "create", "start"]
    assert about(engine, "spring-ada-kafka1") == engine.calls
    before, after = (json.loads(outcome.diff[side])["kafka1"]["env"] for side in ("before", "after"))
    assert (before, after) == ({"JAVA_OPTS": "-Xmx1m", **DIRECT}, {"JAVA_OPTS": "-Xmx2m", **DIRECT})


def test_the_difference_is_shown_in_one_order(engine: FakeEngine, student: Student) -> None:
    """Ansible compares the two as text."""
    diff = run(engine, student, dry_run=True).diff
    after = json.loads(diff["after"])
    assert list(after) == sorted(after)
    assert list(after["edge"]) == sorted(after["edge"])
    assert json.loads(diff["before"]) == dict.fromkeys(after)


#: Settings that make one container anew.
ANOTHER_KAFKA = {**SETTINGS, "kafka": {"command": ["kafka"], "env": {"JAVA_OPTS": "-Xmx2m"}}}


def test_a_removal_that_is_under_way_is_waited_for(engine: FakeEngine, student: Student) -> None:
    """A run that was interrupted has asked for it."""
    run(engine, student)
    engine.removing = {"spring-ada-kafka1"}
    engine.calls.clear()
    assert run(engine, student, settings=ANOTHER_KAFKA).changed == ("kafka1",)
    assert [call.split()[0] for call in engine.calls] == ["stop", "wait", "create", "start"]


@pytest.mark.parametrize("call", ["stop", "remove_container"])
def test_a_container_that_has_just_gone_is_what_was_wanted(engine: FakeEngine, student: Student, call: str) -> None:
    run(engine, student)
    api, asked = engine.client.api, []

    def too_late(container: str, **options: Any) -> None:
        asked.append(container)
        api.remove_container = type(api).remove_container.__get__(api)
        api.remove_container(container, force=True)
        getattr(type(api), call)(api, container, **options)

    setattr(api, call, too_late)
    assert run(engine, student, settings=ANOTHER_KAFKA).changed == ("kafka1",)
    assert len(asked) == 1
    assert "spring-ada-kafka1" in engine.running()


def test_a_removal_that_the_engine_refuses_is_the_error(engine: FakeEngine, student: Student) -> None:
    run(engine, student)
    engine.busy = {"spring-ada-kafka1"}
    with pytest.raises(LabError) as caught:
        run(engine, student, settings=ANOTHER_KAFKA)
    assert caught.value.evidence == ["spring-ada-kafka1: device or resource busy"]


def test_another_configuration_makes_every_container_anew(engine: FakeEngine, student: Student) -> None:
    run(engine, student)
    outcome = run(engine, student, config_files={"lab.json": "{ }"})
    assert outcome.changed == ("configuration", *names(student))


def test_another_subnet_makes_the_network_anew_under_the_stack(engine: FakeEngine, student: Student) -> None:
    run(engine, student)
    engine.calls.clear()
    changed = run(engine, student, subnet="10.89.9.0/27").changed
    assert changed == ("network", *names(student))
    calls = [call.replace("spring-ada-edge", "edge") for call in engine.calls if call.endswith(("edge", "spring-ada"))]
    assert calls == [
        *("stop edge", "remove edge", "remove network spring-ada"),
        *("create network spring-ada", "create edge", "start edge"),
    ]
    assert [one["IPAM"]["Config"][0]["Subnet"] for one in engine.networks.values()] == ["10.89.9.0/27"]


@pytest.mark.parametrize("made_again", [False, True])
def test_a_suspended_stack_whose_network_is_gone_is_repaired(
    engine: FakeEngine, student: Student, made_again: bool
) -> None:
    """`docker network prune` takes the network of a stack of which nothing runs.

    Its containers refer to it by its id: neither a run that was cut off after it had made the network anew, nor
    somebody who makes one of the same name by hand, gives them back what they ask for.
    """
    run(engine, student)
    for name in engine.running():
        engine.client.api.stop(name)
    engine.client.networks.prune()
    if made_again:
        pools = IPAMConfig(pool_configs=[IPAMPool(subnet=student.subnet)])
        engine.client.networks.create("spring-ada", ipam=pools)
        with pytest.raises(NotFound, match=r"network .* not found"):
            engine.client.api.start("spring-ada-edge")
    held = dict(engine.volumes)
    assert run(engine, student).changed == (*([] if made_again else ["network"]), *names(student))
    assert engine.running() == {f"spring-ada-{name}" for name in names(student)}
    assert engine.volumes == held
    assert run(engine, student).changed == ()


def test_a_node_that_was_cut_off_from_its_network_is_made_anew(engine: FakeEngine, student: Student) -> None:
    run(engine, student)
    engine.containers["spring-ada-kafka1"]["NetworkSettings"]["Networks"].clear()
    assert run(engine, student).changed == ("kafka1",)
    assert "spring-ada" in engine.containers["spring-ada-kafka1"]["NetworkSettings"]["Networks"]


def test_a_dry_run_says_what_it_would_do_and_touches_nothing(engine: FakeEngine, student: Student) -> None:
    assert run(engine, student, dry_run=True).changed[:3] == ("network", "7 volumes", "configuration")
    assert engine.calls == []
    run(engine, student)
    engine.calls.clear()
    assert run(engine, student, subnet="10.89.9.0/27", dry_run=True).changed == ("network", *names(student))
    assert run(engine, student, settings=ANOTHER_KAFKA, dry_run=True).changed == ("kafka1",)
    assert engine.calls == []


def test_what_the_engine_refuses_is_the_error_and_the_next_run_goes_on(engine: FakeEngine, student: Student) -> None:
    engine.refuse = "spring-ada-edge"
    with pytest.raises(LabError) as caught:
        run(engine, student)
    assert (caught.value.exit_code, len(caught.value.evidence)) == (1, 1)
    assert "port is already allocated" in caught.value.evidence[0]
    engine.refuse = ""
    assert run(engine, student).changed == ("edge",)


def test_an_engine_that_cannot_even_say_what_is_there_is_the_error_too(
    engine: FakeEngine, student: Student, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise Refused(500, "input/output error")

    monkeypatch.setattr(engine, "_answer", fail)
    with pytest.raises(LabError) as caught:
        run(engine, student)
    assert caught.value.evidence == ["input/output error"]


def test_a_node_more_leaves_the_others_alone(engine: FakeEngine, student: Student) -> None:
    run(engine, student)
    larger = replace(student, node_counts={**student.node_counts, "nodemanager": 2})
    outcome = run(engine, larger)
    assert (outcome.changed, outcome.leaving) == (("1 volume", "nodemanager2"), ())


def test_a_node_that_is_not_in_the_plan_is_named_and_left_as_it_is(engine: FakeEngine, student: Student) -> None:
    """It holds data: `placement` takes it away once that is elsewhere."""
    run(engine, replace(student, node_counts={**student.node_counts, "datanode": 2, "kafka": 2}))
    engine.calls.clear()
    outcome = run(engine, student)
    assert (outcome.changed, outcome.leaving) == ((), ("datanode2", "kafka2"))
    assert json.loads(outcome.diff["before"]) == {"datanode2": "leaves", "kafka2": "leaves"}
    assert json.loads(outcome.diff["after"]) == {}
    assert engine.calls == []


def test_a_node_of_which_only_the_volume_is_left_is_named_as_leaving_too(engine: FakeEngine, student: Student) -> None:
    """A run that was cut off between the two has removed its container, or somebody else has."""
    run(engine, replace(student, node_counts={**student.node_counts, "cassandra": 2}))
    engine.client.api.remove_container("spring-ada-cassandra2", force=True)
    assert run(engine, student).leaving == ("cassandra2",)
    assert "spring-ada-cassandra2" in engine.volumes
    assert run(engine, student, subnet="10.89.9.0/27").leaving == ("cassandra2",)  # it asks for no network


@pytest.mark.parametrize("gone", [False, True])
def test_the_network_is_not_made_while_nodes_are_to_leave(engine: FakeEngine, student: Student, gone: bool) -> None:
    """They hand over their data on the one that they were made in."""
    larger = replace(student, node_counts={**student.node_counts, "datanode": 2})
    run(engine, larger)
    if gone:
        for name in engine.running():
            engine.client.api.stop(name)
        engine.client.networks.prune()
    engine.calls.clear()
    subnet = student.subnet if gone else "10.89.9.0/27"
    with pytest.raises(WrongRequest) as caught:
        run(engine, student, subnet=subnet)
    assert caught.value.exit_code == 2
    assert "spring-ada" in caught.value.what
    assert "datanode2" in caught.value.evidence[0]
    assert engine.calls == []
    run(engine, larger, subnet=subnet)  # as the error says
    assert run(engine, student, subnet=subnet).leaving == ("datanode2",)


def test_a_node_may_be_started_unlike_others_of_its_kind(engine: FakeEngine, student: Student) -> None:
    larger = replace(student, node_counts={**student.node_counts, "kafka": 2})
    run(engine, larger, settings={**SETTINGS, "kafka1": {"command": ["kafka", "first"]}})
    commands = [engine.containers[f"spring-ada-kafka{i}"]["Config"]["Cmd"] for i in (1, 2)]
    assert commands == [["kafka", "first"], ["kafka"]]


def test_addresses_may_change_hands(engine: FakeEngine, student: Student) -> None:
    """A node that is made anew may be given the address that another had: both are away before one is made."""
    run(engine, student)
    engine.calls.clear()
    run(engine, student, config_files={"lab.json": "{ }"})
    last = max(i for i, call in enumerate(engine.calls) if call.startswith("remove spring"))
    first = min(i for i, call in enumerate(engine.calls) if call.startswith("create spring"))
    assert last < first
