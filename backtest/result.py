"""What a backtest leaves behind."""

from dataclasses import dataclass
from datetime import date

import numpy as np


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
    """

    decisions: np.ndarray
    orders: np.ndarray
    fills: np.ndarray
    equity: np.ndarray
    equity_ts_ns: np.ndarray
    session_index: np.ndarray
    sessions: tuple[date, ...]
    decision_hash: str

    def session_pnl(self) -> np.ndarray:
        """Return R$ earned per session, float64 [sessions]; 0 where a session has no bar."""
        ends = np.searchsorted(self.session_index, np.arange(len(self.sessions)), side="right")
        closing: np.ndarray = np.append(0.0, self.equity)[np.append(0, ends)]
        return np.diff(closing)
