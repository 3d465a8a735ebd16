"""Which checks there are, which of them refuse, and what a finding says to a person."""

from dataclasses import replace
from datetime import date, datetime

import pytest

from flows.checks import SUITES, Check, Finding, Found, Unit
from market.calendar import to_ns
from market.precheck_defects import Defect

MONDAY, TUESDAY = date(2026, 6, 1), date(2026, 6, 2)
MINUTE_NS = 60_000_000_000


def at(day: date, hour: int, minute: int, second: int = 0) -> int:
    return to_ns(datetime(day.year, day.month, day.day, hour, minute, second))


def finding(name: str, *found: Found, because: tuple[str, ...] = ()) -> Finding:
    days = [date(2026, 6, k + 1) for k in range(len(found))]
    return Finding(Check(name, True), tuple(zip(days, found, strict=True)), because)


def test_everything_the_precheck_can_find_is_held_by_a_suite() -> None:
    held = {check.name for suite in ("trades", "quotes", "book", "bars") for check in SUITES[suite]}
    assert held == {defect.name.lower() for defect in Defect}


def test_what_a_sound_market_shows_is_told_and_everything_else_refuses() -> None:
    told = {check.name for checks in SUITES.values() for check in checks if not check.refuses}
    assert told == {
        "zero_range_run", "book_locked", "unusual_volume", "trades_beyond_volume", "missing_session", "between_exports",
        "feed_loss", "truncated_export", "halt", "unexplained_edge",
        "back_adjusted", "other_level",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        (
            finding("huge_volume", Found(1, 22_002_717, at(MONDAY, 10, 50))),
            "bars of a volume that so few trades cannot have made: 1, up to 22,002,717 contracts (2026-06-01 10:50)",
        ),
        (
            finding("no_price", Found(3, 0, at(MONDAY, 9, 0, 5)), Found(1, 5, at(TUESDAY, 9, 1))),
            "records without a price above zero: 4, the lowest -5 ticks (2026-06-02 09:01, 2026-06-01 09:00:05)",
        ),
        (
            finding("time_back", Found(2, 1_500_000_000, at(MONDAY, 9, 30))),
            "times before the one above: 2, the worst by 1.500 s (2026-06-01 09:30)",
        ),
        (
            finding("frozen_feed", Found(1, 40, at(MONDAY, 9, 30))),
            "runs of 10 bars or more that repeat a bar: 1, the longest 40 (2026-06-01 09:30)",
        ),
        (
            finding("feed_loss", Found(2, 10 * MINUTE_NS), Found(1, 340 * MINUTE_NS)),
            "sessions with lost data: 2, in 3 holes, up to 340 minutes of a session "
            "(2026-06-02 340 min, 2026-06-01 10 min)",
        ),
        (
            finding("missing_session", *[Found(1)] * 7),
            "whole sessions lost: 7 (2026-06-01, 2026-06-02, 2026-06-03, 2026-06-04, 2026-06-05 and 2 more)",
        ),
        (
            finding("generated", Found(1), because=("returns have a kurtosis of 3.00",)),
            "sessions filed as real that no market made: 1 (2026-06-01): returns have a kurtosis of 3.00",
        ),
    ],
    ids=lambda value: value.check.name if isinstance(value, Finding) else "",
)
def test_a_finding_is_one_sentence(told: Finding, sentence: str) -> None:
    assert told.sentence == sentence


def test_a_page_reads_it_in_portuguese_with_english_beside_it() -> None:
    told = finding("huge_volume", Found(1, 22_002_717, at(MONDAY, 10, 50)))
    assert told.on_page == (
        '<span lang="pt-BR">barras de volume impossível para tão poucos negócios: 1, '
        "até 22\u202f002\u202f717 contratos</span> "
        '<span class="en" lang="en">bars of a volume that so few trades cannot have made: 1, '
        "up to 22\u202f002\u202f717 contracts</span>"
    )


def test_quantities_are_told_in_what_the_instrument_counts() -> None:
    """A share stored by its round lot of 100."""
    told = replace(finding("unusual_volume", Found(1, 237_303)), unit=Unit("shares", 100.0))
    assert told.sentence == "bars of an unusually large volume: 1, up to 23,730,300 shares (2026-06-01)"
    assert "até 23\u202f730\u202f300 ações" in told.on_page
    spike = replace(finding("price_spike", Found(1, 30)), unit=Unit("shares", 100.0))
    assert "the worst by 30 ticks" in spike.sentence
