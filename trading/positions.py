"""What fills do to the account: signed arithmetic, and nothing else changes a position."""

import math

import numpy as np

from market.kernel import kernel


@kernel
def apply_fill(account: np.void, fill: np.void) -> None:
    """Book one fill: position, cash and fees."""
    side, quantity, price = np.int64(fill["side"]), np.int64(fill["quantity"]), np.int64(fill["price"])
    account["position"] += side * quantity
    account["cash_ticks"] -= side * quantity * price
    account["fees"] += fill["fee"]


@kernel
def equity_reais(account: np.void, tick_value: float) -> float:
    """Return R$ won or lost since the account was opened, open position at the mark, fees paid."""
    ticks = account["cash_ticks"] + np.int64(account["position"]) * np.int64(account["mark"])
    return float(ticks * tick_value - account["fees"])


@kernel
def mark_account(account: np.void, price: int, tick_value: float) -> None:
    """Value the account at a price."""
    account["mark"] = price
    account["equity"] = equity_reais(account, tick_value)


@kernel
def round_trip_cost(terms: np.void) -> int:
    """Return the whole ticks a contract must win to pay both its sides."""
    ticks: int = math.ceil(2.0 * terms["fee_per_side"] / terms["tick_value"])
    return ticks
