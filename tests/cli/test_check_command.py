"""`pregao check`, as people and machines read it."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from market.bars import bars_from_events
from market.home import Home
from market.instruments import B3
from market.lake_manifest import Cause, Gap
from market.types import Kind
from tests.cli.conftest import RunCommand
from tests.factories import MINUTE_NS
from tests.flows.invented_lakes import fill_real
from tests.homes import MARKET, fill_lake

Ask = Callable[..., tuple[int, dict[str, Any]]]


def test_a_good_lake_holds(run: RunCommand, ask: Ask, home: Home) -> None:
    fill_lake(home)
    code, said = ask("check")
    assert (code, said["ok"]) == (0, True)
    assert [list(series) for series in said["series"]] == [
        ["contract", "kind", "bar_seconds", "sessions", "rows", "synthetic", "findings", "gaps", "missing_sessions",
         "holds"],
    ] * 2  # fmt: skip
    trades = said["series"][1]
    rows = sum(int((MARKET.session_events(k)["kind"] == Kind.TRADE).sum()) for k in range(4))
    assert trades == {
        "contract": "WINQ26", "kind": "trades", "bar_seconds": 0, "sessions": 4, "rows": rows, "synthetic": True,
        "findings": [], "gaps": [], "missing_sessions": {"holiday": 1}, "holds": True,
    }  # fmt: skip
    assert said["summary"] == str(home.artifacts / "validation" / "summary.html")
    assert all(Path(said[page]).is_file() for page in ("summary", "data_docs"))
    spoken = run("check", "--kind", "trades")
    first, gaps, last = spoken.out.splitlines()
    assert (spoken.code, first) == (0, f"holds   WINQ26 trades: 4 sessions, {rows:,} rows, synthetic")
    assert gaps == "gaps and missing sessions: 1 holiday"  # 2026-06-04
    assert last == f"summary {said['summary']}, Data Docs {said['data_docs']}"


def test_a_bad_lake_is_an_answer_of_no_with_its_reasons(run: RunCommand, ask: Ask, home: Home) -> None:
    def spoil(trades: Any) -> None:
        trades["quantity"] = 0

    fill_real(home, spoil)
    code, said = ask("check", "--contract", "WINQ26")
    (series,) = said["series"]
    (finding,) = series["findings"]
    assert (code, said["ok"], series["holds"], series["synthetic"]) == (1, False, False, False)
    assert (finding["check"], finding["count"], finding["refuses"]) == ("no_quantity", 1, True)
    assert finding["sentence"].startswith("records without a quantity above zero: 1, the lowest 0 (2026-06-02 09:")
    assert said["reason"] == f"WINQ26 trades: {finding['sentence']}"
    spoken = run("check")
    assert (spoken.code, spoken.err.splitlines()[-1]) == (1, f"pregao: {said['reason']}")
    assert spoken.out.startswith("REFUSED WINQ26 trades: 4 sessions")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--contract", "WINZ26"), "--contract: expected one of WINQ26, found 'WINZ26'"),
        (("--kind", "book"), "--kind: expected one of quotes, trades, found 'book'"),
    ],
)
def test_what_the_lake_does_not_hold_is_wrong_use(ask: Ask, home: Home, arguments: tuple[str, ...], said: str) -> None:
    fill_lake(home)
    code, answer = ask("check", *arguments)
    assert (code, answer["series"]) == (2, None)
    assert said in answer["reason"]


def test_an_empty_lake_is_no_error(run: RunCommand, ask: Ask) -> None:
    code, said = ask("check")
    assert (code, said["ok"], said["series"]) == (0, True, [])
    assert "the lake is empty" in run("check").out


def test_check_and_lake_gaps_tell_the_same_numbers(run: RunCommand, ask: Ask, home: Home) -> None:
    """A day lost, a day with half an hour lost, and a holiday."""
    lake, days = fill_lake(home, "bars"), MARKET.days()
    parts = lake.partitions("bars")
    events = MARKET.session_events(3)
    session = B3.session(MARKET.symbol, days[3])
    bars = bars_from_events(events, session, MINUTE_NS)
    later = date(2026, 6, 9)
    moved = int(B3.session(MARKET.symbol, later)["open_ns"][0]) - int(session["open_ns"][0])
    for name in ("ts_open_ns", "ts_close_ns"):
        bars[name] += moved
    first = int(bars["ts_open_ns"][60])
    hole = Gap(first, first + 30 * MINUTE_NS, Cause.FEED_LOSS)
    kept = bars[(bars["ts_open_ns"] < hole.first_ns) | (bars["ts_open_ns"] >= hole.last_ns)]
    lake.commit([(lake.draft("bars", MARKET.symbol, later, parts[0].provenance, 60, (hole,)), kept)])
    code, said = ask("check")
    (series,) = said["series"]
    assert code == 0
    assert series["gaps"] == [{"cause": "feed loss", "count": 1, "minutes": 30.0}]
    lost = [day for day in B3.calendar(MARKET.symbol).sessions(days[0], later) if day not in {*days, later}]
    assert series["missing_sessions"] == {"feed loss": len(lost), "holiday": 1}
    told = [line for line in run("check").out.splitlines() if line.startswith("gaps and missing sessions: ")]
    assert told == [f"gaps and missing sessions: {run('lake', 'gaps').out.splitlines()[-1]}"]
    assert told[0].endswith(f": {1 + len(lost)} feed loss, 1 holiday")
