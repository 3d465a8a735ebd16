"""What a backtest leaves behind."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np

from trading.desks import merge_order
from trading.records import RefusalReason, decision_hash


class Halt(NamedTuple):
    """What ended the entries of a session; `whole` says that it did so for the account and not for the desk alone."""

    session: date
    whole: bool
    reason: RefusalReason


@dataclass(frozen=True)
class BacktestResult:
    """The records of one replay, all sessions joined in order.

    Parameters
    ----------
    decisions, orders, fills : np.ndarray
        DECISION, ORDER and FILL records.
    equity : np.ndarray
        float64 [n], R$ at each bar close, after fees and with open positions marked; the account starts at 0.
    equity_ts_ns : np.ndarray
        int64 [n], the bar closes.
    session_index : np.ndarray
        int64 [n], the position in `sessions` of each equity point.
    sessions : tuple of date
        The replayed sessions, with or without decisions.
    decision_hash : str
        sha256 over the decisions' bytes; equal hashes mean the same decisions to the bit.
    halts : tuple of Halt
        Of the desk and its account, in time order; one that outlives its session is told once.
    """

    decisions: np.ndarray
    orders: np.ndarray
    fills: np.ndarray
    equity: np.ndarray
    equity_ts_ns: np.ndarray
    session_index: np.ndarray
    sessions: tuple[date, ...]
    decision_hash: str
    halts: tuple[Halt, ...] = ()

    def session_pnl(self) -> np.ndarray:
        """Return R$ earned per session, float64 [sessions]; 0 where a session has no bar."""
        ends = np.searchsorted(self.session_index, np.arange(len(self.sessions)), side="right")
        closing: np.ndarray = np.append(0.0, self.equity)[np.append(0, ends)]
        return np.diff(closing)


def join_desks(parts: Sequence[BacktestResult]) -> BacktestResult:
    """Return what an account's desks did as one run: records in time order, equity that of all desks together.

    Its halts are those of the whole account.

    Parameters
    ----------
    parts : sequence of BacktestResult
        Of each desk, in the order of their places; of equal times the first one's records come first.
    """
    if len(parts) == 1:
        return parts[0]
    sessions = sorted({day for part in parts for day in part.sessions})
    order = merge_order([part.equity_ts_ns for part in parts])
    decisions = _in_time([part.decisions for part in parts])
    places = [np.searchsorted(np.array(sessions), np.array(part.sessions)) for part in parts]
    return BacktestResult(
        decisions=decisions,
        orders=_in_time([part.orders for part in parts]),
        fills=_in_time([part.fills for part in parts]),
        equity=np.sum([np.append(0.0, p.equity)[np.cumsum(order == k)] for k, p in enumerate(parts)], axis=0),
        equity_ts_ns=_interleaved(order, [part.equity_ts_ns for part in parts]),
        session_index=_interleaved(order, [own[p.session_index] for own, p in zip(places, parts, strict=True)]),
        sessions=tuple(sessions),
        decision_hash=decision_hash(decisions),
        halts=tuple(sorted({halt for part in parts for halt in part.halts if halt.whole})),
    )


def _in_time(parts: Sequence[np.ndarray]) -> np.ndarray:
    whole = np.concatenate(parts)
    return whole[np.argsort(whole["ts_ns"], kind="stable")]


def _interleaved(order: np.ndarray, parts: Sequence[np.ndarray]) -> np.ndarray:
    whole = np.empty(order.size, dtype=np.int64)
    for place, part in enumerate(parts):
        whole[order == place] = part
    return whole
