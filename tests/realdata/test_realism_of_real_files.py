"""Every real bar file is taken for real, whole and in windows; the same bars out of order are not."""

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from market.bar_statistics import BarSeries, series_of_bars
from market.calendar import to_local
from market.importer import import_file
from market.lake import Lake
from market.realism import judge
from tests.market.invented_bars import shuffled

EPOCH = date(1970, 1, 1).toordinal()
B3_HOURS = (9 * 60 - 15, 19 * 60)
pytestmark = pytest.mark.nightly
WINDOWS = (5, 10, 20)  # sessions
PER_FILE = 12  # windows of each length
MT5 = ["date", "time", "open", "high", "low", "close", "trades", "volume", "spread"]
Read = Callable[[Path, Path], BarSeries]


def from_lake(path: Path, folder: Path) -> BarSeries:
    """Import a file and return all its bars on the exchange's clock."""
    lake = Lake(folder / "lake")
    symbol = "DOLK20" if path.name == "WDOK20_M1.csv" else None  # its name is wrong
    contract = import_file(lake, path, symbol=symbol).contracts[0]
    seconds = lake.partitions()[0].bar_seconds
    bars = np.concatenate([lake.read_bars(contract, day, seconds) for day in lake.sessions(contract)])
    starts = [to_local(ns) for ns in bars["ts_open_ns"]]
    day = np.array([start.toordinal() - EPOCH for start in starts])
    return series_of_bars(bars, day, np.array([start.hour * 60 + start.minute for start in starts]))


def from_table(frame: pd.DataFrame, when: pd.Series, names: list[str]) -> BarSeries:
    order = np.argsort(when.to_numpy(), kind="stable")
    frame, when = frame.iloc[order], when.iloc[order]
    day = when.to_numpy().astype("datetime64[D]").astype(np.int64)
    columns = (frame[name].to_numpy(dtype=np.float64) for name in names)
    return BarSeries(day, (when.dt.hour * 60 + when.dt.minute).to_numpy(), *columns)


def from_forex(path: Path, folder: Path) -> BarSeries:
    """MT5 bars of a market without volume: trades stand for it."""
    frame = pd.read_csv(path, sep="\t", names=MT5, header=0)
    when = pd.to_datetime(frame["date"] + " " + frame["time"], format="%Y.%m.%d %H:%M:%S")
    return from_table(frame, when, ["open", "high", "low", "close", "trades"])


def from_chart(path: Path, folder: Path) -> BarSeries:
    names = ["when", "open", "high", "low", "close", "trades", "volume"]
    frame = pd.read_csv(path, encoding="utf-16", names=names)
    return from_table(frame, pd.to_datetime(frame["when"], format="mixed"), names[1:5] + ["volume"])


def from_rates(path: Path, folder: Path) -> BarSeries:
    frame = pd.read_csv(path, skip_blank_lines=True)
    return from_table(frame, pd.to_datetime(frame["time"], unit="s"), ["open", "high", "low", "close", "real_volume"])


def from_profit(path: Path, folder: Path) -> BarSeries:
    names = ["symbol", "date", "time", "open", "high", "low", "close", "turnover", "volume"]
    frame = pd.read_csv(path, sep=";", encoding="latin-1", names=names, header=0, decimal=",", thousands=".")
    when = pd.to_datetime(frame["date"] + " " + frame["time"], format="%d/%m/%Y %H:%M:%S")
    return from_table(frame, when, ["open", "high", "low", "close", "volume"])


def from_daily(path: Path, folder: Path) -> BarSeries:
    names = ["symbol", "date", "open", "high", "low", "close", "turnover", "volume"]
    frame = pd.read_csv(path, sep=";", names=names, decimal=",")
    return from_table(frame, pd.to_datetime(frame["date"], dayfirst=True), ["open", "high", "low", "close", "volume"])


def from_joined(symbol: str) -> Read:
    def read(path: Path, folder: Path) -> BarSeries:
        names = [f"{name}_{symbol}" for name in ("open", "high", "low", "close", "real_volume")]
        frame = pd.read_csv(path).dropna(subset=names)
        return from_table(frame, pd.to_datetime(frame["time"]), names)

    return read


REHEADERED = "b3/profit_bars_reheadered"
FILES: dict[str, tuple[str, Read]] = {
    "WDO M5": ("b3/mt5_bars/WDO.csv", from_lake),
    "WDO M5 with its Saturdays": ("b3/mt5_bars/WDO.csv", from_forex),
    "DOLK20 M1": ("b3/mt5_bars/WDOK20_M1.csv", from_lake),
    "WDOJ19 M5": ("b3/mt5_saveas_utf16/WDOJ19M5.csv", from_chart),
    "WIN M5 rates": ("b3/mt5_python_rates/WIN_M5.csv", from_rates),
    "WDO M5 rates": ("b3/mt5_python_rates/WDO_M5.csv", from_rates),
    "WDOFUT 15 min": ("b3/profit_bars/WDOFUT_F_0_15min.csv", from_lake),
    "PETR4 1 min": ("b3/profit_bars/PETR4_B_0_1min.csv", from_profit),
    "WDO 1 min": (f"{REHEADERED}/WDO_1min.csv", from_lake),
    "WDOFUT 5 min, January": (f"{REHEADERED}/WDOFUT_F_0_5min.export_2022-01-08.csv", from_lake),
    "WDOFUT 5 min, December": (f"{REHEADERED}/WDOFUT_F_0_5min.export_2021-12-27.csv", from_lake),
    "WINJ20 1 min": (f"{REHEADERED}/WINJ20_1min.csv", from_lake),
    "WINFUT 1 min": (f"{REHEADERED}/WINFUT_1min.csv", from_lake),
    "WIN 5 min": (f"{REHEADERED}/WIN_5min_test.csv", from_lake),
    "WIN joined": ("b3/joined_bars/WIN_WDO_M1_2021-05.csv", from_joined("win")),
    "WDO joined": ("b3/joined_bars/WIN_WDO_M1_2021-05.csv", from_joined("wdo")),
    "EURUSD M1": ("fx/mt5_bars/EURUSD_M1.csv", from_forex),
    "USDBRL M5": ("fx/mt5_bars/USDBRL.csv", from_forex),
}
DAILY: dict[str, Read] = {
    "b3/mt5_saveas_utf16/WDO$Daily.csv": from_chart,
    "b3/profit_bars/WDOFUT_F_0_Diário.csv": from_daily,
}


@pytest.fixture(scope="module")
def series(realdata: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, BarSeries]:
    return {
        name: read(realdata / file, tmp_path_factory.mktemp(f"lake{k}"))
        for k, (name, (file, read)) in enumerate(FILES.items())
    }


def hours_of(name: str) -> tuple[int, int] | None:
    return None if FILES[name][0].startswith("fx/") else B3_HOURS


def window(series: BarSeries, first: int, last: int) -> BarSeries:
    """Return the bars from one day to another, both included."""
    inside = slice(*np.searchsorted(series.day, [first, last + 1]))
    return BarSeries(*(getattr(series, field.name)[inside] for field in fields(series)))


@pytest.mark.parametrize("name", FILES)
def test_a_real_file_is_real_without_a_doubt(series: dict[str, BarSeries], name: str) -> None:
    verdict = judge(series[name], hours_of(name))
    assert verdict.real is True
    assert verdict.doubts == ()


@pytest.mark.parametrize("file", DAILY)
def test_daily_bars_get_no_verdict(realdata: Path, tmp_path: Path, file: str) -> None:
    bars = DAILY[file](realdata / file, tmp_path)
    assert bars.close.size > 400
    assert judge(bars).real is None


def test_no_window_of_a_real_file_is_taken_for_invented(series: dict[str, BarSeries]) -> None:
    rng = np.random.default_rng(20260601)
    judged, alarms = 0, []
    for name, whole in series.items():
        days = np.unique(whole.day)
        for length in WINDOWS:
            if days.size < length:
                continue
            for start in rng.integers(0, days.size - length + 1, PER_FILE):
                verdict = judge(window(whole, days[start], days[start + length - 1]), hours_of(name))
                judged += verdict.real is not None
                if verdict.real is False:
                    alarms.append((name, length, int(start), verdict.doubts))
    assert alarms == []
    assert judged >= 500


@pytest.mark.parametrize("name", FILES)
def test_real_bars_in_random_order_are_told(series: dict[str, BarSeries], name: str) -> None:
    """Every distribution is a market's; only what follows what is lost."""
    for seed in range(3):
        assert judge(shuffled(series[name], seed), hours_of(name)).real is False


@pytest.mark.parametrize("name", FILES)
def test_shuffled_returns_under_real_volumes_are_told(series: dict[str, BarSeries], name: str) -> None:
    """Volume keeps its hours and its persistence, but no longer comes with the moves."""
    whole = series[name]
    invented = replace(shuffled(whole, 4), volume=whole.volume)
    verdict = judge(invented, hours_of(name))
    assert verdict.real is False
    assert any(doubt.startswith("volume and absolute return correlate") for doubt in verdict.doubts)
