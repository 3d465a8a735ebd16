"""From a table to the arrays that trade: what training says of a row is what the compiled path says, to the bit."""

import numpy as np
import pytest

from flows.stages.abstention import first_levels, least_leans
from flows.stages.fitting import (
    Learned,
    ask_members,
    assemble,
    blend_members,
    calibrate,
    fit_blends,
    fit_regimes,
    learn,
    probabilities,
    with_nonconformity,
)
from forest.flat import ForestKind
from market.types import Regime
from models.conformal import ConformalParams
from models.learners import ForestParams, LearnerParams, LightGBMParams, XGBoostParams
from models.training_table import TrainingTable
from trading.model import Model, check_model, score_probability
from trading.policy import StrategyParams

SMALL = LearnerParams(
    min_rows=100,
    lightgbm=LightGBMParams(trees=12, leaves=6, min_rows_per_leaf=20),
    xgboost=XGBoostParams(trees=12, depth=3, min_rows_per_leaf=20),
    forest=ForestParams(trees=12, depth=5, min_rows_per_leaf=20),
)
COLUMNS = ("returns_1", "returns_5", "rsi_14", "adx_14")


def table_of(seed: int, count: int = 1800) -> TrainingTable:
    """A quarter of the rows of each trend, the others of a range; two columns tell the label, each with noise."""
    random = np.random.default_rng(seed)
    rows, numbers = random.normal(size=(count, 4)).astype(np.float32), np.arange(count)
    up = random.random(count) < 1 / (1 + np.exp(-1.5 * (rows[:, 0] + rows[:, 1])))
    label, ones = np.where(up, 1, -1).astype(np.int8), np.ones(count)
    regime = np.resize(np.array([1, 2, 3, 3], dtype=np.uint8), count)
    return TrainingTable(COLUMNS, rows, numbers, numbers, regime, ones, label, ones, numbers, numbers + 1, ones)


@pytest.fixture(scope="module")
def fitted() -> tuple[Learned, TrainingTable, np.ndarray]:
    """What was learnt, rows it was weighed and calibrated on, and what its learners gave to them."""
    held = table_of(2)
    learners, missing = fit_regimes(table_of(1), SMALL)
    members = ask_members(learners, held)
    weights = {**fit_blends(members, held), Regime.RANGE: np.array([0.5, 0.2, 0.3])}
    calibrations, uncalibrated = calibrate(blend_members(weights, members, held), held)
    learned = learn(learners, weights, calibrations, {**missing, **uncalibrated})
    return with_nonconformity(learned, members, held), held, members


@pytest.fixture(scope="module")
def model(fitted: tuple[Learned, TrainingTable, np.ndarray]) -> Model:
    strategy = StrategyParams(require_agents=False)
    return check_model(assemble(fitted[0], COLUMNS, (), strategy), len(COLUMNS))


def test_training_and_the_compiled_path_give_the_same_bits(
    fitted: tuple[Learned, TrainingTable, np.ndarray], model: Model
) -> None:
    learned, held, members = fitted
    told = probabilities(learned, members, held)
    asked = [score_probability(model, int(regime), row) for regime, row in zip(held.regime, held.rows, strict=True)]
    assert told.tobytes() == np.array(asked).tobytes()
    assert len(np.unique(told)) > 500


def test_nonconformity_is_that_of_the_rows_it_was_calibrated_on(
    fitted: tuple[Learned, TrainingTable, np.ndarray],
) -> None:
    learned, held, members = fitted
    p, own = probabilities(learned, members, held), held.regime == Regime.RANGE
    leaned = [-side * (2 * chance - 1) for side, chance in zip(held.label[own], p[own], strict=True)]
    assert learned.nonconformity[Regime.RANGE] == pytest.approx(leaned)
    # Right in about three rows of four, it decides always at an error of four in ten, and not at one of one in ten.
    assert least_leans(learned, first_levels(ConformalParams(0.4))) == (0.0, 0.0, 0.0)
    assert min(least_leans(learned, first_levels(ConformalParams(0.1)))) > 0.1


def test_regime_with_too_few_rows_is_missing_and_holds() -> None:
    table = table_of(3)
    few = table.select((table.regime != Regime.TREND_UP) | (np.arange(len(table.rows)) < 40))
    learners, missing = fit_regimes(few, SMALL)
    assert list(missing) == [Regime.TREND_UP]
    members = ask_members(learners, few)
    assert np.isnan(members[few.regime == Regime.TREND_UP]).all()
    weights = fit_blends(members, few)
    calibrations, uncalibrated = calibrate(blend_members(weights, members, few), few)
    learned = with_nonconformity(learn(learners, weights, calibrations, {**uncalibrated, **missing}), members, few)
    model = check_model(assemble(learned, COLUMNS, (), StrategyParams(require_agents=False)), len(COLUMNS))
    assert np.isnan(score_probability(model, int(Regime.TREND_UP), few.rows[0]))
    assert np.isfinite(score_probability(model, int(Regime.RANGE), few.rows[0]))
    assert least_leans(learned, first_levels(ConformalParams()))[0] == 0.0


def test_only_the_learners_that_are_named_are_trained() -> None:
    """The final model trains those that have weight and no other."""
    kinds = {Regime.TREND_UP: [ForestKind.XGBOOST], Regime.TREND_DOWN: list(ForestKind), Regime.RANGE: []}
    learners, _ = fit_regimes(table_of(4), SMALL, kinds)
    assert [list(learners[regime].members) for regime in learners] == [kinds[regime] for regime in learners]
