"""Tuning by a real study of a few tiny trials: the objective by hand, resuming, and every trial counted."""

import math
from dataclasses import replace

import numpy as np
import pytest
from optuna.trial import TrialState

import models.tuning
from forest.flat import ForestKind
from market.errors import NotEnoughData
from market.types import Regime
from models.learners import ForestParams, LearnerParams, LightGBMParams
from models.spans import spans_of
from models.splits import WalkForward
from models.training_table import TrainingTable
from models.tuning import RANGES, SECTIONS, Search, fold_loss, open_study, tune

DAY_NS = 86_400_000_000_000
TINY = LearnerParams(
    min_rows=100,
    lightgbm=LightGBMParams(trees=20, leaves=4, min_rows_per_leaf=20),
    forest=ForestParams(trees=20, depth=3, min_rows_per_leaf=30),
)
SMALL_RANGES = {
    kind: {**ranges, "trees": (5, 20), **({"depth": (2, 3)} if "depth" in ranges else {})}
    for kind, ranges in RANGES.items()
}


@pytest.fixture(autouse=True)
def small_ranges(monkeypatch):
    monkeypatch.setattr(models.tuning, "RANGES", SMALL_RANGES)


def table_of(sessions=12, rows_each=60, seed=1):
    """Column 0 tells the label four times in five."""
    random = np.random.default_rng(seed)
    count = sessions * rows_each
    rows = random.normal(size=(count, 3)).astype(np.float32)
    session = np.repeat(np.arange(sessions), rows_each)
    start = session * DAY_NS + np.tile(np.arange(rows_each), sessions) * 60_000_000_000
    up = np.where(random.random(count) < 0.8, rows[:, 0] > 0, rows[:, 0] <= 0)
    label, ones = np.where(up, 1, -1).astype(np.int8), np.ones(count)
    regime = np.full(count, Regime.RANGE, dtype=np.uint8)
    weight = random.uniform(0.5, 2.0, count)
    return TrainingTable(
        ("a", "b", "c"), rows, start, session, regime, ones, label, weight, start, start + 300_000_000_000, ones
    )


def search_of(table, regime=Regime.RANGE):
    folds = list(WalkForward(3, 6, 0).split(groups=spans_of(table.start_ns, table.end_ns, table.session)))
    return Search(regime, table, folds, TINY)


def store(tmp_path):
    return f"sqlite:///{tmp_path / 'tuning.db'}"


def states(study):
    return [trial.state for trial in study.get_trials(deepcopy=False)]


def test_a_row_that_a_learner_is_sure_of_wrongly_costs_no_more_than_a_millionth_would():
    """Column 0 tells every label in training and the opposite in the test: each leaf is pure, and wrong."""
    table = table_of()
    train, test = search_of(table).folds[-1]
    label = np.where(table.rows[:, 0] > 0, 1, -1).astype(np.int8)
    label[test] *= -1
    exact = replace(table, label=label, rows=np.where(table.rows > 0, 1, -1).astype(np.float32))
    sure = LearnerParams(min_rows=100, forest=ForestParams(trees=5, depth=1, min_rows_per_leaf=30))
    alone = replace(exact, columns=("a",), rows=exact.rows[:, :1])
    assert fold_loss(search_of(alone), sure, train, test) == pytest.approx(math.log(1e6))


def test_loss_of_a_fold_is_the_library_s_own_weighted_log_loss():
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.metrics import log_loss

    table = table_of()
    search = search_of(table)
    train, test = search.folds[-1]
    forest = RandomForestClassifier(20, max_depth=3, min_samples_leaf=30, random_state=42, n_jobs=1)
    weight = table.weight[train] / table.weight[train].mean()
    forest.fit(table.rows[train], table.target()[train], sample_weight=weight)
    expected = log_loss(
        table.target()[test], forest.predict_proba(table.rows[test])[:, 1], sample_weight=table.weight[test]
    )
    assert fold_loss(search, TINY, train, test) == pytest.approx(expected, rel=1e-9)


def test_fold_without_rows_of_the_regime_says_nothing():
    table = table_of()
    search = search_of(table, Regime.TREND_UP)
    assert fold_loss(search, TINY, *search.folds[0]) is None


def test_regime_without_rows_is_refused_and_its_trial_counts_as_failed(tmp_path):
    study, counted = open_study(store(tmp_path), "none", 1), []
    with pytest.raises(NotEnoughData, match="TREND_UP"):
        tune(search_of(table_of(), Regime.TREND_UP), study, 3, counted.append)
    assert counted == [0]
    assert states(study) == [TrialState.FAIL]


def test_settings_in_force_are_the_first_trial_and_the_best_is_no_worse(tmp_path):
    search, counted = search_of(table_of()), []
    study = open_study(store(tmp_path), "range", 1)
    found = tune(search, study, 5, counted.append)
    first = study.get_trials()[0]
    assert first.params == {"trees": 20, "depth": 3, "min_rows_per_leaf": 30}
    now = np.mean([fold_loss(search, TINY, train, test) for train, test in search.folds])
    assert found.loss_now == pytest.approx(now, rel=1e-12)
    assert found.loss == min(trial.value for trial in study.get_trials() if trial.state == TrialState.COMPLETE)
    assert found.loss <= found.loss_now < 0.69  # the planted column is found
    assert counted == [0, 1, 2, 3, 4]
    assert sum(found.states.values()) == 5
    assert (found.section, found.regime) == (SECTIONS[ForestKind.SKLEARN], Regime.RANGE)


def test_killed_study_goes_on_and_what_was_running_counts_as_failed(tmp_path, monkeypatch):
    """The third trial is cut off as by a kill: nothing tells the study how it ended."""
    search, counted = search_of(table_of()), []
    study = open_study(store(tmp_path), "range", 1)
    tune(search, study, 2, counted.append)
    study.ask()
    counted.append(2)
    resumed = open_study(store(tmp_path), "range", 1)
    assert states(resumed)[2] == TrialState.FAIL
    found = tune(search, resumed, 6, counted.append)
    assert counted == [0, 1, 2, 3, 4, 5]
    assert found.states["fail"] == 1
    assert sum(found.states.values()) == 6
    tried = [tuple(trial.params.values()) for trial in resumed.get_trials() if trial.state != TrialState.FAIL]
    assert len(set(tried)) == len(tried)  # a resumed search does not begin again
    assert tune(search, resumed, 6, counted.append).states == found.states
    assert len(counted) == 6


def test_trial_that_fails_is_told_kept_and_counted(tmp_path, monkeypatch):
    search, counted = search_of(table_of()), []
    study = open_study(store(tmp_path), "range", 1)
    whole = models.tuning.fold_loss

    def break_second(search, params, train, test):
        if len(counted) == 2:
            raise RuntimeError("out of memory")
        return whole(search, params, train, test)

    monkeypatch.setattr(models.tuning, "fold_loss", break_second)
    with pytest.raises(RuntimeError, match="out of memory"):
        tune(search, study, 4, counted.append)
    found = tune(search, open_study(store(tmp_path), "range", 1), 4, counted.append)
    assert counted == [0, 1, 2, 3]
    assert found.states["fail"] == 1


def test_hopeless_trial_is_given_up_after_two_folds_and_counts(tmp_path, monkeypatch):
    """Median of six trials is 0.5 in every fold; the seventh says 0.9 and is left before its last fold."""
    asked, counted = [], []

    def planned(search, params, train, test):
        asked.append(len(counted))
        return 0.9 if len(counted) == 7 else 0.5

    monkeypatch.setattr(models.tuning, "fold_loss", planned)
    found = tune(search_of(table_of()), open_study(store(tmp_path), "range", 1), 7, counted.append)
    assert found.states == {"complete": 6, "pruned": 1, "fail": 0}
    assert asked.count(7) == 2
    assert len(counted) == 7
    assert found.loss == 0.5


def test_same_seed_tries_the_same_settings(tmp_path):
    search, tried = search_of(table_of()), []
    for name in ("one", "two"):
        study = open_study(store(tmp_path), name, 7)
        tune(search, study, 3, lambda number: None)
        tried.append([(trial.params, trial.value) for trial in study.get_trials()])
    assert tried[0] == tried[1]
