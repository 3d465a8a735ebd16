"""Files that look like a vendor's and hold what no market made: imported, marked, and said so."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from market.bar_statistics import BarSeries
from market.calendar import shipped_calendar
from market.errors import FileRefused
from market.importer import import_file
from market.instruments import Declaration, declare
from market.lake import Lake
from market.readers.bar_table import BarTable
from market.readers.generated import note_generated
from market.readers.intake import Intake
from market.readers.source import open_source
from tests.market.invented_bars import (
    Generator,
    Plan,
    as_mt5,
    clustered_with_uniform_volume,
    flat_filled,
    in_july,
    lively,
    on_weekends,
    open_and_noise,
    random_walk_with_constant_volume,
    random_walk_with_lognormal_volume,
    shuffled_lively,
    through_the_night,
)

PLAN = Plan(12, 5, 21)
MARKED = "marked synthetic: it may train a demonstration, never a champion"


def synthetic(lake: Lake) -> set[bool]:
    return {partition.provenance.synthetic for partition in lake.partitions()}


@pytest.mark.parametrize(
    ("generate", "doubt"),
    [
        (random_walk_with_constant_volume, "volume and absolute return correlate"),
        (random_walk_with_lognormal_volume, "volume and absolute return correlate"),
        (open_and_noise, "more than five decimals"),
        (clustered_with_uniform_volume, "from a uniform distribution"),
        (shuffled_lively, "absolute returns have a mean autocorrelation"),
        (flat_filled, "copies the bar before"),
    ],
)
def test_a_generated_file_is_imported_and_marked(lake: Lake, tmp_path: Path, generate: Generator, doubt: str) -> None:
    path = as_mt5(in_july(generate(PLAN)), tmp_path / "WDO_M5.csv")
    result = import_file(lake, path)
    assert (result.status, result.rows, result.sessions) == ("imported", PLAN.size, 12)
    assert result.reason.startswith("looks generated: ")
    assert result.reason.endswith(MARKED)
    assert doubt in result.reason
    assert synthetic(lake) == {True}
    again = import_file(lake, path)
    assert (again.status, again.reason) == ("unchanged", result.reason)


def test_a_file_with_every_trace_of_a_market_is_not_marked(lake: Lake, tmp_path: Path) -> None:
    result = import_file(lake, as_mt5(in_july(lively(PLAN)), tmp_path / "WDO_M5.csv"))
    assert (result.rows, result.reason) == (PLAN.size, "")
    assert synthetic(lake) == {False}


def test_one_doubt_is_told_and_marks_nothing(lake: Lake, tmp_path: Path) -> None:
    series = in_july(lively(PLAN))
    path = as_mt5(replace(series, high=series.high + 1e-7 * np.pi), tmp_path / "WDO_M5.csv")
    assert import_file(lake, path).reason == (
        "one doubt whether a market made it: a share of 0.25 of prices has more than five decimals; "
        "real markets show at most 0.01"
    )
    assert synthetic(lake) == {False}


def test_one_series_of_a_file_says_nothing_of_the_next(tmp_path: Path) -> None:
    path = as_mt5(lively(PLAN), tmp_path / "WDO_M5.csv")
    intake, calendar = Intake(open_source(path), "joined"), shipped_calendar("b3_dollar")
    for generate, expected in ((random_walk_with_constant_volume, True), (lively, False)):
        note_generated(intake, table_of(generate(PLAN)), calendar)
        assert intake.provenance("raw").synthetic is expected
    assert len(intake.notes) == 1


def table_of(series: BarSeries) -> BarTable:
    rows = np.arange(series.day.size)
    prices = (series.open, series.high, series.low, series.close)
    nothing = np.full(rows.size, np.nan)
    return BarTable(rows, series.day, series.minute * 60_000_000_000, *prices, series.volume, nothing, nothing)


def test_too_few_bars_get_no_verdict(lake: Lake, tmp_path: Path) -> None:
    path = as_mt5(in_july(random_walk_with_constant_volume(Plan(4, 5, 21))), tmp_path / "WDO_M5.csv")
    assert import_file(lake, path).reason == ""
    assert synthetic(lake) == {False}


def test_a_file_with_weekends_is_refused_and_called_what_it_is(lake: Lake, tmp_path: Path) -> None:
    """12 days from Monday on: the 11th and 12th are a weekend, 108 bars each."""
    path = as_mt5(in_july(on_weekends(PLAN)), tmp_path / "WDO_M5.csv")
    with pytest.raises(FileRefused, match="216 are weekend rows: no market made these; take an export of real"):
        import_file(lake, path)
    assert not lake.folder.exists()


def test_a_file_of_the_night_is_refused_for_its_clock(lake: Lake, tmp_path: Path) -> None:
    path = as_mt5(in_july(through_the_night(PLAN)), tmp_path / "WDO_M5.csv")
    with pytest.raises(FileRefused, match=r"outside the session's hours.*export with the exchange's clock"):
        import_file(lake, path)


def test_a_market_without_weekends_off_keeps_them(tmp_path: Path) -> None:
    bitcoin = declare("BTCUSDT", Declaration(0.5, 0.001, 1.0, "USDT", "always", "UTC"))
    lake = Lake(tmp_path / "lake", {"BTCUSDT": bitcoin})
    result = import_file(lake, as_mt5(on_weekends(PLAN), tmp_path / "BTCUSDT_M5.csv"))
    assert (result.rows, result.reason) == (PLAN.size, "")
    assert synthetic(lake) == {False}


def test_a_currency_is_judged_by_its_trades(tmp_path: Path) -> None:
    euro = declare("EURUSD", Declaration(0.5, 1.0, 1.0, "USD", "forex", "Europe/Athens"))
    for name, generate, expected in (("real", lively, False), ("walk", random_walk_with_lognormal_volume, True)):
        lake = Lake(tmp_path / name, {"EURUSD": euro})
        path = as_mt5(generate(PLAN), tmp_path / f"EURUSD_{name}.csv", counts_contracts=False)
        import_file(lake, path)
        assert synthetic(lake) == {expected}
