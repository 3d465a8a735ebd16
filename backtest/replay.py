"""Replay sessions through the trading core with the paper venue."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date

import numpy as np

from backtest.result import BacktestResult, Halt
from market.errors import NotEnoughData
from market.stream import Feed
from trading.desks import Seat, run_day
from trading.paper import SessionResult, Trader, run_session
from trading.records import RefusalReason, decision_hash

__all__ = ["BacktestResult", "backtest", "backtest_desks", "join_sessions"]


def join_sessions(days: Sequence[date], results: Sequence[SessionResult]) -> BacktestResult:
    """Join the records of consecutive sessions of one trader.

    Raises
    ------
    NotEnoughData
        There is no session.
    """
    if not results:
        raise NotEnoughData("backtest: expected at least one session, found none; import data or widen the period")
    decisions = np.concatenate([r.decisions for r in results])
    lengths = [len(r.equity) for r in results]
    return BacktestResult(
        decisions=decisions,
        orders=np.concatenate([r.orders for r in results]),
        fills=np.concatenate([r.fills for r in results]),
        equity=np.concatenate([r.equity for r in results]),
        equity_ts_ns=np.concatenate([r.ts_ns for r in results]),
        session_index=np.repeat(np.arange(len(results)), lengths),
        sessions=tuple(days),
        decision_hash=decision_hash(decisions),
        halts=tuple(
            Halt(day, whole, reason)
            for day, result in zip(days, results, strict=True)
            for whole, reason in ((False, result.desk_halt), (True, result.account_halt))
            if reason is not RefusalReason.NONE
        ),
    )


def backtest(make_trader: Callable[[], Trader], feed: Feed, days: Sequence[date]) -> BacktestResult:
    """Trade the given sessions of a feed, one after the other, from a flat and empty account.

    Parameters
    ----------
    make_trader : callable
        Builds the trader; called once, so that no run inherits the account of another.
    feed : Feed
        Where the sessions are read.
    days : sequence of date
        Sessions in time order.
    """
    trader = make_trader()
    return join_sessions(days, [run_session(trader, feed, day) for day in days])


def backtest_desks(seats: Sequence[Seat], days: Iterable[date]) -> list[BacktestResult]:
    """Trade sessions with several desks of one account, and return what each of them did where its feed has data.

    Parameters
    ----------
    seats : sequence of Seat
        Fresh traders of one budget, and their feeds.
    days : iterable of date
        Sessions in time order; each feed has data of at least one.
    """
    own: list[list[tuple[date, SessionResult]]] = [[] for _ in seats]
    for day in days:
        for kept, result in zip(own, run_day(seats, day), strict=True):
            if result is not None:
                kept.append((day, result))
    return [join_sessions([day for day, _ in kept], [result for _, result in kept]) for kept in own]
