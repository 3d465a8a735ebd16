"""Nights on which the file's clock is changed: what it cannot show is set aside, what it shows twice is named."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from market.errors import FileRefused
from market.importer import import_file
from market.instruments import Declaration, declare
from market.lake import Lake

ETHEUR = declare("ETHEUR", Declaration(0.01, 0.001, 1.0, "EUR", "always", "Europe/Berlin"))


def write(path: Path, first: datetime, bars: int) -> Path:
    """Bars of five minutes by the wall clock alone, as a terminal that knows no change of the clock writes them."""
    rows = ["<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>"]
    for k in range(bars):
        at, low = first + timedelta(minutes=5 * k), 120.0 + k % 7
        rows.append(f"{at:%Y.%m.%d\t%H:%M:%S}\t{low}\t{low + 2}\t{low}\t{low + 1}\t{10 + k % 3}\t{101 + k}\t5")
    path.write_text("\r\n".join(rows) + "\r\n")
    return path


def test_an_hour_that_daylight_saving_skips_is_set_aside(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake", {"ETHEUR": ETHEUR})
    done = import_file(lake, write(tmp_path / "ETHEUR_M5.csv", datetime(2019, 3, 26), 12 * 24 * 7))
    assert (done.rows, done.rejected) == (12 * 24 * 7 - 12, 12)
    assert "12 rows a time that the clock of this file does not show" in done.reason
    assert all((lake.read(p)["ts_open_ns"][1:] > lake.read(p)["ts_open_ns"][:-1]).all() for p in lake.partitions())


def test_an_hour_that_daylight_saving_repeats_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "ETHEUR_M5.csv", datetime(2019, 10, 27), 60)  # 02:00 to 03:00 comes twice
    head, *rows = path.read_text().splitlines()
    path.write_text("\r\n".join([head, *rows[:36], *rows[24:]]) + "\r\n")
    with pytest.raises(FileRefused, match="shows twice: daylight saving ends there, so export it on another clock"):
        import_file(Lake(tmp_path / "lake", {"ETHEUR": ETHEUR}), path)
