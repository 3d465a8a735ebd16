"""Nights on which the clock is changed: the file's order tells an hour shown twice apart, or it is set aside."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.errors import FileRefused
from market.importer import import_file
from market.instruments import Declaration, declare
from market.lake import Lake
from market.readers import mt5_bars, mt5_ticks, repeated_hours
from market.readers.intake import Intake, Request
from market.readers.screen import MISSHAPEN, REPEATED, SKIPPED
from market.readers.source import open_source

HEADS = {
    "bars": "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>",
    "ticks": "<DATE>\t<TIME>\t<BID>\t<ASK>\t<LAST>\t<VOLUME>",
}
# When the clock is set back, UTC: the hours on both sides of it are one hour of the wall clock.
SET_BACK = {
    "Europe/Berlin": datetime(2019, 10, 27, 1),
    "America/New_York": datetime(2019, 11, 3, 6),
    "America/Sao_Paulo": datetime(2018, 2, 18, 2),  # at midnight: the hour is of the day before
    "Australia/Sydney": datetime(2019, 4, 6, 16),
}
BERLIN = SET_BACK["Europe/Berlin"]
MINUTE = timedelta(minutes=1)


def lake_in(folder: Path, clock: str) -> Lake:
    """A lake that knows a market round the clock whose exports are on a clock that is set back."""
    return Lake(folder / "lake", {"ETHEUR": declare("ETHEUR", Declaration(0.01, 0.001, 1.0, "EUR", "always", clock))})


def on_clock(instants: Iterable[datetime], clock: str) -> list[datetime]:
    return [one.replace(tzinfo=UTC).astimezone(ZoneInfo(clock)) for one in instants]


def bars(walls: Iterable[datetime], first: int = 0) -> list[str]:
    rows = []
    for k, at in enumerate(walls, start=first):
        low = 120.0 + k % 7
        rows.append(f"{at:%Y.%m.%d\t%H:%M:%S}\t{low}\t{low + 2}\t{low}\t{low + 1}\t{10 + k % 3}\t{101 + k}\t5")
    return rows


def ticks(walls: Iterable[datetime]) -> list[str]:
    return [f"{at:%Y.%m.%d\t%H:%M:%S.%f}\t\t\t{120 + k % 7}.0\t{1 + k}" for k, at in enumerate(walls)]


def write(folder: Path, kind: str, rows: Iterable[str]) -> Path:
    path = folder / "ETHEUR.csv"
    path.write_text("\r\n".join([HEADS[kind], *rows]) + "\r\n")
    return path


def utc(records: Iterable[np.ndarray], kind: str) -> list[datetime]:
    times = np.concatenate([rows["ts_open_ns" if kind == "bars" else "ts_event_ns"] for rows in records])
    return [datetime(1970, 1, 1) + timedelta(microseconds=int(ns) // 1_000) for ns in times]


def read(folder: Path, clock: str, kind: str, rows: Iterable[str], **sizes: int) -> tuple[Counter[str], list[datetime]]:
    """What is set aside of a file, and the times of the rest, UTC."""
    opened = replace(open_source(write(folder, kind, rows)), **sizes)
    intake = Intake(opened, kind)
    reader = mt5_bars if kind == "bars" else mt5_ticks
    records = [own for _, own in reader.read(opened, Request(lake_in(folder, clock)), intake)]
    return intake.reject_counts(), utc(records, kind)


def around(change: datetime, minutes: Iterable[int]) -> list[datetime]:
    return [change + k * MINUTE for k in minutes]


def fives(first: int, last: int) -> range:
    return range(first, last, 5)


def berlin(minutes: Iterable[int]) -> list[datetime]:
    return on_clock(around(BERLIN, minutes), "Europe/Berlin")


WEEK = fives(-60 * 24 * 4, 60 * 24 * 4)  # so many bars that those of one hour are less than one in a hundred


@pytest.mark.parametrize("clock", SET_BACK)
@pytest.mark.parametrize("kind", ["bars", "ticks"])
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_what_is_written_on_the_clock_comes_back_at_its_instant(kind: str, clock: str, data: st.DataObject) -> None:
    """Some of both passes, the last of the first pass not before the first of the second one on the wall clock."""
    first = data.draw(st.sets(st.sampled_from(fives(-60, 0)), min_size=1))
    early = [k for k in fives(0, 60) if k - 60 < max(first)]
    second = data.draw(st.sets(st.sampled_from(fives(0, 60)))) | {data.draw(st.sampled_from([0, *early]))}
    change = SET_BACK[clock]
    instants = around(change, [*fives(-600, -60), *sorted(first), *sorted(second), *fives(60, 600)])
    if kind == "ticks" and max(first) == -60 and min(second) == 0:
        instants.insert(instants.index(change), change - MINUTE)  # ticks of one time do not tell a step
    newest_first = kind == "bars" and data.draw(st.booleans())
    rows = (bars if kind == "bars" else ticks)(on_clock(instants, clock))
    with TemporaryDirectory() as folder:
        assert read(Path(folder), clock, kind, rows[::-1] if newest_first else rows) == (Counter(), instants)


def test_both_passes_reach_the_lake(tmp_path: Path) -> None:
    lake = lake_in(tmp_path, "Europe/Berlin")
    done = import_file(lake, write(tmp_path, "bars", bars(berlin(fives(-300, 300)))))
    days = sorted(lake.partitions(), key=lambda one: one.session)
    assert (done.rejected, utc(map(lake.read, days), "bars")) == (0, around(BERLIN, fives(-300, 300)))


def test_an_hour_that_daylight_saving_skips_is_set_aside(tmp_path: Path) -> None:
    walls = [datetime(2019, 3, 26) + k * MINUTE for k in fives(0, 60 * 24 * 7)]  # by a terminal that knows no change
    aside, times = read(tmp_path, "Europe/Berlin", "bars", bars(walls))
    assert aside == {SKIPPED: 12}
    assert all(later > earlier for earlier, later in pairwise(times))


def test_a_second_bar_is_found_beside_one_of_an_hour_that_is_skipped(tmp_path: Path) -> None:
    walls = [datetime(2019, 3, 31, 3) + k * MINUTE for k in fives(0, 60 * 24)]
    rows = [*bars(walls), *bars([datetime(2019, 3, 31, 2)]), *bars(walls[:1])]
    aside, times = read(tmp_path, "Europe/Berlin", "bars", rows)
    assert aside == {SKIPPED: 1, "a second bar at the same time": 1}
    assert len(times) == len(walls)


def test_hourly_bars_of_one_time_are_two_hours(tmp_path: Path) -> None:
    hours = range(-600, 600, 60)
    assert read(tmp_path, "Europe/Berlin", "bars", bars(berlin(hours))) == (Counter(), around(BERLIN, hours))


def once(rows: list[datetime]) -> list[str]:
    return bars(at for at in rows if not (at.hour == 2 and at.fold and at.day == 27))


def shuffled(rows: list[datetime]) -> list[str]:
    told = bars(rows)
    at = [k for k, one in enumerate(rows) if one.hour == 2 and one.day == 27]
    told[at[3]], told[at[20]] = told[at[20]], told[at[3]]
    return told


def torn(rows: list[datetime]) -> list[str]:
    """The second pass stands at the end of the file."""
    told = bars(rows)
    at = [k for k, one in enumerate(rows) if one.hour == 2 and one.day == 27 and one.fold]
    return [*(row for k, row in enumerate(told) if k not in at), *(told[k] for k in at)]


def before_a_later_hour(rows: list[datetime]) -> list[str]:
    told = bars(rows)
    at = [k for k, one in enumerate(rows) if one.hour == 2 and one.day == 27]
    return [*told[: at[0]], told[-1], *told[at[0] : -1]]


def overlapping(rows: list[datetime]) -> list[str]:
    """Two exports of an hour that was passed once, the second of which begins before the first one ends."""
    told = once(rows)
    end = next(k for k, row in enumerate(told) if "2019.10.27\t02:30" in row)
    return [*told[:end], *told[end - 4 :]]


@pytest.mark.parametrize(
    ("export", "aside"),
    [(once, 12), (shuffled, 24), (torn, 24), (before_a_later_hour, 24), (overlapping, 16)],
    ids=["once", "shuffled", "torn", "before a later hour", "overlapping"],
)
def test_an_hour_whose_order_tells_nothing_is_set_aside(
    tmp_path: Path, export: Callable[[list[datetime]], list[str]], aside: int
) -> None:
    walls = berlin(WEEK)
    if aside > 16:
        walls += berlin(fives(WEEK.stop, WEEK.stop + 60 * 24 * 2))
    counts, times = read(tmp_path, "Europe/Berlin", "bars", export(walls))
    assert counts == {REPEATED: aside}
    assert not set(times) & set(around(BERLIN, fives(-60, 60)))


def test_such_an_hour_does_not_refuse_a_short_file(tmp_path: Path) -> None:
    """One row in nine lies in it, which is no fault of the export."""
    counts, times = read(tmp_path, "Europe/Berlin", "bars", once(berlin(fives(-300, 300))))
    assert counts == {REPEATED: 12}
    assert len(times) == 96


def test_ticks_that_pass_once_are_set_aside(tmp_path: Path) -> None:
    minutes = [*range(-6_000, -60), *range(-30, -10), *range(60, 6_000)]
    aside, _ = read(tmp_path, "Europe/Berlin", "ticks", ticks(berlin(minutes)))
    assert aside == {REPEATED: 20}


@pytest.mark.parametrize("end", [300, 30])
def test_a_night_may_lie_across_the_blocks_of_a_file(tmp_path: Path, end: int) -> None:
    minutes = [k for k in range(-300, end) for _ in range(2)]  # ticks of one time are no step back
    rows = ticks(berlin(minutes))
    rows[600] += "\t"  # of another shape
    told = read(tmp_path, "Europe/Berlin", "ticks", rows, block_bytes=1_000)  # some thirty rows
    assert told == ({MISSHAPEN: 1}, around(BERLIN, [*minutes[:600], *minutes[601:]]))


def test_more_of_a_night_than_may_be_held_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeated_hours, "MOST_IN_TWO_HOURS", 90)
    with pytest.raises(FileRefused, match="at most 90 rows around an hour that the file's clock shows twice"):
        read(tmp_path, "Europe/Berlin", "ticks", ticks(berlin(range(-300, 300))), block_bytes=1_000)
