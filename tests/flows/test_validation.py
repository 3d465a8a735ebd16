"""Whole series of a lake are looked at, and a flow goes no further than one that is refused."""

import re
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import yaml

from flows import validation
from flows.parameters import DataParams
from flows.stages import validate
from flows.stages.dataset import open_dataset
from flows.validation import check_lake
from market.bars import bars_from_events
from market.errors import ValidationFailed
from market.home import Home
from market.instruments import B3, Declaration, declare
from market.lake import Lake
from market.lake_manifest import Provenance
from market.realism import Realism
from market.types import Kind, Phase
from tests.commands import run_pregao
from tests.factories import MINUTE_NS, SECOND_NS, make_book, make_event, stack
from tests.flows.invented_lakes import VENDOR, fill_bars, fill_real
from tests.homes import MARKET, fill_lake
from tests.market.invented_bars import Plan, lively, random_walk_with_constant_volume

DAY = MARKET.days()[1]


def put(name: str, value: int) -> Callable[[np.ndarray], None]:
    """Spoil one field of some records."""

    def spoil(records: np.ndarray) -> None:
        records[name] = value

    return spoil


def is_offline(page: str) -> bool:
    leads_out = re.search('href="(?!#)', page)
    return not leads_out and not any(mark in page for mark in ("http:", "https:", "src=", "@import", "url("))


def test_a_good_dataset_passes_and_both_pages_are_written_every_time(home: Home) -> None:
    fill_real(home)
    dataset = open_dataset(home, DataParams(MARKET.symbol))
    for _ in range(2):
        done = validate.run(home, dataset)
        (report,) = done.reports
        assert (report.label, report.holds, report.origin) == ("WINQ26 trades", True, "real")
        assert report.rows == sum(p.rows for p in dataset.partitions)
        assert [(one.suite, one.sessions, one.findings) for one in report.results] == [
            ("trades", 4, ()), ("series", 4, ()),
        ]  # fmt: skip
        assert done.data_docs == home.state / validation.DATA_DOCS
        assert "WINQ26 trades" in done.data_docs.read_text(encoding="utf-8")
        assert is_offline(done.summary.read_text(encoding="utf-8"))


@pytest.mark.nightly
def test_flow_stops_at_a_broken_row_names_it_and_keeps_standard_output_clean(home: Home) -> None:
    """The whole command, Prefect and all: nothing after the validation has run."""
    fill_real(home, put("quantity", 0))
    with pytest.raises(ValidationFailed, match=r"without a quantity above zero: 1, the lowest 0 \(2026-06-02 09:"):
        validate.run(home, open_dataset(home, DataParams(MARKET.symbol)))
    splits = {"folds": 2, "train_sessions_min": 1}
    values = {"data": {"contract": MARKET.symbol, "held_back_sessions": 1}, "splits": splits}
    (home.root / "params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")

    done = run_pregao(home, "retrain", "--params", str(home.root / "params.yaml"), "--json")
    assert (done.code, done.answer["ok"], done.answer["run_id"]) == (1, False, None)
    assert "WINQ26 trades: records without a quantity above zero: 1" in done.answer["reason"]
    assert str(home.artifacts / validation.SUMMARY) in done.answer["reason"]
    assert "✘" in (home.artifacts / validation.SUMMARY).read_text(encoding="utf-8")
    assert [path.name for path in home.artifacts.iterdir()] == ["validation"]
    assert not home.mlruns.exists()


def test_trades_and_quotes_of_a_dataset_are_both_held(home: Home) -> None:
    fill_lake(home)
    fill_lake(home, "bars")
    done = validate.run(home, open_dataset(home, DataParams(MARKET.symbol)))
    assert [report.label for report in done.reports] == ["WINQ26 quotes", "WINQ26 trades"]
    bars = validate.run(home, open_dataset(home, DataParams(MARKET.symbol, feed="bars", bar_seconds=60)))
    assert [report.label for report in bars.reports] == ["WINQ26 bars 1 min"]


def test_a_lake_is_checked_series_by_series(home: Home) -> None:
    lake = fill_lake(home)
    fill_lake(home, "bars")
    done = check_lake(home, lake, None, None)
    assert [report.label for report in done.reports] == ["WINQ26 bars 1 min", "WINQ26 quotes", "WINQ26 trades"]
    assert all(report.holds and report.synthetic and report.origin == "synthetic" for report in done.reports)
    bars, quotes, trades = done.reports
    assert quotes.volume is None
    assert [len(report.partitions) for report in done.reports] == [4, 4, 4]
    assert check_lake(home, lake, MARKET.symbol, "quotes").reports[0].label == "WINQ26 quotes"
    np.testing.assert_array_equal(bars.volume, trades.volume)


def test_volume_by_half_hour_is_the_median_session(home: Home) -> None:
    lake = fill_lake(home, "bars")
    (report,) = check_lake(home, lake, None, None).reports
    expected = []
    for index, day in enumerate(MARKET.days()):
        events, session = MARKET.session_events(index), B3.session("WIN", day)
        sold = events[events["kind"] == Kind.TRADE]
        slot = 18 + (sold["ts_event_ns"] - session["open_ns"][0]) // (30 * MINUTE_NS)  # opens at 09:00
        expected.append([int(sold["quantity"][slot == k].sum()) for k in range(48)])
    assert report.volume is not None
    assert report.volume.tolist() == np.median(expected, axis=0).tolist()


@pytest.mark.parametrize("kind", [None, "trades"])
def test_trades_within_a_halt_refuse_where_quotes_keep_the_phases(home: Home, kind: str | None) -> None:
    lake = Lake(home.lake)
    events = MARKET.session_events(1)
    trades = events[events["kind"] == Kind.TRADE]
    frozen = make_event(Kind.STATE, 0, level=Phase.FROZEN)
    frozen["ts_event_ns"] = frozen["ts_recv_ns"] = trades["ts_event_ns"][-3]
    frozen["sequence"] = trades["sequence"][-3]
    trades["sequence"][-3:] += 1
    lake.commit(
        (lake.draft(name, MARKET.symbol, DAY, VENDOR), part) for name, part in (("trades", trades), ("quotes", frozen))
    )
    (reason,) = check_lake(home, lake, None, kind).reasons
    assert reason.startswith("WINQ26 trades: trades while the market was not open: 3, in phase 2 (2026-06-02")


@pytest.mark.parametrize(("calendar", "holds"), [("b3_stocks", True), ("b3_index", False)])
def test_quotes_may_cross_in_the_closing_call_of_a_share(home: Home, calendar: str, holds: bool) -> None:
    lake = Lake(home.lake, {"PETR4": declare("PETR4", Declaration(0.01, 1.0, 1.0, "BRL", calendar))})
    quotes = stack(make_book(600, 2_500, 2_502))
    quotes["ts_event_ns"] = quotes["ts_recv_ns"] = (
        int(lake.instruments.session("PETR4", DAY)["close_ns"][0]) - SECOND_NS
    )
    quotes["price"][quotes["side"] > 0] = 2_510
    quotes["instrument"] = lake.instruments.of("PETR4").id
    lake.commit([(lake.draft("quotes", "PETR4", DAY, VENDOR), quotes)])
    assert check_lake(home, lake, None, None).reports[0].holds is holds


@pytest.mark.parametrize(("generate", "holds"), [(lively, True), (random_walk_with_constant_volume, False)])
def test_a_series_filed_as_real_that_no_market_made_is_refused(
    home: Home, generate: Callable[..., object], holds: bool
) -> None:
    lake = fill_bars(home, generate(Plan(12, 5, 21)))
    done = check_lake(home, lake, None, None)
    assert (done.reports[0].holds, done.reports[0].origin) == (holds, "real" if holds else "doubted")
    if not holds:
        assert re.search("sessions filed as real that no market made: 12 .*volume and absolute return", done.reasons[0])


def test_a_series_marked_synthetic_is_no_finding(home: Home) -> None:
    marked = Provenance("walk.csv", "0" * 64, "mt5_bars/2", True, "raw")
    lake = fill_bars(home, random_walk_with_constant_volume(Plan(12, 5, 21)), marked)
    (report,) = check_lake(home, lake, None, None).reports
    assert (report.holds, report.origin) == (True, "synthetic")
    assert report.verdict == Realism(None, ())  # there is nothing to judge


def test_prices_that_cannot_be_are_told_and_not_judged(home: Home) -> None:
    series = random_walk_with_constant_volume(Plan(12, 5, 21))
    series.low[100] = 0.0
    lake = fill_bars(home, series)
    (report,) = check_lake(home, lake, None, None).reports
    assert report.verdict.real is None
    assert [finding.check.name for finding in report.findings if finding.check.refuses] == ["no_price"]


def test_a_million_events_take_seconds(home: Home) -> None:
    """Alone it takes one; the rest is room for a busy machine."""
    lake, writes = Lake(home.lake), []
    for day in (date(2026, 6, 1), date(2026, 6, 2)):
        session = B3.session("WIN", day)
        opens, closes = int(session["open_ns"][0]), int(session["close_ns"][0])
        events = np.tile(MARKET.session_events(0)[:1], 500_000)
        events["kind"], events["side"], events["quantity"], events["trade_type"] = Kind.TRADE, 1, 2, 2
        events["price"] = 25_000
        events["sequence"] = np.arange(events.size)
        events["trade_number"] = events["sequence"] + 1
        events["ts_event_ns"] = events["ts_recv_ns"] = np.linspace(opens, closes - SECOND_NS, events.size).astype("i8")
        writes.append((lake.draft("trades", "WINQ26", day, VENDOR), events))
    lake.commit(writes)
    bars_from_events(events[:10], session, MINUTE_NS)
    started = time.perf_counter()
    done = check_lake(home, lake, None, None)
    assert time.perf_counter() - started < 20.0
    assert (done.reports[0].rows, done.reasons) == (1_000_000, [])


def test_an_empty_lake_gives_pages_that_say_so(home: Home) -> None:
    done = check_lake(home, Lake(home.lake), None, None)
    assert done.reports == ()
    assert "pregao import" in Path(done.summary).read_text(encoding="utf-8")
