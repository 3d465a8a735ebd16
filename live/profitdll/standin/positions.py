"""Positions by account and asset, from fills alone."""

import numpy as np

from live.profitdll.standin.outbox import Outbox
from live.profitdll.standin.rings import store_row
from live.profitdll.standin.wire import EventKind, Wire

_BUY, _SELL, _FLAT = 1, 2, 200


class Positions:
    """The table of positions, kept from fills."""

    def __init__(self, wire: Wire, outbox: Outbox) -> None:
        self._wire, self._outbox = wire, outbox
        self._rows: dict[tuple[int, int], int] = {}
        self._events = 0

    def fill(self, account: int, asset: int, side: int, quantity: int, price: float) -> None:
        """Book a fill: 1 buys and 2 sells `quantity` at `price` in points; tell of the position."""
        place = self._rows.setdefault((account, asset), len(self._rows))
        row = self._wire.positions[place : place + 1].copy()
        row["account"], row["asset"] = account, asset
        day = "buy" if side == _BUY else "sell"
        traded = int(row[f"{day}_quantity"][0])
        row[f"{day}_average"] = (row[f"{day}_average"] * traded + price * quantity) / (traded + quantity)
        row[f"{day}_quantity"] = traded + quantity
        _join(row, quantity if side == _BUY else -quantity, price)
        self._events += 1
        row["event_id"] = self._events
        store_row(self._wire.positions, place, row[0])
        self._wire.header["positions"] = len(self._rows)
        self._outbox.say(EventKind.POSITION, a=place, number=self._events, asset=asset)

    def signed(self, account: int, asset: int) -> int:
        """Return contracts held, short below zero."""
        place = self._rows.get((account, asset), -1)
        return _signed(self._wire.positions[place : place + 1]) if place >= 0 else 0


def _signed(row: np.ndarray) -> int:
    quantity = int(row["open_quantity"][0])
    return -quantity if int(row["side"][0]) == _SELL else quantity


def _join(row: np.ndarray, bought: int, price: float) -> None:
    """Add signed contracts to an open position; what turns it over opens at the fill's price."""
    held = _signed(row)
    total = held + bought
    if held * bought >= 0:
        row["open_average"] = (row["open_average"] * abs(held) + price * abs(bought)) / max(abs(total), 1)
    elif total == 0:
        row["open_average"] = 0.0
    elif held * total < 0:
        row["open_average"] = price
    row["open_quantity"] = abs(total)
    row["side"] = _FLAT if total == 0 else _BUY if total > 0 else _SELL
