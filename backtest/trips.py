"""Round trips: what happened between two moments without a position."""

import numpy as np

from market.types import Regime
from trading.records import Strategy

ROUND_TRIP = np.dtype(
    [
        ("open_ns", "<i8"),
        ("close_ns", "<i8"),
        ("decision", "<i8"),  # number of the decision behind the first fill
        ("gross", "<f8"),  # R$ before fees
        ("fees", "<f8"),  # R$
        ("net", "<f8"),  # R$
        ("quantity", "<i4"),  # contracts bought plus contracts sold, halved
        ("side", "i1"),  # of the first fill
        ("regime", "u1"),  # at the decision; 0 when the decisions were not given
        ("role", "u1"),  # of the last fill: what closed the position
        ("strategy", "u1"),  # row of the policy at the decision; 0 when the decisions were not given
    ]
)

_COLUMNS = ("ts_ns", "side", "quantity", "price", "fee", "decision", "role")


def round_trips(fills: np.ndarray, tick_value: float, decisions: np.ndarray | None = None) -> np.ndarray:
    """Pair fills into round trips.

    A fill that turns the position over is cut in two: it closes one round trip and opens the next, and its
    fee is shared by quantity. A position still open at the end makes no round trip.

    Parameters
    ----------
    fills : np.ndarray
        FILL records of one instrument, in time order.
    tick_value : float
        R$ per tick and contract.
    decisions : np.ndarray, optional
        DECISION records in time order, to name the regime and the row of the policy of each round trip.

    Returns
    -------
    np.ndarray
        ROUND_TRIP records, in order of their close.
    """
    done: list[tuple[float, ...]] = []
    position, opened, ticks, fees, traded = 0, (0, 0, 0), 0, 0.0, 0
    for ts_ns, side, quantity, price, fee, decision, role in zip(*(fills[c].tolist() for c in _COLUMNS), strict=True):
        left = quantity
        while left > 0:
            if position == 0:
                opened, ticks, fees, traded = (ts_ns, side, decision), 0, 0.0, 0
            closing = position * side < 0
            part = min(left, abs(position)) if closing else left
            ticks -= side * price * part
            fees += fee * part / quantity
            traded += part
            position += side * part
            left -= part
            if position == 0:
                gross, entered = ticks * tick_value, (opened[0], ts_ns, opened[2])
                done.append((*entered, gross, fees, gross - fees, traded // 2, opened[1], 0, role, 0))
    trips = np.array(done, dtype=ROUND_TRIP)
    if decisions is not None and len(decisions):
        found, meant = _decisions_of(trips, decisions)
        trips["regime"] = np.where(found, decisions["regime"][meant], int(Regime.UNDEFINED))
        trips["strategy"] = np.where(found, decisions["strategy"][meant], int(Strategy.NONE))
    return trips


def _decisions_of(trips: np.ndarray, decisions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Look up the decision each round trip names, and whether it is there; each session numbers them from 0."""
    latest = np.searchsorted(decisions["ts_ns"], trips["open_ns"], side="right") - 1
    latest = np.maximum(latest, 0)
    meant = latest - (decisions["sequence"][latest] - trips["decision"])
    inside = (meant >= 0) & (meant <= latest)
    meant = np.where(inside, meant, latest)
    return inside & (decisions["sequence"][meant] == trips["decision"]), meant
