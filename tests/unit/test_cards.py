"""Cards with which students log in: for everybody or for some, and renewed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from fake_engine import FakeEngine
from streamlab.gateway import bring_up, cards, health, secrets
from streamlab.students.inventory import Lab
from streamlab.students.student import Gateway, Student


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    monkeypatch.setattr(health, "wait_until_it_answers", lambda *_: None)
    made = FakeEngine()
    monkeypatch.setattr(cards.engine, "connect", made.connect)
    return made


@pytest.fixture
def ada(student: Student) -> Student:
    return replace(student, gateway=Gateway(port=18443, ssh_port=12222))


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The control machine's own folder."""
    monkeypatch.setattr(secrets, "STATE", tmp_path)
    return tmp_path / "gateway" / "spring"


@pytest.fixture
def lab(ada: Student) -> Lab:
    bob = replace(ada, name="bob", port_base=21000, subnet="10.89.2.0/27")
    return Lab(Path("class.yml"), (ada, bob))


def test_cards_are_for_everybody_or_for_some(lab: Lab, kept: Path, tmp_path: Path) -> None:
    cards.cards(lab, to=str(tmp_path / "all.csv"), renew=None)
    first = (tmp_path / "all.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in first] == ["name", "instructor", "ada", "bob"]
    assert first[2].split(",")[2] == "https://lab.localhost:18443/"
    cards.cards(lab, to=str(tmp_path / "one.csv"), renew=None, student="bob")
    assert (tmp_path / "one.csv").read_text().splitlines()[1:] == [first[3]]
    assert (tmp_path / "all.csv").stat().st_mode & 0o777 == 0o600


def test_a_printed_card_loads_nothing_and_escapes_everything(lab: Lab, kept: Path, tmp_path: Path) -> None:
    russian = replace(lab, students=tuple(replace(one, language="ru") for one in lab.students))
    cards.cards(russian, to=str(tmp_path / "cards.html"), renew=None)
    text = (tmp_path / "cards.html").read_text()
    assert text.count("<article>") == 3
    assert text.count("<svg") == 3
    assert "Ваш кластер" in text
    assert [loading for loading in ("src=", "url(", "<link") if loading in text] == []
    hostile = cards.Card("<b>", "https://x", "s", "")
    assert "<b>" not in cards.as_html([hostile], lab.students[0])


def test_a_renewed_secret_reaches_the_gateway_that_runs(
    engine: FakeEngine, lab: Lab, kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    bring_up.ensure(engine.client, lab.students, folder=tmp_path)
    before = secrets.ensure_secrets(kept, ["ada", "bob"])
    engine.calls.clear()
    cards.cards(lab, to=None, renew="ada")
    after = secrets.ensure_secrets(kept, ["ada", "bob"])
    assert (after["ada"] != before["ada"], after["bob"]) == (True, before["bob"])
    assert "kill spring-gateway-portal HUP" in engine.calls
    assert before["ada"] not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"to": None, "renew": None}, "error: cards to where?"),
        ({"to": "cards.pdf", "renew": None}, "error: cards.pdf is neither HTML nor CSV"),
        ({"to": None, "renew": "adda"}, "error: no person with a card named 'adda'"),
    ],
)
def test_what_cannot_be_made_is_refused(lab: Lab, kept: Path, options: dict, error: str, error_of: Callable) -> None:
    assert error_of(cards.cards, lab, **options).startswith(error)


def test_without_a_gateway_there_are_no_cards(student: Student, error_of: Callable) -> None:
    said = error_of(cards.cards, Lab(Path("class.yml"), (student,)), to="cards.html", renew=None)
    assert said.splitlines()[0] == "error: class.yml has no gateway to log in to"
    assert "gateway: {}" in said
