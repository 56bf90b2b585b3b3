"""Where an inventory names no engine, it is the one that Docker's own command would ask; and errors say so."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from streamlab import doctor
from streamlab.engines import engine
from streamlab.students import endpoint, inventory
from streamlab.students.docker_hosts import LOCAL
from streamlab.students.student import Student
from streamlab.students.topology import plan

ONE = (
    "all: {vars: {lab_class: spring}, children: {students: {hosts: {ada: {port_base: 21000, subnet: 10.89.7.0/27}}}}}\n"
)
OTHER = "unix:///run/user/1000/docker.sock"


@pytest.fixture
def context() -> Callable[[str, object], None]:
    """Make one of Docker's contexts, as `docker context create` does."""

    def make(name: str, address: object) -> None:
        folder = Path(os.environ["DOCKER_CONFIG"], "contexts", "meta", hashlib.sha256(name.encode()).hexdigest())
        folder.mkdir(parents=True)
        meta = {"Name": name, "Metadata": {}, "Endpoints": {"docker": {"Host": address}}}
        (folder / "meta.json").write_text(json.dumps(meta), encoding="utf-8")

    return make


def test_without_a_word_it_is_the_default_socket() -> None:
    assert endpoint.current() == endpoint.Endpoint(LOCAL, "the default")
    assert endpoint.looked_at() == "DOCKER_HOST is not set; Docker's context is default"


def test_docker_host_wins_over_a_context_and_docker_context_over_the_current_one(
    context: Callable, docker_config: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    context("rootless", OTHER)
    context("lab2", "ssh://teacher@lab2.example")
    docker_config({"currentContext": "rootless"})
    assert endpoint.current() == endpoint.Endpoint(OTHER, "as Docker's context rootless says")
    monkeypatch.setenv("DOCKER_CONTEXT", "lab2")
    assert str(endpoint.current()) == "ssh://teacher@lab2.example (as Docker's context lab2 says)"
    assert endpoint.here() == LOCAL
    monkeypatch.setenv("DOCKER_HOST", "unix:///tmp/d.sock")
    assert endpoint.current() == endpoint.Endpoint("unix:///tmp/d.sock", "as DOCKER_HOST says")
    assert endpoint.here() == "unix:///tmp/d.sock"
    monkeypatch.setenv("DOCKER_HOST", "")
    assert endpoint.current().why == "as Docker's context lab2 says"
    monkeypatch.setenv("DOCKER_CONTEXT", "default")
    assert endpoint.current().address == LOCAL


def test_a_context_is_found_without_a_configuration_beside_it(
    context: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    context("rootless", OTHER)
    monkeypatch.setenv("DOCKER_CONTEXT", "rootless")
    assert endpoint.current().address == OTHER


def test_the_configuration_is_the_home_s_unless_it_is_said(tmp_path: Path) -> None:
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker" / "config.json").write_text('{"currentContext": "mine"}')
    assert endpoint.looked_at({"HOME": str(tmp_path)}).endswith("context is mine")


@pytest.mark.parametrize("text", ["", "[]", "{", '{"currentContext": null}'])
def test_a_configuration_that_says_nothing_is_none(text: str) -> None:
    Path(os.environ["DOCKER_CONFIG"], "config.json").write_text(text)
    assert endpoint.current().address == LOCAL


def test_a_context_that_is_not_there_is_named_with_the_nearest(
    context: Callable, monkeypatch: pytest.MonkeyPatch, error_of: Callable
) -> None:
    context("rootless", OTHER)
    monkeypatch.setenv("DOCKER_CONTEXT", "rootles")
    assert error_of(endpoint.current) == (
        "error: Docker's current context is rootles, and there is none\n"
        "  known: default, rootless\n"
        "  fix: did you mean docker context use rootless?"
    )


@pytest.mark.parametrize("address", ["tcp://10.0.0.5:2376", "npipe:////./pipe/docker_engine", "docker:2375"])
def test_what_the_lab_cannot_use_is_refused_with_who_says_it(
    monkeypatch: pytest.MonkeyPatch, error_of: Callable, class_file: Callable, address: str
) -> None:
    monkeypatch.setenv("DOCKER_HOST", address)
    file = class_file(ONE)
    assert error_of(inventory.load, file) == (
        f"error: {address!r}, as DOCKER_HOST says, is not a Docker host that the lab can use\n"
        "  known: unix:///path of this machine, ssh://user@machine of another\n"
        "  an engine that listens on TCP gives control of its machine to anyone who can reach the port\n"
        "  fix: write docker_host: unix:///var/run/docker.sock, or ssh://user@machine, into the inventory, "
        "which comes first"
    )
    file.write_text(ONE.replace("{port_base", f"{{docker_host: '{LOCAL}', port_base"))
    assert inventory.load(file).student().docker_host == LOCAL
    assert endpoint.here() == LOCAL


def test_an_inventory_wins_and_says_so(
    class_file: Callable, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setenv("DOCKER_HOST", OTHER)
    two = ONE.replace("}}}}}", "}, bob: {docker_host: 'unix:///b.sock', port_base: 23000, subnet: 10.89.9.0/27}}}}}")
    lab = inventory.load(class_file(two))
    assert [one.docker_host for one in lab.students] == [OTHER, "unix:///b.sock"]
    assert lab.why == {OTHER: "as DOCKER_HOST says", "unix:///b.sock": "as the inventory says"}
    assert plan(lab.student("ada"))["docker_host"] == OTHER
    monkeypatch.setenv("DOCKER_HOST", "unix:///c.sock")  # the answer is not kept with the inventory's
    lab = inventory.load(lab.path)
    assert lab.student("ada").docker_host == "unix:///c.sock"
    assert lab.sizes("unix:///c.sock")["large"].docker_host == "unix:///c.sock"


def test_everywhere_an_engine_may_be_is_named_once(
    context: Callable, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    context("desktop", "unix:///home/ada/.docker/desktop/docker.sock")
    context("cloud", "tcp://10.0.0.5:2376")
    context("broken", None)
    (tmp_path / "run" / "user" / "1000").mkdir(parents=True)
    (tmp_path / "run" / "user" / "1000" / "docker.sock").touch()
    monkeypatch.setenv("DOCKER_HOST", "unix:///tmp/d.sock")
    assert [str(one) for one in endpoint.candidates(root=tmp_path)] == [
        "unix:///tmp/d.sock (as DOCKER_HOST says)",
        "unix:///home/ada/.docker/desktop/docker.sock (Docker's context desktop)",
        f"unix://{tmp_path}/run/user/1000/docker.sock (an engine of a user's own)",
        "unix:///var/run/docker.sock (the default)",
    ]


def silent(docker_host: str) -> None:
    with engine.connect(docker_host):
        pytest.fail("something answers there")


def test_nothing_advises_to_install_an_engine_while_one_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error_of: Callable, context: Callable
) -> None:
    context("rootless", OTHER)
    monkeypatch.setattr(engine, "LOCAL", f"unix://{tmp_path}/none.sock")
    monkeypatch.setattr(endpoint, "LOCAL", engine.LOCAL)
    alone = error_of(silent, engine.LOCAL)
    assert (
        "\n  DOCKER_HOST is not set; Docker's context is default\n  fix: invoke provision installs and starts one"
        in alone
    )
    monkeypatch.setattr(engine, "_is_there", lambda docker_host: docker_host == OTHER)
    assert error_of(silent, engine.LOCAL) == (
        f"error: no Docker Engine answers at {engine.LOCAL}\n"
        "  No such file or directory\n"
        "  DOCKER_HOST is not set; Docker's context is default\n"
        f"  one answers at {OTHER} (Docker's context rootless)\n"
        f"  fix: write docker_host: {OTHER} into the inventory"
    )


def test_an_engine_that_docker_host_names_and_that_is_silent_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error_of: Callable
) -> None:
    host = f"unix://{tmp_path}/none.sock"
    monkeypatch.setenv("DOCKER_HOST", host)
    assert error_of(silent, host) == (
        f"error: no Docker Engine answers at {host}\n"
        "  No such file or directory\n"
        f"  DOCKER_HOST is {host}; Docker's context is default\n"
        "  fix: start that engine, or write docker_host into the inventory, "
        "which comes first"
    )


def test_two_names_of_one_socket_are_one_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "var").symlink_to(tmp_path / "run")
    monkeypatch.setattr(engine, "_is_there", lambda docker_host: True)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/var/docker.sock")
    found = [one.address for one in engine.elsewhere(f"unix://{tmp_path}/run/docker.sock")]
    assert f"unix://{tmp_path}/var/docker.sock" not in found
    assert LOCAL in found


def test_the_doctor_says_what_is_not_used_and_that_there_is_a_proxy(
    student: Student, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, docker_config: Callable
) -> None:
    monkeypatch.setenv("DOCKER_HOST", OTHER)
    docker_config({"proxies": {"default": {"httpsProxy": "http://secret@proxy.example:3128"}}})
    lab = inventory.Lab(Path("a.yml"), (replace(student, docker_host=f"unix://{tmp_path}/none.sock"),))
    said = [finding.what for finding in doctor.examine(lab)]
    assert f"not used, since the inventory's docker_host wins: {OTHER} (as DOCKER_HOST says)" in said
    assert "Docker's configuration names a proxy: nodes use it, but not for one another" in said
    assert "secret" not in " ".join(said)
