"""The broker's note of a session: what its fills won, what they cost, and what is withheld (b3.md §7).

Money is `Decimal` and rounded to the cent, halves away from zero, each line once: so a note adds up to the cent.
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

import numpy as np

from market.costs import Costs
from market.errors import DataError

CENT = Decimal("0.01")
WITHHELD = Decimal("0.01")  # of a positive day-trade result, deducted at source


@dataclass(frozen=True)
class NoteLine:
    """What one instrument did in a session, R$.

    Parameters
    ----------
    contracts : int
        Bought plus sold.
    gross : Decimal
        From fills alone: sold minus bought.
    fees, brokerage : Decimal
        Of all sides.
    """

    contracts: int
    gross: Decimal
    fees: Decimal
    brokerage: Decimal

    @property
    def net(self) -> Decimal:
        """R$ after fees and brokerage."""
        return self.gross - self.fees - self.brokerage


@dataclass(frozen=True)
class BrokerNote:
    """All instruments of one session: gains and losses of a day offset each other before anything is withheld."""

    lines: tuple[NoteLine, ...]

    @property
    def net(self) -> Decimal:
        """R$ after fees and brokerage, before what is withheld."""
        return sum((line.net for line in self.lines), Decimal(0))

    @property
    def withheld(self) -> Decimal:
        """R$ withheld at source: one per cent of the day's net result, nothing of a loss."""
        return to_cents(max(self.net, Decimal(0)) * WITHHELD)

    @property
    def settled(self) -> Decimal:
        """R$ the account is credited, or debited where negative."""
        return self.net - self.withheld


def to_cents(amount: Decimal) -> Decimal:
    """Return an amount rounded to the cent, halves away from zero."""
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)


def note_line(fills: np.ndarray, tick_value: float, costs: Costs) -> NoteLine:
    """Return the line of one instrument.

    Parameters
    ----------
    fills : ndarray of FILL
        Of one instrument and session, flat at the end.
    tick_value : float
        R$ per tick and contract.
    costs : Costs
        In force on that day.

    Raises
    ------
    DataError
        If the fills do not end flat: the note of a position held over night needs settlement prices.
    """
    quantity = fills["quantity"].astype(np.int64)
    signed = fills["side"].astype(np.int64) * quantity
    if int(signed.sum()) != 0:
        raise DataError(f"broker note: expected fills that end flat, found {signed.sum():+d} contracts; flatten first")
    ticks, contracts = -int((signed * fills["price"]).sum()), int(quantity.sum())
    return NoteLine(
        contracts=contracts,
        gross=to_cents(ticks * Decimal(str(tick_value))),
        fees=to_cents(contracts * Decimal(repr(costs.fee_reais))),
        brokerage=to_cents(contracts * Decimal(repr(costs.brokerage_reais))),
    )
