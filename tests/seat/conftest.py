"""Sessions typed on terminals of the edge node, in the products' own words: no helper of this project takes part."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator

import pytest

from lab_runner import LabRunner
from terminal import Terminal

#: How everything that a session makes begins: topics, keyspaces, tables, folders on HDFS and at home.
PREFIX = "seat"
#: So many characters of each screen are printed with a test that fails.
TRANSCRIPT = 8000


@pytest.fixture(scope="session")
def seat(lab: LabRunner) -> Iterator[LabRunner]:
    """The stack, and nothing left in it by these tests afterwards."""
    yield lab
    lab.inside(
        f"""
        rm -rf ~/{PREFIX}*
        hdfs dfs -rm -r -f -skipTrash '/user/student/{PREFIX}*'
        kafka-topics.sh --bootstrap-server kafka1:9092 --delete --if-exists --topic '{PREFIX}.*'
        cqlsh -e "SELECT keyspace_name FROM system_schema.keyspaces" 2>/dev/null | grep -o '{PREFIX}[a-z0-9]*' |
          sed 's/.*/DROP KEYSPACE &;/' >/tmp/drop.cql
        cqlsh -f /tmp/drop.cql
        """
    )


@pytest.fixture
def name() -> str:
    """A name that no other session has, fit for a topic, a keyspace, a table, a folder and a file."""
    return PREFIX + secrets.token_hex(3)


@pytest.fixture
def open_terminal(seat: LabRunner) -> Iterator[Callable[[], Terminal]]:
    """Opens one more terminal. What was on their screens is printed with a test that fails."""
    opened: list[Terminal] = []

    def one_more() -> Terminal:
        opened.append(Terminal(seat.command("shell")))
        return opened[-1]

    yield one_more
    for number, terminal in enumerate(opened, start=1):
        print(f"--- terminal {number}\n{terminal.transcript[-TRANSCRIPT:]}")
        terminal.close()


@pytest.fixture
def terminal(open_terminal: Callable[[], Terminal]) -> Terminal:
    """A terminal on the edge node."""
    return open_terminal()
