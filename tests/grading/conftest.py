"""The class of five, graded once for all tests."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from five_students import CLASS, STUDENTS, Course, graded, hand_in_on_the_edge, typed_by_hand
from lab_runner import LabRunner, write_inventory
from streamlab.grading.store import Store


@pytest.fixture(scope="session")
def course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Course]:
    folder = tmp_path_factory.mktemp("grading")
    own = os.environ.get("STREAMLAB_TEST_INVENTORY")
    lab = LabRunner(own or str(write_inventory(folder, CLASS, STUDENTS)), "ada")
    lab_class = os.environ.get("STREAMLAB_TEST_CLASS", CLASS)
    lab("images", seconds=2400, student=False)
    lab("destroy", "--yes", student=False)
    try:
        lab("provision")
        checked = hand_in_on_the_edge(lab, typed_by_hand(lab_class), folder)
        lab("collect", "--to", str(folder))
        lab("destroy", "--yes")
        yield graded(lab, folder, Store(lab_class, str(folder)), checked)
    finally:
        lab("destroy", "--yes", student=False)
