"""Fit, calibrate, choose thresholds, and sign: what every fold and the final model have in common."""

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from backtest.replay import BacktestResult, backtest
from backtest.trips import round_trips
from features.monitor import WINDOW, training_band
from features.regime import CONFIRMATION, ENTER, LEAVE, WARM_UP
from features.schema import FeatureSchema
from flows.lineage import git_commit
from flows.parameters import Parameters
from flows.stages.abstention import Levels, least_leans
from flows.stages.dataset import EPOCH, Dataset, round_trip_ticks
from flows.stages.fitting import (
    Learned,
    ask_members,
    assemble,
    blend_members,
    calibrate,
    fit_blends,
    fit_regimes,
    learn,
    with_nonconformity,
)
from flows.stages.thresholds import choose_threshold, kelly_edge
from forest.flat import ForestKind
from market.costs import CostParams
from market.home import Home
from market.types import Regime
from models.agent_weights import Outcomes, adapt_weights, average_weights
from models.learners import Fitted
from models.reference import Reference
from models.splits import split_off_validation
from models.training_table import TrainingTable, trainable
from registry.bundle import GOLDEN_ROWS, REGIMES, FeedNeeds, Lineage, Manifest, write_bundle
from registry.signing import SigningKey, ensure_key, load_private_key
from trading.agent_inputs import Agent, available_agents
from trading.core import new_desk
from trading.model import Model
from trading.paper import Trader, new_trader
from trading.policy import RiskLimits, StrategyParams
from trading.strategy_params import Regimes
from trading.usual import Usual, training_usual

# What the trees and thresholds follow from; gates and drift judge a model and do not change it.
MODEL_SECTIONS = ("data", "features", "labels", "splits", "learners", "strategy", "thresholds", "conformal", "costs")


@dataclass(frozen=True)
class Validation:
    """What was learnt on the first part of a training span, what was usual there, and the days of its last part."""

    learned: Learned
    usual: Usual
    days: tuple[dt.date, ...]


@dataclass(frozen=True)
class Trainer:
    """What fitting needs besides the rows it fits on.

    Parameters
    ----------
    table : TrainingTable
        Every row a learner may see.
    decisions : TrainingTable
        Every row of the training sessions, in order of time: what a monitor of the model will see.
    commit : str
        Of the code, for the lineage.
    """

    parameters: Parameters
    dataset: Dataset
    schema: FeatureSchema
    table: TrainingTable
    decisions: TrainingTable
    key: SigningKey
    commit: str

    @classmethod
    def open(cls, home: Home, parameters: Parameters, dataset: Dataset, decisions: TrainingTable) -> "Trainer":
        """Gather what every fit of one run shares."""
        table, schema = decisions.select(trainable(decisions)), dataset.schema(parameters)
        return cls(parameters, dataset, schema, table, decisions, signing_key(home), git_commit())

    @property
    def agents(self) -> tuple[str, ...]:
        """The agents whose every input this feed provides."""
        return available_agents(self.schema.columns)

    @property
    def strategy(self) -> StrategyParams:
        """The strategy of params.yaml; a bundle without agents declares that the model decides alone."""
        return replace(self.parameters.strategy, require_agents=bool(self.agents))

    def fit_with_validation(self, table: TrainingTable, end: dt.date, levels: Levels) -> tuple[Learned, StrategyParams]:
        """Fit on the first part of a training span; blend, calibrate and choose thresholds on its last part.

        All learners stay in what is returned, whatever their weight: the final blend is fitted on what each gives to
        the fold's test rows.

        Parameters
        ----------
        table : TrainingTable
            The rows of the span.
        end : date
            The first session after it.
        levels : mapping of Regime to float
            Conformal level per regime, from what happened before.
        """
        splits = self.parameters.splits
        fit_rows, held = split_off_validation(table.spans, splits.validation_fraction, splits.embargo_ns)
        fitted, missing = fit_regimes(table.select(fit_rows), self.parameters.learners)
        validation = table.select(held)
        learned = self._blend(fitted, missing, ask_members(fitted, validation), validation)
        first = days_of(validation.session)[0]
        usual = self._usual([day for day in days_of(table.session) if day < first])
        held_out = Validation(learned, usual, tuple(day for day in self.dataset.training if first <= day < end))
        strategy = replace(self.strategy, least_lean=least_leans(learned, levels))
        if strategy.adapt_weights:
            strategy = self._adapt_weights(held_out, strategy)
        return learned, self._choose_thresholds(held_out, strategy)

    def fit_final(
        self, members: np.ndarray, folds: Sequence[StrategyParams], levels: Levels
    ) -> tuple[Learned, StrategyParams]:
        """Fit on every training row; blend and calibrate on what the folds' learners gave to their test rows.

        Thresholds and edge are the folds' medians, weights of agents their means.

        Parameters
        ----------
        members : f8[n, 3]
            What each fold's learners gave to its test rows; NaN for the rows of no fold.
        levels : mapping of Regime to float
            Conformal level per regime after the last fold.
        """
        weights = fit_blends(members, self.table)
        heard = {regime: [kind for kind in ForestKind if shares[kind - 1] > 0] for regime, shares in weights.items()}
        fitted, missing = fit_regimes(self.table, self.parameters.learners, heard)
        theta, edge = (_median([getattr(fold, name) for fold in folds]) for name in ("theta", "edge"))
        learned = self._blend(fitted, missing, members, self.table)
        strategy = replace(self.strategy, theta=theta, edge=edge, least_lean=least_leans(learned, levels))
        if strategy.adapt_weights:
            strategy = average_weights(strategy, folds)
        return learned, strategy

    def _blend(
        self, fitted: Mapping[Regime, Fitted], missing: Mapping[Regime, str], members: np.ndarray, table: TrainingTable
    ) -> Learned:
        """Weigh and calibrate learners by what they, or their like, gave to rows they have not seen."""
        weights = fit_blends(members, table)
        calibrations, uncalibrated = calibrate(blend_members(weights, members, table), table)
        learned = learn(fitted, weights, calibrations, {**uncalibrated, **missing})
        return with_nonconformity(learned, members, table)

    def _adapt_weights(self, held_out: Validation, strategy: StrategyParams) -> StrategyParams:
        """Move the weights by what agents and model would have earned on the validation days."""
        made = self._trade(held_out, strategy).decisions
        _, known, rows = np.intersect1d(made["ts_ns"], self.decisions.ts_ns, return_indices=True)
        made, ret = made[known], self.decisions.ret_ticks[rows]
        agents = np.stack([made[f"{agent.name.lower()}_score"] for agent in Agent], axis=1).astype(np.float64)
        days, session = np.unique(self.decisions.session[rows], return_inverse=True)
        cost = round_trip_ticks(self.dataset.instrument, self.parameters.costs, days_of(days))[session]
        return adapt_weights(strategy, Outcomes(agents, made["model_score"], made["agent_score"], ret, cost))

    def _choose_thresholds(self, held_out: Validation, strategy: StrategyParams) -> StrategyParams:
        """Try each threshold of the grid on the validation days, choose one per regime, and tell its edge."""
        thresholds = self.parameters.thresholds
        earned = [self._earned(held_out, strategy, theta) for theta in thresholds.grid]  # [grid][regime]
        up, down, range_ = chosen = [choose_threshold(regime, thresholds) for regime in zip(*earned, strict=True)]
        places = [thresholds.grid.index(theta) for theta in chosen]
        first, second, third = (kelly_edge(earned[at][regime], thresholds) for regime, at in enumerate(places))
        return replace(strategy, theta=(up, down, range_), edge=(first, second, third))

    def _earned(self, held_out: Validation, strategy: StrategyParams, theta: float) -> list[np.ndarray]:
        """Return R$ after costs of each round trip, per regime, with one threshold for all regimes."""
        result = self._trade(held_out, replace(strategy, theta=(theta, theta, theta)))
        trips = round_trips(result.fills, self.dataset.instrument.tick_value, result.decisions)
        return [trips["net"][trips["regime"] == regime] for regime in REGIMES]

    def _trade(self, held_out: Validation, strategy: StrategyParams) -> BacktestResult:
        """Trade the validation days; before an edge is known, none may hold the size back."""
        columns, days = self.schema.columns, held_out.days
        strategy = replace(strategy, sizing=replace(strategy.sizing, kelly_fraction=0.0))
        model = assemble(held_out.learned, columns, self.agents, strategy)._replace(usual=held_out.usual)
        trader = partial(paper_trader, self.dataset, self.parameters.costs, self.schema, model)
        return backtest(trader, self.dataset.feed, days)

    def _rows_of(self, days: Sequence[dt.date]) -> TrainingTable:
        return self.decisions.select(np.isin(self.decisions.session, [(day - EPOCH).days for day in days]))

    def _usual(self, days: Sequence[dt.date]) -> Usual:
        """Measure what was usual in some sessions."""
        seen = self._rows_of(days)
        return training_usual(self.schema.columns, seen.rows, seen.ts_ns, seen.session, seen.sigma)

    def write(
        self,
        folder: Path,
        learned: Learned,
        strategy: StrategyParams,
        days: Sequence[dt.date],
        reference: Reference | None = None,
    ) -> str:
        """Write and sign one bundle of a model trained on `days`; return its digest."""
        seen = self._rows_of(days)
        band, usual = training_band(self.schema, seen.rows, WINDOW), self._usual(days)
        model = assemble(learned, self.schema.columns, self.agents, strategy)._replace(band=band, usual=usual)
        golden = np.linspace(0, len(self.table.rows) - 1, GOLDEN_ROWS).astype(np.int64)
        return write_bundle(folder, self._manifest(strategy, days), model, self.table.rows[golden], self.key, reference)

    def _manifest(self, strategy: StrategyParams, days: Sequence[dt.date]) -> Manifest:
        data = self.parameters.data
        thresholds = {regime.name.lower(): theta for regime, theta in zip(REGIMES, strategy.theta, strict=True)}
        lineage = Lineage(
            data_hash=self.dataset.data_hash,
            git_commit=self.commit,
            synthetic=self.dataset.synthetic,
            sources=tuple(sorted({partition.provenance.source for partition in self.dataset.partitions})),
            first_session=days[0].isoformat(),
            last_session=days[-1].isoformat(),
            params_hash=digest_of({name: asdict(self.parameters)[name] for name in MODEL_SECTIONS}),
        )
        return Manifest(
            name=model_name(self.parameters, self.dataset),
            instrument=self.dataset.instrument.root,
            feed=FeedNeeds(data.feed, data.bar_seconds),
            schema=json.loads(self.schema.to_json()),
            thresholds=thresholds,
            policy=asdict(strategy),
            agents=self.agents,
            regime={"adx_enter": ENTER, "adx_leave": LEAVE, "confirmation_bars": CONFIRMATION, "warm_up_bars": WARM_UP},
            costs=self.parameters.costs,
            lineage=lineage,
        )


def paper_trader(
    dataset: Dataset,
    params: CostParams,
    schema: FeatureSchema,
    model: Model,
    limits: RiskLimits | None = None,
) -> Trader:
    """Return a flat paper trader, under the shipped limits where no others are given.

    Whatever a model follows from is traded under the shipped ones (docs/decisions/0007).
    """
    return new_trader(schema, model, new_desk(limits or RiskLimits(), dataset.instrument), params)


def signing_key(home: Home) -> SigningKey:
    """Return the key of this home, making one where there is none."""
    ensure_key(home.keys)
    return load_private_key(home.keys)


def model_name(parameters: Parameters, dataset: Dataset) -> str:
    """Return the registered name: one model per instrument and bar length."""
    return f"pregao-{dataset.instrument.root.lower()}-{parameters.data.bar_seconds}s"


def days_of(numbers: np.ndarray) -> list[dt.date]:
    """Return the dates of day numbers (days since 1970), each once, in order."""
    return [EPOCH + dt.timedelta(days=int(number)) for number in np.unique(numbers)]


def _median(values: Sequence[Regimes]) -> Regimes:
    """Return the median per regime."""
    up, down, range_ = (float(value) for value in np.median(values, axis=0))
    return up, down, range_


def digest_of(value: Any) -> str:
    """Return the SHA-256 of a value's canonical JSON."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
