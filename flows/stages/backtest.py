"""Trade every fold's test sessions with that fold's own model, through the core, with costs."""

from dataclasses import asdict
from datetime import date
from typing import Any

import numpy as np

from backtest.metrics import Metrics, summarise
from backtest.result import BacktestResult
from flows.parameters import Parameters
from flows.progress import steps
from flows.stages.alternatives import Span, trade, trade_champion, trade_grid
from flows.stages.artifacts import read_json, read_records, read_table, write_json, write_records, write_table
from flows.stages.dataset import open_dataset
from flows.stages.train import FOLDS, SUMMARY
from flows.stages.trainer import digest_of, model_name
from market.home import Home
from registry.bundle import load_bundle
from registry.signing import public_key
from trading.policy import RiskLimits
from trading.records import DECISION, FILL, ORDER, decision_hash

DECISIONS, ORDERS, FILLS = "backtest/decisions.parquet", "backtest/orders.parquet", "backtest/fills.parquet"
EQUITY, METRICS = "backtest/equity.parquet", "backtest/metrics.json"
TRIALS, CHAMPION = "backtest/trials.parquet", "backtest/champion.json"


def run(home: Home, parameters: Parameters, limits: RiskLimits) -> Metrics:
    """Backtest out of sample under the user's limits; store every record and the metrics.

    Each fold starts flat with its own model; what it earns is added to the folds before it. The same sessions are
    traded with every threshold of the grid too, and by the champion: what the result is held against.
    """
    dataset = open_dataset(home, parameters.data)
    spans = _spans(home)
    result = chain([trade(dataset, limits, span) for span in steps(spans, "backtest folds")])
    metrics = summarise(result, dataset.instrument.tick_value, limits.capital_reais)
    _store(home, result, metrics, limits)
    grid = parameters.thresholds.grid
    earned = trade_grid(dataset, limits, spans, grid)
    sessions = np.array([day.isoformat() for day in result.sessions])
    columns = {f"{theta:g}": earned[:, place] for place, theta in enumerate(grid)}
    write_table(home.artifacts / TRIALS, {"session": sessions, **columns})
    name = model_name(parameters, dataset)
    write_json(home.artifacts / CHAMPION, trade_champion(home, dataset, limits, name, result.sessions))
    return metrics


def _spans(home: Home) -> list[Span]:
    """Return each fold's bundle and test sessions."""
    trusted = public_key(home.keys)
    return [
        Span(
            load_bundle(home.artifacts / FOLDS / str(fold["number"]), trusted),
            tuple(date.fromisoformat(text) for text in fold["test_days"]),
        )
        for fold in read_json(home.artifacts / SUMMARY)["folds"]
    ]


def chain(results: list[BacktestResult]) -> BacktestResult:
    """Join the results of consecutive folds; equity adds up from fold to fold."""
    ends = np.cumsum([0.0] + [result.equity[-1] if len(result.equity) else 0.0 for result in results])
    sessions = np.cumsum([0] + [len(result.sessions) for result in results])
    decisions = np.concatenate([result.decisions for result in results])
    return BacktestResult(
        decisions=decisions,
        orders=np.concatenate([result.orders for result in results]),
        fills=np.concatenate([result.fills for result in results]),
        equity=np.concatenate([result.equity + start for result, start in zip(results, ends, strict=False)]),
        equity_ts_ns=np.concatenate([result.equity_ts_ns for result in results]),
        session_index=np.concatenate([r.session_index + start for r, start in zip(results, sessions, strict=False)]),
        sessions=tuple(day for result in results for day in result.sessions),
        decision_hash=decision_hash(decisions),
    )


def _store(home: Home, result: BacktestResult, metrics: Metrics, limits: RiskLimits) -> None:
    write_records(home.artifacts / DECISIONS, result.decisions)
    write_records(home.artifacts / ORDERS, result.orders)
    write_records(home.artifacts / FILLS, result.fills)
    write_table(
        home.artifacts / EQUITY,
        {"ts_ns": result.equity_ts_ns, "equity_reais": result.equity, "session_index": result.session_index},
    )
    signals = int((result.decisions["reason"] == 0).sum())
    extra: dict[str, Any] = {
        "decisions": len(result.decisions),
        "signals": signals,
        "decision_hash": result.decision_hash,
        "limits_hash": digest_of(asdict(limits)),
        "session_days": [day.isoformat() for day in result.sessions],
    }
    write_json(home.artifacts / METRICS, metrics.as_dict() | extra)


def load(home: Home) -> BacktestResult:
    """Read what `run` stored."""
    equity, metrics = read_table(home.artifacts / EQUITY), read_json(home.artifacts / METRICS)
    return BacktestResult(
        decisions=read_records(home.artifacts / DECISIONS, DECISION),
        orders=read_records(home.artifacts / ORDERS, ORDER),
        fills=read_records(home.artifacts / FILLS, FILL),
        equity=equity["equity_reais"],
        equity_ts_ns=equity["ts_ns"],
        session_index=equity["session_index"],
        sessions=tuple(date.fromisoformat(text) for text in metrics["session_days"]),
        decision_hash=metrics["decision_hash"],
    )
