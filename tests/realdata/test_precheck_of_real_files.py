"""The pre-check of real files finds what their README says is wrong, and nothing else."""

import time
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from market.importer import import_file
from market.instruments import B3
from market.lake import Lake
from market.precheck import check_bars, check_events
from market.precheck_defects import Defect
from market.types import Kind

REHEADERED = "b3/profit_bars_reheadered"
CLEAN = [
    "b3/mt5_bars/WDOK20_M1.csv",
    "b3/profit_bars/WDOFUT_F_0_15min.csv",
    f"{REHEADERED}/WDO_1min.csv",
    f"{REHEADERED}/WDOFUT_F_0_5min.export_2022-01-08.csv",
    f"{REHEADERED}/WDOFUT_F_0_5min.export_2021-12-27.csv",
    f"{REHEADERED}/WINFUT_1min.csv",
    f"{REHEADERED}/WIN_5min_test.csv",
]


def read(folder: Path, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return all bars of a file and the sessions they belong to."""
    lake = Lake(folder / "lake")
    symbol = "DOLK20" if path.name == "WDOK20_M1.csv" else None  # its name is wrong
    contract = import_file(lake, path, symbol=symbol).contracts[0]
    seconds = lake.partitions()[0].bar_seconds
    days = lake.sessions(contract)
    bars = np.concatenate([lake.read_bars(contract, day, seconds) for day in days])
    return bars, np.concatenate([B3.session(contract, day) for day in days])


@pytest.mark.parametrize("file", CLEAN)
def test_a_clean_file_has_no_finding(realdata: Path, tmp_path: Path, file: str) -> None:
    assert check_bars(*read(tmp_path, realdata / file)) == ()


def test_wdo_has_no_finding_once_its_false_volume_is_set_aside(realdata: Path, tmp_path: Path) -> None:
    """data/README.md, D1: 2019-10-10 10:50, 22,002,717 contracts on 5,837 trades."""
    bars, sessions = read(tmp_path, realdata / "b3/mt5_bars/WDO.csv")
    assert check_bars(bars, sessions) == ()
    spoiled = bars.copy()
    at = int(np.flatnonzero(bars["trades"] == bars["trades"].max())[0])
    spoiled["volume"][at], spoiled["trades"][at] = 22_002_717, 5_837
    (finding,) = check_bars(spoiled, sessions)
    assert (finding.defect, finding.count, finding.first, finding.worst) == (Defect.HUGE_VOLUME, 1, at, 22_002_717)


def test_the_crash_of_2020_stood_at_its_price_limits(realdata: Path, tmp_path: Path) -> None:
    """data/README.md, D5: days of halts and price limits; on the 13th the limit was 10 % up.

    Volumes differ from bar to bar there, so the feed is not taken for frozen.
    """
    bars, sessions = read(tmp_path, realdata / f"{REHEADERED}/WINJ20_1min.csv")
    (finding,) = check_bars(bars, sessions)
    assert (finding.defect, finding.count, finding.worst) == (Defect.ZERO_RANGE_RUN, 12, 253)
    with_runs = set()
    for session in sessions:
        own = (bars["ts_open_ns"] >= session["open_ns"]) & (bars["ts_open_ns"] < session["close_ns"])
        if check_bars(bars[own], session.reshape(1)):
            with_runs.add(np.datetime64(int(session["date"]), "D").item())
    assert with_runs == {date(2020, 3, day) for day in (9, 11, 12, 13, 16, 18, 24)}


def test_a_real_morning_of_ticks_has_no_finding_together_or_apart(realdata: Path, tmp_path: Path) -> None:
    """Its quotes are crossed by up to 307 points until the opening call ends, and never after."""
    lake, day = Lake(tmp_path / "lake"), date(2020, 4, 2)
    import_file(lake, realdata / "b3/mt5_ticks/DOLK20.csv")
    session, events = B3.session("DOL", day), lake.read_events("DOLK20", day)
    assert check_events(events, session) == ()
    for kind in (Kind.TRADE, Kind.QUOTE_SIDE):
        assert check_events(events[events["kind"] == kind], session) == ()
    spoiled = events.copy()
    spoiled["price"][40_000:] += 200 * (spoiled["side"][40_000:] > 0) * (spoiled["kind"][40_000:] == Kind.QUOTE_SIDE)
    assert [finding.defect for finding in check_events(spoiled, session)] == [Defect.BOOK_CROSSED]


def test_a_million_events_take_less_than_a_tenth_of_a_second(realdata: Path, tmp_path: Path) -> None:
    """Alone it takes a fiftieth; the rest is room for a busy machine."""
    lake, day = Lake(tmp_path / "lake"), date(2020, 4, 2)
    import_file(lake, realdata / "b3/mt5_ticks/DOLK20.csv")
    session, events = B3.session("DOL", day), lake.read_events("DOLK20", day)
    many = np.tile(events, 1_000_000 // events.size + 1)
    check_events(events, session)
    started = time.perf_counter()
    check_events(many, session)
    assert time.perf_counter() - started < 0.1
