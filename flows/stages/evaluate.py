"""Gather the evidence, ask the gates, and look for drift."""

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from backtest.stability import measure_stability
from flows.parameters import Parameters
from flows.stages import backtest, features, leaks
from flows.stages.abstention import coverage
from flows.stages.artifacts import finite_or_none, read_json, read_table, write_json, write_text
from flows.stages.dataset import Dataset, open_dataset
from flows.stages.importance import measure_importance
from flows.stages.labels import SHARES
from flows.stages.learning import measure_learning
from flows.stages.luck import Luck, measure_luck
from flows.stages.measure import count_differing_rows, decision_latency_us
from flows.stages.standing import note_trials
from flows.stages.train import BUNDLE, OUT_OF_FOLD, SUMMARY
from flows.stages.trainer import model_name
from flows.stages.yardstick import measure_yardstick
from market.errors import BundleRefused
from market.home import Home
from models.calibration import expected_calibration_error, reliability
from models.input_drift import FeatureDrift, input_baseline, input_drift
from models.reference import RESULT, Observed, build_reference, observe_sessions
from registry.bundle import Bundle, load_bundle
from registry.gates import Evidence, Gate, as_table, challenger_gates, champion_gates
from registry.signing import public_key

GATES, DRIFT = "evaluation/gates.json", "evaluation/drift.json"
METRICS, RELIABILITY = "evaluation/metrics.json", "evaluation/reliability.csv"
IMPORTANCE = "evaluation/importance.json"


@dataclass(frozen=True)
class Evaluation:
    """The gate table of both lists and the headline numbers."""

    gates: list[dict[str, Any]]
    headline: dict[str, Any]


@dataclass(frozen=True)
class Judged:
    """What the gates were asked with, and what they answered."""

    evidence: Evidence
    luck: Luck
    to_challenger: tuple[Gate, ...]
    to_champion: tuple[Gate, ...]


def run(home: Home, parameters: Parameters) -> Evaluation:
    """Judge the final bundle on what its folds did out of sample, and describe how it came by it."""
    dataset = open_dataset(home, parameters.data)
    judged = judge(home, parameters, dataset)
    metrics, predictions = read_json(home.artifacts / backtest.METRICS), read_table(home.artifacts / OUT_OF_FOLD)
    to_challenger, to_champion = as_table(judged.to_challenger), as_table(judged.to_champion)
    drift = check_drift(parameters, dataset, features.load(home))
    headline = {"net_reais": metrics["net"], "sharpe": metrics["sharpe"], "fills": metrics["fills"]}
    sizes = [len(fold["test_days"]) for fold in read_json(home.artifacts / SUMMARY)["folds"]]
    told = {
        "ece": judged.evidence.ece,
        "drifted_features": sum(one.drifted for one in drift),
        **asdict(judged.luck),
        "stability": asdict(measure_stability(backtest.load(home).session_pnl(), sizes)),
        "learning": measure_learning(home, parameters, dataset),
        "coverage": coverage(predictions, parameters.conformal),
        "yardstick": measure_yardstick(home, parameters, dataset),
    }
    write_json(home.artifacts / GATES, {"to_challenger": to_challenger, "to_champion": to_champion})
    write_json(home.artifacts / DRIFT, [finite_or_none(asdict(one)) for one in drift])
    write_json(home.artifacts / IMPORTANCE, measure_importance(home, parameters, dataset))
    write_json(home.artifacts / METRICS, {**headline, **told})
    _store_reliability(home, predictions)
    return Evaluation([*to_challenger, *to_champion], headline)


def judge(home: Home, parameters: Parameters, dataset: Dataset) -> Judged:
    """Gather the evidence and ask every gate."""
    metrics, predictions = read_json(home.artifacts / backtest.METRICS), read_table(home.artifacts / OUT_OF_FOLD)
    luck = measure_luck(home, note_trials(home, model_name(parameters, dataset), parameters))
    evidence = _with_luck(_gather(home, dataset, features.load(home), metrics, predictions), luck)
    asked = challenger_gates(evidence, parameters.gates), champion_gates(evidence, parameters.gates)
    return Judged(evidence, luck, *asked)


def _gather(
    home: Home,
    dataset: Dataset,
    table: features.FeatureTable,
    metrics: dict[str, Any],
    predictions: dict[str, np.ndarray],
) -> Evidence:
    """Return what is known; what nobody measured yet stays None and its gate fails."""
    shares = read_json(home.artifacts / SHARES)
    last = dataset.training[-1]
    compared, differing = count_differing_rows(dataset, table, last)
    bundle = _verified(home)
    checks, found = leaks.measured(home)
    return Evidence(
        provenance_known=all(p.provenance.source and p.provenance.source_sha256 for p in dataset.partitions),
        schema_equal=bundle is not None and bundle.schema.hash == table.schema.hash,
        leak_checks=checks,
        leaks=found,
        parity_events=compared,
        parity_differing=differing,
        bundle_verifies=bundle is not None,
        latency_p99_us=decision_latency_us(home, dataset, last) if bundle else None,
        fills=metrics["fills"],
        sharpe=metrics["sharpe"],
        drawdown=metrics["max_drawdown"],
        ece=_calibration_error(predictions),
        class_shares=_decided(shares),
        action_rate=metrics["signals"] / metrics["decisions"] if metrics["decisions"] else None,
        synthetic=dataset.synthetic,
        paper_sessions=0,  # they come after training; promotion counts them anew
    )


def _with_luck(evidence: Evidence, luck: Luck) -> Evidence:
    return replace(
        evidence,
        trials=luck.trials,
        deflated_sharpe=luck.deflated_sharpe,
        pbo=luck.pbo,
        configurations=luck.configurations,
        champion_exists=luck.champion_exists,
        champion_outdated=luck.champion_outdated,
        champion_missing=luck.champion_missing,
        compared_sessions=luck.compared,
        lower_bound_over_champion=luck.lower_bound,
    )


def _verified(home: Home) -> Bundle | None:
    try:
        return load_bundle(home.artifacts / BUNDLE, public_key(home.keys))
    except BundleRefused:
        return None


def _calibration_error(predictions: dict[str, np.ndarray]) -> float | None:
    if not len(predictions["up"]):
        return None
    return expected_calibration_error(predictions["probability"], predictions["up"])


def check_drift(parameters: Parameters, dataset: Dataset, table: features.FeatureTable) -> list[FeatureDrift]:
    """Compare each feature of the last training sessions with those before them; nothing where they are too few."""
    days = [int(dataset.feed.session(day)[0]["date"]) for day in dataset.training]
    limits = parameters.drift
    before, recent = (
        table.of_sessions(part) for part in (days[: -limits.current_sessions], days[-limits.current_sessions :])
    )
    if len(days) < 4 * limits.current_sessions or not len(recent.rows):
        return []
    nothing = np.zeros(0, dtype=RESULT)
    reference = build_reference(_unlabelled(before), nothing)
    counts = observe_sessions(_unlabelled(recent), nothing, reference.edges, np.unique(recent.session)).counts
    baseline = input_baseline(reference, limits.current_sessions, limits.band)
    return input_drift(table.schema.columns, baseline, counts.sum(axis=0), limits.inputs)


def _unlabelled(table: features.FeatureTable) -> Observed:
    none = np.zeros(len(table.rows), dtype=np.int8)
    return Observed(table.rows, table.session, none, np.full(len(table.rows), np.nan))


def _decided(shares: dict[str, float]) -> tuple[float, float]:
    """Return the shares of the two classes a learner sees; undecided rows are never trained on."""
    decided = shares["down"] + shares["up"]
    return shares["down"] / decided, shares["up"] / decided


def _store_reliability(home: Home, predictions: dict[str, np.ndarray]) -> None:
    bins = reliability(predictions["probability"], predictions["up"]) if len(predictions["up"]) else []
    rows = [f"{one.mean_p!r},{one.share_up!r},{one.count}" for one in bins if one.count]
    write_text(home.artifacts / RELIABILITY, "\n".join(["predicted,observed,count", *rows]) + "\n")
