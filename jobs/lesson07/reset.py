"""What the general reset does not know of: the lesson's tables in the metastore."""

from __future__ import annotations

from common.lab import Lab
from lesson07.places import DATABASE


def reset(lab: Lab) -> list[str]:
    """Forget the database with all its tables. The metastore itself stays, other databases in it are not touched."""
    if not lab.metastore.was_started():
        return [f"database {DATABASE}: not there"]
    return [f"database {DATABASE}: {'dropped' if lab.metastore.drop_database(DATABASE) else 'not there'}"]
