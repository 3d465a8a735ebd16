"""Real back-adjusted series brought back to the prices traded (D4), against files nobody adjusted."""

import re
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from market.errors import FileRefused
from market.importer import import_file
from market.instruments import B3
from market.lake import Lake
from market.lake_audit import audit
from market.roll import front_contract

REHEADERED = "b3/profit_bars_reheadered"
OLDER, NEWER = (f"{REHEADERED}/WDOFUT_F_0_5min.export_{day}.csv" for day in ("2021-12-27", "2022-01-08"))
QUARTERS = "b3/profit_bars/WDOFUT_F_0_15min.csv"
MINUTES = f"{REHEADERED}/WDO_1min.csv"
FACTS = ("open", "high", "low", "close", "volume")


def recovered(realdata: Path, folder: Path, file: str) -> np.ndarray:
    lake = Lake(folder)
    result = import_file(lake, realdata / file, true_prices=True)
    assert result.rejected == 0
    assert {p.provenance.price_basis for p in lake.partitions()} == {"recovered", "raw"}
    return np.concatenate([lake.read(partition) for partition in lake.partitions()])


def resampled(bars: np.ndarray, bar_seconds: int, to_seconds: int) -> dict[str, np.ndarray]:
    """Return longer bars of those that are there whole, by column."""
    place = bars["ts_open_ns"] // (to_seconds * 1_000_000_000)
    first = np.flatnonzero(np.append(True, place[1:] != place[:-1]))
    ends = np.append(first[1:], place.size)
    whole = ends - first == to_seconds // bar_seconds
    longer = {
        "ts_open_ns": place[first] * to_seconds * 1_000_000_000,
        "open": bars["open"][first],
        "high": np.maximum.reduceat(bars["high"], first),
        "low": np.minimum.reduceat(bars["low"], first),
        "close": bars["close"][ends - 1],
        "volume": np.add.reduceat(bars["volume"], first),
    }
    return {name: column[whole] for name, column in longer.items()}


def common_and_differing(short: dict[str, np.ndarray], long: np.ndarray) -> tuple[int, int]:
    _, here, there = np.intersect1d(short["ts_open_ns"], long["ts_open_ns"], return_indices=True)
    differs = np.logical_or.reduce([short[name][here] != long[name][there] for name in FACTS])
    return here.size, int(differs.sum())


def test_both_exports_of_wdofut_give_the_same_records(realdata: Path, tmp_path: Path) -> None:
    older, newer = (recovered(realdata, tmp_path / name, file) for name, file in (("a", OLDER), ("b", NEWER)))
    _, here, there = np.intersect1d(older["ts_open_ns"], newer["ts_open_ns"], return_indices=True)
    assert here.size == older.size == 33_062
    finished = slice(0, -1)  # the older export ended inside its last bar
    for name in (*FACTS, "turnover"):
        assert np.array_equal(older[name][here][finished], newer[name][there][finished]), name


def test_the_newer_export_appends_to_the_older(realdata: Path, tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    import_file(lake, realdata / OLDER, true_prices=True)
    assert import_file(lake, realdata / NEWER, true_prices=True).status == "imported"
    joined = np.concatenate([lake.read(partition) for partition in lake.partitions()])
    alone = recovered(realdata, tmp_path / "alone", NEWER)
    assert np.array_equal(joined, alone)
    assert lake.verify() == []


@pytest.mark.parametrize(("file", "seconds", "common"), [(NEWER, 300, 2_035), (QUARTERS, 900, 677)])
def test_recovered_bars_are_those_of_an_export_nobody_adjusted(
    realdata: Path, tmp_path: Path, file: str, seconds: int, common: int
) -> None:
    lake = Lake(tmp_path / "joined")
    import_file(lake, realdata / "b3/joined_bars/WIN_WDO_M1_2021-05.csv")
    minutes = np.concatenate([lake.read(partition) for partition in lake.partitions("bars", "WDO")])
    bars = recovered(realdata, tmp_path / "recovered", file)
    assert common_and_differing(resampled(minutes, 60, seconds), bars) == (common, 0)


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("short", "short_seconds", "long", "long_seconds", "common"),
    [(NEWER, 300, QUARTERS, 900, 9_323), (MINUTES, 60, NEWER, 300, 4_848)],
)
def test_two_adjusted_series_of_one_market_recover_to_the_same(
    realdata: Path, tmp_path: Path, short: str, short_seconds: int, long: str, long_seconds: int, common: int
) -> None:
    bars = resampled(recovered(realdata, tmp_path / "short", short), short_seconds, long_seconds)
    assert common_and_differing(bars, recovered(realdata, tmp_path / "long", long)) == (common, 0)


def test_what_the_refusal_says_leads_to_traded_prices_of_both_in_one_lake(realdata: Path, tmp_path: Path) -> None:
    """The older export was imported as restated: again with --true-prices, then the newer one likewise."""
    lake, anew = Lake(tmp_path / "lake"), Lake(tmp_path / "anew")
    import_file(lake, realdata / OLDER)
    restated = {p.path for p in lake.partitions() if p.provenance.price_basis == "back_adjusted"}
    assert restated
    with pytest.raises(
        FileRefused,
        match=rf"where each file tells the turnover, import {re.escape(Path(OLDER).name)} again with --true-prices, "
        r"then this one with --true-prices; else this one into an empty lake \(another PREGAO_HOME\)",
    ):
        import_file(lake, realdata / NEWER, true_prices=True)
    for file in (OLDER, NEWER):
        assert import_file(lake, realdata / file, true_prices=True).status == "imported"
        import_file(anew, realdata / file, true_prices=True)
    assert audit(lake) == []
    assert not [path for path in restated if (lake.folder / path).exists()]
    held, wanted = lake.partitions(), anew.partitions()
    assert [(p.key, p.sha256, p.provenance) for p in held] == [(p.key, p.sha256, p.provenance) for p in wanted]
    assert import_file(lake, realdata / OLDER, true_prices=True).status == "unchanged"


def test_recovered_prices_jump_where_the_front_contract_changes(realdata: Path, tmp_path: Path) -> None:
    """The carry appears between sessions at each roll: the ratio of recovered to adjusted moves on no other day."""
    lakes = [Lake(tmp_path / name) for name in ("recovered", "adjusted")]
    for lake, true_prices in zip(lakes, (True, False), strict=True):
        import_file(lake, realdata / NEWER, true_prices=true_prices)
    days = lakes[0].sessions("WDOFUT")
    ratio = [
        float(np.divide(*(lake.read_bars("WDOFUT", day, 300)["close"].sum(dtype=np.float64) for lake in lakes)))
        for day in days
    ]
    moved = [day for day, step in zip(days[1:], np.diff(ratio), strict=True) if abs(step) > 3e-5]
    fronts = [front_contract("WDO", day, B3) for day in days]
    assert moved == [day for day, old, new in zip(days[1:], fronts, fronts[1:], strict=False) if old != new]
    assert len(moved) == 15


def test_turnover_over_volume_lies_between_low_and_high(realdata: Path, tmp_path: Path) -> None:
    for name, file in (("minutes", MINUTES), ("win", f"{REHEADERED}/WINFUT_1min.csv")):
        bars = recovered(realdata, tmp_path / name, file)
        average = bars["turnover"] / bars["volume"]
        assert ((average >= bars["low"] - 0.02) & (average <= bars["high"] + 0.02)).all(), name


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("b3/mt5_bars/WDO.csv", "no turnover beside 8 back-adjusted sessions, the first 2018-04-18"),
        (f"{REHEADERED}/WIN_5min_test.csv", "no turnover beside 407 back-adjusted sessions"),
        ("b3/profit_bars/WDOFUT_F_0_Diário.csv", "none for 481 sessions, the first 2019-10-21"),
    ],
)
def test_files_that_cannot_tell_the_traded_prices_are_refused(
    realdata: Path, tmp_path: Path, file: str, message: str
) -> None:
    lake = Lake(tmp_path / "lake")
    with pytest.raises(FileRefused, match=message):
        import_file(lake, realdata / file, true_prices=True)
    assert not lake.folder.exists()


def test_what_was_never_adjusted_stays_raw(realdata: Path, tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    import_file(lake, realdata / f"{REHEADERED}/WINJ20_1min.csv", true_prices=True)
    assert {p.provenance.price_basis for p in lake.partitions()} == {"raw"}
    assert lake.sessions("WINJ20")[0] == date(2020, 2, 12)
