"""Stylised facts of real files, and how they are measured; tests/realdata measures them again.

Every number comes from the file named beside it (see the README of those files), through the project's own readers.
"""

import csv
from datetime import date
from pathlib import Path

import numpy as np

from market.importer import import_file
from market.instruments import B3
from market.lake import Lake
from tests.stylised import SLOT_NS, half_hours, intraday_shape, log_returns, without_time_of_day

MORNING = "b3/mt5_ticks/DOLK20.csv"  # the full dollar contract on a morning of the Covid crash, 2020-04-02
MORNING_DAY = date(2020, 4, 2)
MORNING_SPREAD = (0.0, 0.338, 0.634, 0.027, 0.001, 0.0)  # share of time by ticks, the last: five or more
MORNING_INSIDE = 0.140  # of trades, strictly inside the spread

BOOK_SAMPLE = "b3/book/book_data_processed_sample.csv"  # the mini, six minutes of 2025-08-11, best quotes polled
BOOK_SAMPLE_ONE_TICK = 0.998  # of rows with bid below ask

# File, contract, seconds of a bar, column; half hours from 09:00 to 18:00 of whole sessions, mean 1.
WDO_YEARS = ("b3/mt5_bars/WDO.csv", "WDO", 300, "trades")  # 2018 and 2019
WDO_SHAPE = (2.01, 1.91, 1.69, 1.55, 1.45, 1.27, 1.05, 0.83, 0.77, 0.70, 0.72, 0.77, 0.78, 0.73, 0.58, 0.51, 0.38, 0.30)
WIN_YEARS = ("b3/profit_bars_reheadered/WIN_5min_test.csv", "WIN$", 300, "volume")  # 2025 and 2026
WIN_SHAPE = (1.63, 1.31, 1.96, 1.91, 1.52, 1.37, 1.09, 0.83, 0.74, 0.72, 0.74, 0.73, 0.73, 0.68, 0.63, 0.61, 0.48, 0.32)

# Autocorrelation of returns of one minute, of absolute ones, and of those over the usual one at the time of day.
LAGS = (1, 5, 10, 30)
WDO_MINUTES = ("b3/profit_bars_reheadered/WDO_1min.csv", "WDOFUT", 60, "volume")
WDO_MEMORY, WDO_ABSOLUTE_MEMORY = (-0.043, 0.011, -0.003, -0.003), (0.164, 0.107, 0.107, 0.088)
WDO_MEMORY_WITHOUT_TIME_OF_DAY = (0.134, 0.056, 0.062, 0.051)
WIN_MINUTES = ("b3/profit_bars_reheadered/WINFUT_1min.csv", "WINFUT", 60, "volume")
WIN_MEMORY, WIN_ABSOLUTE_MEMORY = (-0.029, -0.005, 0.006, 0.003), (0.197, 0.163, 0.139, 0.114)
WIN_MEMORY_WITHOUT_TIME_OF_DAY = (0.156, 0.115, 0.096, 0.083)
CRASH_MINUTES = ("b3/profit_bars_reheadered/WINJ20_1min.csv", "WINJ20", 60, "volume")
CRASH_MEMORY, CRASH_ABSOLUTE_MEMORY = (0.020, 0.014, -0.003, -0.005), (0.400, 0.370, 0.361, 0.319)
CRASH_MEMORY_WITHOUT_TIME_OF_DAY = (0.395, 0.365, 0.356, 0.322)

Source = tuple[str, str, int, str]


def read_morning(realdata: Path, folder: Path) -> np.ndarray:
    """Return the events of the morning."""
    import_file(Lake(folder), realdata / MORNING)
    return Lake(folder).read_events("DOLK20", MORNING_DAY)


def read_sessions(realdata: Path, folder: Path, source: Source) -> list[tuple[date, np.ndarray]]:
    """Return every session of a bar file with its bars."""
    file, contract, seconds, _ = source
    lake = Lake(folder)
    import_file(lake, realdata / file)
    return [(day, lake.read_bars(contract, day, seconds)) for day in lake.sessions(contract)]


def mean_shape(sessions: list[tuple[date, np.ndarray]], root: str, seconds: int, column: str) -> np.ndarray:
    """Return the mean shape of the sessions that hold nine tenths of the bars from 09:00 to 17:30 or more."""
    wanted = 0.9 * 17 * SLOT_NS / (seconds * 1_000_000_000)
    shapes = [
        intraday_shape(bars, int(B3.session(root, day)["lunch_start_ns"][0]), column)
        for day, bars in sessions
        if bars.size >= wanted
    ]
    return np.mean(shapes, axis=0)


def unusual_sizes(sessions: list[tuple[date, np.ndarray]], root: str) -> list[np.ndarray]:
    """Return absolute returns over the usual one at their half hour of the day."""
    sizes = [np.abs(log_returns(bars)) for _, bars in sessions]
    slots = [half_hours(bars[1:], int(B3.session(root, day)["lunch_start_ns"][0])) for day, bars in sessions]
    return without_time_of_day(sizes, slots)


def one_tick_share(realdata: Path) -> float:
    """Return the share of the book sample's rows with a spread of half a point, among those with bid below ask."""
    with (realdata / BOOK_SAMPLE).open(encoding="utf-8") as file:
        spreads = [float(row["ask_price_1"]) - float(row["bid_price_1"]) for row in csv.DictReader(file)]
    sound = [spread for spread in spreads if spread > 0]
    return sum(spread == 0.5 for spread in sound) / len(sound)
