"""What a student makes by hand in this lesson, which job.yml does not list."""

from __future__ import annotations

from common.lab import Lab
from lesson02.places import MINE, TYPED_GROUPS, TYPED_TOPICS


def reset(lab: Lab) -> list[str]:
    """Take away the topics and the consumer groups of the handout's exercises."""
    topics = [
        f"topic {name}: {'deleted' if lab.kafka.delete_topic(name) else 'not there'}" for name in (MINE, *TYPED_TOPICS)
    ]
    groups = [
        f"consumer group {name}: {'deleted' if lab.kafka.delete_group(name) else 'not there'}"
        for name in (MINE, *TYPED_GROUPS)
    ]
    return topics + groups
