"""Ansible module: a stack's network, volumes and containers, in one call.

The collection's modules take one call for each, at half a second of processor time; `./lab bench --only calls` has
both side by side.
"""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule

from streamlab.engines.engine import connect
from streamlab.engines.labelled import node
from streamlab.errors import LabError
from streamlab.gateway import edge_ssh
from streamlab.stacks import reconcile, status
from streamlab.stacks.prove import is_proved
from streamlab.students import inventory, topology
from streamlab.work import seat

DOCUMENTATION = r"""
module: stack_nodes
short_description: A stack's network, volumes and containers
description: >-
  Says as well whether the stack is C(proved) - whether these containers have passed every proof since they were made,
  and answer now. A module of its own would take longer to start than to ask.
options:
  inventory: {type: path, required: true, description: The inventory file.}
  student: {type: str, required: true, description: The student whose stack it is.}
  settings: {type: dict, required: true, description: "Kind of node -> how it is started; see containers.wanted."}
  config_files: {type: dict, required: true, description: Path below /etc/streamlab -> text of every file.}
  labels: {type: dict, required: true, description: Labels of everything.}
"""

ARGUMENTS = {"inventory": "path", "student": "str", "settings": "dict", "config_files": "dict", "labels": "dict"}


def main() -> None:
    module = AnsibleModule(
        argument_spec={name: {"type": kind, "required": True} for name, kind in ARGUMENTS.items()},
        supports_check_mode=True,
    )
    given = dict(module.params)
    try:
        student = inventory.load(given.pop("inventory")).student(given.pop("student"))
        wanted = {
            "plan": topology.plan(student),
            "subnet": student.subnet,
            "ssh_files": edge_ssh.files(student),
            **given,
        }
        with connect(student.docker_host) as client:
            outcome = reconcile.reconcile(client, **wanted, dry_run=module.check_mode)
            if not module.check_mode:
                seat.place(node(client, student, "edge"), student)
        as_it_was = not outcome.changed and not outcome.leaving
        proved = as_it_was and is_proved(student) and status.is_healthy(student)
    except LabError as error:
        module.fail_json(msg=str(error))
    module.exit_json(
        changed=bool(outcome.changed),
        made=outcome.changed,
        leaving=outcome.leaving,
        proved=proved,
        diff=dict(outcome.diff),
    )


if __name__ == "__main__":
    main()
