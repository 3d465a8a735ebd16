"""Hold the suites over series of the lake; Data Docs and the one-page summary say what they found."""

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from flows.checks import MINUTE_NS, SessionRow, Unit
from flows.data_summary import write_summary
from flows.expectations import build_docs, open_context, run_suite
from flows.lock import exclusive
from flows.progress import steps
from flows.series_findings import OtherFindings, level_findings, quantity_findings, volume_findings
from flows.series_report import DAY_SECONDS, SLOTS, SeriesReport, label_of
from flows.session_checks import bar_row, event_row, minutes_by_cause, restated, series_rows, states_of
from market.bar_statistics import SLOT_MINUTES, BarSeries, series_of_bars
from market.bars import bars_from_events
from market.calendar import CLOSING_CALL_NS, Calendar
from market.gaps import missing_sessions
from market.home import Home
from market.instruments import Instrument
from market.lake import EVENT_KINDS, Lake
from market.lake_manifest import Partition
from market.precheck import usual_volumes
from market.price_levels import Disagreement, disagreements
from market.realism import Realism, judge_by_calendar

SUMMARY = "validation/summary.html"  # below artifacts/
DATA_DOCS = "expectations/gx/uncommitted/data_docs/local_site/index.html"  # below state/


@dataclass(frozen=True)
class Validation:
    """What the suites found and where a person can read it."""

    reports: tuple[SeriesReport, ...]
    data_docs: Path
    summary: Path

    @property
    def reasons(self) -> list[str]:
        """One sentence for everything that refuses a series."""
        return [
            f"{report.label}: {finding.sentence}"
            for report in self.reports
            for finding in report.findings
            if finding.check.refuses
        ]


@dataclass(frozen=True)
class _Looked:
    """What one pass over the records of a series leaves: rows for its suite, bars to judge, restated prices, and
    the quantities that occur among its trades.
    """

    rows: list[SessionRow]
    bars: list[tuple[Partition, np.ndarray]]
    adjusted: dict[dt.date, int]
    traded: dict[dt.date, np.ndarray] = field(default_factory=dict)


def check_lake(home: Home, lake: Lake, contract: str | None, kind: str | None) -> Validation:
    """Validate what the lake holds of a contract and a kind, or of all; one job at a time per home."""
    with exclusive(home):
        return validate(home, lake, lake.partitions(kind, contract))


def validate(home: Home, lake: Lake, partitions: Sequence[Partition]) -> Validation:
    """Validate every series of some partitions; both pages are written whatever the outcome."""
    context = open_context(home.state / "expectations")
    looked = _look(lake, partitions)
    contracts = {p.contract for p in partitions if p.kind in ("bars", "trades")}
    apart = {contract: tuple(disagreements(lake, contract)) for contract in sorted(contracts)}
    reports = tuple(_report(lake, context, own, found, apart.get(own[0].contract, ())) for own, found in looked)
    docs = build_docs(context)
    summary = home.artifacts / SUMMARY
    write_summary(summary, reports, docs)
    return Validation(reports, docs, summary)


def _look(lake: Lake, partitions: Sequence[Partition]) -> list[tuple[tuple[Partition, ...], _Looked]]:
    """Look at the records of every series, those of a contract's trades, quotes and book session by session."""
    series = [tuple(own) for _, own in groupby(sorted(partitions, key=lambda p: p.key), key=lambda p: p.series)]
    found = {}
    for own in series:
        if own[0].kind == "bars":
            found[own[0].series] = _look_at_bars(lake, own)
    by_contract = sorted((own for own in series if own[0].kind in EVENT_KINDS), key=lambda own: own[0].contract)
    for _, group in groupby(by_contract, key=lambda own: own[0].contract):
        found |= _look_at_events(lake, list(group))
    return [(own, found[own[0].series]) for own in series]


def _look_at_bars(lake: Lake, partitions: Sequence[Partition]) -> _Looked:
    contract = partitions[0].contract
    bars = [(p, lake.read(p)) for p in steps(partitions, f"{label_of(partitions[0])}: read")]
    usual = usual_volumes(np.concatenate([own for _, own in bars]))
    rows = [bar_row(p.day, own, lake.instruments.session(contract, p.day), usual) for p, own in bars]
    return _Looked(rows, bars, {p.day: restated(own) for p, own in bars})


def _look_at_events(lake: Lake, series: Sequence[Sequence[Partition]]) -> dict[tuple[str, str, int], _Looked]:
    """Look at a contract's trades, quotes and book session by session: the phases of one tell for the others."""
    contract = series[0][0].contract
    found = {own[0].series: _Looked([], [], {}) for own in series}
    wanted = {p.key for own in series for p in own}
    held = [p for p in lake.partitions(contract=contract) if p.kind in EVENT_KINDS]
    by_day = [(day, list(own)) for day, own in groupby(sorted(held, key=lambda p: p.session), key=lambda p: p.day)]
    call_ns = CLOSING_CALL_NS.get(lake.instruments.of(contract).calendar, 0)
    days = [(day, parts) for day, parts in by_day if any(p.key in wanted for p in parts)]
    for day, parts in steps(days, f"{contract} events"):
        session = lake.instruments.session(contract, day)
        records = {p.key: lake.read(p) for p in parts}
        for p in (part for part in parts if part.key in wanted):
            own, looked = records[p.key], found[p.series]
            others = states_of(part for key, part in records.items() if key != p.key)
            looked.rows.append(event_row(day, own, others, session, call_ns))
            looked.adjusted[day] = restated(own)
            if p.kind == "trades":
                looked.bars.append((p, bars_from_events(own, session, MINUTE_NS)))
                looked.traded[day] = np.unique(own["quantity"])
    return found


def _report(
    lake: Lake, context: Any, partitions: tuple[Partition, ...], looked: _Looked, apart: Sequence[Disagreement]
) -> SeriesReport:
    first, instrument = partitions[0], lake.instruments.of(partitions[0].contract)
    calendar, unit = lake.instruments.calendar(first.contract), Unit(instrument.unit, instrument.lot_step)
    missing = missing_sessions(partitions, calendar, lake.instruments.rests(first.contract))
    verdict = _verdict(looked.bars, calendar)
    others, levels = _others(instrument, partitions, looked, apart)
    between = series_rows(partitions, missing, calendar, looked.adjusted, verdict, others)
    because = {"generated": verdict.doubts, "other_level": levels}
    label = label_of(first)
    results = (
        run_suite(context, first.kind, label, looked.rows, unit=unit),
        run_suite(context, "series", label, between, because),
    )
    gaps = minutes_by_cause(gap for partition in partitions for gap in partition.gaps)
    volume = _volume(looked.bars, calendar, first.bar_seconds, unit.lot_step)
    absent = Counter(str(cause) for _, cause in missing)
    return SeriesReport(partitions, results, verdict, gaps, absent, unit, volume)


def _others(
    instrument: Instrument, partitions: Sequence[Partition], looked: _Looked, apart: Sequence[Disagreement]
) -> tuple[OtherFindings, tuple[str, ...]]:
    """Return what whole series tell of sessions, and why prices are of another level."""
    levels, why = level_findings(partitions, apart)
    bars = looked.bars if partitions[0].kind == "bars" else ()
    found: OtherFindings = {}
    for part in (levels, volume_findings(instrument, bars), quantity_findings(partitions, bars, looked.traded)):
        for day, of_day in part.items():
            found.setdefault(day, {}).update(of_day)
    return found, why


def _verdict(bars: Sequence[tuple[Partition, np.ndarray]], calendar: Calendar) -> Realism:
    """Judge what is filed as real; prices that cannot be are told by the suites, and then nothing is judged."""
    real = [(p, own) for p, own in bars if own.size and not p.provenance.synthetic]
    if not real or min(int(own["low"].min()) for _, own in real) <= 0:
        return Realism(None, ())
    return judge_by_calendar(_series(real, calendar), calendar)


def _series(bars: Sequence[tuple[Partition, np.ndarray]], calendar: Calendar) -> BarSeries:
    days = [np.full(own.size, int(calendar.session(p.day)["date"][0])) for p, own in bars]
    minutes = [_minutes(own, p, calendar) for p, own in bars]
    records = np.concatenate([own for _, own in bars])
    if not records["volume"].any():  # a currency: how often it traded stands for its volume
        records["volume"] = records["trades"]
    return series_of_bars(records, np.concatenate(days), np.concatenate(minutes))


def _minutes(bars: np.ndarray, partition: Partition, calendar: Calendar) -> np.ndarray:
    """Return the minute of the day of each bar's opening, on the market's own clock, i8[n]."""
    opens = calendar.hours_on(partition.day).open
    after = (bars["ts_open_ns"] - int(calendar.session(partition.day)["open_ns"][0])) // MINUTE_NS
    minutes: np.ndarray = opens.hour * 60 + opens.minute + after
    return minutes


def _volume(
    bars: Sequence[tuple[Partition, np.ndarray]], calendar: Calendar, bar_seconds: int, lot_step: float
) -> np.ndarray | None:
    if not bars or bar_seconds >= DAY_SECONDS:
        return None
    sessions = np.zeros((len(bars), SLOTS))
    for place, (partition, own) in enumerate(bars):
        slots = np.clip(_minutes(own, partition, calendar) // SLOT_MINUTES, 0, SLOTS - 1)
        sessions[place] = np.bincount(slots, own["volume"], SLOTS)
    median: np.ndarray = np.median(sessions, axis=0)
    return median * lot_step
