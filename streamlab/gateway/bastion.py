"""The bastion: through it a student's ssh reaches the own edge node, and nothing else. Pure.

The bastion has one account, and a key decides what its owner reaches: a student's laptop asks the bastion for a
connection to the edge node and logs in there with the same key, so the bastion sees no password and no plain text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from streamlab.gateway import edge_ssh
from streamlab.gateway.keys import KeyPair
from streamlab.students.addresses import address
from streamlab.students.services import node_names
from streamlab.students.student import Student

#: The one account of the bastion, and the port at which it listens in its container.
USER, PORT = "gateway", 2222
#: The name of the bastion's own key among those of a class, as `key_pair` keeps them.
HOST_KEY = "bastion"
#: Its files; and the keys that students add themselves, which the portal keeps.
FOLDER = "/etc/gateway/bastion"
ADDED_KEYS = "/var/lib/gateway/authorized_keys"
#: What runs in its container: sshd, which reads its files again at a HUP. It ends with the network that it shares with
#: nginx's container, so that the engine starts it in the new one: the loopback alone is left of one that is gone.
RUN = f"""
/usr/sbin/sshd -D -e -f {FOLDER}/sshd_config & sshd=$!
trap 'kill -HUP $sshd' HUP
trap 'kill $sshd; exit 0' TERM
while kill -0 $sshd && [ "$(ls /sys/class/net | wc -l)" -gt 1 ]; do sleep 2 & wait $!; done
kill $sshd
exit 1
"""
#: What students call their edge node, the bastion, and the edge node with what is forwarded from it.
EDGE, BASTION, FORWARDS = "edge", "edge-gateway", "edge-ports"
#: Where a laptop keeps the keys of both, apart from those that it has learned itself.
KNOWN_HOSTS = "~/.ssh/edge_known_hosts"
#: Where kafka1 answers clients behind a forwarded port, as the kafka role has it (kafka_forwarded_port); and Cassandra.
KAFKA_PORT, CASSANDRA_PORT = 19092, 9042


def edge_address(student: Student) -> str:
    """Where sshd of the student's edge node answers, as ``address:port``."""
    return f"{address(student, 'edge')}:{edge_ssh.PORT}"


def files(students: Sequence[Student], host_key: KeyPair) -> dict[str, bytes]:
    """The bastion's files by path below /etc/gateway; it belongs to its own user, and nobody else may read it."""
    made = {
        "sshd_config": sshd_config(students),
        "host_key": host_key.private,
        "authorized_keys": authorized_keys((key, student) for student in students for key in student.ssh_keys),
    }
    return {f"bastion/{name}": text.encode() for name, text in made.items()}


def sshd_config(students: Sequence[Student]) -> str:
    """The bastion's configuration: connections to these students' edge nodes, and no session of any kind."""
    return f"""\
# The bastion: sshd -D -e -f {FOLDER}/sshd_config
Port {PORT}
PidFile none
HostKey {FOLDER}/host_key
AuthorizedKeysFile {FOLDER}/authorized_keys {ADDED_KEYS}
AllowUsers {USER}
# Nobody comes from inside a stack.
DenyUsers {" ".join(f"*@{student.subnet}" for student in students) or "*"}
AuthenticationMethods publickey
UsePAM no
LogLevel INFO
LoginGraceTime 20
MaxStartups 30:30:100
ClientAliveInterval 30
ClientAliveCountMax 4

# No shell, no command, no sftp: only what is asked for with ProxyJump.
MaxSessions 0
ForceCommand /usr/sbin/nologin
PermitTTY no
PermitUserRC no
AllowAgentForwarding no
AllowStreamLocalForwarding no
X11Forwarding no
AllowTcpForwarding local
# A key says which of these its owner reaches; whoever writes other keys cannot go beyond them.
PermitOpen {" ".join(edge_address(student) for student in students) or "none"}

{edge_ssh.SERVER_ALGORITHMS}
"""


def authorized_keys(keys: Iterable[tuple[str, Student]]) -> str:
    """A line for each key, with the edge nodes of all students who have it: sshd looks at one line of a key only."""
    reached: dict[str, list[Student]] = {}
    for key, student in keys:
        reached.setdefault(key, []).append(student)
    return "".join(f"{authorized_key(key, students)}\n" for key, students in reached.items())


def authorized_key(key: str, students: Sequence[Student]) -> str:
    """What one key may do: reach the edge nodes of these students.

    Args:
        key: its kind and base64, as `public_key` gives them.
    """
    reached = ",".join(map(opens, students))
    return f"restrict,port-forwarding,{reached} {key} {'+'.join(student.name for student in students)}"


def opens(student: Student) -> str:
    """The option of a key that lets it reach the student's edge node; the portal writes it to keys that it is given."""
    return f'permitopen="{edge_address(student)}"'


def known_hosts(student: Student, domain: str, bastion_key: str, edge_key: str) -> str:
    """The lines of KNOWN_HOSTS on the student's laptop, so that nobody is asked whether a key is the right one.

    Args:
        domain: of the gateway.
        bastion_key: the bastion's public host key.
        edge_key: that of the student's edge node, as `edge_ssh.host_key` has it.
    """
    return f"{domain} {bastion_key}\n{_edge_alias(student, domain)} {edge_key}\n"


def client_config(student: Student, domain: str, port: int) -> str:
    """The lines of ~/.ssh/config on the student's laptop: after them `ssh edge` is all that has to be typed.

    `ssh -N edge-ports` makes Kafka and Cassandra answer on the laptop, at localhost.

    Args:
        domain: of the gateway.
        port: at which its Docker host publishes the bastion.
    """
    host, _, edge_port = edge_address(student).partition(":")
    return f"""\
Host {BASTION}
  HostName {domain}
  Port {port}
  User {USER}
  HostKeyAlias {domain}
Host {EDGE} {FORWARDS}
  HostName {host}
  Port {edge_port}
  User student
  HostKeyAlias {_edge_alias(student, domain)}
  ProxyJump {BASTION}
Host {FORWARDS}
{_forwards(student)}
Host {BASTION} {EDGE} {FORWARDS}
  UserKnownHostsFile {KNOWN_HOSTS}
  StrictHostKeyChecking yes
"""


def _edge_alias(student: Student, domain: str) -> str:
    """The name under which a laptop knows the key of the edge node: addresses are the same in other classes."""
    return f"{student.name}.{domain}"


def _forwards(student: Student) -> str:
    """A port of the laptop for each broker, and one for Cassandra's first node, which answers for all of them."""
    brokers = enumerate(node_names("kafka", student.node_counts["kafka"]), KAFKA_PORT)
    forwards = [*((port, name, port) for port, name in brokers), (CASSANDRA_PORT, "cassandra1", CASSANDRA_PORT)]
    return "\n".join(f"  LocalForward {port} {name}:{inner}" for port, name, inner in forwards)
