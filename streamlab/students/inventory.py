"""The inventory as the lab reads it: loaded by Ansible's code, then checked whole before anything is touched."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from streamlab import __version__
from streamlab.errors import WrongRequest, unknown
from streamlab.paths import ANSIBLE, ROOT, STATE, private_file, private_folder
from streamlab.students import clusters, documents, endpoint
from streamlab.students.problems import find_problems
from streamlab.students.student import Student, described, student_from
from streamlab.students.values import VARIABLES
from streamlab.ui import show_any_script
from streamlab.yamlfile import check_yaml

DEFAULT = ROOT / "inventory" / "local.yml"

#: As `--student`: everybody.
EVERYBODY = "all"
#: Groups that every inventory has.
GROUPS = (EVERYBODY, "ungrouped", "students")

_CONFIG = ANSIBLE / "ansible.cfg"

#: Days for which Ansible's answer is kept after it was last wanted.
KEPT_DAYS = 30
#: What Ansible reads variables from, by suffix.
_VARIABLE_FILES = ("", ".yml", ".yaml", ".json")


@dataclass(frozen=True)
class Lab:
    """One inventory file, which describes one class."""

    path: Path
    students: tuple[Student, ...]
    variables: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    #: Docker host -> what says that it is used.
    why: Mapping[str, str] = field(default_factory=dict, repr=False)
    #: The stacks on which hand-ins are graded: nobody's, so that nothing is done to them but by their name.
    graders: tuple[Student, ...] = ()

    @property
    def everybody(self) -> tuple[Student, ...]:
        """Students and stacks for grading: whatever the inventory gives a place."""
        return (*self.students, *self.graders)

    def student(self, name: str | None = None) -> Student:
        """The student called `name`; without a name, the only one there is."""
        if name is None:
            if len(self.students) == 1:
                return self.students[0]
            raise WrongRequest(
                f"{self.path.name} has {len(self.students)} students, and none was named",
                evidence=f"known: {', '.join(s.name for s in self.students)}",
                fix=f"add --student {self.students[0].name}",
            )
        for student in self.everybody:
            if student.name == name:
                return student
        raise unknown("student", name, (s.name for s in self.students), usage="--student {}")

    def sizes(self, docker_host: str) -> dict[str, Student]:
        """Size -> a stack of it, as the first one of this Docker host would be."""
        name = next(stack.name for stack in self.everybody if stack.docker_host == docker_host)
        values = self.variables[name]
        return {size: student_from(name, {**values, "size": size}, where=self.path.name) for size in values["sizes"]}

    def chosen(self, name: str | None = None, limit: str | None = None) -> tuple[Student, ...]:
        """The student called `name` (`all` is everybody), those whose names match `limit`, or all.

        Args:
            limit: names and wildcards with commas between them, for example ``ada,b*``.

        Raises:
            WrongRequest: a part of it matches nobody, or both are given.
        """
        if name is not None and limit is not None:
            raise WrongRequest("--student and --limit are both given", fix="give one of them")
        if limit is None:
            return self.students if name in (None, EVERYBODY) else (self.student(name),)
        names = matching(limit, [student.name for student in self.students])
        return tuple(student for student in self.students if student.name in names)

    def explicitly_chosen(self, name: str | None = None, limit: str | None = None) -> tuple[Student, ...]:
        """Like `chosen`, but for commands that need explicit targets: without any, the class must have one student."""
        return (self.student(),) if name is None and limit is None else self.chosen(name, limit)


def matching(limit: str, names: Collection[str]) -> set[str]:
    """Those of `names` that a part of `limit` matches.

    Raises:
        WrongRequest: a part of it matches nobody, or it has none.
    """
    patterns = [part.strip() for part in limit.split(",") if part.strip()]
    if not patterns:  # an empty variable of a script is not everybody
        raise WrongRequest(f"--limit {limit!r} names nobody", fix=f"--student {EVERYBODY} is everybody")
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise unknown("student", pattern, names, usage="--limit {}")
    return {name for name in names if any(fnmatchcase(name, pattern) for pattern in patterns)}


def load(path: Path | str | None = None, cluster: str | None = None) -> Lab:
    """Read and check one inventory file, or the description of one cluster.

    Ansible's inventory code takes most of a second to import, so its answer is kept under a hash of every file that
    it depends on.

    Raises:
        WrongRequest: the file is missing, is no YAML, or describes something that cannot be built.
    """
    if description := clusters.named(cluster, path):
        found = clusters.read(description)
        return Lab(found.path, (described(found),))
    source = Path(path) if path else DEFAULT
    if not source.is_file():
        known = sorted(os.path.relpath(p) for p in (ROOT / "inventory").glob("*.yml"))
        raise WrongRequest(
            f"no inventory file {source}", evidence=f"known: {', '.join(known)}", fix="name one of these"
        )
    files = _files_of(source)
    written = {file: check_yaml(file) for file in files}
    misshapen = documents.shape_problems(written[source])
    if misshapen:
        raise WrongRequest(f"{source.name} is not an inventory", evidence=misshapen, fix=f"correct {source.name}")
    if not written[source]:
        raise _no_student(source)
    places = documents.places_of(written, source)
    checks = {**VARIABLES, **documents.role_options(places)}
    variables = _cached_variables(source, files, tuple(checks))
    if not variables:
        raise _no_student(source)
    documents.require_kinds(variables, places, checks, source=source)
    everybody = tuple(student_from(name, values, where=source.name) for name, values in variables.items())
    problems = find_problems(everybody)
    if problems:
        raise WrongRequest(
            f"{source.name} cannot be provisioned", evidence=problems, fix=f"edit {source.name} and try again"
        )
    graders, students = (tuple(one for one in everybody if one.grading is grading) for grading in (True, False))
    if not students:
        raise _no_student(source)
    return Lab(source, students, variables, _why(everybody, variables), graders)


def _why(students: Sequence[Student], variables: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Docker host -> what says that it is used, in words that follow its address."""
    of_inventory = {one.docker_host for one in students if "docker_host" in variables[one.name]}
    return {
        host: "as the inventory says" if host in of_inventory else endpoint.current().why
        for host in {one.docker_host for one in students}
    }


def _no_student(source: Path) -> WrongRequest:
    return WrongRequest(
        f"{source.name} has no student",
        evidence="its group `students` has no hosts",
        fix="add one, as inventory/class.example.yml has them: ada: {port_base: 24000, subnet: 10.90.0.0/27}",
    )


def _files_of(source: Path) -> list[Path]:
    folders = [source.parent / "group_vars", source.parent / "host_vars"]
    found = (file for folder in folders for file in folder.rglob("[!.]*"))
    return [source, *sorted(file for file in found if file.is_file() and file.suffix in _VARIABLE_FILES)]


def _cached_variables(source: Path, files: Sequence[Path], names: Collection[str]) -> dict[str, dict[str, Any]]:
    digest = hashlib.sha256(f"{__version__}{sorted(names)}".encode() + _CONFIG.read_bytes())
    for file in files:
        digest.update(f"{file.resolve()}\0".encode() + file.read_bytes() + b"\0")
    folder = private_folder(STATE / "inventory")
    kept = folder / f"{digest.hexdigest()[:16]}.json"
    with suppress(FileNotFoundError, PermissionError):  # root's, after a command under sudo
        os.utime(kept)
        return json.loads(kept.read_text(encoding="utf-8"))
    variables = _ask_ansible(source, names)
    for old in folder.iterdir():  # each change of a file leaves one behind
        with suppress(FileNotFoundError):
            if old.stat().st_mtime < time.time() - KEPT_DAYS * 86400:
                old.unlink()
    with private_file(kept) as new:  # the proofs of several students ask at once
        new.write(json.dumps(variables).encode())
    return variables


def _ask_ansible(source: Path, names: Collection[str] = tuple(VARIABLES)) -> dict[str, dict[str, Any]]:
    os.environ["ANSIBLE_CONFIG"] = str(_CONFIG)  # which group's variables win is the playbooks' rule; read at import
    # Of Ansible, a module has only what was sent with it.
    if "ansible.module_utils.basic" in sys.modules and "ansible.constants" not in sys.modules:
        raise WrongRequest(
            f"{source.name} is not the file that the lab read",
            evidence="a playbook runs, and the file changed meanwhile or the playbook was started by hand",
            fix="run the lab's own command again: invoke provision",
        )
    from ansible.constants import CONFIG_FILE
    from ansible.errors import AnsibleError
    from ansible.inventory.manager import InventoryManager
    from ansible.parsing.dataloader import DataLoader
    from ansible.vars.manager import VariableManager

    show_any_script()  # Ansible has its own way by now, with a warning and question marks
    if str(CONFIG_FILE) != str(_CONFIG):  # the answer would be another one, and be kept
        raise RuntimeError(f"Ansible was imported before ANSIBLE_CONFIG was set to {_CONFIG}; it reads {CONFIG_FILE}")
    try:
        loader = DataLoader()
        inventory = InventoryManager(loader=loader, sources=[str(source)])
        manager = VariableManager(loader=loader, inventory=inventory)
        hosts = inventory.get_hosts("students") if "students" in inventory.groups else []
        both = sorted({host.name for host in hosts} & set(inventory.groups))
        if both:
            raise WrongRequest(
                f"{source.name} has a student and a group with the same name",
                evidence=f"{', '.join(both)}: Ansible would take one student for the whole group",
                fix="rename the student",
            )
        found = {host.name: manager.get_vars(host=host) for host in hosts}
    except AnsibleError as error:
        raise WrongRequest(
            f"Ansible cannot read {source.name}", evidence=str(error).splitlines(), fix="correct the file"
        ) from None
    return {name: json.loads(json.dumps({k: v[k] for k in names if k in v}, default=str)) for name, v in found.items()}


def docker_hosts(source: Path) -> dict[str, str]:
    """Student -> Docker host, of an inventory in which students may still lack everything else."""
    found = _ask_ansible(source, ("docker_host",))
    return {
        name: str(values["docker_host"]) if values else endpoint.current().address for name, values in found.items()
    }
