"""Keys of ssh: what is taken for one, who may log in to an edge node, and how that proves who it is."""

from __future__ import annotations

import base64
import os
import shlex
import stat
import subprocess
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_ssh_private_key

from streamlab.gateway import edge_ssh, keys
from streamlab.paths import ANSIBLE
from streamlab.students.public_keys import public_key
from streamlab.students.student import Gateway, Student
from streamlab.students.values import wrong_in


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(keys, "STATE", tmp_path)
    return tmp_path


def public_of(private: str) -> str:
    key = load_ssh_private_key(private.encode(), None).public_key()
    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def rsa_key(bits: int) -> str:
    key = rsa.generate_private_key(65537, bits).public_key()
    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def line(kind: str, inner: str, length: int) -> str:
    """A key of any kind and length, as far as one sees without a curve."""
    data = len(inner).to_bytes(4, "big") + inner.encode()
    return f"{kind} {base64.b64encode(data.ljust(length, b'k')).decode()}"


def test_a_key_is_made_once_and_is_nobody_else_s_to_read(state: Path, student: Student) -> None:
    made = edge_ssh.host_key(student)
    assert made.public == public_of(made.private)
    assert edge_ssh.host_key(student) == made
    assert edge_ssh.host_key(replace(student, name="bob")) != made
    assert edge_ssh.host_key(replace(student, lab_class="autumn")) != made
    files = [path for path in state.rglob("*") if path.is_file()]
    assert len(files) == 3
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in state.rglob("*") if path.is_dir()} == {0o700}


def test_several_commands_that_need_a_new_key_at_once_have_the_same(student: Student) -> None:
    started, found = threading.Barrier(8), []

    def ask() -> None:
        started.wait()
        found.append(edge_ssh.host_key(student))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_who_may_log_in_is_the_student_and_with_a_gateway_its_portal(student: Student) -> None:
    key = line("ssh-ed25519", "ssh-ed25519", 51)
    student = replace(student, ssh_keys=(key,))
    assert edge_ssh.files(student)["authorized_keys"] == f"{key}\n".encode()
    files = edge_ssh.files(replace(student, gateway=Gateway()))
    portal = keys.key_pair(student.lab_class, edge_ssh.PORTAL)
    may = 'restrict,pty,command="sh /etc/streamlab/edge/portal.sh"'
    assert files["authorized_keys"].decode() == f"{key}\n{may} {portal.public} portal\n"
    assert files["host_key"].decode() == edge_ssh.host_key(student).private


def test_the_portal_s_ssh_knows_each_edge_node_by_its_student_s_name(student: Student, tmp_path: Path) -> None:
    bob = replace(student, name="bob", subnet="10.89.2.0/27")
    files = edge_ssh.portal_files([student, bob])
    assert set(files) == {f"portal/{name}" for name in ("ssh_config", "known_hosts", "key")}
    assert files["portal/key"].decode() == keys.key_pair(student.lab_class, edge_ssh.PORTAL).private
    (tmp_path / "config").write_bytes(files["portal/ssh_config"])
    said = {
        name: dict(
            line.split(" ", 1)
            for line in subprocess.run(
                ["ssh", "-G", "-F", tmp_path / "config", name], capture_output=True, text=True, check=True
            ).stdout.splitlines()
            if " " in line
        )
        for name in ("ada", "bob")
    }
    for name, address in (("ada", "10.89.1.8"), ("bob", "10.89.2.8")):
        assert (said[name]["hostname"], said[name]["hostkeyalias"]) == (address, name)
        assert (said[name]["user"], said[name]["port"]) == ("student", "2222")
        assert (said[name]["stricthostkeychecking"], said[name]["batchmode"]) == ("true", "yes")
        known = f"{name} {edge_ssh.host_key(replace(student, name=name)).public}"
        assert known in files["portal/known_hosts"].decode().splitlines()


@pytest.fixture
def portal_script(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The script that sshd runs for the portal's key, with programs that only say how they were called."""
    (tmp_path / "bin").mkdir()
    for name in ("lab", "tmux"):
        (tmp_path / "bin" / name).write_text(f'#!/bin/sh\necho {name} "$@"\n')
        (tmp_path / "bin" / name).chmod(0o755)
    script = ANSIBLE / "roles" / "edge" / "templates" / "portal.sh.j2"
    env = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "HOME": str(tmp_path)}

    def run(asked: str | None, given: str = "") -> subprocess.CompletedProcess[str]:
        more = {} if asked is None else {"SSH_ORIGINAL_COMMAND": asked}
        return subprocess.run(["sh", script], env=env | more, input=given, capture_output=True, text=True, check=False)

    return run


def test_the_portal_gives_an_edge_node_the_keys_and_is_told_its_state(portal_script: Callable, tmp_path: Path) -> None:
    place = tmp_path / ".ssh" / "gateway_keys"
    assert portal_script("state", "one\ntwo\n# end\n").stdout == "lab status --json\n"
    assert place.read_text() == "one\ntwo\n# end\n"
    assert (stat.S_IMODE(place.stat().st_mode), stat.S_IMODE(place.parent.stat().st_mode)) == (0o600, 0o700)
    before = place.stat().st_ino
    portal_script("state", "one\ntwo\n# end\n")
    assert place.stat().st_ino == before  # nothing is written where nothing changed
    portal_script("state", "one\ntw")  # cut off on its way
    assert place.read_text() == "one\ntwo\n# end\n"
    portal_script("state", "# end\n")
    assert place.read_text() == "# end\n"
    assert [path.name for path in place.parent.iterdir()] == ["gateway_keys"]


@pytest.mark.parametrize("asked", [None, "", "sh", "state; id", "terminal x", "internal-sftp"])
def test_the_portal_may_do_nothing_else(portal_script: Callable, asked: str | None) -> None:
    done = portal_script(asked)
    assert (done.returncode, done.stdout) == (2, "")


def test_the_portal_s_terminal_is_one_session_that_goes_on(portal_script: Callable) -> None:
    assert portal_script("terminal").stdout.split()[-4:] == ["new-session", "-A", "-s", "browser"]


@pytest.mark.parametrize(
    ("kind", "length"),
    [
        ("ssh-ed25519", 51),
        ("sk-ssh-ed25519@openssh.com", 74),
        ("ecdsa-sha2-nistp256", 104),
        ("ecdsa-sha2-nistp384", 136),
        ("ecdsa-sha2-nistp521", 172),
        ("sk-ecdsa-sha2-nistp256@openssh.com", 127),
    ],
)
def test_a_key_of_each_kind_is_taken_without_its_comment(kind: str, length: int) -> None:
    key = line(kind, kind, length)
    assert public_key(f"  {key} ada@laptop of mine\n") == public_key(f"{key}\tada") == key
    with pytest.raises(ValueError, match="cut off"):
        public_key(line(kind, kind, length - 1))


def test_an_rsa_key_has_2048_bits() -> None:
    assert public_key(key := rsa_key(2048)) == key
    with pytest.raises(ValueError, match="too short"):
        public_key(rsa_key(1024))


GOOD = line("ssh-ed25519", "ssh-ed25519", 51)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ssh-ed25519",
        "ssh-ed25519 ",
        f'command="sh" {GOOD}',
        f"no-pty {GOOD}",
        f"{GOOD}\n{GOOD}",
        f"{GOOD} comment\nrestrict {GOOD}",
        f"{GOOD} comment\r{GOOD}",
        GOOD[:-3],
        GOOD.replace("AAAA", "AA!A"),
        line("ssh-ed25519", "ssh-rsa", 300),
        line("ssh-dss", "ssh-dss", 400),
        line("ssh-ed25519", "ssh-ed25519", 2400),
        "-----BEGIN OPENSSH PRIVATE KEY-----",
    ],
)
def test_what_is_no_key_of_one_line_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - why, is said above for each kind
        public_key(text)


def test_what_an_inventory_says_wrongly_of_keys_is_named() -> None:
    assert wrong_in({"ssh_keys": [GOOD]}) == []
    (wrong,) = wrong_in({"ssh_keys": [GOOD, "ssh-ed25519 AAAA"]})
    assert (wrong.path, wrong.expected) == (
        "ssh_keys.1",
        "the line of a file such as id_ed25519.pub: ssh-ed25519 AAAA…",
    )
    assert [wrong.expected for wrong in wrong_in({"ssh_keys": GOOD})] == ["a list of public keys"]


def test_a_session_gets_the_variables_of_the_node_s_own_process(tmp_path: Path) -> None:
    """As sshd takes a line of its configuration apart: words, quotation marks, backslashes."""
    script = (ANSIBLE / "roles" / "edge" / "templates" / "start.sh.j2").read_text(encoding="utf-8")
    (tmp_path / "start.sh").write_text(script.replace("/tmp/", f"{tmp_path}/"))
    (tmp_path / "inetd").write_text("#!/bin/sh\n")
    (tmp_path / "inetd").chmod(0o755)
    meant = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "HADOOP_CONF_DIR": "/etc/streamlab/hadoop",
        "EMPTY": "",
        "SPACES": " two  words # and no comment",
        "MARKS": '"double" \'single\' \\ backslash \\n $HOME `id` ${x} \\"',
        "http_proxy": "http://ada:secret@proxy.example:3128",
    }
    subprocess.run(
        ["sh", str(tmp_path / "start.sh")], env={**meant, "LINES": "two\nlines", "HOME": "/root"}, check=True,
        capture_output=True,
    )  # fmt: skip
    written = tmp_path / "sshd-environment"
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    (line,) = written.read_text().splitlines()
    keyword, *words = shlex.split(line)
    assert keyword == "SetEnv"
    assert dict(word.split("=", 1) for word in words) == meant
