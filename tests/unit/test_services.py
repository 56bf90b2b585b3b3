"""Optional services: with a node of their own, or files on the edge node alone; who asks for none pays nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lab_runner import write_inventory
from streamlab.building.versions import load_versions
from streamlab.errors import WrongRequest
from streamlab.paths import IMAGES
from streamlab.stacks import capacity, host_setup, preflight
from streamlab.students import addresses, inventory, services, topology
from streamlab.students.problems import find_problems
from streamlab.students.services import OptionalService
from streamlab.students.student import Gateway, Student
from streamlab.work import seat

#: A service of each form; what the lab really has comes in their place.
EXAMPLES = {
    "engine": OptionalService(rests_on=("hdfs", "yarn"), commands=("engine", "engine.sh")),
    "store": OptionalService(rests_on=("hdfs",), kind="store", image="store", commands=("store",)),
}


@pytest.fixture(autouse=True)
def _examples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "OPTIONAL", dict(EXAMPLES))
    monkeypatch.setattr("streamlab.students.values.OPTIONAL", EXAMPLES)


@pytest.fixture
def with_both(student: Student) -> Student:
    return replace(
        student,
        services=("engine", "store"),
        node_counts={**student.node_counts, "store": 1},
        node_memory_mb={**student.node_memory_mb, "store": 700},
        node_idle_mb={**student.node_idle_mb, "store": 300},
        pages={"store": {"node": "store1", "port": 16010, "offset": 60, "title": "Store"}},
    )


def load(tmp_path: Path, **variables: object) -> Student:
    tmp_path.mkdir(exist_ok=True)
    values = {"port_base": 28100, "subnet": "10.89.251.0/27", "pages": {}, **variables}
    return inventory.load(write_inventory(tmp_path, "spring", {"ada": values})).student()


def test_a_stack_that_asks_for_none_is_as_it_was(student: Student) -> None:
    assert (student.services, len(topology.nodes(student))) == ((), 7)
    assert services.images_of(()) == ()
    assert host_setup.wanted_images([student]) == ("hadoop", "kafka", "cassandra", "spark")
    assert topology.nodes(student)[-1].image == "spark"


def test_a_service_has_a_node_and_an_image_of_its_own(student: Student, with_both: Student) -> None:
    before, after = ({node.name: node for node in topology.nodes(one)} for one in (student, with_both))
    store = after.pop("store1")
    assert (store.service, store.image, store.memory_mb) == ("store", "store", 700)
    assert [page.host_port for page in store.pages] == [20060]
    assert {name: node.address for name, node in before.items()} == {n: node.address for n, node in after.items()}
    assert after["edge"].image == "spark-engine-store"
    assert after["nodemanager1"].image == "spark"
    assert host_setup.wanted_images([with_both])[4:] == ("spark-engine-store", "store")
    assert services.service_of("store1") == "store"
    assert "store1" in topology.plan(with_both)["names"]
    assert "store1" not in topology.plan(student)["names"]


def test_a_service_that_jobs_import_is_on_the_nodes_that_run_them(
    student: Student, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = replace(EXAMPLES["store"], in_jobs=True)
    monkeypatch.setattr(services, "OPTIONAL", {**EXAMPLES, "store": store})
    for asked, image in {(): "spark", ("engine",): "spark", ("engine", "store"): "spark-engine-store"}.items():
        assert services.image_of("nodemanager", asked) == image
        assert services.image_of("datanode", asked) == "hadoop"


def test_a_service_without_a_node_is_files_on_the_edge_node(student: Student) -> None:
    ada = replace(student, services=("engine",))
    assert [node.name for node in topology.nodes(ada)] == [node.name for node in topology.nodes(student)]
    assert host_setup.wanted_images([ada])[4:] == ("spark-engine",)
    assert (topology.plan(ada)["services"], ada.idle_mb) == (["engine"], student.idle_mb)


def test_no_two_nodes_have_one_address(with_both: Student) -> None:
    full = replace(with_both, gateway=Gateway(), node_counts={**with_both.node_counts, "datanode": 4})
    places = [addresses.address(full, node.name) for node in topology.nodes(full)] + [addresses.gateway_address(full)]
    assert len(set(places)) == len(places)
    assert find_problems([replace(full, subnet="10.89.1.0/26")]) == []
    small = replace(with_both, subnet="10.89.1.0/28")
    assert find_problems([small]) == []
    crowded = replace(small, node_counts={**small.node_counts, "cassandra": 2})
    assert find_problems([crowded]) == ["ada: subnet 10.89.1.0/28 is too small for 9 nodes"]


def test_its_memory_is_part_of_the_sum(student: Student, with_both: Student) -> None:
    assert with_both.idle_mb == student.idle_mb + 300
    assert capacity.needed_mb([with_both]) == capacity.needed_mb([student]) + 300
    problem = preflight.memory_problem([with_both], 100)
    assert problem
    assert "edge 56 + store1 300 = " in str(problem)


def test_the_inventory_adds_them_in_one_order(tmp_path: Path) -> None:
    figures = {
        name: {**dict.fromkeys(services.SERVICE_OF, 100), "store": 300} for name in ("node_memory_mb", "node_idle_mb")
    }
    ada = load(tmp_path, services=["store", "engine", "store"], **figures)
    assert ada.services == ("engine", "store")
    assert ada.node_counts["store"] == 1
    assert ada.all_services == ("hdfs", "yarn", "kafka", "cassandra", "spark", "engine", "store")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["engin"], 'services.0 is "engin" in spring.yml; expected one of engine, store'),
        (["engine", "kafka"], 'services.1 is "kafka" in spring.yml; expected one of engine, store'),
        ("engine", 'services is "engine" in spring.yml; expected a list of engine, store'),
    ],
)
def test_an_unknown_service_is_refused(tmp_path: Path, given: object, said: str) -> None:
    with pytest.raises(WrongRequest) as caught:
        load(tmp_path, services=given)
    assert said in str(caught.value)


def test_figures_are_asked_of_who_has_the_service_alone(tmp_path: Path, student: Student) -> None:
    assert load(tmp_path / "without").services == ()
    with pytest.raises(WrongRequest, match="node_memory_mb lacks store"):
        load(tmp_path / "with", services=["store"])


def test_what_a_stack_lacks_is_refused_with_the_line_for_the_inventory(student: Student) -> None:
    ada = replace(student, services=("engine",))
    services.require_service(ada, "engine", "lesson09")
    with pytest.raises(WrongRequest) as caught:
        services.require_service(ada, "store", "lesson10")
    assert str(caught.value).splitlines() == [
        "error: lesson10 needs store, which ada's stack does not have",
        "  it has hdfs, yarn, kafka, cassandra, spark, engine",
        "  fix: in the inventory, for the student or the class: services: [engine, store]; then invoke provision",
    ]


def test_the_edge_node_knows_them(with_both: Student) -> None:
    assert b'"services": [\n    "engine",\n    "store"\n  ]' in seat.contents(with_both)["stack.json"]


def test_flink_s_own_jars_and_those_beside_them_are_of_one_version() -> None:
    """Its binary release comes as a Python package, and what is not in it from Maven."""
    version = load_versions().products["flink"].version
    assert f"apache-flink-libraries=={version} " in (IMAGES / "spark-flink" / "requirements.in").read_text()
    assert f"org.apache.flink:flink-sql-gateway:{version} " in (IMAGES / "spark-flink" / "jars.lock").read_text()
