"""lesson08 on a real stack: trained and scored on YARN, checked from outside, repeated, broken, stopped."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from lab_runner import LabRunner

OFFSETS = "kafka-get-offsets.sh --bootstrap-server kafka1:9092 --topic {} --time -1"


@pytest.fixture(scope="module")
def scored(lab: LabRunner) -> str:
    """What `submit` printed when it ran the whole lesson from its start."""
    lab("reset", "--yes", "--job", "lesson08")
    return lab("submit", "--job", "lesson08")


def offsets(lab: LabRunner, topic: str) -> int:
    return sum(int(line.rsplit(":", 1)[1]) for line in lab.inside(OFFSETS.format(topic)).split())


def test_it_ends_with_one_useful_line_per_step(scored: str) -> None:
    last = [line for line in scored.splitlines() if line.startswith("lesson08/") and "SUCCEEDED" in line]
    assert re.fullmatch(r"lesson08/train: application_\d+_\d+ SUCCEEDED in [\d.]+ s: .*model/salary.*", last[0])
    assert re.fullmatch(
        r"lesson08/score: application_\d+_\d+ SUCCEEDED in [\d.]+ s: 200 to cassandra lab.salary_prediction; "
        r"200 to kafka l08-predictions; 8 to cassandra lab.unmatched_job",
        last[1],
    )
    assert re.search(r"l08-score: batch 0, \d+ rows, [\d.]+ s", scored)


def test_it_ran_on_yarn(lab: LabRunner, scored: str) -> None:
    listed = lab.inside("yarn application -list -appStates FINISHED")
    for step in ("train", "score"):
        rows = [line for line in listed.splitlines() if f"{lab.student}-lesson08-{step}" in line]
        assert rows, listed
        assert "SUCCEEDED" in rows[-1]


def test_the_check_passes(lab: LabRunner, scored: str) -> None:
    found = lab.check("lesson08")
    assert (found["job"], found["student"], found["passed"]) == ("lesson08", lab.student, True)
    assert len(found["assertions"]) == 21
    assert set(found["assertions"][0]) == {"name", "expected", "found", "passed", "where", "help", "pending", "gap"}


def test_a_second_run_adds_nothing_and_uploads_nothing(lab: LabRunner, scored: str) -> None:
    printed = lab("submit", "--job", "lesson08/score")
    assert re.search(r"bundle \w{12}: already there", printed)
    assert "it wrote nothing" in printed
    assert offsets(lab, "l08-predictions") == 200
    assert lab.check("lesson08")["passed"]


def test_a_deleted_row_is_found(lab: LabRunner, scored: str) -> None:
    lab.inside(r"""cqlsh -e "COPY lab.salary_prediction TO '/tmp/kept.csv'" """)
    victim = lab.inside("head -n 1 /tmp/kept.csv").split(",")[0]
    lab.inside(f"""cqlsh -e "DELETE FROM lab.salary_prediction WHERE id = '{victim}'" """)
    try:
        wrong = lab.wrong("lesson08")
        text = lab.run("check", "--job", "lesson08")
    finally:
        lab.inside(r"""cqlsh -e "COPY lab.salary_prediction FROM '/tmp/kept.csv'" """)
    assert "score: people with a prediction in lab.salary_prediction" in wrong
    assert text.code == 1
    assert "WRONG score: people with a prediction in lab.salary_prediction: expected 200" in text.out
    assert lab.check("lesson08")["passed"]


def test_a_foreign_prediction_is_found(lab: LabRunner, scored: str) -> None:
    insert = "INSERT INTO lab.salary_prediction (id, prediction) VALUES ('nobody', 1.0)"
    lab.inside(f'cqlsh -e "{insert}"')
    try:
        wrong = lab.wrong("lesson08")
    finally:
        lab.inside("""cqlsh -e "DELETE FROM lab.salary_prediction WHERE id = 'nobody'" """)
    assert "score: people with a prediction in lab.salary_prediction" in wrong


def test_a_stream_stops_cleanly(lab: LabRunner, scored: str) -> None:
    printed = lab("submit", "--job", "lesson08/score", "--continuous", "--detach")
    app_id = re.search(r"application_\d+_\d+", printed)[0]
    refused = lab.run("submit", "--job", "lesson08/train")
    assert refused.code == 2
    assert "does not fit into this student's YARN" in refused.err
    assert f"running: {app_id}" in refused.err
    assert lab("stop", "--job", "lesson08") == f"lesson08/score: {app_id} stopped after its last batch\n"
    assert lab("stop", "--job", "lesson08").startswith("nothing to stop")
    assert re.search(rf"{app_id}.*FINISHED\s+SUCCEEDED", lab.inside("yarn application -list -appStates ALL"))
    assert lab.check("lesson08")["passed"]


def test_a_preset_larger_than_the_cluster_is_refused_with_the_sum(lab: LabRunner, scored: str) -> None:
    ran = lab.run("submit", "--job", "lesson08/score", "--executor-memory", "9000")
    assert ran.code == 2
    assert ran.err.splitlines()[:3] == [
        "error: preset ml does not fit into this student's YARN",
        "  it needs driver 1408 + 1 executor(s) of 9472 = 10880 MB "
        "(heap + 384 overhead each, in steps of 128), 3 vcores",
        "  YARN can give now: 4096 MB and 8 vcores, of 4096 MB in all",
    ]


def test_a_job_that_raises_ends_with_its_own_traceback(lab: LabRunner, tmp_path: Path) -> None:
    folder = tmp_path / "mywork"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "job.yml").write_text("title: mine\nsteps:\n  boom: {title: raises, preset: tiny, timeout: 120}\n")
    (folder / "boom.py").write_text(
        textwrap.dedent("""
            def run(spark, settings):
                return {}["missing"]
        """)
    )
    ran = lab.run("submit", "--job", str(folder))
    assert ran.code == 1
    lines = ran.err.splitlines()
    assert re.fullmatch(r"error: mywork/boom: application_\d+_\d+ ended FAILED", lines[0])
    assert "  KeyError: 'missing'" in lines
    assert any(line.strip() == 'File "mywork/boom.py", line 3, in run' for line in lines), lines
    assert lines[-1].startswith("  fix: correct it and submit again; the whole log: invoke logs --app application_")


def test_an_application_beyond_its_time_limit_is_ended(lab: LabRunner, tmp_path: Path) -> None:
    folder = tmp_path / "mywork"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "job.yml").write_text("title: mine\nsteps:\n  hang: {title: hangs, preset: tiny, timeout: 12}\n")
    (folder / "hang.py").write_text("import time\n\n\ndef run(spark, settings):\n    time.sleep(600)\n")
    ran = lab.run("submit", "--job", str(folder))
    assert ran.code == 1
    assert "it ran longer than its limit of 12 s, and was ended" in ran.err
    assert lab.inside("yarn application -list -appStates RUNNING").count("application_") == 0
