"""Data against the calendar: days outside it, missing sessions, hours; and the user's overrides in the lake."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from pathlib import Path

import numpy as np
import pytest

from market.calendar import Hours, to_ns
from market.calendar_audit import Missing, Outside, audit_calendar
from market.errors import ConfigError
from market.importer import import_file
from market.instruments import Declaration, declare
from market.lake import Lake
from market.lake_manifest import Cause, Gap, Provenance
from market.lake_quarantine import day_in, rows_set_aside
from market.roll import front_contract, last_trade_session
from market.types import BAR

Rows = Callable[..., list[str]]
WriteFile = Callable[..., Path]
THURSDAY, FRIDAY, SATURDAY, MONDAY = (date(2020, 4, day) for day in (2, 3, 4, 6))
OVERRIDES = "date,status,open,close,reason,source\n"
Record = Callable[..., None]


@pytest.fixture
def record(lake: Lake, provenance: Provenance) -> Record:
    """Write bars from one wall-clock time of São Paulo to another."""

    def write(
        contract: str, day: date, first: str = "09:00", last: str = "18:00", seconds: int = 60, cut: bool = False
    ) -> None:
        opens, closes = (to_ns(datetime.combine(day, time.fromisoformat(moment))) for moment in (first, last))
        step = seconds * 1_000_000_000
        bars = np.zeros((closes - opens) // step, dtype=BAR)
        bars["ts_open_ns"] = opens + np.arange(bars.size) * step
        bars["ts_close_ns"], bars["volume"] = bars["ts_open_ns"] + step, 1
        gaps = (Gap(closes, to_ns(datetime.combine(day, time(18))), Cause.TRUNCATED),) if cut else ()
        lake.commit([(lake.draft("bars", contract, day, provenance, seconds, gaps), bars)])

    return write


def override(lake: Lake, *rows: str) -> Lake:
    """Write the user's calendar.csv and return the lake as a new process sees it."""
    lake.folder.mkdir(parents=True, exist_ok=True)
    (lake.folder / "calendar.csv").write_text(OVERRIDES + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    return Lake(lake.folder)


def test_whole_sessions_in_a_row_agree(lake: Lake, record: Record) -> None:
    for day in (THURSDAY, FRIDAY, MONDAY):
        record("WDOK20", day)
    audit = audit_calendar(lake)
    assert (audit.sessions, audit.outside, audit.missing, audit.off_hours) == (3, (), (), ())


def test_empty_lake_agrees(lake: Lake) -> None:
    assert audit_calendar(lake).sessions == 0


def test_session_missing_inside_a_series_is_listed_by_series(lake: Lake, record: Record) -> None:
    for day, seconds in ((THURSDAY, 60), (MONDAY, 60), (FRIDAY, 300)):
        record("WDOK20", day, seconds=seconds)
    audit = audit_calendar(lake)
    assert audit.missing == (Missing("bars", "WDOK20", 60, FRIDAY),)
    assert audit.sessions == 3


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        ("09:05", "17:55", None),
        ("09:06", "18:00", "first trade 09:06, the table opens 09:00"),
        ("09:00", "17:54", "last trade 17:54, the table closes 18:00"),
        ("10:00", "12:00", "first trade 10:00, the table opens 09:00, last trade 12:00, the table closes 18:00"),
    ],
)
def test_first_and_last_trade_more_than_five_minutes_off_are_told(
    lake: Lake, record: Record, first: str, last: str, said: str | None
) -> None:
    record("WDOK20", THURSDAY, first, last)
    found = [(one.contract, one.day, one.reason) for one in audit_calendar(lake).off_hours]
    assert found == ([("WDOK20", THURSDAY, said)] if said else [])


def test_export_that_was_cut_says_nothing_of_the_hours(lake: Lake, record: Record) -> None:
    record("WDOK20", THURSDAY, last="12:00", cut=True)
    assert audit_calendar(lake).off_hours == ()


def test_market_round_the_clock_has_no_hours_to_be_off(tmp_path: Path, provenance: Provenance) -> None:
    coin = declare("BTCUSDT", Declaration(0.1, 0.001, 1.0, "USDT", "always", "UTC"))
    lake = Lake(tmp_path / "coins", {"BTCUSDT": coin})
    bars = np.zeros(1, dtype=BAR)
    bars["ts_open_ns"] = to_ns(datetime(2020, 4, 4, 12))
    bars["ts_close_ns"] = bars["ts_open_ns"] + 60_000_000_000
    lake.commit([(lake.draft("bars", "BTCUSDT", SATURDAY, provenance, 60), bars)])
    audit = audit_calendar(Lake(lake.folder))
    assert (audit.outside, audit.off_hours) == ((), ())


def test_rows_of_a_day_without_session_are_found_where_the_import_set_them_aside(
    lake: Lake, mt5_rows: Rows, write: WriteFile
) -> None:
    saturday = mt5_rows(3, SATURDAY)[1:]
    import_file(lake, write("WDOK20_M1.csv", mt5_rows() + saturday))
    audit = audit_calendar(lake)
    assert audit.outside == (Outside("WDOK20_M1.csv", SATURDAY, 3, "a weekend", False),)
    assert audit.unexplained == audit.outside


def test_day_that_the_users_calendar_closes_is_acknowledged(lake: Lake, mt5_rows: Rows, write: WriteFile) -> None:
    import_file(lake, write("WDOK20_M1.csv", mt5_rows() + mt5_rows(3, SATURDAY)[1:]))
    own = override(lake, f"{SATURDAY},closed,,,Test session of the exchange,its prices")
    audit = audit_calendar(own)
    assert [(one.reason, one.acknowledged) for one in audit.outside] == [("Test session of the exchange", True)]
    assert audit.unexplained == ()


def test_day_that_the_users_calendar_opens_asks_for_another_import(
    lake: Lake, mt5_rows: Rows, write: WriteFile
) -> None:
    import_file(lake, write("WDOK20_M1.csv", mt5_rows() + mt5_rows(3, SATURDAY)[1:]))
    audit = audit_calendar(override(lake, f"{SATURDAY},open,,,Unusual session,B3 notice"))
    assert [one.reason for one in audit.unexplained] == [
        "a session by the calendar of today; import the file again"
    ]  # fmt: skip


def test_session_closed_after_its_import_is_outside_and_not_acknowledged(lake: Lake, record: Record) -> None:
    record("WDOK20", THURSDAY)
    audit = audit_calendar(override(lake, f"{THURSDAY},closed,,,Power failure,B3 notice"))
    assert audit.unexplained == (Outside("hand.csv", THURSDAY, 540, "Power failure", False),)


def test_rows_set_aside_outside_the_hours_are_told(lake: Lake, mt5_rows: Rows, write: WriteFile) -> None:
    import_file(lake, write("WDOK20_M1.csv", mt5_rows() + mt5_rows(2, THURSDAY, "20:00")[1:]))
    (told,) = audit_calendar(lake).off_hours
    assert (told.contract, told.day, told.reason) == ("WDOK20", THURSDAY, "2 rows outside the session's hours")


def test_rows_of_one_file_imported_twice_under_two_symbols_are_counted_once(
    lake: Lake, mt5_rows: Rows, write: WriteFile
) -> None:
    path = write("WDOK20_M1.csv", mt5_rows() + mt5_rows(3, SATURDAY)[1:])
    import_file(lake, path)
    import_file(lake, path, symbol="DOLK20")
    assert [(one.day, one.rows) for one in rows_set_aside(lake)] == [(SATURDAY, 3)]


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2018.11.10\t09:00:00\t3730.5", date(2018, 11, 10)),
        ("PETR4;23/12/2022;17:54:00;25,19", date(2022, 12, 23)),
        ("2025-08-11 10:56:19.677,5471.5", date(2025, 8, 11)),
        ("2025-08-11T10:56:19", date(2025, 8, 11)),
        ("DOLV25;20250829;5471,5", date(2025, 8, 29)),
        ("1780498200,171500.0", date(2026, 6, 3)),
        ("22002717;2019.10.10 10:50", date(2019, 10, 10)),
        ("20181340;3.750", None),
        ("nothing at all", None),
        ("", None),
    ],
)
def test_day_is_read_from_a_row_as_its_vendor_wrote_it(text: str, day: date | None) -> None:
    assert day_in(text) == day


def test_lake_reads_the_users_calendar(lake: Lake) -> None:
    """2 November 2026 is a holiday and the 3rd the expiry of WDOX26: b3.md §1.2."""
    own = override(
        lake,
        "2026-10-30,closed,,,Power failure,B3 notice",
        "2026-11-03,closed,,,Power failure,B3 notice",
        "2026-11-04,open,10:30,,Late open,B3 notice",
    ).instruments
    assert own.calendar("WDO").hours_on(date(2026, 11, 4)) == Hours(time(10, 30), time(18, 30))
    assert last_trade_session("WDOX26", own) == date(2026, 10, 29)
    assert front_contract("WDO", date(2026, 10, 29), own) == "WDOZ26"
    record = own.session("WDO", date(2026, 11, 4))
    assert int(record["open_ns"][0]) == to_ns(datetime(2026, 11, 4, 10, 30))


def test_spreadsheets_mark_at_the_head_of_the_users_calendar_is_no_column(lake: Lake) -> None:
    own = override(lake, "2026-11-27,closed,,,Power failure,B3 notice")
    path = lake.folder / "calendar.csv"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert not own.instruments.calendar("WDO").is_session(date(2026, 11, 27))


def test_partitions_of_a_contract_carry_the_expiry_of_the_users_calendar(lake: Lake, provenance: Provenance) -> None:
    own = override(lake, "2020-05-04,closed,,,Power failure,B3 notice")
    assert own.draft("bars", "WDOK20", THURSDAY, provenance, 60).expiry == "2020-05-05"
    assert last_trade_session("WDOK20", own.instruments) == date(2020, 4, 30)


def test_malformed_line_of_the_users_calendar_is_refused_with_its_number(lake: Lake) -> None:
    own = override(lake, "2026-11-27,closed,,,Right,x", "2026-11-28,closed,,,No source,")
    with pytest.raises(ConfigError, match=r"calendar\.csv, line 3: expected date,status,open,close,reason,source"):
        _ = own.instruments


def test_missing_sessions_skip_weekends_and_holidays(lake: Lake, record: Record) -> None:
    """Good Friday 2020 was 10 April."""
    record("WDOK20", date(2020, 4, 9))
    record("WDOK20", date(2020, 4, 13))
    assert audit_calendar(lake).missing == ()
    record("WDOK20", date(2020, 4, 9) + timedelta(days=7))
    assert [one.day for one in audit_calendar(lake).missing] == [date(2020, 4, 14), date(2020, 4, 15)]
