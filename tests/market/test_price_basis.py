"""Whether a session's prices are those traded is told session by session."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from market.errors import FileRefused
from market.importer import import_file
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
    ("symbol", "step", "series"), [("WDOK20", "0.5", "WDOFUT"), ("DOLK20", "0.5", "DOLFUT"), ("WINJ20", "5", "WINFUT")]
)
def test_one_contract_is_never_restated_so_prices_off_its_grid_refuse_it(
    lake: Lake, write: WriteFile, symbol: str, step: str, series: str
) -> None:
    rows = [row.replace("WDOFUT", symbol) for row in session(1, "5250,130;5252,630;5250,130;5251,130")]
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
