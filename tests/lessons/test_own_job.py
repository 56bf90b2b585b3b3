"""Jobs that a student writes: what other tools take is taken here, and what goes wrong is said in plain words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab_runner import LabRunner

JOB = """\
title: A diary in Cassandra
tables: [diary.pages]
steps:
  write: {title: Write three pages, preset: tiny, timeout: 300}
  eat: {title: Fill the memory of an executor, preset: tiny, timeout: 300}
"""
SCHEMA = """\
/* The diary's tables; one row
   for each page. */
CREATE KEYSPACE diary WITH replication = {'class': 'SimpleStrategy', 'replication_factor': $replication};
USE diary;
CREATE TYPE IF NOT EXISTS author (name text); // who wrote it; a type
CREATE TABLE pages (
  id text PRIMARY KEY, -- letters; short
  body text
) WITH comment = 'a diary -- one row a page; 5$ a page';
DESCRIBE TABLES;
BEGIN BATCH INSERT INTO pages (id, body) VALUES ('z', $$it's; the last$$); APPLY BATCH
"""
WRITE = """\
from common.outcome import Outcome


def run(spark, settings):
    rows = spark.createDataFrame([("a", "first"), ("b", "второй"), ("c", "third; and last")], "id string, body string")
    rows.write.format("org.apache.spark.sql.cassandra").mode("append").options(keyspace="diary", table="pages").save()
    return Outcome(written={"cassandra diary.pages": rows.count()})
"""
#: 1.3 GB, all of it touched, in a container of 896 MB; YARN looks every three seconds.
EAT = """\
import time


def swallow(rows):
    kept = [bytes([number % 251]) * (8 << 20) for number in range(160)]
    time.sleep(20)
    yield len(kept) + sum(1 for _ in rows)


def run(spark, settings):
    print("reading the pages", flush=True)
    spark.sparkContext.parallelize(range(1000), 1).mapPartitions(swallow).collect()
"""
PREPARE = """\
def prepare(lab):
    print("a line of mine")
    print('{"made": "no event"}')
    yield "something of my own"
"""


@pytest.fixture(scope="module")
def diary(lab: LabRunner, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("mine") / "diary"
    folder.mkdir()
    files = {
        "__init__.py": "", "job.yml": JOB, "schema.cql": SCHEMA, "write.py": WRITE, "eat.py": EAT, "prepare.py": PREPARE
    }  # fmt: skip
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    yield folder
    lab.inside("cqlsh -e 'DROP KEYSPACE IF EXISTS diary'; hdfs dfs -rm -r -f -skipTrash /user/student/diary")


def test_a_schema_that_cqlsh_takes_is_taken_and_may_be_run_again(lab: LabRunner, diary: Path) -> None:
    first = lab("submit", "--job", f"{diary}/write")
    assert "\n  keyspace diary: made\n  table pages: made\n" in first
    assert '\n  | a line of mine\n  | {"made": "no event"}\n  something of my own\n' in first
    assert "\n  keyspace diary: already there\n  table pages: already there\n" in lab(
        "submit", "--job", f"{diary}/write"
    )
    rows = lab.inside("cqlsh -e 'SELECT id, body FROM diary.pages'")
    for text in ("it's; the last", "first", "второй", "third; and last"):
        assert text in rows
    assert "'a diary -- one row a page; 5$ a page'" in lab.inside("cqlsh -e 'DESCRIBE TABLE diary.pages'")


def test_a_syntax_error_is_named_with_its_line(lab: LabRunner, diary: Path) -> None:
    schema = diary / "schema.cql"
    before = schema.read_text(encoding="utf-8")
    schema.write_text(
        before.replace("id text PRIMARY KEY", "id text PRIMRY KEY").replace("TABLE pages", "TABLE leaves")
    )
    try:
        ran = lab.run("submit", "--job", f"{diary}/write")
    finally:
        schema.write_text(before, encoding="utf-8")
    assert ran.code == 1
    assert ran.err.startswith(
        "error: diary/write: diary/schema.cql, line 7: Cassandra refuses a statement\n"
        "  id text PRIMRY KEY, -- letters; short\n"
        "  SyntaxException: line 7:10 no viable alternative at input 'PRIMRY'"
    )


def test_an_executor_that_is_ended_for_its_memory_is_told_so(lab: LabRunner, diary: Path) -> None:
    ran = lab.run("submit", "--job", f"{diary}/eat")
    assert ran.code == 1
    assert "\n  an executor used more memory than its container has, so YARN ended it: " in ran.err
    assert " of 896 MB\n  at diary/eat.py, line 12\n" in ran.err
    assert "--executor-memory 1024 (it had 512 MB, and 384 beside its heap)" in ran.err
