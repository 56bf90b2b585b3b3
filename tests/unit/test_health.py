"""What each daemon must answer to count as healthy: asked of real servers on loopback, under the nodes' names."""

from __future__ import annotations

import struct
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from common.settings import LabInfo
from edge import health

Serve = Callable[[int, Any], None]


RESOURCEMANAGER = "http://resourcemanager:8088"
INFO = LabInfo(
    student="ada", kafka="kafka1:9092, kafka2:9093", cassandra=("cassandra1", "cassandra2:9142"),
    webhdfs="http://namenode:9870", hdfs="hdfs://namenode:8020", yarn=RESOURCEMANAGER,
)  # fmt: skip
MASTER = {"masterFinishedInitializationTime": 1795826647495}
NODE_WORKS = {"nodeInfo": {"nodeHealthy": True}}


@pytest.mark.parametrize(
    ("node", "port", "document", "problem"),
    [
        ("namenode", 9870, {"beans": [{"NumLiveDataNodes": 1}]}, None),
        ("namenode", 9870, {"beans": [{"NumLiveDataNodes": 0}]}, "no live DataNode has registered"),
        ("namenode", 9870, {"beans": []}, "it is still starting"),
        ("datanode2", 9864, {"beans": [{}]}, None),
        ("datanode2", 9864, {"beans": []}, "it is still starting"),
        ("resourcemanager", 8088, {"clusterMetrics": {"activeNodes": 1}}, None),
        ("resourcemanager", 8088, {"clusterMetrics": {"activeNodes": 0}}, "no active NodeManager has registered"),
        ("resourcemanager", 8088, {}, "KeyError: 'clusterMetrics'"),
        ("nodemanager1", 8042, NODE_WORKS, None),
        ("nodemanager1", 8042, {"nodeInfo": {"nodeHealthy": False, "healthReport": "disks full"}}, "disks full"),
        ("nodemanager1", 8042, {"nodeInfo": {"nodeHealthy": False}}, "it says it is unhealthy"),
        ("hbase1", 16010, {"beans": [{**MASTER, "numRegionServers": 1}]}, None),
        ("hbase1", 16010, {"beans": [{**MASTER, "numRegionServers": 0}]}, "no live region server has registered"),
        (
            "hbase1",
            16010,
            {"beans": [{"masterFinishedInitializationTime": 0, "numRegionServers": 1}]},
            "the master has not finished its initialization",
        ),
        ("hbase1", 16010, {"beans": []}, "it is still starting"),
    ],
)
def test_a_web_answer_is_read(web: Serve, node: str, port: int, document: Any, problem: str | None) -> None:
    web(port, document)
    assert health.problem(node) == problem


def kafka(error: int, *, correlation: int | None = None) -> Callable[[bytes], bytes]:
    def answer(request: bytes) -> bytes:
        length, key, version, asked = struct.unpack(">ihhi", request[:12])
        assert (length, key, version) == (len(request) - 4, 18, 0)
        return struct.pack(">iih", 6, asked if correlation is None else correlation, error)

    return answer


def cassandra(opcode: int) -> Callable[[bytes], bytes]:
    def answer(request: bytes) -> bytes:
        assert request == bytes([4, 0, 0, 1, 5, 0, 0, 0, 0])
        return bytes([0x84, 0, 0, 1, opcode, 0, 0, 0, 0])

    return answer


@pytest.mark.parametrize(
    ("node", "port", "answer", "problem"),
    [
        ("kafka1", 9092, kafka(0), None),
        ("kafka1", 9092, kafka(35), "it answered with error 35"),
        ("kafka1", 9092, kafka(0, correlation=8), "it answered with error 0"),
        ("kafka1", 9092, lambda request: b"\0\0", "it closed the connection"),
        ("cassandra1", 9042, cassandra(6), None),
        ("cassandra1", 9042, cassandra(0), "it answered with opcode 0"),
        ("namenode", 9870, lambda request: b"no HTTP at all\r\n\r\n", "BadStatusLine: no HTTP at all\r\n"),
    ],
)
def test_a_binary_answer_is_read(raw: Serve, node: str, port: int, answer: Callable, problem: str | None) -> None:
    raw(port, answer)
    assert health.problem(node) == problem


@pytest.mark.parametrize(
    "node", ["namenode", "datanode1", "resourcemanager", "nodemanager1", "kafka1", "cassandra1", "hbase1"]
)
def test_a_daemon_that_does_not_listen_is_unhealthy(network: dict, node: str) -> None:
    assert "Connection refused" in health.problem(node)


def test_the_edge_has_no_daemon_but_a_name(network: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    assert health.problem("edge") is None
    monkeypatch.setitem(health.ASK, "gone", (health.ask_edge, 0))
    assert "Name or service not known" in health.problem("gone")


def test_a_laptop_s_proxy_is_not_asked_about_a_stack_s_nodes(web: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setattr(urllib.request, "_opener", None)
    web(8042, NODE_WORKS)
    assert health.problem("nodemanager1") is None


def test_applications_come_oldest_first(web: Serve) -> None:
    apps = [
        {
            "id": f"application_1_{i}",
            "name": "n",
            "state": "RUNNING",
            "finalStatus": "UNDEFINED",
            "applicationType": "SPARK",
            "applicationTags": "needs-hbase,mine" if i == 1 else "",
            "startedTime": i,
        }
        for i in (2, 1)
    ]
    web(8088, {"apps": {"app": apps}})
    assert [app["id"] for app in health.applications(RESOURCEMANAGER)] == ["application_1_1", "application_1_2"]
    assert health.applications(RESOURCEMANAGER)[0]["final_status"] == "UNDEFINED"
    assert [app["tags"] for app in health.applications(RESOURCEMANAGER)] == [["needs-hbase", "mine"], []]
    web(8088, {"apps": {"app": [apps[0] | {"startedTime": 1795250194993, "finishedTime": 1795250222001}]}})
    (done,) = health.applications(RESOURCEMANAGER) or ()
    assert (done["started"], done["finished"]) == (1795250194, 1795250222)


def test_without_applications_there_are_none(web: Serve) -> None:
    web(8088, {"apps": None})
    assert health.applications(RESOURCEMANAGER) == []


def test_all_nodes_are_asked_in_one_go(web: Serve, events: Callable) -> None:
    web(8042, NODE_WORKS)
    health.main(["edge", "nodemanager1", "kafka1"], INFO)
    found = events()[0]["answer"]
    assert found["nodes"]["edge"] is found["nodes"]["nodemanager1"] is None
    assert "refused" in found["nodes"]["kafka1"]
    assert found["applications"] is None  # nobody knows
    assert found["in_use"] == {"yarn_mb": None, "hdfs_mb": None}


@pytest.mark.parametrize(("quota", "most"), [(4 << 30, 4096), (-1, 0)])
def test_what_is_in_use_is_a_number_of_mb_and_the_limit(web: Serve, quota: int, most: int) -> None:
    web(8088, {"clusterMetrics": {"allocatedMB": 896, "totalMB": 4096}})
    web(9870, {"QuotaUsage": {"spaceConsumed": 12 << 20, "spaceQuota": quota}})
    assert health.in_use(health.yarn_in_use, INFO.yarn) == [896, 4096]
    assert health.in_use(health.hdfs_in_use, INFO.webhdfs) == [12, most]


def test_a_cluster_without_named_nodes_is_asked_at_the_addresses_of_its_description(web: Serve, raw: Serve) -> None:
    web(9870, {"beans": [{"NumLiveDataNodes": 1}]})
    raw(9093, kafka(0))
    raw(9142, cassandra(6))
    asked = health.addresses([], INFO)
    assert list(asked) == [
        "namenode at namenode:9870", "resourcemanager at resourcemanager:8088", "kafka at kafka1:9092",
        "kafka at kafka2:9093", "cassandra at cassandra1:9042", "cassandra at cassandra2:9142",
    ]  # fmt: skip
    healthy = [name for name, one in asked.items() if health.problem_at(*one) is None]
    assert healthy == ["namenode at namenode:9870", "kafka at kafka2:9093", "cassandra at cassandra2:9142"]
