"""Lake ls, lake gaps and lake verify, as people and machines read them."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from market.home import Home
from market.lake import Lake
from tests.cli.conftest import RunCommand
from tests.homes import MARKET, fill_lake
from tests.market.test_price_levels import DAYS, fill

Ask = Callable[..., tuple[int, dict[str, Any]]]
SERIES_HEADER = ["contract", "kind", "bar", "basis", "origin", "first", "last", "sessions", "rows", "bytes", "gaps"]
HEADER = "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>"
LOST = {
    "kind": "bars", "contract": "WDOK20", "session": "2020-04-07", "first": "2020-04-07T11:00:00-03:00",
    "last": "2020-04-07T11:20:00-03:00", "minutes": 20.0, "cause": "feed loss",
    "bar_seconds": 60, "price_basis": "raw",
}  # fmt: skip
CALL = {
    "kind": "bars", "contract": "WDOK20", "session": "2020-04-13", "first": "2020-04-13T09:00:00-03:00",
    "last": "2020-04-13T09:03:00-03:00", "minutes": 3.0, "cause": "auction",
    "bar_seconds": 60, "price_basis": "raw",
}  # fmt: skip
ABSENT = [  # Good Friday among them
    {"kind": "bars", "contract": "WDOK20", "session": f"2020-04-{day}", "cause": cause, "bar_seconds": 60}
    for day, cause in (("08", "feed loss"), ("09", "feed loss"), ("10", "holiday"))
]


def minute_rows(day: date, holes: range) -> list[str]:
    """Return minute bars from 09:00 to 18:00 but for some minutes."""
    start = datetime.combine(day, datetime.min.time()) + timedelta(hours=9)
    return [
        f"{start + timedelta(minutes=k):%Y.%m.%d\t%H:%M:%S}\t5250.0\t5252.0\t5250.0\t5251.0\t10\t100\t5"
        for k in range(540)
        if k not in holes
    ]


@pytest.fixture
def held(ask: Ask, home: Home, tmp_path: Path) -> Path:
    """A lake with two sessions of minute bars, three weekdays apart, and a hole in each."""
    rows = [*minute_rows(date(2020, 4, 7), range(120, 140)), *minute_rows(date(2020, 4, 13), range(3))]
    file = tmp_path / "WDOK20_M1.csv"
    file.write_text("\r\n".join([HEADER, *rows, ""]), encoding="utf-8", newline="")
    assert ask("import", file)[0] == 0
    return home.lake


def test_gaps_are_told_with_their_cause_and_missing_sessions_beside(ask: Ask, held: Path) -> None:
    assert ask("lake", "gaps") == (0, {"ok": True, "gaps": [LOST, CALL], "missing_sessions": ABSENT})


def test_gaps_speak_to_people(run: RunCommand, held: Path) -> None:
    lines = run("lake", "gaps").out.splitlines()
    assert lines[0] == "2020-04-07 WDOK20   bars       60 s raw           11:00-11:20     20.0 min  feed loss"
    assert lines[2] == "2020-04-08 to 2020-04-09, 2 sessions WDOK20   bars       60 s missing whole: feed loss"
    assert lines[-1] == "1 auction, 3 feed loss, 1 holiday"


@pytest.mark.parametrize(
    ("filters", "gaps", "missing"),
    [
        (("--cause", "feed loss"), [LOST], ABSENT[:2]),
        (("--cause", "holiday"), [], ABSENT[2:]),
        (("--kind", "bars", "--contract", "WDOK20"), [LOST, CALL], ABSENT),
        (("--kind", "trades"), [], []),
        (("--kind", "BARS", "--symbol", "wdok20", "--cause", "Auction"), [CALL], []),
        (("--from", "2020-04-08", "--to", "2020-04-09"), [], ABSENT[:2]),
        (("--from", "2020-04-10"), [CALL], ABSENT[2:]),
    ],
)
def test_gaps_are_narrowed_by_cause_kind_and_contract(
    ask: Ask, held: Path, filters: tuple[str, ...], gaps: list[Any], missing: list[Any]
) -> None:
    assert ask("lake", "gaps", *filters) == (0, {"ok": True, "gaps": gaps, "missing_sessions": missing})


@pytest.mark.parametrize(
    ("filters", "reason"),
    [
        (("--cause", "weather"), "--cause: expected one of no trade, feed loss, auction"),
        (("--kind", "news"), "--kind: expected one of trades, quotes, book, bars, found 'news'"),
        (
            ("--from", "2020-04-10", "--to", "2020-04-09"),
            "expected --from before --to, found 2020-04-10 and 2020-04-09",
        ),
        (("--contract", "WDOM20"), "--contract: expected one of WDOK20, found 'WDOM20'"),
    ],
)
def test_a_filter_that_nothing_answers_to_is_wrong_use(
    ask: Ask, held: Path, filters: tuple[str, ...], reason: str
) -> None:
    code, said = ask("lake", "gaps", *filters)
    assert (code, said["gaps"]) == (2, None)
    assert said["reason"].startswith(reason)


def partition(kind: str, day: str, rows: int, gaps: int) -> dict[str, Any]:
    return {
        "kind": kind, "instrument": "WDO", "contract": "WDOK20", "session": day, "rows": rows,
        "source": "WDOK20_M1.csv", "synthetic": False, "gaps": gaps, "bar_seconds": 60, "price_basis": "raw",
    }  # fmt: skip


def test_ls_lists_every_partition_for_machines(ask: Ask, held: Path) -> None:
    code, said = ask("lake", "ls")
    sizes = [one.pop("bytes") for one in said["partitions"]]
    assert (code, said) == (
        0,
        {
            "ok": True,
            "partitions": [partition("bars", "2020-04-07", 520, 1), partition("bars", "2020-04-13", 537, 1)],
            "never_joined": [],
        },
    )
    assert sizes == [file.stat().st_size for file in sorted((held / "bars" / "WDOK20" / "60").iterdir())]


def test_ls_tells_people_of_series_and_on_request_of_sessions(run: RunCommand, home: Home, held: Path) -> None:
    fill_lake(home)  # trades and quotes of WINQ26, invented
    size = [sum(file.stat().st_size for file in (held / kind).rglob("*.parquet")) for kind in ("bars", "trades")]
    lines = run("lake", "ls").out.splitlines()
    assert lines[0].split() == SERIES_HEADER
    assert lines[1].split() == [
        *["WDOK20", "bars", "60", "s", "raw", "market", "2020-04-07", "2020-04-13", "2", "1,057"], f"{size[0]:,}", "2"
    ]  # fmt: skip
    assert [line.split()[:2] for line in lines[2:-1]] == [["WINQ26", "quotes"], ["WINQ26", "trades"]]
    assert lines[3].split()[2:8] == ["-", "raw", "synthetic", str(MARKET.days()[0]), str(MARKET.days()[-1]), "4"]
    assert f"{size[1]:,}" in lines[3].split()
    assert lines[-1].startswith("10 sessions, ")
    lines = run("lake", "ls", "--each", "--contract", "WDOK20").out.splitlines()
    assert [line.split()[0] for line in lines] == ["session", "2020-04-07", "2020-04-13"]
    assert lines[2].split()[1:8] == ["WDOK20", "bars", "60", "s", "raw", "market", "537"]
    assert lines[2].split()[-1] == "WDOK20_M1.csv"


@pytest.mark.parametrize(
    ("filters", "days"),
    [
        ("--contract wdok20 --from 2020-04-08", ["2020-04-13"]),
        ("--kind Bars --to 2020-04-12", ["2020-04-07"]),
        ("--from 2020-04-07 --to 2020-04-07", ["2020-04-07"]),
        ("--from 2021", []),
        ("--kind quotes", []),
    ],
)
def test_ls_is_narrowed(run: RunCommand, ask: Ask, held: Path, filters: str, days: list[str]) -> None:
    code, said = ask("lake", "ls", *filters.split())
    assert (code, [one["session"] for one in said["partitions"]]) == (0, days)
    spoken = run("lake", "ls", *filters.split()).out
    assert ("nothing in the lake answers to these filters" in spoken) == (not days)


@pytest.mark.parametrize(
    ("filters", "reason"),
    [
        (("--kind", "news"), "--kind: expected one of trades, quotes, book, bars, found 'news'"),
        (("--contract", "WDOM20"), "--contract: expected one of WDOK20, found 'WDOM20'"),
        (("--from", "2020-04-10", "--to", "2020-04-09"), "expected --from before --to"),
        (("--from", "yesterday"), "Invalid value for '--from'"),
    ],
)
def test_ls_refuses_what_cannot_be_meant(ask: Ask, held: Path, filters: tuple[str, ...], reason: str) -> None:
    code, said = ask("lake", "ls", *filters)
    assert (code, said["partitions"]) == (2, None)
    assert said["reason"].startswith(reason)


def test_empty_lake_has_neither_gaps_nor_faults(run: RunCommand, ask: Ask) -> None:
    assert ask("lake", "gaps") == (0, {"ok": True, "gaps": [], "missing_sessions": []})
    assert ask("lake", "ls") == (0, {"ok": True, "partitions": [], "never_joined": []})
    for command in ("ls", "gaps", "verify"):
        assert "the lake is empty" in run("lake", command).out
    asked = run("lake", "ls", "--contract", "WDOK20")
    assert (asked.code, asked.err.split(";")[0]) == (2, "pregao: --contract WDOK20: the lake is empty")
    assert ask("lake", "verify") == (0, {"ok": True, "checked": 0, "problems": []})


def test_verify_names_one_of_many_left_over_files(run: RunCommand, ask: Ask, held: Path) -> None:
    for k in range(30):
        (held / f"bars/WDOK20/60/2020-05-{k:02}.partial").write_bytes(b"?")
    said = ask("lake", "verify")[1]
    assert (len(said["problems"]), said["reason"].count("partial")) == (30, 1)
    told = run("lake", "verify").err
    assert told.startswith("pregao: 30 files, as bars/WDOK20/60/2020-05-00.partial: left over by")
    assert told.count("\n") == 1


def test_verify_says_yes_to_an_untouched_lake(run: RunCommand, ask: Ask, held: Path) -> None:
    assert ask("lake", "verify") == (0, {"ok": True, "checked": 2, "problems": []})
    assert run("lake", "verify").out == "2 partitions are as they were written\n"


def test_verify_says_no_with_every_reason(run: RunCommand, ask: Ask, held: Path) -> None:
    place = "bars/WDOK20/60/2020-04-07.parquet"
    (held / place).unlink()
    (held / f"{place}.partial").write_bytes(b"?")
    code, said = ask("lake", "verify")
    assert (code, said["checked"], len(said["problems"])) == (1, 2, 2)
    assert said["reason"] == "\n".join(said["problems"])
    spoken = run("lake", "verify")
    assert (spoken.code, spoken.out) == (1, "")
    assert spoken.err.startswith(f"pregao: {place}: expected a file, found none")


def test_ls_says_which_records_are_never_joined(run: RunCommand, home: Home) -> None:
    lake = Lake(home.lake)
    fill(lake, "WDOFUT", DAYS[:15], 15, 1.0)
    fill(lake, "WDOFUT", DAYS[5:], 5, 1.0125)
    told = run("lake", "ls").out.splitlines()[-1]
    assert told.startswith(
        "never joined: bars of 900 s beside bars of 300 s of WDOFUT: every price restated by ×0.9876"
    )
