"""Names of what the lesson keeps, shared by its steps, its preparation and its check."""

#: Consumer groups, as job.yml lists them.
SHARED = "l02-group"
AT_LEAST_ONCE = "l02-at-least-once"
AT_MOST_ONCE = "l02-at-most-once"
GROUPS = (SHARED, AT_LEAST_ONCE, AT_MOST_ONCE)

#: Topics and consumer groups that a student makes in the handout, which job.yml does not list.
MINE = "l02-mine"
TYPED_TOPICS = ("typed02-readings", "typed02-highest", "typed02-paid", "typed02-warm")
TYPED_GROUPS = ("typed02", "typed02-warm")

#: The file of readings, for the handout's own program.
READINGS = "readings.csv"

MEMBERS = ("member-a", "member-b")
MEMBERS_OUT = "members.json"


def effects(group: str) -> str:
    """The file that says what the members of `group` did, a line for each record they handled."""
    return f"{group}.jsonl"


#: Key of the record in the slice topic that says how many the others are.
COUNT = "count"
