"""Contract facts of b3.md §1 and the names of §1.4."""

from datetime import date

import pytest

from market.costs import Costs, costs
from market.errors import DataError, UnknownSymbol
from market.instruments import B3, FUTURES, Symbol, dated_symbol


@pytest.mark.parametrize(("root", "reais"), [("WDO", 5.0), ("DOL", 25.0), ("WIN", 1.0), ("IND", 5.0)])
def test_value_of_a_tick(root: str, reais: float) -> None:
    assert FUTURES[root].tick_value == pytest.approx(reais)


def test_ids_are_those_stored_in_records() -> None:
    assert {root: instrument.id for root, instrument in FUTURES.items()} == {"WDO": 1, "DOL": 2, "WIN": 3, "IND": 4}


@pytest.mark.parametrize(
    ("symbol", "points", "ticks", "whole"),
    [
        ("WDOZ26", 5250.5, 10501, True),
        ("WDOZ26", 5634.991, 11270, False),
        ("WINZ26", 120_735.0, 24_147, True),
        ("WINZ26", 120_739.0, 24_148, False),
    ],
)
def test_points_to_ticks_and_back(symbol: str, points: float, ticks: int, whole: bool) -> None:
    instrument = B3.of(symbol)
    assert instrument.to_ticks(points) == ticks
    assert instrument.on_grid(points) is whole
    assert (instrument.to_points(ticks) == points) is whole


@pytest.mark.parametrize(
    ("text", "symbol"),
    [
        ("WDOZ26", Symbol("WDO", 12, 2026, False)),
        ("wdok20", Symbol("WDO", 5, 2020, False)),
        ("WING27", Symbol("WIN", 2, 2027, False)),
        *(
            (text, Symbol(text[:3], 0, 0, True))
            for text in ("WDOFUT", "WDO", "WIN$", "WIN$N", "WDO$D", "WDO@", "IND@N")
        ),
    ],
)
def test_takes_a_symbol_apart(text: str, symbol: Symbol) -> None:
    assert B3.parse(text) == symbol


@pytest.mark.parametrize("text", ["PETR4", "WINF26", "WDOA26", "WDOZ", "WDOZ2026", "WDO$X", "XWDO", ""])
def test_refuses_an_unknown_symbol_with_one_sentence(text: str) -> None:
    with pytest.raises(UnknownSymbol, match="expected a contract of WDO, DOL, WIN, IND") as caught:
        B3.parse(text)
    assert repr(text) in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("stem", "symbol"),
    [
        ("WDOK20_M1", "WDOK20"), ("WDO", "WDO"), ("WDO_1min", "WDO"), ("WDOFUT_F_0_5min", "WDOFUT"),
        ("WIN$N_M5", "WIN$N"),
        ("WDOJ19M5", "WDOJ19"), ("dolk20", "DOLK20"), ("PETR4_B_0_1min", None), ("ticks", None),
    ],
)  # fmt: skip
def test_finds_the_symbol_a_file_name_begins_with(stem: str, symbol: str | None) -> None:
    assert B3.in_name(stem) == symbol


def test_names_a_dated_contract() -> None:
    assert dated_symbol("WDO", 2027, 1) == "WDOF27"


@pytest.mark.parametrize(("root", "fee"), [("WDO", 1.10), ("WIN", 0.2561), ("DOL", 4.40), ("IND", 1.2805)])
def test_fees_per_contract_and_side(root: str, fee: float) -> None:
    assert costs(root, date(2026, 11, 20)) == Costs(fee, 0.0)


def test_brokerage_adds_to_the_fee() -> None:
    assert Costs(1.10, 0.50).per_side == pytest.approx(1.60)


@pytest.mark.parametrize(("root", "day"), [("PETR", date(2026, 1, 2)), ("WDO", date(2012, 12, 28))])
def test_refuses_costs_the_table_does_not_have(root: str, day: date) -> None:
    with pytest.raises(DataError, match=r"costs\.csv"):
        costs(root, day)


@pytest.mark.parametrize("stem", ["DOLLAR_INDEX", "WDOK2125_x", "WINZ2025_M5", "INDIA50", "WINDOW_fx"])
def test_name_that_only_looks_like_a_symbol_gives_none(stem: str) -> None:
    assert B3.in_name(stem) is None
