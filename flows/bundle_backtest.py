"""Backtest a finished bundle over recorded sessions: numbers, broker's notes and one report.

The core and the venue are those of paper and live, so the decisions are those the runner would journal, to the bit.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from backtest.metrics import Metrics, per_hour, per_regime, summarise
from backtest.replay import join_sessions
from backtest.report import EquityCurve, PriceChart, ReportData, write_report
from backtest.result import BacktestResult
from backtest.trips import round_trips
from flows.notes import months_of, session_notes
from flows.progress import steps
from market.bars import bars_from_events
from market.home import Home
from market.lake_manifest import Partition
from market.stream import Feed
from registry.bundle import Bundle
from registry.installed import open_bundle
from trading.broker_note import BrokerNote
from trading.paper import run_session
from trading.policy import RiskLimits

CHART_SESSIONS = 3


@dataclass(frozen=True)
class Request:
    """What to backtest; what is not named is taken from the bundle, every recorded session included.

    Parameters
    ----------
    bundle : Path, optional
        By default the one installed last.
    contract : str, optional
        By default the bundle's series with the newest session.
    first, last : date, optional
        Sessions, both included.
    report : Path, optional
        Where the report goes.
    limits : RiskLimits
        What the account may risk.
    """

    bundle: Path | None = None
    contract: str | None = None
    first: dt.date | None = None
    last: dt.date | None = None
    report: Path | None = None
    limits: RiskLimits = field(default_factory=RiskLimits)


@dataclass(frozen=True)
class Backtested:
    """What came of it.

    Parameters
    ----------
    in_sample : int
        How many of the sessions are not after the last one the model was trained on.
    notes : mapping of date to BrokerNote
        Of each session with fills.
    """

    contract: str
    bundle: Bundle
    result: BacktestResult
    metrics: Metrics
    in_sample: int
    notes: dict[dt.date, BrokerNote]
    report: Path

    def as_dict(self) -> dict[str, Any]:
        """Return what machines read, plain values only."""
        days = self.result.sessions
        return {
            "contract": self.contract,
            "first": days[0].isoformat(),
            "last": days[-1].isoformat(),
            "in_sample_sessions": self.in_sample,
            "decisions": len(self.result.decisions),
            "signals": int((self.result.decisions["quantity"] > 0).sum()),
            "metrics": self.metrics.as_dict(),
            "withheld": float(sum(note.withheld for note in self.notes.values())),
            "notes": [_plain(day, note) for day, note in self.notes.items()],
            "decision_hash": self.result.decision_hash,
            "model_digest": self.bundle.digest,
            "report": str(self.report),
        }


def run(home: Home, request: Request) -> Backtested:
    """Trade the sessions with the bundle's model from a flat account, and write the report.

    Raises what `registry.installed.open_bundle` raises.
    """
    limits, span = request.limits, (request.first, request.last)
    bundle, feed, days, trader = open_bundle(home, request.bundle, request.contract, span, limits)
    result = join_sessions(days, [run_session(trader, feed, day) for day in steps(days, "sessions")])
    done = Backtested(
        contract=feed.contract,
        bundle=bundle,
        result=result,
        metrics=summarise(result, feed.instrument.tick_value, limits.capital_reais),
        in_sample=sum(day.isoformat() <= bundle.manifest.lineage.last_session for day in days),
        notes=session_notes(feed, bundle.manifest.costs, result),
        report=request.report or _default_report(home, feed, bundle, days),
    )
    done.report.parent.mkdir(parents=True, exist_ok=True)
    write_report(_report(feed, done, limits), done.report)
    return done


def _plain(day: dt.date, note: BrokerNote) -> dict[str, Any]:
    line = note.lines[0]
    return {
        "session": day.isoformat(),
        "contracts": line.contracts,
        "gross": float(line.gross),
        "fees": float(line.fees),
        "brokerage": float(line.brokerage),
        "withheld": float(note.withheld),
        "settled": float(note.settled),
    }


def _default_report(home: Home, feed: Feed, bundle: Bundle, days: Sequence[dt.date]) -> Path:
    name = f"{feed.contract}-{days[0]}-{days[-1]}-{bundle.digest[:12]}.html"
    return home.artifacts / "backtests" / name.replace("$", "")


def _report(feed: Feed, done: Backtested, limits: RiskLimits) -> ReportData:
    result, lineage = done.result, done.bundle.manifest.lineage
    trips = round_trips(result.fills, feed.instrument.tick_value, result.decisions)
    recorded = _partitions(feed, result.sessions)
    return ReportData(
        title=f"{feed.contract} · {feed.bar_ns // 60_000_000_000} min",
        subtitle=f"{result.sessions[0]:%d/%m/%Y} – {result.sessions[-1]:%d/%m/%Y}",
        synthetic=any(one.provenance.synthetic for one in recorded),
        provenance={
            "source": ", ".join(dict.fromkeys(one.provenance.source for one in recorded)),
            "importer": ", ".join(dict.fromkeys(one.provenance.importer for one in recorded)),
            "price basis": ", ".join(dict.fromkeys(one.provenance.price_basis for one in recorded)),
        },
        metrics=done.metrics.as_dict(),
        per_regime=per_regime(trips),
        per_hour=per_hour(trips),
        curve=EquityCurve(result.equity_ts_ns, result.equity, result.session_index, limits.capital_reais),
        prices=_prices(feed, result),
        lineage={
            "data hash": lineage.data_hash,
            "commit": lineage.git_commit,
            "schema hash": done.bundle.schema.hash,
            "model digest": done.bundle.digest,
            "trained": f"{lineage.first_session} – {lineage.last_session}",
        },
        in_sample=done.in_sample,
        months=months_of(done.notes),
    )


def _partitions(feed: Feed, days: Sequence[dt.date]) -> list[Partition]:
    kind = "bars" if feed.kind == "bars" else "trades"
    known = set(days)
    return [one for one in feed.lake.partitions(kind, feed.contract) if dt.date.fromisoformat(one.session) in known]


def _prices(feed: Feed, result: BacktestResult) -> PriceChart:
    """Return the chart of the last sessions."""
    parts = [
        feed.load(day) if feed.kind == "bars" else bars_from_events(feed.load(day), feed.session(day), feed.bar_ns)
        for day in result.sessions[-CHART_SESSIONS:]
    ]
    bars = np.concatenate(parts)
    shown = result.fills[result.fills["ts_ns"] >= bars["ts_open_ns"][0]] if len(bars) else result.fills[:0]
    return PriceChart(feed.contract, bars, shown, feed.instrument.tick_size)
