"""Schemas as courses and DESCRIBE have them: what `cqlsh -f` takes is taken, and an error names the line."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from cassandra import InvalidRequest
from cassandra.protocol import SyntaxException

from common.cassandra import Cassandra
from common.cql import statements
from common.errors import JobError


def texts(schema: str, replication: int = 3) -> list[str]:
    return [one.text for one in statements(schema, replication=replication, file="schema.cql")]


DIARY = """\
/* The diary's tables; one
   row for each entry. */
CREATE KEYSPACE IF NOT EXISTS notes
  WITH replication = {'class': 'SimpleStrategy', 'replication_factor': $replication};

// who wrote what; it's $5
CREATE TABLE IF NOT EXISTS notes.diary (
  id text PRIMARY KEY, -- letters; short
  body text
) WITH comment = 'a diary -- one row // an entry; 5$ a page, it''s $replication';
"""


def test_comments_and_strings_may_hold_anything() -> None:
    keyspace, table = statements(DIARY, replication=3, file="schema.cql")
    assert keyspace.text.endswith("{'class': 'SimpleStrategy', 'replication_factor': 3}")
    assert table.text.endswith("WITH comment = 'a diary -- one row // an entry; 5$ a page, it''s $replication'")
    assert "-- letters; short" in table.text
    assert (keyspace.line, table.line) == (3, 7)


@pytest.mark.parametrize(
    ("schema", "found"),
    [
        ("", []),
        ("-- only this", []),
        (";;\n ;", []),
        ("SELECT 1", ["SELECT 1"]),
        ("SELECT 1; -- the last; one", ["SELECT 1"]),
        ("\ufeffSELECT 1;\r\n-- x\r\nSELECT 2;\r\n", ["SELECT 1", "SELECT 2"]),
        ("INSERT INTO t (a) VALUES ($$ a; 'b' -- c $$)", ["INSERT INTO t (a) VALUES ($$ a; 'b' -- c $$)"]),
        ("INSERT INTO t (a) VALUES ($$replication$$)", ["INSERT INTO t (a) VALUES ($$replication$$)"]),
        ('SELECT "a;b--c" FROM t; SELECT 2', ['SELECT "a;b--c" FROM t', "SELECT 2"]),
        ("SELECT '$replication', 'x $replication', $replication", ["SELECT '3', 'x $replication', 3"]),
        ("SELECT a - -1 /* ; */ FROM t", ["SELECT a - -1 /* ; */ FROM t"]),
        (
            "BEGIN BATCH INSERT INTO t (a) VALUES (1); INSERT INTO t (a) VALUES (2); APPLY BATCH; SELECT 1",
            ["BEGIN BATCH INSERT INTO t (a) VALUES (1); INSERT INTO t (a) VALUES (2); APPLY BATCH", "SELECT 1"],
        ),
        ("begin batch\nDELETE FROM t;\napply batch", ["begin batch\nDELETE FROM t;\napply batch"]),
        ("DESCRIBE TABLES\nSELECT 1;", ["DESCRIBE TABLES", "SELECT 1"]),
    ],
)  # fmt: skip
def test_a_schema_is_taken_apart_as_cqlsh_does(schema: str, found: list[str]) -> None:
    assert texts(schema) == found


@pytest.mark.parametrize(
    ("statement", "made"),
    [
        ("CREATE TABLE IF NOT EXISTS notes.diary (a int PRIMARY KEY)", ("table", ("notes", "diary"))),
        ("create table Notes.Diary (a int PRIMARY KEY)", ("table", ("notes", "diary"))),
        ('CREATE TABLE "Notes"."My ""diary""" (a int PRIMARY KEY)', ("table", ("Notes", 'My "diary"'))),
        ("CREATE COLUMNFAMILY IF NOT EXISTS diary (a int PRIMARY KEY)", ("table", ("diary",))),
        ("CREATE KEYSPACE IF NOT EXISTS Notes WITH x = 1", ("keyspace", ("notes",))),
        ('CREATE SCHEMA "Notes" WITH x = 1', ("keyspace", ("Notes",))),
        ("CREATE /* a */ TABLE -- b\n IF NOT EXISTS notes . diary (a int PRIMARY KEY)", ("table", ("notes", "diary"))),
        ("CREATE INDEX IF NOT EXISTS ON notes.diary (body)", None),
        ("CREATE TYPE notes.address (street text)", None),
        ("CREATE MATERIALIZED VIEW notes.by_body AS SELECT * FROM notes.diary", None),
        ("CREATE", None),
        ("DROP TABLE notes.diary", None),
    ],
)  # fmt: skip
def test_what_a_statement_makes_is_known_by_cassandra_s_own_name(statement: str, made: tuple | None) -> None:
    (found,) = statements(statement, replication=1, file="schema.cql")
    assert found.made() == made


@pytest.mark.parametrize(
    ("schema", "what"),
    [
        ("SELECT 1;\nSELECT 'abc;\nSELECT 2;", "schema.cql, line 2: a string begins here and does not end"),
        ("SELECT 1;\n/* abc;\nSELECT 2;", "schema.cql, line 2: a comment begins here and does not end"),
        ('SELECT "abc;', "schema.cql, line 1: a name begins here and does not end"),
        ("\nSELECT $$ abc;", "schema.cql, line 2: a string begins here and does not end"),
        ("\nBEGIN BATCH DELETE FROM t;\n", "schema.cql, line 2: a batch begins here, and no APPLY BATCH ends it"),
        ("SELECT 1;\n  SELECT # 2;", "schema.cql, line 2: no CQL from character 10 on"),
        ("SELECT $replications;", "schema.cql, line 1: no CQL from character 8 on"),
        ("SELECT 1;\nSOURCE 'other.cql'\nSELECT 2;", "schema.cql, line 2: SOURCE is a command of cqlsh's own"),
        ("COPY t FROM 'a.csv';", "schema.cql, line 1: COPY is a command of cqlsh's own"),
    ],
)  # fmt: skip
def test_what_is_no_cql_is_named_with_its_line_before_anything_runs(schema: str, what: str) -> None:
    with pytest.raises(JobError) as caught:
        texts(schema)
    assert caught.value.what == what


class Server:
    """A session that knows some keyspaces and tables, and refuses what it is told to."""

    def __init__(self, *there: tuple[str, ...], refuses: str = "", error: Exception | None = None) -> None:
        self.there, self.refuses, self.error = there, refuses, error
        self.ran: list[str] = []
        self.keyspace: str | None = None

    def execute(self, asked: str, parameters: tuple[str, ...] | None = None) -> list[dict[str, Any]]:
        if parameters:
            return [{}] if tuple(parameters) in self.there else []
        if self.refuses and self.refuses in asked:
            raise self.error
        self.ran.append(asked)
        if asked.strip().upper().startswith("USE "):
            self.keyspace = asked.split()[-1]
        return []


def apply(schema: str, server: Server) -> list[str]:
    cassandra = Cassandra(["c"])
    cassandra.__dict__["session"] = server
    cassandra.__dict__["_cluster"] = SimpleNamespace(shutdown=lambda: None)
    return cassandra.apply_schema(schema, file="notes/schema.cql")


def test_each_thing_is_made_or_already_there() -> None:
    server = Server(("notes",), ("notes", "diary"), ("Notes", "Diary"))
    schema = (
        "CREATE KEYSPACE notes WITH x = 1; USE notes; CREATE TABLE diary (a int PRIMARY KEY);\n"
        "CREATE TABLE IF NOT EXISTS NOTES.Pages (a int PRIMARY KEY);\n"
        'CREATE TABLE "Notes"."Diary" (a int PRIMARY KEY);\n'
        "CREATE INDEX IF NOT EXISTS ON pages (b); DESCRIBE TABLES;\n"
    )
    assert apply(schema, server) == [
        "keyspace notes: already there",
        "table diary: already there",
        "table notes.pages: made",
        "table Notes.Diary: already there",
        "DESCRIBE in notes/schema.cql: left out, it changes nothing",
    ]
    assert [one.strip().split("(")[0] for one in server.ran] == [
        "USE notes",
        "CREATE TABLE IF NOT EXISTS NOTES.Pages ",
        "CREATE INDEX IF NOT EXISTS ON pages ",
    ]


def test_a_statement_is_sent_from_its_own_place_so_that_cassandra_counts_the_file_s_lines() -> None:
    server = Server()
    apply("-- one\n-- two\nSELECT 1; SELECT\n  2;", server)
    assert server.ran == ["\n\nSELECT 1", "\n\n          SELECT\n  2"]


def test_a_statement_that_cassandra_refuses_is_named_with_file_line_and_its_own_words() -> None:
    error = SyntaxException(0x2000, "line 4:2 no viable alternative at input '2'", None)
    server = Server(refuses="SELECT", error=error)
    with pytest.raises(JobError) as caught:
        apply("-- one\n\nSELECT\n  2;", server)
    assert caught.value.what == "notes/schema.cql, line 4: Cassandra refuses a statement"
    assert caught.value.evidence[0] == "2"
    assert "line 4:2 no viable alternative" in caught.value.evidence[1]


def test_what_can_be_made_only_once_says_how_it_is_written() -> None:
    there = InvalidRequest(
        "Error from server: code=2200 [Invalid query] message=\"A user type with name 'a' already exists\""
    )
    with pytest.raises(JobError) as caught:
        apply("CREATE TYPE notes.a (b int);", Server(refuses="TYPE", error=there))
    assert caught.value.what == "notes/schema.cql, line 1: Cassandra refuses a statement"
    assert caught.value.evidence[1] == "InvalidRequest: A user type with name 'a' already exists"
    assert caught.value.fix == "write IF NOT EXISTS: a schema is run again at each submit"
