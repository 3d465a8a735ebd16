"""Money: every number by hand or by a ledger that keeps each contract apart."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading.positions import apply_fill, equity_reais, mark_account
from trading.records import ACCOUNT, FILL

WDO_TICK, WIN_TICK = 5.0, 1.0  # R$ per tick and contract: 0.5 x R$ 10 and 5 x R$ 0.20
fills = st.lists(st.tuples(st.sampled_from([-1, 1]), st.integers(1, 5), st.integers(9_900, 10_100)), max_size=20)


def _fill(side: int, quantity: int, price: int, fee: float = 0.0) -> np.void:
    fill = np.zeros(1, dtype=FILL)
    fill["side"], fill["quantity"], fill["price"], fill["fee"] = side, quantity, price, fee
    return fill[0]


def _account(*trades: tuple[int, int, int], fee: float = 0.0) -> np.ndarray:
    account = np.zeros(1, dtype=ACCOUNT)
    for side, quantity, price in trades:
        apply_fill(account[0], _fill(side, quantity, price, fee * quantity))
    return account


@pytest.mark.parametrize(
    ("tick_value", "trades", "mark", "expected"),
    [
        (WDO_TICK, [(1, 1, 10_000), (-1, 1, 10_012)], 0, 60.0),
        (WDO_TICK, [(-1, 1, 10_000), (1, 1, 10_012)], 0, -60.0),
        (WIN_TICK, [(1, 2, 26_000), (-1, 2, 25_990)], 0, -20.0),
        (WIN_TICK, [(1, 3, 26_000), (-1, 1, 26_010)], 26_004, 10.0 + 8.0),
        (WDO_TICK, [(-1, 2, 10_000)], 9_990, 100.0),
        (WDO_TICK, [], 10_000, 0.0),
    ],
)
def test_profit_by_hand(tick_value: float, trades: list[tuple[int, int, int]], mark: int, expected: float) -> None:
    account = _account(*trades)
    account["mark"] = mark
    assert equity_reais(account[0], tick_value) == expected


def test_fees_are_paid_on_both_sides() -> None:
    account = _account((1, 2, 10_000), (-1, 2, 10_000), fee=1.10)
    assert equity_reais(account[0], WDO_TICK) == pytest.approx(-4.40)


@settings(deadline=None)
@given(fills, st.integers(9_900, 10_100))
def test_equity_is_what_each_contract_won_by_a_first_in_first_out_ledger(
    trades: list[tuple[int, int, int]], mark: int
) -> None:
    open_contracts: list[tuple[int, int]] = []  # side, price
    won = 0
    for side, quantity, price in trades:
        for _ in range(quantity):
            if open_contracts and open_contracts[0][0] != side:
                opened_side, opened_price = open_contracts.pop(0)
                won += opened_side * (price - opened_price)
            else:
                open_contracts.append((side, price))
    won += sum(side * (mark - price) for side, price in open_contracts)
    account = _account(*trades, fee=0.5)
    account["mark"] = mark
    assert account["position"][0] == sum(side for side, _ in open_contracts)
    paid = 0.5 * sum(quantity for _, quantity, _ in trades)
    assert equity_reais(account[0], WDO_TICK) == pytest.approx(WDO_TICK * won - paid)


@settings(deadline=None)
@given(fills, st.integers(9_900, 10_100))
def test_mirrored_sides_and_prices_earn_the_same(trades: list[tuple[int, int, int]], mark: int) -> None:
    account = _account(*trades)
    mirrored = _account(*((-side, quantity, 20_000 - price) for side, quantity, price in trades))
    account["mark"], mirrored["mark"] = mark, 20_000 - mark
    assert mirrored["position"][0] == -account["position"][0]
    assert equity_reais(mirrored[0], WIN_TICK) == equity_reais(account[0], WIN_TICK)


def test_account_is_worth_what_its_position_is_at_the_mark() -> None:
    account = _account((1, 1, 10_000))
    for price, equity in ((10_100, 500.0), (10_020, 100.0), (9_900, -500.0)):
        mark_account(account[0], price, WDO_TICK)
        assert (account["mark"][0], account["equity"][0]) == (price, equity)
