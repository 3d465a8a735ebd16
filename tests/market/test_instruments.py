"""Contract facts of b3.md §1 and the names of §1.4."""

from dataclasses import replace
from datetime import date

import pytest

from market.errors import ConfigError, UnknownSymbol
from market.instruments import B3, FUTURES, Declaration, Instrument, Instruments, Symbol, dated_symbol, declare


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


@pytest.mark.parametrize("stem", ["DOLLAR_INDEX", "WDOK2125_x", "WINZ2025_M5", "INDIA50", "WINDOW_fx"])
def test_name_that_only_looks_like_a_symbol_gives_none(stem: str) -> None:
    assert B3.in_name(stem) is None


@pytest.mark.parametrize(
    ("symbol", "seen", "year"),
    [
        ("WDOF99", None, 2099),
        ("WDOF99", date(1998, 12, 1), 1999),
        ("WDOF99", date(2098, 12, 1), 2099),
        ("WDOF00", date(1999, 12, 1), 2000),
        ("WDOF01", date(2099, 6, 1), 2101),
        ("WINZ26", date(2026, 11, 25), 2026),
        ("WINZ26", date(2021, 1, 4), 2026),
    ],
)
def test_two_digits_of_a_year_mean_the_century_in_which_it_traded(symbol: str, seen: date | None, year: int) -> None:
    assert B3.parse(symbol, seen).year == year


SHARE = Declaration(tick_size=0.01, lot_step=1.0, point_value=1.0, currency="BRL", calendar="b3_stocks")
COIN = Declaration(0.1, 0.001, 1.0, "USDT", "always", "UTC")


def test_declared_instrument_is_known_by_its_symbol() -> None:
    own = Instruments({"PETR4": declare("PETR4", SHARE), "BTCUSDT": declare("BTCUSDT", COIN)})
    assert own.parse("petr4") == Symbol("PETR4", 0, 0, False)
    assert own.of("BTCUSDT").tick_value == pytest.approx(0.0001)  # 0.1 x 0.001
    assert own.of("PETR4").to_ticks(25.12) == 2_512
    assert [own.calendar(symbol).name for symbol in ("PETR4", "BTCUSDT", "WDO")] == ["b3_stocks", "always", "b3_dollar"]
    assert own.in_name("PETR4_B_0_1min") == "PETR4"
    assert own.in_name("PETR44_1min") is None
    assert own.of("WDOZ26") is FUTURES["WDO"]


def test_longer_of_two_declared_symbols_names_the_file() -> None:
    own = Instruments({symbol: declare(symbol, COIN) for symbol in ("BTC", "BTC1")})
    assert own.in_name("BTC1_M5") == "BTC1"


def test_id_of_a_declared_instrument_is_a_hash_of_its_symbol_alone() -> None:
    """CRC-32 of the ASCII letters, worked out bit by bit elsewhere: records on disk carry it."""
    assert declare("PETR4", SHARE).id == declare("PETR4", COIN).id == 1_000 + 0x9077DDD6 % 2_000_000_000
    assert declare("PETR4", SHARE).id not in {one.id for one in FUTURES.values()}


def test_overrides_hold_for_the_exchange_and_for_nothing_else() -> None:
    shut = B3.calendar("WDO").special | {}
    shut[date(2026, 11, 25)] = replace(shut[date(2026, 12, 25)], reason="Power failure")
    own = Instruments({"PETR4": declare("PETR4", SHARE), "BTCUSDT": declare("BTCUSDT", COIN)}, shut)
    day = date(2026, 11, 25)
    assert [own.calendar(symbol).is_session(day) for symbol in ("WDO", "WIN", "PETR4", "BTCUSDT")] == [
        False, False, False, True
    ]  # fmt: skip


@pytest.mark.parametrize("symbol", ["WDO", "WDOZ26", "WINFUT", "petr4", "P", "PETR-4", "4PETR", "", "A" * 21])
def test_symbol_that_cannot_be_declared_is_refused(symbol: str) -> None:
    with pytest.raises(ConfigError, match="2 to 20 upper-case letters and digits") as caught:
        declare(symbol, SHARE)
    assert f"[instruments.{symbol}]" in str(caught.value)


@pytest.mark.parametrize("name", ["tick_size", "lot_step", "point_value"])
@pytest.mark.parametrize("value", [0.0, -0.5, float("nan"), float("inf")])
def test_declaration_without_a_size_is_refused(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=rf"{name}: expected a number above zero, found"):
        replace(SHARE, **{name: value})


def test_declaration_with_an_unknown_calendar_is_refused() -> None:
    with pytest.raises(
        ConfigError, match=r'calendar: expected one of b3_dollar, b3_index, b3_stocks, .*, found "nasdaq"'
    ):
        replace(SHARE, calendar="nasdaq")


@pytest.mark.parametrize("clock", ["Europe/Berln", "", "../etc"])
def test_declaration_with_an_unknown_clock_is_refused(clock: str) -> None:
    with pytest.raises(ConfigError, match="clock: expected a time zone as America/Sao_Paulo, found"):
        replace(SHARE, clock=clock)


def test_lots_of_a_declared_instrument_are_its_own() -> None:
    found = declare("BTCUSDT", COIN)
    assert found == Instrument("BTCUSDT", found.id, 0.1, 1.0, 1, 0.001, "USDT", "always", "UTC")
