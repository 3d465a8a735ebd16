"""What else could have been traded over the same sessions: each threshold of the grid, and the champion."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from itertools import product
from typing import Any

import numpy as np

from backtest.replay import backtest
from backtest.result import BacktestResult
from flows.progress import steps
from flows.stages.dataset import Dataset
from flows.stages.standing import champion_folder, load_standing
from flows.stages.trainer import paper_trader
from market.errors import BundleRefused
from market.home import Home
from registry.bundle import Bundle, load_bundle
from registry.signed_files import refuse_altered
from registry.signing import public_key
from trading.policy import RiskLimits


@dataclass(frozen=True)
class Span:
    """A fold: its bundle and its test sessions."""

    bundle: Bundle
    days: tuple[date, ...]


def trade(dataset: Dataset, limits: RiskLimits, span: Span) -> BacktestResult:
    """Trade a fold's test sessions with its bundle, from a flat account."""
    bundle = span.bundle
    trader = partial(paper_trader, dataset, bundle.manifest.costs, bundle.schema, bundle.model, limits)
    return backtest(trader, dataset.feed, span.days)


def trade_grid(dataset: Dataset, limits: RiskLimits, spans: Sequence[Span], grid: Sequence[float]) -> np.ndarray:
    """Return R$ per session had each threshold been chosen for all regimes and folds, float64 [sessions, grid]."""
    pairs = list(product(spans, grid))
    earned = [trade(dataset, limits, _at(span, theta)).session_pnl() for span, theta in steps(pairs, "thresholds")]
    folds = [np.column_stack(earned[at : at + len(grid)]) for at in range(0, len(earned), len(grid))]
    return np.concatenate(folds)


def trade_champion(home: Home, dataset: Dataset, limits: RiskLimits, name: str, days: Iterable[date]) -> dict[str, Any]:
    """Trade the champion over those of some sessions that it was not trained on either.

    Returns
    -------
    dict
        Its `version`, None where there is no champion; its `sessions` and their `net` in R$, both empty where it was
        trained on all of them or cannot be traded; and why not: `outdated` where this version of the code does not take
        its bundle, `missing` where the registry has lost it.

    Raises
    ------
    BundleRefused
        If its bundle is not as it was signed.
    """
    standing = load_standing(home, name)
    version = standing.champion
    told: dict[str, Any] = {
        "version": version, "sessions": [], "net": [], "outdated": "", "missing": standing.champion_missing,
    }  # fmt: skip
    if version is None or standing.champion_missing:
        return told
    try:
        bundle = load_bundle(champion_folder(home, name), public_key(home.keys))
    except BundleRefused as refused:
        refuse_altered(champion_folder(home, name), public_key(home.keys))
        return told | {"outdated": str(refused)}
    unseen = tuple(day for day in days if day.isoformat() > bundle.manifest.lineage.last_session)
    if not unseen:
        return told
    net = trade(dataset, limits, Span(bundle, unseen)).session_pnl()
    return told | {"sessions": [day.isoformat() for day in unseen], "net": net.tolist()}


def _at(span: Span, theta: float) -> Span:
    """Return a fold whose model asks for the same |D| in every regime."""
    policy = span.bundle.model.policy.copy()
    policy["theta"] = theta
    return replace(span, bundle=replace(span.bundle, model=span.bundle.model._replace(policy=policy)))
