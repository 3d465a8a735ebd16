"""Broker's notes worked by hand from b3.md: point values of §1, fees of §7, one per cent withheld of a day's gain."""

from datetime import date
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.costs import CostParams, Costs, costs
from market.errors import DataError
from trading.broker_note import BrokerNote, note_line
from trading.records import FILL

DAY = date(2026, 11, 20)
TICK_VALUE = {"WDO": 5.0, "DOL": 25.0, "WIN": 1.0, "IND": 5.0}


def fills_of(*trades: tuple[int, int, int]) -> np.ndarray:
    fills = np.zeros(len(trades), dtype=FILL)
    for fill, (side, quantity, price) in zip(fills, trades, strict=True):
        fill["side"], fill["quantity"], fill["price"] = side, quantity, price
    return fills


# root, brokerage, fills (side, contracts, price in ticks), then by hand: gross, fees, brokerage, withheld, settled
NOTES = {
    # bought 1 at 5,400.0, sold at 5,405.0: 5 points x R$ 10; 2 x 1.09998
    "one mini dollar won": ("WDO", 0.0, [(1, 1, 10800), (-1, 1, 10810)], "50.00", "2.20", "0", "0.48", "47.32"),
    # the same, lost: nothing is withheld
    "one mini dollar lost": ("WDO", 0.0, [(1, 1, 10810), (-1, 1, 10800)], "-50.00", "2.20", "0", "0", "-52.20"),
    # sold 2 at 5,400.0, bought at 5,399.5: 0.5 point x 10 x 2; 4 x 1.09998 = 4.39992
    "short by one tick": ("WDO", 0.0, [(-1, 2, 10800), (1, 2, 10799)], "10.00", "4.40", "0", "0.06", "5.54"),
    # flat price: only costs
    "scratch": ("WDO", 0.0, [(1, 1, 10800), (-1, 1, 10800)], "0.00", "2.20", "0", "0", "-2.20"),
    # bought 1 at 130,000, sold at 130,250: 250 points x 0.20; 2 x 0.2561
    "one mini index won": ("WIN", 0.0, [(1, 1, 26000), (-1, 1, 26050)], "50.00", "0.51", "0", "0.49", "49.00"),
    # 3 minis in two exits: 2 x 100 points and 1 x 20 points at 0.20; 6 sides x 0.2561 = 1.5366
    "partial exits": (
        "WIN", 0.0, [(1, 3, 26000), (-1, 2, 26020), (-1, 1, 26004)], "44.00", "1.54", "0", "0.42", "42.04",
    ),
    # with brokerage of R$ 0.25 a side: 10 x 0.2561 = 2.561, 10 x 0.25; 100 points x 0.20 x 5
    "brokerage": ("WIN", 0.25, [(-1, 5, 26000), (1, 5, 25980)], "100.00", "2.56", "2.50", "0.95", "93.99"),
    # 5 full dollars, 1 point x 50 x 5; 10 x 4.39992
    "full dollar": ("DOL", 0.0, [(1, 5, 10800), (-1, 5, 10802)], "250.00", "44.00", "0", "2.06", "203.94"),
    # 5 full index, 10 points x 1 x 5 lost; 10 x 1.2805 = 12.805, half a cent rounds away from zero
    "full index lost": ("IND", 0.0, [(1, 5, 26002), (-1, 5, 26000)], "-50.00", "12.81", "0", "0", "-62.81"),
    # turned over: long 1 lost 4 ticks, short 1 won 10 ticks: 6 ticks x 5; 4 x 1.09998
    "turned over": (
        "WDO", 0.0, [(1, 1, 10804), (-1, 2, 10800), (1, 1, 10790)], "30.00", "4.40", "0", "0.26", "25.34",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NOTES)
def test_notes_worked_by_hand(name: str) -> None:
    root, brokerage, trades, gross, fees, broker, withheld, settled = NOTES[name]
    line = note_line(fills_of(*trades), TICK_VALUE[root], costs(root, DAY, CostParams(brokerage_reais=brokerage)))
    note = BrokerNote((line,))
    found = (line.gross, line.fees, line.brokerage, note.withheld, note.settled)
    assert found == tuple(Decimal(text) for text in (gross, fees, broker, withheld, settled))


def test_gains_and_losses_of_a_day_offset_before_anything_is_withheld() -> None:
    won = note_line(fills_of((1, 1, 10800), (-1, 1, 10810)), 5.0, costs("WDO", DAY))  # net 47.80
    lost = note_line(fills_of((1, 1, 26050), (-1, 1, 26000)), 1.0, costs("WIN", DAY))  # net -50.51
    assert BrokerNote((won, lost)).withheld == 0
    assert BrokerNote((won, lost)).settled == Decimal("-2.71")


def test_a_note_needs_a_flat_end() -> None:
    with pytest.raises(DataError, match=r"\+1 contracts"):
        note_line(fills_of((1, 1, 10800)), 5.0, costs("WDO", DAY))


@given(
    st.lists(st.tuples(st.sampled_from([-1, 1]), st.integers(1, 50), st.integers(1, 60_000)), max_size=30),
    st.decimals("0", "3", places=4),
)
def test_every_cent_is_accounted_for(trades: list[tuple[int, int, int]], fee: Decimal) -> None:
    """The note equals the ledger of single fills within half a cent a line, and adds up exactly."""
    left = sum(side * quantity for side, quantity, _ in trades)
    if left:
        trades = [*trades, (-1 if left > 0 else 1, abs(left), 100)]
    line = note_line(fills_of(*trades), 5.0, Costs(float(fee), 0.0))
    cash = sum((-side * quantity * price * Decimal(5) for side, quantity, price in trades), Decimal(0))
    paid = sum((quantity * fee for _, quantity, _ in trades), Decimal(0))
    assert line.gross == cash
    assert abs(line.fees - paid) <= Decimal("0.005")
    note = BrokerNote((line,))
    assert note.settled + note.withheld == line.gross - line.fees - line.brokerage
    assert note.withheld >= 0
