"""Rules of the house that a program can look after."""

from __future__ import annotations

import ast
import os
import re
import tomllib
from contextlib import suppress
from functools import cache
from pathlib import Path

import pytest

import tasks
from streamlab.paths import ROOT

#: A host of a registry of packages or images, or of a distribution's mirror; `.example` hosts are nobody's.
REGISTRY = re.compile(
    r"\b(?:repo\d?|registry(?:-\d)?|index|hub|files|pypi|central|mirrors?|archive|deb|security|packages|ghcr|gcr|quay|mcr)"
    r"\.(?:[a-z0-9-]+\.)*(?:org|io|com|net|dev)\b|\bdocker\.io/",
    re.IGNORECASE,
)
URL = re.compile(r"https?://([^/\s\"'`:)>};]+)")
#: What stands in a URL of ours: a node's name, this machine, a name that is filled in, or nobody's host.
OWN_HOST = re.compile(r"[a-z0-9]+|[a-z0-9.-]+\.localhost|127\.0\.0\.1|.*[{<$].*|.*\.example(?:\.\w+)?")
ARCHITECTURE = re.compile(r"\b(?:amd64|arm64|x86_64|aarch64)\b")


@cache
def texts() -> dict[str, str]:
    """Every file of the repository that is text, by its path."""
    kept = {}
    for folder, below, names in os.walk(ROOT):
        below[:] = [name for name in below if name == ".ci" or not name.startswith((".", "__pycache__"))]
        for path in (Path(folder, name) for name in names):
            with suppress(UnicodeDecodeError):
                kept[path.relative_to(ROOT).as_posix()] = path.read_text(encoding="utf-8")
    return kept


def found(pattern: re.Pattern, *, suffixes: tuple[str, ...] = (), but: re.Pattern | None = None) -> list[str]:
    chosen = {name: text for name, text in texts().items() if not suffixes or Path(name).suffix in suffixes}
    hits = ((name, hit) for name, text in chosen.items() for hit in pattern.finditer(text))
    return [f"{name}: {hit[0]}" for name, hit in hits if not (but and but.fullmatch(hit[hit.re.groups]))]


def test_no_file_names_a_registry() -> None:
    assert found(REGISTRY, but=re.compile(r".*\.example\.org", re.IGNORECASE)) == []


def test_code_and_settings_name_no_host_but_a_stack_s_own() -> None:
    code = (".py", ".yml", ".yaml", ".j2", ".cfg", ".toml", ".lock", ".in", ".sh", "")
    places = [place for place in found(URL, suffixes=code, but=OWN_HOST) if not place.startswith("LICENSE: ")]
    documented = re.compile(r"jobs/\w+/exercise\.yml: https:..(spark|kafka|cassandra|hadoop|nightlies)\.apache\.org")
    assert [place for place in places if not documented.fullmatch(place)] == []


def test_the_patterns_find_what_they_are_for() -> None:
    """Hosts are put together here, since this file is looked at too."""
    for host in (
        "pypi" + ".org",
        "repo1" + ".maven.org",
        "quay" + ".io",
        "deb" + ".debian.org",
        "docker" + ".io/library",
    ):
        assert REGISTRY.search(f"from {host} x"), host
    assert not REGISTRY.search("apt-get install docker.io\norg.apache.kafka archive.read(index)")
    for host in ("namenode", "127.0.0.1", "{node}", "repo.example.org"):
        assert OWN_HOST.fullmatch(host), host
    assert not OWN_HOST.fullmatch("www.apache.org")


def test_nothing_names_a_processor_architecture() -> None:
    """A laptop of either kind builds its own images; locks name what upstream calls its files."""
    allowed = ("jars.lock", "tests/", "docs/", "README")
    places = [place for place in found(ARCHITECTURE) if not any(part in place for part in allowed)]
    assert places == []


@pytest.mark.parametrize("file", sorted((ROOT / "images").glob("*/Dockerfile")), ids=lambda file: file.parent.name)
def test_no_image_is_built_on_one_that_moves(file: Path) -> None:
    bases = re.findall(r"^FROM\s+(\S+)", file.read_text(), re.MULTILINE)
    assert bases
    for base in bases:
        assert ":latest" not in base
        assert "$" in base or re.match(r"\w+$", base), f"{base} is no argument and no stage"


@pytest.mark.parametrize(
    "file", sorted((ROOT / "images").rglob("Dockerfile")), ids=lambda file: file.parent.relative_to(ROOT).as_posix()
)
def test_no_step_of_a_build_hides_a_failure(file: Path) -> None:
    """A pipe has the status of its last command, a loop that of its last turn."""
    text = file.read_text(encoding="utf-8")
    assert re.findall(r"\| *(?:head|tail|grep|cat)\b", text) == []
    loops = re.findall(r"\bdo\b.*?\bdone\b", text, re.DOTALL)
    assert [loop for loop in loops if not loop.endswith("|| exit 1; done")] == []


def test_python_without_its_suffix_is_checked_too() -> None:
    scripts = {name for name, text in texts().items() if re.match(r"#!.*\bpython", text)}
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert sorted(name for name in scripts if not name.endswith(".py")) == settings["tool"]["ruff"]["extend-include"]


TASKS = [node for node in ast.parse((ROOT / "tasks.py").read_text()).body if isinstance(node, ast.FunctionDef)]


def test_the_tasks_are_a_table_of_contents() -> None:
    assert len((ROOT / "tasks.py").read_text().splitlines()) <= 10 * len(TASKS)
    assert {task.name.rstrip("_").replace("_", "-") for task in TASKS} == set(tasks.namespace.tasks)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_a_task_is_short_and_says_in_a_line_what_it_does(task: ast.FunctionDef) -> None:
    words = ast.get_docstring(task)
    assert words
    assert "\n" not in words
    assert words[0].isupper()
    assert words.endswith(".")
    assert len(words) <= 75
    assert task.body[-1].end_lineno - task.body[0].lineno <= 12


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_nothing_heavy_is_imported_before_a_task_runs(task: ast.FunctionDef) -> None:
    """`invoke --list` and a mistyped command answer at once."""
    top = {node.module for node in ast.parse((ROOT / "tasks.py").read_text()).body if isinstance(node, ast.ImportFrom)}
    assert top == {"__future__", "invoke", "streamlab.tasks"}


#: The rooms of the control program; each knows those before it, and what stands beside them belongs to none.
ROOMS = (
    "students", "lessons", "diagnoses", "engines", "building", "gateway", "stacks", "work", "board", "keeping",
    "grading", "drills",
)  # fmt: skip
#: What every room may use.
SHARED = {"cancel", "display", "errors", "estimate", "paths", "stages", "ui", "yamlfile"}
IMPORT = re.compile(r"^\s*from streamlab\.(\w+)(?:\.\w+)* import", re.MULTILINE)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_knows_only_those_before_it(room: str) -> None:
    known = {*SHARED, "edge", *ROOMS[: ROOMS.index(room) + 1]}
    files = sorted((ROOT / "streamlab" / room).glob("*.py"))
    assert len(files) > 3
    for file in files:
        assert set(IMPORT.findall(file.read_text(encoding="utf-8"))) - known == set(), file.name


def test_what_both_sides_know_stands_alone() -> None:
    """What is sent into a node finds `edge` and `common` there; here it would not."""
    sources = [file.read_text(encoding="utf-8") for file in (ROOT / "streamlab").rglob("*.py")]
    shared = {
        name for source in sources for name in re.findall(r"^from streamlab\.edge\.(\w+) import", source, re.MULTILINE)
    }
    assert shared == {"arrival", "exchange", "filesystem", "outbox", "room", "transfer"}
    for name in shared:
        source = (ROOT / "streamlab" / "edge" / f"{name}.py").read_text(encoding="utf-8")
        assert re.findall(r"^(?:from|import) (?:common|edge)\b", source, re.MULTILINE) == []
        assert set(re.findall(r"^from \.(\w*) import", source, re.MULTILINE)) <= shared


def test_every_folder_of_the_control_program_is_a_room() -> None:
    folders = {path.parent.name for path in (ROOT / "streamlab").glob("*/__init__.py")}
    assert folders == {*ROOMS, "edge"}


#: What reads or writes text, in an encoding that depends on the caller's locale unless it is told one.
TEXT_CALLS = {"read_text", "write_text", "open", "TemporaryFile", "NamedTemporaryFile"}


def opened_by_locale(source: str) -> list[int]:
    """The lines in which a file or a pipe is opened as text, without an encoding."""
    lines = []
    for call in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        told = {word.arg: getattr(word.value, "value", None) for word in call.keywords}
        modes = [arg.value for arg in call.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
        binary = "b" in str(told.get("mode", "")) or any("b" in mode for mode in modes)
        archive = isinstance(call.func, ast.Attribute) and getattr(call.func.value, "id", "") in ("tarfile", "os")
        default_binary = name in ("TemporaryFile", "NamedTemporaryFile") and not modes
        reads = name in TEXT_CALLS and not (archive or default_binary or (binary and not name.endswith("_text")))
        if (reads or told.get("text")) and "encoding" not in told:
            lines.append(call.lineno)
    return lines


@pytest.mark.parametrize("file", [*(ROOT / "streamlab").rglob("*.py")], ids=lambda file: file.stem)
def test_nothing_that_is_read_depends_on_a_locale(file: Path) -> None:
    """A node has the image's own locale; on the control machine it is whatever ssh brought along."""
    if file.parent.name != "edge":
        assert opened_by_locale(file.read_text(encoding="utf-8")) == []


def test_text_without_an_encoding_is_found() -> None:
    wrong = "a.read_text()\nopen('x')\na.open('w')\nTemporaryFile('w+')\nrun(x, text=True)\n"
    right = "a.open('rb')\ntarfile.open(f)\nTemporaryFile()\nrun(x)\nopen(x, encoding='utf-8')\na.open(mode='wb')\n"
    assert opened_by_locale(wrong + right) == [1, 2, 3, 4, 5]
