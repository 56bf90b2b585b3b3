"""Ansible module: every service of a student's stack proves itself, or the task fails and says which did not."""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule

from streamlab.errors import LabError
from streamlab.stacks.prove import failure, prove, remember
from streamlab.students import inventory

DOCUMENTATION = r"""
module: stack_proof
short_description: A real question to every service of a stack
options:
  inventory: {type: path, required: true, description: The inventory file.}
  student: {type: str, required: true, description: The student whose stack is asked.}
"""


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "inventory": {"type": "path", "required": True},
            "student": {"type": "str", "required": True},
        },
        supports_check_mode=True,
    )
    if module.check_mode:
        module.exit_json(changed=False, skipped=True)
    try:
        student = inventory.load(module.params["inventory"]).student(module.params["student"])
        proven = prove(student)
        if all(p.passed for p in proven):
            remember(student)
    except LabError as error:
        module.fail_json(msg=str(error))
    bad = [p for p in proven if not p.passed]
    if bad:
        module.fail_json(msg="\n".join(str(failure(student, p)) for p in bad))
    module.exit_json(changed=False, proven=[f"{p.service}: {p.answer} ({p.seconds} s)" for p in proven])


if __name__ == "__main__":
    main()
