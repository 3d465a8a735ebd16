"""Whether a session's prices are those traded is told session by session."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from market.errors import FileRefused
from market.importer import import_file
from market.instruments import Declaration, declare
from market.lake import Lake
from market.types import Flag

WriteFile = Callable[..., Path]


def session(day: int, prices: str = "5250,00;5252,50;5250,00;5251,00", turnover: str = "210040,00") -> list[str]:
    """Return an hourly Profit session: four contracts at an average of turnover / 40."""
    return [f"WDOFUT;{day:02}/04/2020;{hour:02}:00:00;{prices};{turnover};4" for hour in range(9, 18)]


def bases(lake: Lake) -> dict[str, str]:
    return {partition.session[-2:]: partition.provenance.price_basis for partition in lake.partitions()}


def test_each_session_has_its_own_basis(lake: Lake, write: WriteFile) -> None:
    off_grid = session(2, "5250,13;5252,63;5250,13;5251,13")
    traded_higher = session(3, turnover="211508,00")  # 5287.7, above the high
    import_file(lake, write("x.csv", [*session(1), *off_grid, *traded_higher, *session(6)]))
    assert bases(lake) == {"01": "raw", "02": "back_adjusted", "03": "back_adjusted", "06": "raw"}
    for day, adjusted in ((1, False), (2, True), (3, True), (6, False)):
        bars = lake.read_bars("WDOFUT", date(2020, 4, day), 3600)
        assert bool((bars["flags"] & Flag.BACK_ADJUSTED).all()) is adjusted
        assert bool((bars["flags"] & Flag.BACK_ADJUSTED).any()) is adjusted
        assert set(bars["turnover"]) == ({0} if adjusted else {4 * 10_502})


def test_a_single_average_outside_its_bar_is_no_restatement(lake: Lake, write: WriteFile) -> None:
    minutes = [
        f"WDOFUT;01/04/2020;{9 + k // 60:02}:{k % 60:02}:00;5250,00;5252,50;5250,00;5251,00;210040,00;4"
        for k in range(60)
    ]
    minutes[30] = minutes[30].replace("210040,00", "211508,00")
    import_file(lake, write("x.csv", minutes))
    assert bases(lake) == {"01": "raw"}


@pytest.mark.parametrize("symbol", ["WDO$", "WDO$D", "WDO@", "WDO@D"])
def test_series_that_are_restated_by_name_are_so_throughout(lake: Lake, write: WriteFile, symbol: str) -> None:
    import_file(lake, write("x.csv", [row.replace("WDOFUT", symbol) for row in [*session(1), *session(2)]]))
    assert set(bases(lake).values()) == {"back_adjusted"}


@pytest.mark.parametrize(
    ("prices", "basis", "close"),
    [
        ("5.250,000;5.252,500;5.250,000;5.251,500", "raw", 10_503),
        ("5.250,505;5.252,505;5.250,505;5.251,505", "back_adjusted", 10_503),
        ("5.250,000;5.252,500;5.250,000;5.251,499", "back_adjusted", 10_503),  # a thousandth off
    ],
)
def test_three_decimals_are_read_to_the_last(lake: Lake, write: WriteFile, prices: str, basis: str, close: int) -> None:
    import_file(lake, write("x.csv", session(1, prices)))
    assert bases(lake) == {"01": basis}
    assert lake.read_bars("WDOFUT", date(2020, 4, 1), 3600)["close"][0] == close


def test_a_volume_without_turnover_says_nothing_of_the_basis(lake: Lake, write: WriteFile) -> None:
    import_file(lake, write("x.csv", session(1, turnover="0,00")))
    assert bases(lake) == {"01": "raw"}
    assert not lake.read_bars("WDOFUT", date(2020, 4, 1), 3600)["turnover"].any()


@pytest.mark.parametrize(
    ("symbol", "step", "series", "turnover"),
    [
        ("WDOK20", "0.5", "WDOFUT", "210040,00"),
        ("DOLK20", "0.5", "DOLFUT", "1050200,00"),
        ("WINJ20", "5", "WINFUT", "4200,80"),
    ],
)
def test_one_contract_is_never_restated_so_prices_off_its_grid_refuse_it(
    lake: Lake, write: WriteFile, symbol: str, step: str, series: str, turnover: str
) -> None:
    rows = [row.replace("WDOFUT", symbol) for row in session(1, "5250,130;5252,630;5250,130;5251,130", turnover)]
    path = write("x.csv", rows)
    with pytest.raises(FileRefused) as caught:
        import_file(lake, path)
    assert "line 1: expected at most 1% of 9 rows unusable, found 9, most of them a price off the tick grid" in str(
        caught.value
    )
    assert f"first '{symbol};01/04/2020;09:00:00;5250,130;" in str(caught.value)
    assert f"{symbol} trades in steps of {step} and no vendor restates the prices of one contract" in str(caught.value)
    assert f"name the series these are with --symbol (as {series})" in str(caught.value)
    assert import_file(lake, path, symbol=series).price_basis == ("back_adjusted",)


def test_a_rare_bar_of_one_contract_off_the_grid_is_set_aside_and_told(lake: Lake, write: WriteFile) -> None:
    rows = [
        f"WDOK20;01/04/2020;{9 + k // 60:02}:{k % 60:02}:00;5250,00;5252,50;5250,00;5251,00;210040,00;4"
        for k in range(120)
    ]
    rows[30] = rows[30].replace("5251,00", "5251,13")
    result = import_file(lake, write("x.csv", rows))
    assert (result.rows, result.rejected, result.price_basis) == (119, 1, ("raw",))
    assert result.reason.startswith("1 row a price off the tick grid: set aside in quarantine/")


def test_a_turnover_that_is_not_that_of_one_contract_is_told(lake: Lake, write: WriteFile) -> None:
    higher = session(2, turnover="211508,00")  # 5287.7, above the high
    rows = [row.replace("WDOFUT", "WDOK20") for row in [*session(1), *higher]]
    result = import_file(lake, write("x.csv", rows))
    assert "the turnover of 1 session of WDOK20, the first 2020-04-02 (line 10), is not that of its" in result.reason
    series = [row.replace("WDOK20", "WDOFUT") for row in rows]
    assert import_file(lake, write("y.csv", series)).reason == ""


def of_value(symbol: str, day: int, factor: float) -> list[str]:
    """Return a session whose turnover is that of WDO times a factor."""
    turnover = f"{210_040 * factor:.2f}".replace(".", ",")
    return [row.replace("WDOFUT", symbol) for row in session(day, turnover=turnover)]


@pytest.mark.parametrize(
    ("symbol", "factor", "found"),
    [
        ("WINFUT", 1.0, "found 50 times that in the session nearest to it, as of WDO; name the instrument"),
        ("WDOFUT", 5.0, "found 5 times that in the session nearest to it, as of DOL;"),
        ("WDOFUT", 0.02, "found 0.02 times that in the session nearest to it, as of WIN;"),
        ("DOLFUT", 1.0, "found 0.2 times that in the session nearest to it, as of WDO;"),
        ("WDOK20", 50.0, "found 50 times that in the session nearest to it;"),
        ("WDOFUT", 1.3, "found 1.3 times that in the session nearest to it;"),
        ("WDOFUT", 0.48, "found 0.48 times that in the session nearest to it;"),
    ],
)
def test_the_turnover_of_another_instrument_refuses_the_file(
    lake: Lake, write: WriteFile, symbol: str, factor: float, found: str
) -> None:
    path = write("x.csv", [*of_value(symbol, 1, factor), *of_value(symbol, 2, factor)])
    for recovering in (False, True):
        with pytest.raises(FileRefused) as caught:
            import_file(lake, path, true_prices=recovering)
        assert f"the point value of {symbol}, {found}" in str(caught.value)
    assert not lake.folder.exists()


@pytest.mark.parametrize("factor", [0.55, 0.96, 1.2])
def test_the_turnover_of_a_back_adjusted_series_is_not_another_instruments(
    lake: Lake, write: WriteFile, factor: float
) -> None:
    assert import_file(lake, write("x.csv", of_value("WDOFUT", 1, factor))).price_basis == ("back_adjusted",)


def test_what_lies_far_back_may_be_adjusted_far(lake: Lake, write: WriteFile) -> None:
    rows = [*of_value("WDOFUT", 1, 0.1), *of_value("WDOFUT", 2, 0.3), *of_value("WDOFUT", 3, 1.0)]
    import_file(lake, write("x.csv", rows))
    assert bases(lake) == {"01": "back_adjusted", "02": "back_adjusted", "03": "raw"}


def test_a_turnover_that_changes_its_unit_refuses_the_file(lake: Lake, write: WriteFile) -> None:
    rows = [*of_value("WDOFUT", 1, 1.0), *of_value("WDOFUT", 2, 50.0), *of_value("WDOFUT", 3, 1.0)]
    with pytest.raises(FileRefused) as caught:
        import_file(lake, write("x.csv", rows))
    assert "found 9, most of them a turnover that is not that of its price and volume, first 'WDOFUT;02/" in str(
        caught.value
    )


@pytest.mark.parametrize("factor", [50.0, 0.04])
def test_a_rare_turnover_beyond_any_adjustment_is_set_aside(lake: Lake, write: WriteFile, factor: float) -> None:
    rows = [
        f"WDOFUT;01/04/2020;{9 + k // 60:02}:{k % 60:02}:00;5250,00;5252,50;5250,00;5251,00;210040,00;4"
        for k in range(120)
    ]
    rows[30] = rows[30].replace("210040,00", f"{210_040 * factor:.0f},00")
    result = import_file(lake, write("x.csv", rows))
    assert (result.rows, result.rejected, result.price_basis) == (119, 1, ("raw",))
    assert result.reason.startswith("1 row a turnover that is not that of its price and volume: set aside in ")


def test_a_turnover_in_cents_is_one_in_currency(lake: Lake, write: WriteFile) -> None:
    import_file(lake, write("x.csv", of_value("WDOFUT", 1, 100.0)))
    assert bases(lake) == {"01": "raw"}
    assert set(lake.read_bars("WDOFUT", date(2020, 4, 1), 3600)["turnover"]) == {4 * 10_502}


def test_a_share_may_have_been_split(tmp_path: Path, write: WriteFile) -> None:
    lake = Lake(tmp_path / "lake", {"PETR4": declare("PETR4", Declaration(0.5, 1.0, 10.0, "BRL", "b3_stocks"))})
    rows = [*of_value("PETR4", 1, 8.0), *of_value("PETR4", 2, 1.0)]
    rows = [row for row in rows if ";09:00:00;" not in row and ";17:00:00;" not in row]
    import_file(lake, write("x.csv", rows))
    assert bases(lake) == {"01": "back_adjusted", "02": "raw"}
