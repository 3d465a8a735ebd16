"""Several desks as one account: records in the order of time, and money that adds up."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from backtest.metrics import summarise, summarise_account
from backtest.report import ReportData, render_report
from backtest.result import BacktestResult, join_desks
from tests.backtest.conftest import DAY_NS, MINUTE_NS, OPEN_NS, MakeRecords
from trading.records import DECISION, ORDER, decision_hash

DAYS = [date(2024, 3, 4), date(2024, 3, 5), date(2024, 3, 6)]


def run_of(
    points: list[tuple[int, int, float]], days: list[date], fills: np.ndarray, instrument: int
) -> BacktestResult:
    """Return a run from rows of day, minute and equity, with a decision at each."""
    ts_ns = np.array([OPEN_NS + day * DAY_NS + minute * MINUTE_NS for day, minute, _ in points], dtype=np.int64)
    decisions = np.zeros(len(points), dtype=DECISION)
    decisions["ts_ns"], decisions["instrument"] = ts_ns, instrument
    return BacktestResult(
        decisions=decisions,
        orders=np.zeros(0, dtype=ORDER),
        fills=fills,
        equity=np.array([equity for _, _, equity in points]),
        equity_ts_ns=ts_ns,
        session_index=np.array([days.index(DAYS[day]) for day, _, _ in points]),
        sessions=tuple(days),
        decision_hash=decision_hash(decisions),
    )


@pytest.fixture
def pair(make_fills: MakeRecords) -> tuple[BacktestResult, BacktestResult]:
    """One desk on the first two days at R$ 5 a tick, another on the last two at R$ 1."""
    day = DAY_NS // MINUTE_NS
    won = make_fills([(1, 1, 1, 100, 1.0, 0), (3, -1, 1, 106, 1.0, 0)])  # 6 ticks: R$ 30 less 2
    lost = make_fills([(day + 1, -1, 2, 200, 0.5, 0), (day + 2, 1, 2, 210, 0.5, 0)])  # 20 ticks: R$ -20 less 1
    dollar = run_of([(0, 2, 9.0), (0, 4, 28.0), (1, 2, 28.0), (1, 4, 28.0)], DAYS[:2], won, 1)
    index = run_of([(1, 2, -21.0), (1, 3, -21.0), (2, 2, -21.0)], DAYS[1:], lost, 3)
    return dollar, index


def test_equity_is_the_sum_of_what_each_desk_had_last(pair: tuple[BacktestResult, BacktestResult]) -> None:
    account = join_desks(pair)
    assert account.equity.tolist() == [9.0, 28.0, 28.0, 7.0, 7.0, 7.0, 7.0]
    assert account.equity_ts_ns.tolist() == sorted([*pair[0].equity_ts_ns, *pair[1].equity_ts_ns])
    assert account.session_index.tolist() == [0, 0, 1, 1, 1, 1, 2]
    assert account.sessions == tuple(DAYS)
    assert account.session_pnl().tolist() == [28.0, -21.0, 0.0]
    assert account.decisions["instrument"].tolist() == [1, 1, 1, 3, 3, 1, 3]
    assert account.decision_hash == decision_hash(account.decisions)
    assert account.fills["price"].tolist() == [100, 106, 200, 210]


def test_one_desk_is_its_own_account(pair: tuple[BacktestResult, BacktestResult]) -> None:
    assert join_desks(pair[:1]) is pair[0]
    assert summarise_account(pair[0], [(pair[0], 5.0)], 1000.0) == summarise(pair[0], 5.0, 1000.0)


def test_numbers_of_an_account_worked_by_hand(pair: tuple[BacktestResult, BacktestResult]) -> None:
    account = join_desks(pair)
    found = summarise_account(account, [(pair[0], 5.0), (pair[1], 1.0)], 1000.0)
    assert (found.sessions, found.round_trips, found.fills) == (3, 2, 4)
    assert (found.net, found.gross, found.fees) == (7.0, 10.0, 3.0)
    assert (found.average, found.hit_rate, found.profit_factor) == (3.5, 0.5, 28.0 / 21.0)
    assert found.max_drawdown == pytest.approx(21.0 / 1028.0)
    # (100 + 106) · R$ 5 and (200 + 210) · 2 · R$ 1, of R$ 1,000 in three sessions
    assert found.turnover == pytest.approx((1030.0 + 820.0) / 1000.0 / 3)
    # Held at the first close of the first day; at none of the others, for the second desk left at its first close.
    assert found.exposure == pytest.approx(1 / 7)
    assert [split.net for split in found.per_hour] == [7.0]


def test_a_close_counts_once_however_many_desks_hold(make_fills: MakeRecords) -> None:
    held = make_fills([(1, 1, 1, 100, 0.0, 0), (3, -1, 1, 100, 0.0, 0)])
    one = run_of([(0, 2, 0.0), (0, 4, 0.0)], DAYS[:1], held, 1)
    other = replace(one, fills=held.copy())
    assert summarise_account(join_desks([one, other]), [(one, 5.0), (other, 1.0)], 1000.0).exposure == 0.5


def test_the_report_tells_each_instrument_and_the_whole(
    bare_report: ReportData,
    pair: tuple[BacktestResult, BacktestResult],
    make_result: Callable[..., BacktestResult],
) -> None:
    parts = [(pair[0], 5.0), (pair[1], 1.0)]
    each = [summarise(part, value, 1000.0).as_dict() for part, value in parts]
    whole = summarise_account(join_desks(pair), parts, 1000.0).as_dict()
    named = tuple(zip(("WDOJ24", "WINJ24"), each, strict=True))
    page = render_report(replace(bare_report, metrics=whole, per_instrument=named))
    table = page[page.index('id="instruments"') : page.index("Fills on the price")]
    for text in ("WDOJ24", "28,00", "WINJ24", "-21,00", "Whole account", "7,00"):
        assert text in table.replace("−", "-"), text
    assert 'id="instruments"' not in render_report(replace(bare_report, per_instrument=named[:1]))
