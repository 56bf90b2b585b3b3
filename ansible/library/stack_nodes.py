"""Ansible module: a stack's network, volumes and containers, in one call.

The collection's modules take one call for each, at half a second of processor time; `./lab bench --only calls` has
both side by side.
"""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule

from streamlab.engines.engine import connect
from streamlab.errors import LabError
from streamlab.stacks import reconcile

DOCUMENTATION = r"""
module: stack_nodes
short_description: A stack's network, volumes and containers
options:
  docker_host: {type: str, required: true, description: The engine's address.}
  plan: {type: dict, required: true, description: The stack as the filter stack_plan gives it.}
  subnet: {type: str, required: true, description: The IPv4 network of this stack alone.}
  settings: {type: dict, required: true, description: "Kind of node -> how it is started; see reconcile.wanted."}
  config_files: {type: dict, required: true, description: Path below /etc/streamlab -> text of every file.}
  labels: {type: dict, required: true, description: Labels of everything.}
"""

ARGUMENTS = {
    "docker_host": "str",
    "plan": "dict",
    "subnet": "str",
    "settings": "dict",
    "config_files": "dict",
    "labels": "dict",
}


def main() -> None:
    module = AnsibleModule(
        argument_spec={name: {"type": kind, "required": True} for name, kind in ARGUMENTS.items()},
        supports_check_mode=True,
    )
    given = dict(module.params)
    try:
        with connect(given.pop("docker_host")) as client:
            outcome = reconcile.reconcile(client, **given, dry_run=module.check_mode)
    except LabError as error:
        module.fail_json(msg=str(error))
    module.exit_json(
        changed=bool(outcome.changed), made=outcome.changed, leaving=outcome.leaving, diff=dict(outcome.diff)
    )


if __name__ == "__main__":
    main()
