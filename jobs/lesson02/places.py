"""Names of what the lesson keeps, shared by its steps, its preparation and its check."""

#: Consumer groups, as job.yml lists them.
SHARED = "l02-group"
AT_LEAST_ONCE = "l02-at-least-once"
AT_MOST_ONCE = "l02-at-most-once"
GROUPS = (SHARED, AT_LEAST_ONCE, AT_MOST_ONCE)

#: What a student makes by hand in the handout.
MINE = "l02-mine"

MEMBERS = ("member-a", "member-b")
MEMBERS_OUT = "members.json"


def effects(group: str) -> str:
    """The file that says what the members of `group` did, a line for each record they handled."""
    return f"{group}.jsonl"


#: Key of the record in the slice topic that says how many the others are.
COUNT = "count"
