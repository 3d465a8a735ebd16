"""Blackout windows: what a table may say, and what it means for an instrument's session."""

from datetime import date, datetime, time
from pathlib import Path

import numpy as np
import pytest

from market.blackouts import Blackout, read_blackouts, shipped_blackouts, windows_of
from market.calendar import to_ns
from market.errors import ConfigError
from market.instruments import Declaration, declare
from market.lake import BLACKOUTS, Lake

HEAD = "date,start,end,roots,reason,source\n"
DAY = date(2026, 12, 9)
KNOWN = ("WDO", "DOL", "WIN", "IND", "PETR4")
TEXT = f"""{HEAD}2026-12-09,18:20,18:45,wdo WIN,Interest rate decision,central bank calendar
2026-12-09,10:25,10:40,,US payroll,BLS calendar
2026-12-10,10:25,10:40,WIN,Another day,x
"""


def _ns(hour: int, minute: int) -> int:
    return to_ns(datetime(2026, 12, 9, hour, minute))


def test_rows_become_windows() -> None:
    rows = read_blackouts(TEXT, "here.csv", KNOWN)
    assert rows[0] == Blackout(DAY, time(18, 20), time(18, 45), frozenset({"WDO", "WIN"}), "Interest rate decision")
    assert [len(row.roots) for row in rows] == [2, 0, 1]


@pytest.mark.parametrize(
    ("root", "expected"), [("WDO", [(10, 25), (10, 40), (18, 20), (18, 45)]), ("PETR4", [(10, 25), (10, 40)])]
)
def test_instrument_has_its_own_windows_and_those_of_all_in_order(root: str, expected: list[tuple[int, int]]) -> None:
    found = windows_of(read_blackouts(TEXT, "here.csv", KNOWN), root, DAY)
    assert found.ravel().tolist() == [_ns(*moment) for moment in expected]
    assert (found.dtype, found.shape[1]) == (np.int64, 2)


def test_time_is_that_of_sao_paulo() -> None:
    assert windows_of(read_blackouts(TEXT, "here.csv", KNOWN), "PETR4", DAY)[0, 0] == 1796822700 * 10**9  # 13:25 UTC


def test_windows_that_touch_or_overlap_are_one() -> None:
    rows = "2026-12-09,10:00,10:10,,a,x\n2026-12-09,10:10,10:20,,b,x\n2026-12-09,10:05,10:12,,c,x\n"
    rows += "2026-12-09,10:00,10:30,,d,x\n2026-12-09,10:31,10:32,,e,x\n"
    found = windows_of(read_blackouts(HEAD + rows, "here.csv", KNOWN), "WIN", DAY)
    assert found.tolist() == [[_ns(10, 0), _ns(10, 30)], [_ns(10, 31), _ns(10, 32)]]


@pytest.mark.parametrize("day", [date(2026, 12, 8), date(2026, 12, 11)])
def test_other_days_have_none(day: date) -> None:
    assert windows_of(read_blackouts(TEXT, "here.csv", KNOWN), "WIN", day).shape == (0, 2)


@pytest.mark.parametrize(
    "line",
    [
        "2026-12-09,10:40,10:25,,US payroll,BLS",
        "2026-12-09,10:40,10:40,,US payroll,BLS",
        "2026-13-09,10:25,10:40,,US payroll,BLS",
        "2026-12-09,noon,10:40,,US payroll,BLS",
        "2026-12-09,10:25,,,US payroll,BLS",
        "2026-12-09,10:25,10:40,,,BLS",
        "2026-12-09,10:25,10:40,,US payroll,",
        "2026-12-09,10:25",
    ],
)
def test_line_that_cannot_be_is_refused_with_its_number(line: str) -> None:
    text = f"{HEAD}2026-12-09,10:25,10:40,,US payroll,BLS\n{line}\n"
    with pytest.raises(ConfigError, match=r"here\.csv, line 3: expected .*, found .*; correct the line"):
        read_blackouts(text, "here.csv", KNOWN)


def test_table_without_its_columns_is_refused_and_an_empty_one_is_none() -> None:
    with pytest.raises(ConfigError, match="line 1: expected the columns"):
        read_blackouts("date,start\n", "here.csv", KNOWN)
    assert read_blackouts("", "here.csv", KNOWN) == read_blackouts(HEAD, "here.csv", KNOWN) == ()


def test_lake_adds_the_user_s_windows_to_the_shipped_ones(tmp_path: Path) -> None:
    assert Lake(tmp_path).blackouts == shipped_blackouts(KNOWN) == ()
    (tmp_path / BLACKOUTS).write_text(TEXT, encoding="utf-8")
    assert len(Lake(tmp_path).blackouts) == 3
    (tmp_path / BLACKOUTS).write_text(f"{HEAD}never,,,,,\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"blackouts\.csv, line 2"):
        _ = Lake(tmp_path).blackouts


@pytest.mark.parametrize(
    ("roots", "wrong", "near"),
    [("WDP", "WDP", "WDO"), ("WIN IMD", "IMD", "IND"), ("wdoz26", "WDOZ26", "WDO"), ("PETR3", "PETR3", "PETR4")],
)
def test_root_that_no_instrument_has_is_refused_with_its_line_and_the_nearest_one(
    roots: str, wrong: str, near: str
) -> None:
    text = f"{TEXT}2026-12-11,10:25,10:40,{roots},Another day,x\n"
    with pytest.raises(ConfigError, match=rf"^here\.csv, line 5: .*, found '{wrong}'; write {near}, the nearest"):
        read_blackouts(text, "here.csv", KNOWN)


def test_table_names_futures_and_what_is_declared_alone(tmp_path: Path) -> None:
    petr4 = declare("PETR4", Declaration(0.01, 1.0, 1.0, "BRL", "b3_stocks"))
    (tmp_path / BLACKOUTS).write_text(f"{HEAD}2026-12-09,10:25,10:40,PETR4 IND,Results,x\n", encoding="utf-8")
    assert Lake(tmp_path, {"PETR4": petr4}).blackouts[0].roots == {"PETR4", "IND"}
    with pytest.raises(ConfigError, match=r"blackouts\.csv, line 2: .*, found 'PETR4'"):
        _ = Lake(tmp_path).blackouts
