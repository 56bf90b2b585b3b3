"""Ansible module: a stack's data is where its plan wants it, and nodes that have left the plan are gone."""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule

from streamlab.errors import LabError
from streamlab.stacks import placement
from streamlab.students import inventory

DOCUMENTATION = r"""
module: stack_placement
short_description: Copies as the plan says, and nodes that leave after their data has
options:
  inventory: {type: path, required: true, description: The inventory file.}
  student: {type: str, required: true, description: The student whose stack it is.}
  leaving: {type: list, elements: str, required: true, description: Nodes that are there and not in the plan.}
  changed: {type: bool, required: true, description: "Whether the stack was changed; else it may be as it should be."}
"""


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "inventory": {"type": "path", "required": True},
            "student": {"type": "str", "required": True},
            "leaving": {"type": "list", "elements": "str", "required": True},
            "changed": {"type": "bool", "required": True},
        },
        supports_check_mode=True,
    )
    leaving = module.params["leaving"]
    if module.check_mode:
        module.exit_json(changed=bool(leaving), made=[f"{name} would leave" for name in leaving])
    try:
        student = inventory.load(module.params["inventory"]).student(module.params["student"])
        if not leaving and not module.params["changed"] and placement.is_settled(student):
            module.exit_json(changed=False)
        done = placement.settle(student, leaving)
    except LabError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=bool(done), made=done)


if __name__ == "__main__":
    main()
