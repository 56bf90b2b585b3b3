"""Ansible module: a stack's volumes.

One call for all of them (the collection's docker_volume takes one each), and it can fill one: the configuration
volume is written once and named after its contents, so a changed setting is a new volume, and containers that
mount it are made anew, as they must be.
"""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule

from streamlab import volumes
from streamlab.engine import connect
from streamlab.errors import LabError

DOCUMENTATION = r"""
module: stack_volumes
short_description: A stack's data volumes and its volume of configuration
options:
  docker_host: {type: str, required: true, description: The engine's address.}
  prefix: {type: str, required: true, description: What the volumes' names begin with.}
  nodes: {type: list, elements: str, required: true, description: The nodes that have data.}
  config_files: {type: dict, required: true, description: Path -> text of every file of configuration.}
  image: {type: str, required: true, description: Any image of ours; it is never run.}
  labels: {type: dict, required: true, description: Labels of every volume.}
"""


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "docker_host": {"type": "str", "required": True},
            "prefix": {"type": "str", "required": True},
            "nodes": {"type": "list", "elements": "str", "required": True},
            "config_files": {"type": "dict", "required": True},
            "image": {"type": "str", "required": True},
            "labels": {"type": "dict", "required": True},
        },
        supports_check_mode=True,
    )
    wanted = volumes.wanted(module.params["prefix"], module.params["nodes"], module.params["config_files"])
    try:
        with connect(module.params["docker_host"]) as client:
            made = volumes.ensure(
                client,
                wanted,
                labels=module.params["labels"],
                image=module.params["image"],
                config_files=module.params["config_files"],
                dry_run=module.check_mode,
            )
    except LabError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=bool(made), made=made, config_volume=wanted.config)


if __name__ == "__main__":
    main()
