"""Backtest finished bundles over recorded sessions, in one account: numbers, broker's notes and one report.

The core and the venue are those of paper and live, so the decisions are those the runner would journal, to the bit.
"""

import datetime as dt
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from backtest.metrics import Metrics, per_hour, per_regime, summarise, summarise_account
from backtest.replay import backtest_desks
from backtest.report import EquityCurve, PriceChart, ReportData, write_report
from backtest.result import BacktestResult, join_desks
from backtest.trips import round_trips
from flows.notes import join_notes, months_of, session_notes
from flows.progress import steps, warn
from market.bars import bars_from_events
from market.errors import UsageError
from market.home import Home
from market.lake_manifest import Partition
from market.stream import Feed
from registry.installed import Named, Opened, OpenedDesk, open_account
from trading.broker_note import BrokerNote
from trading.budget import needs_a_person
from trading.policy import RiskLimits
from trading.records import HoldReason, OrderState, RefusalReason
from trading.requests import Refusal

CHART_SESSIONS = 3


@dataclass(frozen=True)
class DeskResult:
    """What one desk of the account did.

    Parameters
    ----------
    in_sample : int
        How many of its sessions are not after the last one its model was trained on.
    """

    desk: OpenedDesk
    result: BacktestResult
    metrics: Metrics
    in_sample: int

    @property
    def tick_value(self) -> float:
        """R$ per tick and contract."""
        return self.desk.feed.instrument.tick_value

    def as_dict(self) -> dict[str, Any]:
        """Return what machines read, plain values only."""
        return {
            "contract": self.desk.feed.contract,
            "sessions": len(self.result.sessions),
            "in_sample_sessions": self.in_sample,
            "decisions": len(self.result.decisions),
            "signals": _signals(self.result),
            "metrics": self.metrics.as_dict(),
            "decision_hash": self.result.decision_hash,
            "model_digest": self.desk.bundle.digest,
        }


class HaltOf(NamedTuple):
    """What ended the entries of a session, and whose: those of one series, or of the whole account."""

    session: dt.date
    desk: str
    reason: RefusalReason

    @property
    def lasting(self) -> bool:
        """Whether only a person ends it."""
        return bool(needs_a_person(int(self.reason)))


@dataclass(frozen=True)
class Backtested:
    """What came of it.

    Parameters
    ----------
    contract, digest : str
        Series and models, joined by a plus.
    desks : tuple of DeskResult
        Each by itself.
    result : BacktestResult
        Of the whole account.
    notes : mapping of date to BrokerNote
        Of each session with fills.
    caution : str, optional
        What was known to stand against any trade before the first session.
    """

    contract: str
    digest: str
    desks: tuple[DeskResult, ...]
    result: BacktestResult
    metrics: Metrics
    notes: dict[dt.date, BrokerNote]
    report: Path
    caution: str | None = None

    @property
    def in_sample(self) -> int:
        """How many sessions some desk's model has seen."""
        last = max(last_trained(one.desk) for one in self.desks)
        return sum(day <= last for day in self.result.sessions)

    @property
    def signals(self) -> int:
        """How many decisions asked for an entry."""
        return _signals(self.result)

    @property
    def held(self) -> dict[str, int]:
        """How many decisions were no signal, by HoldReason, the most frequent first."""
        reasons = self.result.decisions["reason"]
        return _tally(HoldReason, reasons[reasons != HoldReason.SIGNAL])

    @property
    def refused(self) -> dict[str, int]:
        """How many signals the gate refused, by RefusalReason, the most frequent first."""
        reasons = self.result.decisions["refusal"]
        return _tally(RefusalReason, reasons[reasons != RefusalReason.NONE])

    @property
    def rejected(self) -> dict[str, int]:
        """How many orders the venue rejected, by its Refusal, the most frequent first."""
        orders = self.result.orders
        return _tally(Refusal, orders["rejected"][_sent(orders) & (orders["state"] == OrderState.REJECTED)])

    @property
    def sent(self) -> int:
        """How many orders the gate let pass."""
        return int(_sent(self.result.orders).sum())

    @property
    def halted(self) -> list[HaltOf]:
        """What ended the entries of a session, in time order."""
        found = {
            HaltOf(halt.session, "account" if halt.whole else one.desk.feed.contract, halt.reason)
            for one in self.desks
            for halt in one.result.halts
        }
        return sorted(found)

    def as_dict(self) -> dict[str, Any]:
        """Return what machines read, plain values only."""
        days = self.result.sessions
        return {
            "contract": self.contract,
            "first": days[0].isoformat(),
            "last": days[-1].isoformat(),
            "in_sample_sessions": self.in_sample,
            "decisions": len(self.result.decisions),
            "signals": self.signals,
            "held": self.held,
            "refused": self.refused,
            "rejected": self.rejected,
            "halted": [
                {"session": one.session.isoformat(), "desk": one.desk, "reason": one.reason.name.lower()}
                for one in self.halted
            ],
            "metrics": self.metrics.as_dict(),
            "instruments": [one.as_dict() for one in self.desks],
            "withheld": float(sum(note.withheld for note in self.notes.values())),
            "notes": [_plain(day, note) for day, note in self.notes.items()],
            "decision_hash": self.result.decision_hash,
            "model_digest": self.digest,
            "report": str(self.report),
            "caution": self.caution,
        }


def run(home: Home, named: Named, report: Path | None = None) -> Backtested:
    """Trade the sessions with the bundles' models from one flat account, and write the report.

    Raises
    ------
    UsageError
        If the report cannot be written, or as `registry.installed.open_account`, which raises other errors too.
    """
    account = open_account(home, named)
    target = report if report is not None else _default_report(home, account)
    _check_target(target)
    caution = lot_caution([desk.feed for desk in account.desks], named.limits)
    if caution is not None:
        warn(caution)
    results = backtest_desks(account.seats, steps(account.days, "sessions"))
    capital = named.limits.capital_reais
    desks = tuple(_judge(desk, result, capital) for desk, result in zip(account.desks, results, strict=True))
    joined = join_desks(results)
    done = Backtested(
        contract=account.contract,
        digest=account.digest,
        desks=desks,
        result=joined,
        metrics=summarise_account(joined, [(one.result, one.tick_value) for one in desks], capital),
        notes=join_notes(session_notes(one.desk.feed, one.desk.bundle.manifest.costs, one.result) for one in desks),
        report=target,
        caution=caution,
    )
    write_report(_report(done, capital), done.report)
    return done


def lot_caution(feeds: Sequence[Feed], limits: RiskLimits) -> str | None:
    """Return which series cannot be entered because their lot is more contracts than a limit allows, None if none is.

    At a stage below FULL the limits are smaller still; a backtest trades at all of them.
    """
    names = ("max_position", "max_order_quantity")
    told = [
        f"{feed.contract} trades in lots of {feed.instrument.lot} and [risk] {name} is {getattr(limits, name)}"
        for feed in feeds
        for name in names
        if getattr(limits, name) < feed.instrument.lot
    ]
    return f"{'; '.join(told)}: nothing of it can be entered; raise the limits in pregao.toml" if told else None


def _check_target(report: Path) -> None:
    """Make the report's folder; raise UsageError where nothing can be written, before hours are spent on it."""
    found = "a place where none can be"
    try:
        report.parent.mkdir(parents=True, exist_ok=True)
        fits = os.access(report if report.exists() else report.parent, os.W_OK)
        if report.is_dir():
            fits, found = False, "a folder"
    except OSError:
        fits = False
    if not fits:
        raise UsageError(f"--report {report}: expected a file that can be written, found {found}; name another")


def last_trained(desk: OpenedDesk) -> dt.date:
    """Return the last session that a desk's model has seen."""
    return dt.date.fromisoformat(desk.bundle.manifest.lineage.last_session)


def _judge(desk: OpenedDesk, result: BacktestResult, capital: float) -> DeskResult:
    metrics = summarise(result, desk.feed.instrument.tick_value, capital)
    return DeskResult(desk, result, metrics, sum(day <= last_trained(desk) for day in result.sessions))


def _tally(names: type[IntEnum], values: np.ndarray) -> dict[str, int]:
    return {names(value).name.lower(): count for value, count in Counter(values.tolist()).most_common()}


def _sent(orders: np.ndarray) -> np.ndarray:
    """Return which orders left for the venue, bool; of an exit that the gate refused only its order tells."""
    return np.asarray(orders["reason"] == RefusalReason.NONE)


def _signals(result: BacktestResult) -> int:
    return int((result.decisions["quantity"] > 0).sum())


def _plain(day: dt.date, note: BrokerNote) -> dict[str, Any]:
    return {
        "session": day.isoformat(),
        "contracts": sum(line.contracts for line in note.lines),
        "gross": float(sum(line.gross for line in note.lines)),
        "fees": float(sum(line.fees for line in note.lines)),
        "brokerage": float(sum(line.brokerage for line in note.lines)),
        "withheld": float(note.withheld),
        "settled": float(note.settled),
    }


def _default_report(home: Home, account: Opened) -> Path:
    digests = "-".join(desk.bundle.digest[:12] for desk in account.desks)
    name = f"{account.contract}-{account.days[0]}-{account.days[-1]}-{digests}.html"
    return home.artifacts / "backtests" / name.replace("$", "")


def _report(done: Backtested, capital: float) -> ReportData:
    result, feeds = done.result, [one.desk.feed for one in done.desks]
    trips = np.concatenate([round_trips(one.result.fills, one.tick_value, one.result.decisions) for one in done.desks])
    recorded = [part for one in done.desks for part in _partitions(one.desk.feed, one.result.sessions)]
    return ReportData(
        title=" + ".join(f"{feed.contract} · {feed.bar_ns // 60_000_000_000} min" for feed in feeds),
        subtitle=f"{result.sessions[0]:%d/%m/%Y} – {result.sessions[-1]:%d/%m/%Y}",
        synthetic=any(one.provenance.synthetic for one in recorded),
        provenance={
            "source": ", ".join(dict.fromkeys(one.provenance.source for one in recorded)),
            "importer": ", ".join(dict.fromkeys(one.provenance.importer for one in recorded)),
            "price basis": ", ".join(dict.fromkeys(one.provenance.price_basis for one in recorded)),
        },
        metrics=done.metrics.as_dict(),
        per_instrument=tuple((one.desk.feed.contract, one.metrics.as_dict()) for one in done.desks),
        per_regime=per_regime(trips),
        per_hour=per_hour(trips),
        curve=EquityCurve(result.equity_ts_ns, result.equity, result.session_index, capital),
        prices=tuple(_prices(one.desk.feed, one.result) for one in done.desks),
        lineage=_lineage([one.desk for one in done.desks]),
        in_sample=done.in_sample,
        months=months_of(done.notes),
        refused=done.refused,
        rejected=done.rejected,
        halts=tuple((one.session, one.desk, one.reason.name.lower()) for one in done.halted),
    )


def _lineage(desks: Sequence[OpenedDesk]) -> dict[str, str]:
    """Return where each model comes from, under the series' name where there are several."""
    lines: dict[str, str] = {}
    for desk in desks:
        lineage, whose = desk.bundle.manifest.lineage, f"{desk.feed.contract} " if len(desks) > 1 else ""
        lines |= {
            f"{whose}data hash": lineage.data_hash,
            f"{whose}commit": lineage.git_commit,
            f"{whose}schema hash": desk.bundle.schema.hash,
            f"{whose}model digest": desk.bundle.digest,
            f"{whose}trained": f"{lineage.first_session} – {lineage.last_session}",
        }
    return lines


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
