"""`pregao bench data`: every row is measured, and the import of a file larger than its memory stays within it."""

import os
import sys
from dataclasses import asdict
from pathlib import Path

import polars as pl
import pytest

from benchmarks.data import Sizes, bar_row, measure
from benchmarks.imports import DECLARED, WORKS
from benchmarks.rows import less_is_better, more_is_better, race
from benchmarks.tapes import busy_day
from market.columns import to_parquet
from market.home import Home
from market.importer import FORMATS, import_file
from market.lake import Lake
from tests.cli.conftest import RunCommand
from tests.commands import run_pregao

SMALL = Sizes(imported=1_000, trades=5_000, bar_trades=5_000, large_ticks=20_000, large_sessions=2, rounds=1)
KEYS = {"work", "unit", "ours", "peer", "peer_name", "ratio"}


def test_every_piece_of_work_is_measured_beside_its_peer() -> None:
    rows = [asdict(row) for row in measure(SMALL)]
    *raced, speed, memory = rows
    assert [row["work"] for row in raced] == [
        *(f"import {name}" for name in WORKS), "write trades", "read 4 columns of trades",
        "read 14 columns of trades", "size of a trade", "ticks to bars of a minute",
    ]  # fmt: skip
    for row in raced:
        assert set(row) == KEYS
        assert row["ours"] > 0
        better = row["peer"] / row["ours"] if row["unit"] == "B" else row["ours"] / row["peer"]
        assert row["ratio"] == pytest.approx(better, rel=0.02)
    assert (speed["unit"], memory["unit"], memory["peer"], memory["ratio"]) == ("M rows/s", "MiB", None, None)
    assert 50 < memory["ours"] < 500


@pytest.mark.parametrize("name", [one.name for one in FORMATS])
def test_a_file_of_every_format_is_imported_whole(tmp_path: Path, name: str) -> None:
    work = WORKS[name]
    done = import_file(Lake(tmp_path / "lake", DECLARED), work.write(tmp_path / work.file, 3_000), day=work.day)
    of_each_row = 2 if name == "joined_bars" else 1  # two contracts side by side
    assert (done.format, done.rows, done.rejected, done.status) == (name, 3_000 * of_each_row, 0, "imported")


@pytest.mark.parametrize("name", [one.name for one in FORMATS])
def test_the_peer_stores_as_many_rows(tmp_path: Path, name: str) -> None:
    work, folder = WORKS[name], tmp_path / "peer"
    folder.mkdir()
    work.peer(work.write(tmp_path / work.file, 3_000), folder)
    stored = sum(pl.read_parquet(file).height for file in folder.rglob("*.parquet"))
    # A row of ticks may be a trade, a quote or both; one of joined bars is a bar of each contract.
    least, most = {"mt5_ticks": (3_000, 6_000), "joined_bars": (6_000, 6_000)}.get(name, (3_000, 3_000))
    assert least <= stored <= most


def test_a_trade_of_a_busy_day_takes_at_most_six_and_a_half_bytes() -> None:
    assert len(to_parquet(busy_day(200_000))) / 200_000 <= 6.5


def test_bars_of_both_sides_come_from_the_same_trades() -> None:
    assert bar_row(SMALL).peer_name == "polars group_by_dynamic or group_by, the faster"


def test_the_fastest_peer_counts_and_runs_alternate() -> None:
    ran: list[str] = []
    ours, peer = race(lambda: ran.append("ours"), lambda: ran.append("a"), lambda: ran.append("b"), rounds=2)
    assert ran == ["ours", "a", "b"] * 3
    assert ours >= 0
    assert peer >= 0


def test_ratio_is_above_one_where_ours_is_better() -> None:
    assert more_is_better("read", "M rows/s", 60.0, 30.0, "peer").ratio == 2.0
    assert less_is_better("size", "B", 6.0, 9.0, "peer").ratio == 1.5


def test_without_the_peer_it_says_what_to_install(run: RunCommand, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("benchmarks")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "polars", None)
    done = run("bench", "data")
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert "found no polars; run `pip install -e '.[platform,bench]'`" in done.err


@pytest.mark.nightly
@pytest.mark.timeout(600)
def test_aims_of_the_design_are_met(home: Home) -> None:
    """Bytes and memory are exact; speeds are ratios of one run, under 1.3 a tie."""
    # The tests' one thread would bind our reading and not the peer's.
    done = run_pregao(home, "bench", "data", "--json", OMP_NUM_THREADS=str(os.cpu_count()))
    assert done.code == 0
    rows = {row["work"]: row for row in done.answer["rows"]}
    assert rows["size of a trade"]["ours"] <= 6.5
    assert rows["ticks to bars of a minute"]["ratio"] >= 2 / 1.3
    assert rows["read 4 columns of trades"]["ratio"] >= 1 / 1.3
    assert next(row["ours"] for work, row in rows.items() if work.endswith("peak memory")) < 500
