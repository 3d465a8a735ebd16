"""One HTML report of the whole run, readable offline."""

import math
from datetime import date
from typing import Any

import numpy as np

from backtest.metrics import per_hour, per_regime
from backtest.report import (
    Calibration,
    EquityCurve,
    Gate,
    LearningCurve,
    PaperSummary,
    PriceChart,
    ReportData,
    write_report,
)
from backtest.trips import round_trips
from features.monitor import unwatched_columns
from flows.notes import months_of, session_notes
from flows.parameters import Parameters
from flows.stages import backtest, evaluate, features, train
from flows.stages.artifacts import read_json
from flows.stages.dataset import Dataset, open_dataset
from flows.stages.paper import PaperRun
from market.home import Home
from registry.bundle import REGIMES, Bundle, load_bundle
from registry.signing import public_key
from trading.policy import RiskLimits

REPORT = "report/report.html"
CHART_SESSIONS = 3


def run(home: Home, parameters: Parameters, limits: RiskLimits, paper: PaperRun | None) -> None:
    """Write the report from what the stages stored; it goes with the version, and again with the paper run."""
    dataset = open_dataset(home, parameters.data)
    bundle = load_bundle(home.artifacts / train.BUNDLE, public_key(home.keys))
    result = backtest.load(home)
    trips = round_trips(result.fills, dataset.instrument.tick_value, result.decisions)
    gates = read_json(home.artifacts / evaluate.GATES)
    equity = EquityCurve(result.equity_ts_ns, result.equity, result.session_index, limits.capital_reais)
    measured, importance = (read_json(home.artifacts / name) for name in (evaluate.METRICS, evaluate.IMPORTANCE))
    curve = measured["learning"]
    drift = {
        one["name"]: math.nan if one["psi"] is None else one["psi"]
        for one in read_json(home.artifacts / evaluate.DRIFT)
    }
    data = ReportData(
        title=f"{dataset.feed.contract} · {parameters.data.bar_seconds // 60} min",
        subtitle=f"{result.sessions[0]:%d/%m/%Y} – {result.sessions[-1]:%d/%m/%Y}",
        synthetic=dataset.synthetic,
        provenance=_provenance(dataset),
        metrics=read_json(home.artifacts / backtest.METRICS) | {"deflated_sharpe": measured["deflated_sharpe"]},
        per_regime=per_regime(trips),
        per_hour=per_hour(trips),
        curve=equity,
        prices=(_prices(home, dataset, result.fills, result.sessions, paper),),
        calibration=_calibration(home),
        importance=read_json(home.artifacts / train.SUMMARY)["importance"],
        permutation=importance["permutation"],
        shapley=importance["shapley"],
        folds=tuple(fold["net"] for fold in measured["stability"]["folds"]),
        learning=LearningCurve(np.array(curve["share"]), np.array(curve["loss"]), curve["ignorant"]),
        coverage=_coverage(measured["coverage"]),
        yardstick=measured["yardstick"],
        challenger_gates=_gates(gates["to_challenger"]),
        champion_gates=_gates(gates["to_champion"]),
        drift=drift,
        unwatched=_unwatched(bundle, features.load(home).session),
        paper=_paper(paper) if paper else None,
        lineage=_lineage(bundle),
        months=months_of(session_notes(dataset.feed, parameters.costs, result)),
    )
    path = home.artifacts / REPORT
    path.parent.mkdir(parents=True, exist_ok=True)
    write_report(data, path)


def _provenance(dataset: Dataset) -> dict[str, str]:
    origins = [partition.provenance for partition in dataset.partitions]
    return {
        "source": ", ".join(dict.fromkeys(origin.source for origin in origins)),
        "importer": ", ".join(dict.fromkeys(origin.importer for origin in origins)),
        "price basis": ", ".join(dict.fromkeys(origin.price_basis for origin in origins)),
        "training sessions": str(len(dataset.training)),
        "held-back sessions": str(len(dataset.held_back)),
    }


def _lineage(bundle: Bundle) -> dict[str, str]:
    lineage = bundle.manifest.lineage
    return {
        "data hash": lineage.data_hash,
        "commit": lineage.git_commit,
        "schema hash": bundle.schema.hash,
        "model digest": bundle.digest,
    }


def _unwatched(bundle: Bundle, session: np.ndarray) -> tuple[str, ...]:
    """Return the features that the longest session of training, with its preload, is too short to find dead."""
    longest = int(np.unique(session, return_counts=True)[1].max())
    return unwatched_columns(bundle.schema, bundle.model.band, longest * (bundle.schema.preload_sessions + 1))


def _prices(
    home: Home, dataset: Dataset, fills: np.ndarray, sessions: tuple[date, ...], paper: PaperRun | None
) -> PriceChart:
    """Show the paper sessions where there are some, else the last sessions of the backtest."""
    days, shown = (paper.result.sessions, paper.result.fills) if paper else (sessions, fills)
    table = features.load(home)
    numbers = [int(dataset.feed.session(day)[0]["date"]) for day in days[-CHART_SESSIONS:]]
    bars = table.bars[np.isin(table.session, numbers)]
    inside = (shown["ts_ns"] >= bars["ts_open_ns"][0]) & (shown["ts_ns"] <= bars["ts_close_ns"][-1])
    return PriceChart(dataset.feed.contract, bars, shown[inside], dataset.instrument.tick_size)


def _calibration(home: Home) -> Calibration | None:
    error = read_json(home.artifacts / evaluate.METRICS)["ece"]
    if error is None:
        return None
    bins = np.loadtxt(home.artifacts / evaluate.RELIABILITY, delimiter=",", skiprows=1, ndmin=2)
    return Calibration(bins[:, 0], bins[:, 1], bins[:, 2], error)


def _coverage(told: dict[str, dict[str, float | None]]) -> dict[str, dict[str, float | None]]:
    """Return what was told by the regimes' names by their codes, as the report names them."""
    codes = {one.name.lower(): str(int(one)) for one in REGIMES}
    return {codes.get(name, name): shares for name, shares in told.items()}


def _gates(table: list[dict[str, Any]]) -> tuple[Gate, ...]:
    return tuple(
        Gate(one["name"], one["passed"], _number(one["value"]), _number(one["threshold"]), one["reason"])
        for one in table
    )


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _paper(paper: PaperRun) -> PaperSummary:
    answer = paper.answer
    return PaperSummary(
        answer["sessions"], answer["decisions"], answer["fills"], answer["net_reais"], answer["parity"],
        answer["decision_hash"],
    )  # fmt: skip
