"""`pregao calendar` and `pregao calendar audit`, as a user runs them."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from cli.calendar import _audit_lines
from market.home import Home
from market.instruments import B3
from tests.cli.conftest import RunCommand
from tests.cli.test_data_commands import write_bars

Ask = Callable[..., tuple[int, dict[str, Any]]]
THURSDAY, SATURDAY = date(2020, 4, 2), date(2020, 4, 4)
OVERRIDES = "date,status,open,close,reason,source\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A session, and three bars of the Saturday after it."""
    whole, stray = write_bars(tmp_path / "exports" / "WDOK20_M1.csv"), write_bars(tmp_path / "stray.csv", 3, SATURDAY)
    rows = stray.read_bytes().split(b"\r\n", 1)[1]
    whole.write_bytes(whole.read_bytes() + rows)
    return whole


def test_day_is_shown_with_the_sessions_on_both_sides(run: RunCommand) -> None:
    done = run("calendar", "2026-12-24")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "2026-12-23 Wed  09:00 to 18:30, front WDOF27",
        "2026-12-24 Thu  no session: Christmas Eve",
        "2026-12-28 Mon  09:00 to 18:30, front WDOF27",
    ]


@pytest.mark.parametrize(
    ("day", "told"),
    [
        ("2027-12-31", ["2027-12-30", "2027-12-31"]),
        ("2027-12-30", ["2027-12-29", "2027-12-30"]),
        ("2013-01-01", ["2013-01-01", "2013-01-02"]),
        ("2013-01-02", ["2013-01-02", "2013-01-03"]),
    ],
)
def test_day_at_an_end_of_the_calendar_has_no_neighbour_beyond_it(ask: Ask, day: str, told: list[str]) -> None:
    code, said = ask("calendar", day)
    assert (code, [one["date"] for one in said["days"]]) == (0, told)


def test_span_of_carnival_is_shown_day_by_day(ask: Ask) -> None:
    """b3.md §1.2: WDOH25 ends on 28 February 2025; the first session of March is Ash Wednesday at 13:00."""
    code, said = ask("calendar", "show", "--from", "2025-02-28", "--to", "2025-03-05")
    assert (code, said["symbol"], said["calendar"]) == (0, "WDO", "b3_dollar")
    assert [(day["date"][5:], day["session"], day["reason"]) for day in said["days"]] == [
        ("02-28", True, ""),
        ("03-01", False, "weekend"),
        ("03-02", False, "weekend"),
        ("03-03", False, "Carnival Monday"),
        ("03-04", False, "Carnival Tuesday"),
        ("03-05", True, "Ash Wednesday"),
    ]
    first, last = said["days"][0], said["days"][-1]
    assert (first["front"], first["last_session_of"]) == ("WDOJ25", "WDOH25")
    assert (last["open"], last["close"]) == ("2025-03-05T13:00:00-03:00", "2025-03-05T18:30:00-03:00")


@pytest.mark.parametrize(
    ("symbol", "day", "line"),
    [
        ("win", "2026-12-16", "2026-12-16 Wed  09:00 to 18:25, front WING27, last session of WINZ26"),
        ("WINZ26", "2026-12-15", "2026-12-15 Tue  09:00 to 18:25, front WINZ26"),
        ("DOL", "2027-12-29", "2027-12-29 Wed  09:00 to 18:30, front DOLF28"),
        ("WDO", "2013-01-02", "2013-01-02 Wed  09:00 to 18:15, front WDOG13"),
    ],
)
def test_flags_of_a_day(run: RunCommand, symbol: str, day: str, line: str) -> None:
    assert run("calendar", "--root", symbol, "--from", day, "--to", day).out.splitlines() == [line]


def test_front_is_empty_where_the_calendar_ends_before_the_next_expiry(ask: Ask) -> None:
    code, said = ask("calendar", "--symbol", "WIN", "--from", "2027-12-15", "--to", "2027-12-15")
    assert (code, said["days"][0]["front"]) == (0, None)


def test_without_a_day_it_is_today(ask: Ask) -> None:
    code, said = ask("calendar")
    assert (code, len(said["days"])) == (0, 3)
    assert said["days"][0]["date"] < said["days"][1]["date"] < said["days"][2]["date"]


def test_span_without_its_first_day_begins_with_the_year(ask: Ask) -> None:
    code, said = ask("calendar", "--to", "2027-01-31")
    assert (code, said["days"][0]["date"][5:], said["days"][-1]["date"]) == (0, "01-01", "2027-01-31")


def test_declared_instrument_has_its_own_calendar(run: RunCommand, home: Home) -> None:
    keys = 'tick_size = 0.1\nlot_step = 0.001\npoint_value = 1\ncurrency = "USDT"\ncalendar = "always"\n'
    (home.root / "pregao.toml").write_text(f"[instruments.BTCUSDT]\n{keys}", encoding="utf-8")
    done = run("calendar", "--symbol", "BTCUSDT", "--from", "2026-12-25", "--to", "2026-12-25")
    assert done.out == "2026-12-25 Fri  00:00 to 00:00\n"


def test_users_calendar_counts(run: RunCommand, home: Home) -> None:
    home.lake.mkdir(parents=True)
    rows = "2026-11-30,closed,,,Power failure,B3 notice\n"
    (home.lake / "calendar.csv").write_text(OVERRIDES + rows, encoding="utf-8")
    done = run("calendar", "2026-11-30")
    assert done.out.splitlines() == [
        "2026-11-27 Fri  09:00 to 18:30, front WDOF27, last session of WDOZ26",
        "2026-11-30 Mon  no session: Power failure",
        "2026-12-01 Tue  09:00 to 18:30, front WDOF27",
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("calendar nonsense", "'nonsense' does not match the formats '%Y-%m-%d'; see `pregao calendar show --help`"),
        ("calendar 2012-12-31", "2012-12-31: expected a day from 2013-01-01 to 2027-12-31"),
        ("calendar 9999-12-31", "9999-12-31: expected a day from 2013-01-01 to 2027-12-31"),
        ("calendar 2026-02-02 --from 2026-02-01", "expected a day, or --from and --to, found both (2026-02-02)"),
        ("calendar 2030-01-02", "expected a day from 2013-01-01 to 2027-12-31"),
        ("calendar --from 2026-02-02 --to 2026-02-01", "expected --from before --to, found 2026-02-02 and 2026-02-01"),
        ("calendar --symbol PETR4", "'PETR4': expected a contract of WDO, DOL, WIN, IND"),
        ("calendar audit .", ".: expected a file, found a folder; name the files in it, as *.csv"),
        ("calendar audit none.csv", "none.csv: expected a file, found nothing there"),
    ],
)
def test_refusals(ask: Ask, line: str, said: str) -> None:
    code, answer = ask(*line.split())
    assert (code, answer["ok"]) == (2, False)
    assert said in answer["reason"]


def test_help_of_the_group_names_its_commands(run: RunCommand) -> None:
    done = run("calendar", "--help")
    assert done.code == 0
    assert "show" in done.out
    assert "audit" in done.out


def test_audit_of_a_file_names_the_day_outside_and_stores_nothing(
    ask: Ask, run: RunCommand, home: Home, file: Path
) -> None:
    code, said = ask("calendar", "audit", file)
    assert (code, said["ok"], said["sessions"], said["missing"], said["refused"]) == (1, False, 1, [], [])
    assert said["outside"] == [
        {"date": "2020-04-04", "source": "WDOK20_M1.csv", "rows": 3, "reason": "a weekend", "acknowledged": False}
    ]
    assert said["reason"].startswith("expected data on sessions only, found some on 2020-04-04; say in ")
    assert str(home.lake / "calendar.csv") in said["reason"]
    assert not home.lake.exists()
    spoken = run("calendar", "audit", file)
    assert spoken.out.splitlines() == [
        "1 sessions of contracts",
        "outside   2020-04-04  a weekend: 3 rows of WDOK20_M1.csv",
    ]
    assert spoken.err == f"pregao: {said['reason']}\n"


def test_audit_of_the_lake_says_yes_once_the_user_has_explained_the_day(
    ask: Ask, run: RunCommand, home: Home, file: Path
) -> None:
    run("import", file)
    assert ask("calendar", "audit")[0] == 1
    rows = f"{SATURDAY},closed,,,Test session of the exchange,its prices\n"
    (home.lake / "calendar.csv").write_text(OVERRIDES + rows, encoding="utf-8")
    code, said = ask("calendar", "audit")
    assert (code, said["ok"], said["outside"][0]["acknowledged"]) == (0, True, True)
    assert ask("calendar", "audit", file)[0] == 0
    assert "Test session of the exchange, as calendar.csv says: 3 rows" in run("calendar", "audit").out


@pytest.mark.parametrize("content", [b"\xff\xfe", b"line,text\n1,x\n", b"line,reason,text\n1\n"])
def test_damaged_quarantine_is_named(ask: Ask, run: RunCommand, home: Home, file: Path, content: bytes) -> None:
    run("import", file)
    (aside,) = (home.lake / "quarantine").iterdir()
    aside.write_bytes(content)
    code, said = ask("calendar", "audit")
    assert (code, said["outside"]) == (1, None)
    assert said["reason"].startswith(f"{aside}: expected the rows of an import with their reason and text, found ")


def test_audit_of_nothing_agrees(ask: Ask) -> None:
    code, said = ask("calendar", "audit")
    assert (code, said) == (
        0, {"ok": True, "sessions": 0, "outside": [], "missing": [], "off_hours": [], "refused": []}
    )  # fmt: skip


def test_missing_sessions_and_hours_are_told_without_a_no(ask: Ask, run: RunCommand, tmp_path: Path) -> None:
    """A hole of a day between two exports, and a session that begins an hour late amid a file."""
    run(
        "import",
        write_bars(tmp_path / "a" / "WDOK20_M1.csv"),
        write_bars(tmp_path / "b" / "WDOK20_M1.csv", 540, date(2020, 4, 6)),
    )
    code, said = ask("calendar", "audit")
    assert (code, said["ok"]) == (0, True)
    assert said["missing"] == [{"date": "2020-04-03", "kind": "bars", "contract": "WDOK20", "bar_seconds": 60}]
    assert "missing   2020-04-03  bars of 60 s of WDOK20" in run("calendar", "audit").out.splitlines()
    stray = write_bars(tmp_path / "c" / "WDOM20_M1.csv", 540)
    late = f"{THURSDAY:%Y.%m.%d}\t20:00:00\t5250.0\t5252.0\t5250.0\t5251.0\t10\t100\t5\r\n"
    stray.write_bytes(stray.read_bytes() + late.encode())
    code, said = ask("calendar", "audit", stray)
    assert code == 0
    assert said["off_hours"] == [
        {"date": "2020-04-02", "source": "WDOM20_M1.csv", "contract": "WDOM20",
         "reason": "1 row outside the session's hours"}
    ]  # fmt: skip


def test_missing_sessions_in_a_row_are_one_line() -> None:
    """Without the 9th, a Thursday; the 10th is Good Friday and no session."""
    days = ["03", "06", "07", "08", "13", "14", "16"]
    missing = [
        {"date": f"2020-04-{day}", "kind": "bars", "contract": contract, "bar_seconds": 0}
        for contract in ("WDOK20", "WINM20") for day in days
    ]  # fmt: skip
    fields = {"sessions": 2, "outside": [], "missing": missing, "off_hours": []}
    lines = [line for line in _audit_lines(fields, B3.calendar) if "WINM20" in line]
    assert lines == [
        "missing   2020-04-03 to 2020-04-08, 4 sessions  bars of WINM20",
        "missing   2020-04-13 to 2020-04-14, 2 sessions  bars of WINM20",
        "missing   2020-04-16  bars of WINM20",
    ]


def test_days_months_and_years_bound_a_span(ask: Ask) -> None:
    """2024 has a 29th of February."""
    for last, day in (("2024", "2024-12-31"), ("2024-02", "2024-02-29"), ("2024-02-27", "2024-02-27")):
        code, said = ask("calendar", "--from", "2024-02", "--to", last)
        assert (code, said["days"][0]["date"], said["days"][-1]["date"]) == (0, "2024-02-01", day)


def test_file_that_cannot_be_read_leaves_the_others_audited(ask: Ask, file: Path) -> None:
    code, said = ask("calendar", "audit", "none.csv", file)
    assert (code, said["sessions"], [entry["path"] for entry in said["refused"]]) == (2, 1, ["none.csv"])
    assert "none.csv: expected a file" in said["reason"]
    assert "2020-04-04" in said["reason"]


def test_two_files_that_contradict_each_other_are_both_audited(ask: Ask, tmp_path: Path) -> None:
    """Each is held against the calendar, not against the other: exports restate continuous series."""
    one, other = (write_bars(tmp_path / folder / "WDOK20_M1.csv", count) for folder, count in (("a", 540), ("b", 540)))
    other.write_bytes(other.read_bytes().replace(b"5251.0", b"5250.5"))
    code, said = ask("calendar", "audit", one, other)
    assert (code, said["sessions"]) == (0, 2)
