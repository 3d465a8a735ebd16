"""What a session earned and what its executions cost: of a replay, or of a runner's journal."""

import contextlib
import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from backtest.result import BacktestResult
from flows.stages.dataset import EPOCH
from market.calendar import to_local
from market.errors import SafetyRefusal
from models.reference import RESULT
from trading.journal import Kind, Record, scan
from trading.records import DECISION, FILL, OrderRole

# Modes of a running session: a journal of `--mode replay` repeats the replay that it would stand beside.
RUNNING = ("paper", "shadow", "live")


@dataclass(frozen=True)
class Executions:
    """What one session's decisions and fills were, in time order."""

    day: dt.date
    decisions: np.ndarray
    fills: np.ndarray


def session_results(executions: Iterable[Executions], tick_value: float) -> np.ndarray:
    """Return RESULT[sessions]; a position still open at the end of a session counts as closed at its last fill's price.

    Slippage is that of entries: what the fill was worse than the close on which its decision stood. Stops and targets
    have prices of their own, and what they cost is in the result.
    """
    rows = np.zeros(0, dtype=RESULT)
    for one in executions:
        row = np.zeros(1, dtype=RESULT)
        row["session"] = (one.day - EPOCH).days
        fills = one.fills
        signed, fees = fills["side"].astype(np.float64) * fills["quantity"], float(fills["fee"].sum())
        earned = -float(np.sum(signed * fills["price"]))
        if len(fills):
            earned += float(signed.sum()) * float(fills["price"][-1])
        row["net"], row["fees"] = earned * tick_value - fees, fees
        row["contracts"], row["slippage"] = float(fills["quantity"].sum()), _slippage(one) * tick_value
        rows = np.append(rows, row)
    return rows


def _slippage(one: Executions) -> float:
    """Return ticks times contracts."""
    entries = one.fills[one.fills["role"] == OrderRole.ENTRY]
    order = np.argsort(one.decisions["sequence"], kind="stable")
    known = one.decisions["sequence"][order]
    at = np.minimum(np.searchsorted(known, entries["decision"]), max(len(known) - 1, 0))
    if not len(known):
        return 0.0
    found = known[at] == entries["decision"]
    worse = entries["side"].astype(np.float64) * (entries["price"] - one.decisions["reference"][order][at])
    return float(np.sum(np.where(found, worse * entries["quantity"], 0.0)))


def executions_of(result: BacktestResult) -> list[Executions]:
    """Return a replay session by session."""
    parts = {name: _days(getattr(result, name)["ts_ns"]) for name in ("decisions", "fills")}
    return [
        Executions(day, result.decisions[parts["decisions"] == number], result.fills[parts["fills"] == number])
        for day in result.sessions
        for number in [(day - EPOCH).days]
    ]


def _days(ts_ns: np.ndarray) -> np.ndarray:
    return np.array([(to_local(ns).date() - EPOCH).days for ns in ts_ns.tolist()], dtype=np.int64)


def journalled(folder: Path, digest: str, days: Sequence[dt.date]) -> dict[dt.date, Executions]:
    """Return what a runner journalled of some sessions with one bundle; of several runs of a day, the last one."""
    return {one.day: one for one in running_sessions(folder, digest) if one.day in days}


def running_sessions(folder: Path, digest: str | None = None) -> list[Executions]:
    """Return every session that runners journalled as it happened, with one bundle or any, oldest journal first.

    A damaged journal is left out: `pregao live` itself refuses to go on with it, and says so.
    """
    found: list[Executions] = []
    for path in sorted(folder.glob("*.bin"), key=lambda one: one.stat().st_mtime_ns):
        if path.name.startswith(RUNNING):
            with contextlib.suppress(SafetyRefusal):
                found += _sessions(scan(path).records, digest)
    return found


def _sessions(records: Iterable[Record], digest: str | None) -> list[Executions]:
    """Return each session of a journal that was traded with the bundle, and in which something was decided."""
    parts: dict[str, tuple[list[np.ndarray], list[np.ndarray]]] = {}
    day = ""
    for record in records:
        if record.kind == Kind.SESSION:
            fields = record.fields()
            day = fields["day"] if digest in (None, fields.get("bundle")) else ""
        elif day and record.kind in (Kind.DECISION, Kind.FILL):
            decisions, fills = parts.setdefault(day, ([np.zeros(0, DECISION)], [np.zeros(0, FILL)]))
            decided = record.kind == Kind.DECISION
            (decisions if decided else fills).append(record.rows(DECISION if decided else FILL))
    return [
        Executions(dt.date.fromisoformat(day), np.concatenate(decisions), np.concatenate(fills))
        for day, (decisions, fills) in parts.items()
    ]
