from dataclasses import replace
from datetime import date

import pytest

from market.costs import CostParams, Costs, costs
from market.errors import ConfigError, DataError

DAY = date(2026, 11, 20)


@pytest.mark.parametrize(
    ("root", "fee"),
    [("WDO", 0.2037 * 5.40), ("WIN", 0.2561), ("DOL", 0.97 * 0.84 * 5.40), ("IND", 1.97 * 0.65)],
)
def test_fees_per_contract_and_side(root: str, fee: float) -> None:
    """b3.md §7: USD 0.97 less 16 %, R$ 1.97 less 35 %; minis at a quarter and a fifth."""
    assert costs(root, DAY).fee_reais == pytest.approx(fee, abs=1e-12)
    assert costs(root, DAY).brokerage_reais == 0.0


@pytest.mark.parametrize(
    ("root", "contracts", "fee"),
    [
        ("WDO", 1, 0.2037), ("WDO", 100, 0.2037), ("WDO", 199, 0.2037), ("WDO", 200, 0.1928), ("WDO", 5000, 0.1841),
        ("WIN", 10, 0.2561), ("WIN", 99, 0.2561), ("WIN", 100, 0.2413), ("WIN", 999, 0.1999), ("WIN", 1000, 0.1654),
    ],
)  # fmt: skip
def test_fees_fall_at_the_published_volumes(root: str, contracts: int, fee: float) -> None:
    assert costs(root, DAY, CostParams(dollar_reais=1.0, contracts_per_day=contracts)).fee_reais == fee


def test_brokerage_adds_to_the_fee() -> None:
    assert costs("WIN", DAY, CostParams(brokerage_reais=0.5)).per_side == pytest.approx(0.7561)
    assert Costs(1.10, 0.50).per_side == pytest.approx(1.60)


def test_declared_instruments_and_other_fees_than_the_tables() -> None:
    params = CostParams(brokerage_reais=0.10, contracts_per_day=5000, fees={"PETR4": 0.25, "WIN": 0.0})
    assert costs("PETR4", date(2012, 1, 2), params).per_side == pytest.approx(0.35)
    assert costs("WIN", DAY, params) == Costs(0.0, 0.10)
    assert costs("WDO", DAY, params).fee_reais == pytest.approx(0.1841 * 5.40)


@pytest.mark.parametrize(("root", "day"), [("PETR", date(2026, 1, 2)), ("WDO", date(2012, 12, 28))])
def test_refuses_costs_the_table_does_not_have(root: str, day: date) -> None:
    with pytest.raises(DataError, match=rf"costs\.fees\.{root} in params"):
        costs(root, day)


@pytest.mark.parametrize(
    "wrong",
    [
        {"brokerage_reais": -0.01},
        {"brokerage_reais": float("nan")},
        {"dollar_reais": 0.0},
        {"contracts_per_day": 0},
        {"fees": {"WIN": -1.0}},
        {"fees": {"WIN": float("inf")}},
    ],
)
def test_refuses_what_cannot_be_a_cost(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        replace(CostParams(), **wrong)
