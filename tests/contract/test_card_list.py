"""The list of cards in the documentation is that of the tests."""

import re

from tests.commands import CHECKOUT
from tests.contract.cards import HERE, cards, listing

# Tests of this folder that are no cards.
OTHERS = {"test_listed_cards_are_those_of_the_tests", "test_every_card_has_a_number_of_its_own_and_a_text"}


def test_listed_cards_are_those_of_the_tests() -> None:
    documented = (CHECKOUT / "docs" / "contract.md").read_text(encoding="utf-8")
    missing = f"docs/contract.md: expected this list\n\n{listing()}"
    assert listing() in documented, missing


def test_every_card_has_a_number_of_its_own_and_a_text() -> None:
    numbers = [card.number for card in cards()]
    assert len(numbers) == len(set(numbers)) > 60
    assert all(re.fullmatch(r"[DHERLS]\d\d", number) for number in numbers)
    assert all(card.text.endswith(".") and "|" not in card.text for card in cards())
    named = re.findall(r"^def (test_\w+)", "".join(path.read_text("utf-8") for path in HERE.glob("test_*.py")), re.M)
    assert {name for name in named if not re.match(r"test_[a-z]\d\d_", name)} == OTHERS
