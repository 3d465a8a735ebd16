"""Lake gaps and lake verify, as people and machines read them."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from market.home import Home
from tests.cli.conftest import RunCommand

Ask = Callable[..., tuple[int, dict[str, Any]]]
HEADER = "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>"
LOST = {
    "kind": "bars", "contract": "WDOK20", "session": "2020-04-07", "first": "2020-04-07T11:00:00-03:00",
    "last": "2020-04-07T11:20:00-03:00", "minutes": 20.0, "cause": "feed loss",
}  # fmt: skip
CALL = {
    "kind": "bars", "contract": "WDOK20", "session": "2020-04-13", "first": "2020-04-13T09:00:00-03:00",
    "last": "2020-04-13T09:03:00-03:00", "minutes": 3.0, "cause": "auction",
}  # fmt: skip
ABSENT = [  # Good Friday among them
    {"kind": "bars", "contract": "WDOK20", "session": f"2020-04-{day}", "cause": cause}
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
    assert lines[0] == "2020-04-07 WDOK20   bars    11:00-11:20     20.0 min  feed loss"
    assert lines[2] == "2020-04-08 to 2020-04-09, 2 sessions WDOK20   bars    missing whole: feed loss"
    assert lines[-1] == "1 auction, 3 feed loss, 1 holiday"


@pytest.mark.parametrize(
    ("filters", "gaps", "missing"),
    [
        (("--cause", "feed loss"), [LOST], ABSENT[:2]),
        (("--cause", "holiday"), [], ABSENT[2:]),
        (("--kind", "bars", "--contract", "WDOK20"), [LOST, CALL], ABSENT),
        (("--kind", "trades"), [], []),
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
        (("--contract", "WDOM20"), "--contract: expected one of WDOK20, found 'WDOM20'"),
    ],
)
def test_a_filter_that_nothing_answers_to_is_wrong_use(
    ask: Ask, held: Path, filters: tuple[str, ...], reason: str
) -> None:
    code, said = ask("lake", "gaps", *filters)
    assert (code, said["gaps"]) == (2, None)
    assert said["reason"].startswith(reason)


def test_empty_lake_has_neither_gaps_nor_faults(run: RunCommand, ask: Ask) -> None:
    assert ask("lake", "gaps") == (0, {"ok": True, "gaps": [], "missing_sessions": []})
    assert "the lake is empty" in run("lake", "gaps").out
    assert ask("lake", "verify") == (0, {"ok": True, "checked": 0, "problems": []})


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
