"""How an edge node is logged in to: the key by which it proves who it is, and the keys that may.

Both are placed in the edge's container, beside its configuration: that is a volume whose name depends on its content,
so a student's new key would have every node of the stack created again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import docker

from streamlab.engines import inside
from streamlab.gateway.keys import KeyPair, key_pair
from streamlab.students.addresses import address
from streamlab.students.student import Student

#: Where sshd of an edge node answers.
PORT = 2222
#: The folder of the edge's container, root's, in which sshd_config looks for the two files.
FOLDER = "/etc/ssh/lab"
#: What a server of the lab's offers, as sshd_config has it: what every client since OpenSSH 7 and PuTTY 0.79 knows, and
#: nothing that is doubted today. What OpenSSH 9.2 offers by itself has curves of NIST's and SHA-1 among it.
SERVER_ALGORITHMS = """\
KexAlgorithms sntrup761x25519-sha512@openssh.com,curve25519-sha256,curve25519-sha256@libssh.org
HostKeyAlgorithms ssh-ed25519
Ciphers aes256-gcm@openssh.com,aes128-gcm@openssh.com,aes256-ctr
MACs hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com"""
#: The name of the gateway's own key, with which its portal opens terminals and asks for a stack's state; and all that
#: it may do: what this script of the edge's configuration does.
PORTAL = "portal"
PORTAL_MAY = 'restrict,pty,command="sh /etc/streamlab/edge/portal.sh"'
#: The folder of the portal's ssh, below that of the gateway's files.
PORTAL_FOLDER = "portal"


def host_key(student: Student) -> KeyPair:
    """The key by which the student's edge node proves who it is, whichever container it has."""
    return key_pair(student.lab_class, f"edge-{student.name}")


def files(student: Student) -> dict[str, bytes]:
    """What sshd of the student's edge node reads in FOLDER, by name."""
    keys = list(student.ssh_keys)
    if student.gateway:
        keys.append(f"{PORTAL_MAY} {key_pair(student.lab_class, PORTAL).public} {PORTAL}")
    return {
        "host_key": host_key(student).private.encode(),
        "authorized_keys": "".join(f"{key}\n" for key in keys).encode(),
    }


def portal_files(students: Sequence[Student]) -> dict[str, bytes]:
    """What the portal's ssh reads, by path below /etc/gateway: it knows each edge node by its student's name."""
    folder = f"/etc/gateway/{PORTAL_FOLDER}"
    hosts = "".join(
        f"Host {one.name}\n  HostName {address(one, 'edge')}\n  HostKeyAlias {one.name}\n" for one in students
    )
    made = {
        "ssh_config": f"""\
{hosts}Host *
  Port {PORT}
  User student
  IdentityFile {folder}/key
  IdentitiesOnly yes
  UserKnownHostsFile {folder}/known_hosts
  GlobalKnownHostsFile none
  StrictHostKeyChecking yes
  PreferredAuthentications publickey
  BatchMode yes
  ConnectTimeout 5
  ServerAliveInterval 15
  ServerAliveCountMax 2
  EscapeChar none
  LogLevel ERROR
""",
        "known_hosts": "".join(f"{one.name} {host_key(one).public}\n" for one in students),
        "key": key_pair(students[0].lab_class, PORTAL).private,
    }
    return {f"{PORTAL_FOLDER}/{name}": text.encode() for name, text in made.items()}


def place(client: docker.DockerClient, edge: str, found: Mapping[str, bytes]) -> None:
    """Give the sshd of an edge node's container its `files`, in the place of those that it had."""
    client.api.put_archive(edge, FOLDER, inside.tar_of(found, private=True))
