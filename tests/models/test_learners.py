"""Learners: what they learn, that they do it twice the same, and that the flat forest is the same model."""

from dataclasses import asdict, replace

import numpy as np
import pytest

from forest.batch import predict_batch
from forest.flat import ForestKind, empty, to_arrays
from market.errors import ConfigError, DataError
from market.types import Regime, bars
from models.constraints import ConstraintParams
from models.labels import BarrierParams, triple_barrier
from models.learners import (
    Fitted,
    ForestParams,
    LearnerParams,
    LightGBMParams,
    Member,
    NotFitted,
    Sample,
    XGBoostParams,
    alone,
    flatten,
    lead_of,
)
from models.learners import fit as fit_sample
from models.price_path import bar_volatility, price_path
from models.spans import spans_of
from models.splits import WalkForward

REGIMES = [Regime.TREND_UP, Regime.TREND_DOWN, Regime.RANGE]
SMALL = LearnerParams(
    lightgbm=LightGBMParams(trees=40, min_rows_per_leaf=30),
    xgboost=XGBoostParams(trees=40, min_rows_per_leaf=30),
    forest=ForestParams(trees=30, min_rows_per_leaf=20),
)


def planted(count, seed, columns=8):
    """Rows whose column 2 tells the label three times in four; the other columns are noise."""
    random = np.random.default_rng(seed)
    rows = random.normal(size=(count, columns)).astype(np.float32)
    labels = np.where(random.random(count) < 0.75, rows[:, 2] > 0, rows[:, 2] <= 0).astype(np.int64)
    return rows, labels, random.uniform(0.2, 3.0, count)


def fit(regime, rows, labels, weights, params, kinds=tuple(ForestKind)):
    return fit_sample(regime, Sample(names(rows), rows, labels, weights), params, kinds)


def names(rows):
    return tuple(f"column_{place}" for place in range(rows.shape[1]))


def lead(fitted):
    return fitted.members[lead_of(fitted.regime)]


def fit_lead(regime, rows, labels, weights, params):
    return fit(regime, rows, labels, weights, params, (lead_of(regime),))


def flat_scores(fitted, rows):
    out = np.zeros(len(rows))
    predict_batch(lead(fitted).flat, rows, out)
    return out


def native_scores(fitted, rows):
    if fitted.regime == Regime.TREND_DOWN:
        return lead(fitted).native.predict(rows, raw_score=True, num_threads=1)
    if fitted.regime == Regime.TREND_UP:
        import xgboost

        return lead(fitted).native.predict(xgboost.DMatrix(rows, nthread=1), output_margin=True).astype(np.float64)
    return lead(fitted).native.predict_proba(rows)[:, 1]


def model_text(fitted):
    if fitted.regime == Regime.TREND_DOWN:
        return lead(fitted).native.model_to_string()
    if fitted.regime == Regime.TREND_UP:
        return bytes(lead(fitted).native.save_raw("json"))
    return b"".join(
        tree.tree_.value.tobytes() + tree.tree_.threshold.tobytes() for tree in lead(fitted).native.estimators_
    )


@pytest.fixture(scope="module", params=REGIMES, ids=[regime.name for regime in REGIMES])
def trained(request):
    return fit_lead(request.param, *planted(1500, seed=11), SMALL)


def test_lead_learner_of_each_regime(trained):
    leads = {Regime.TREND_DOWN: "lightgbm", Regime.TREND_UP: "xgboost", Regime.RANGE: "sklearn"}
    assert type(lead(trained).native).__module__.split(".")[0] == leads[trained.regime]
    assert trained.rows == 1500


def test_flat_forest_predicts_what_the_library_predicts_to_the_bit(trained):
    rows = planted(2000, seed=12)[0]
    found = flat_scores(trained, rows)
    assert found.tobytes() == native_scores(trained, rows).tobytes()
    assert len(np.unique(found)) > 100


def test_planted_column_is_found_and_named_most_important(trained):
    rows, labels, _ = planted(2000, seed=13)
    scores = flat_scores(trained, rows)
    middle = 0.5 if trained.regime == Regime.RANGE else 0.0
    assert np.mean((scores > middle) == labels) > 0.70
    assert trained.importance.argmax() == 2
    assert trained.importance.sum() == pytest.approx(1)


def test_same_rows_give_the_same_model_text_and_forest(trained):
    again = fit_lead(trained.regime, *planted(1500, seed=11), SMALL)
    assert model_text(again) == model_text(trained)
    for name, array in to_arrays(lead(again).flat).items():
        assert array.tobytes() == to_arrays(lead(trained).flat)[name].tobytes(), name


def test_another_seed_gives_another_model(trained):
    other = LearnerParams(
        lightgbm=replace(SMALL.lightgbm, seed=7),
        xgboost=replace(SMALL.xgboost, seed=7),
        forest=replace(SMALL.forest, seed=7),
    )
    assert model_text(fit_lead(trained.regime, *planted(1500, seed=11), other)) != model_text(trained)


CHANGED = {
    Regime.TREND_UP: ("xgboost", {"trees": 41, "depth": 3, "rate": 0.05}),
    Regime.TREND_DOWN: ("lightgbm", {"trees": 41, "leaves": 4, "rate": 0.05}),
    Regime.RANGE: ("forest", {"trees": 31, "depth": 2}),
}
SAMPLING = {"feature_fraction": 0.3, "row_fraction": 0.5}


@pytest.mark.parametrize(
    ("regime", "field", "value"),
    [
        (regime, field, value)
        for regime, (section, changes) in CHANGED.items()
        for field, value in (changes | ({} if section == "forest" else SAMPLING) | {"min_rows_per_leaf": 90}).items()
    ],
)
def test_every_parameter_reaches_the_library(regime, field, value):
    section = CHANGED[regime][0]
    changed = replace(SMALL, **{section: replace(getattr(SMALL, section), **{field: value})})
    sample = planted(800, seed=3)
    before, after = (flat_scores(fit_lead(regime, *sample, params), sample[0]) for params in (SMALL, changed))
    assert before.tobytes() != after.tobytes()


def test_scale_of_the_weights_does_not_matter(trained):
    rows, labels, weights = planted(1500, seed=11)
    again = fit_lead(trained.regime, rows, labels, 8 * weights, SMALL)
    assert flat_scores(again, rows).tobytes() == flat_scores(trained, rows).tobytes()


def test_weights_are_not_ignored(trained):
    rows, labels, _ = planted(1500, seed=11)
    wrong_way = fit_lead(trained.regime, rows, labels, np.where(labels == (rows[:, 2] > 0), 0.01, 10.0), SMALL)
    assert np.corrcoef(flat_scores(wrong_way, rows), flat_scores(trained, rows))[0, 1] < 0


def test_shape_of_the_models_is_what_was_asked_for():
    rows = planted(1500, seed=11)
    up, down, flat = (fit_lead(regime, *rows, SMALL) for regime in REGIMES)
    assert (
        lead(up).native.num_boosted_rounds(),
        lead(down).native.num_trees(),
        len(lead(flat).native.estimators_),
    ) == (40, 40, 30)
    assert max(tree["num_leaves"] for tree in lead(down).native.dump_model()["tree_info"]) <= 31
    assert max(tree.tree_.max_depth for tree in lead(flat).native.estimators_) <= 10


def test_defaults_are_the_ones_to_start_from():
    params = LearnerParams()
    boosters = {"rate": 0.03, "min_rows_per_leaf": 200, "feature_fraction": 0.6, "row_fraction": 0.8, "seed": 42}
    assert asdict(params.lightgbm) == {"trees": 300, "leaves": 31, **boosters}
    assert asdict(params.xgboost) == {"trees": 300, "depth": 6, **boosters}
    assert asdict(params.forest) == {"trees": 200, "depth": 10, "min_rows_per_leaf": 100, "seed": 42}


def test_all_three_learn_in_every_regime_and_the_lead_has_all_the_weight():
    fitted = fit(Regime.TREND_UP, *planted(800, seed=5), SMALL)
    libraries = [type(fitted.members[kind].native).__module__.split(".")[0] for kind in ForestKind]
    assert libraries == ["lightgbm", "xgboost", "sklearn"]
    assert fitted.weights.tolist() == alone(Regime.TREND_UP).tolist() == [0, 1, 0]
    assert [alone(regime).tolist() for regime in REGIMES[1:]] == [[1, 0, 0], [0, 0, 1]]
    assert list(fitted.heard) == [ForestKind.XGBOOST]


def constrained(params, **constraints):
    return replace(params, constraints=ConstraintParams(**constraints))


@pytest.mark.parametrize("sign", [1, -1])
def test_probability_moves_one_way_only_with_a_constrained_column(sign):
    """Column 2 tells the label; held to the other way it can tell nothing, and held to its own it still rises."""
    rows, labels, weights = planted(1500, seed=11)
    fitted = fit(Regime.RANGE, rows, labels, weights, constrained(SMALL, monotone={"column_2": sign}))
    steps = np.linspace(-3, 3, 60, dtype=np.float32)
    for kind, member in fitted.members.items():
        told = []
        for row in rows[:20]:
            moved = np.repeat(row[None, :], len(steps), axis=0)
            moved[:, 2] = steps
            out = np.zeros(len(steps))
            predict_batch(member.flat, np.ascontiguousarray(moved), out)
            assert np.all(sign * np.diff(out) >= -1e-9), kind.name
            told.append(out[-1] - out[0])
        assert (max(np.abs(told)) > 0.1) == (sign == 1), kind.name
    free = fit(Regime.RANGE, rows, labels, weights, SMALL)
    steep = [np.abs(np.diff(curve_of(member, rows[0], steps))) for member in free.members.values()]
    assert all(np.any(one > 0) for one in steep)


def curve_of(member, row, steps):
    moved = np.repeat(row[None, :], len(steps), axis=0)
    moved[:, 2] = steps
    out = np.zeros(len(steps))
    predict_batch(member.flat, np.ascontiguousarray(moved), out)
    return out


def branches(node, above=()):
    """The columns on each branch of a LightGBM tree."""
    if "split_feature" not in node:
        return [set(above)]
    here = (*above, node["split_feature"])
    return branches(node["left_child"], here) + branches(node["right_child"], here)


def test_columns_act_together_only_within_their_group():
    random = np.random.default_rng(5)
    rows = random.normal(size=(2000, 4)).astype(np.float32)
    labels = (rows[:, 0] * rows[:, 1] + rows[:, 2] * rows[:, 3] > 0).astype(np.int64)
    params = constrained(SMALL, interactions=(("column_0", "column_1"),))
    kinds = (ForestKind.LIGHTGBM, ForestKind.XGBOOST)
    fitted = fit(Regime.TREND_UP, rows, labels, np.ones(2000), params, kinds)
    allowed = [{0, 1}, {2}, {3}]
    trees = fitted.members[ForestKind.LIGHTGBM].native.dump_model()["tree_info"]
    found = [columns for tree in trees for columns in branches(tree["tree_structure"])]
    assert all(any(columns <= group for group in allowed) for columns in found)
    assert {0, 1} in found
    frame = fitted.members[ForestKind.XGBOOST].native.trees_to_dataframe()
    for _, tree in frame.groupby("Tree"):
        used = {int(name[1:]) for name in tree["Feature"] if name != "Leaf"}
        assert any(used <= group for group in allowed)  # a root of one group leaves no room for another


def test_constraint_on_a_column_that_is_not_there_is_refused():
    for wrong in ({"monotone": {"colum_2": 1}}, {"interactions": (("column_0", "colum_2"),)}):
        with pytest.raises(ConfigError, match="did you mean 'column_2'"):
            fit(Regime.RANGE, *planted(500, seed=1), constrained(SMALL, **wrong))
    with pytest.raises(ConfigError, match="1 or -1"):
        ConstraintParams(monotone={"column_2": 2})


def test_booster_that_stopped_early_is_the_trees_up_to_its_best_round():
    import lightgbm
    import xgboost

    rows, labels, _ = planted(600, seed=3)
    noise = np.random.default_rng(0).integers(0, 2, 200)
    gbm = lightgbm.train(
        {"objective": "binary", "verbosity": -1, "num_threads": 1, "min_data_in_leaf": 5},
        lightgbm.Dataset(rows[:400], labels[:400]), 60,
        valid_sets=[lightgbm.Dataset(rows[400:], labels[400:])],
        callbacks=[lightgbm.early_stopping(3, verbose=False)],
    )  # fmt: skip
    boosted = xgboost.train(
        {"objective": "binary:logistic", "nthread": 1}, xgboost.DMatrix(rows[:400], labels[:400]), 60,
        evals=[(xgboost.DMatrix(rows[400:], noise), "held")], early_stopping_rounds=3, verbose_eval=False,
    )  # fmt: skip
    assert 0 < gbm.best_iteration < 60
    assert boosted.best_iteration < boosted.num_boosted_rounds() - 1
    for native, expected in (
        (gbm, gbm.predict(rows, raw_score=True, num_iteration=gbm.best_iteration)),
        (boosted, boosted.predict(xgboost.DMatrix(rows), output_margin=True,
                                  iteration_range=(0, boosted.best_iteration + 1)).astype(np.float64)),
    ):  # fmt: skip
        out = np.zeros(len(rows))
        predict_batch(flatten(native), rows, out)
        assert out.tobytes() == expected.tobytes()


def test_blend_and_importance_are_of_the_members_that_have_weight():
    told = {kind: Member(None, stump_of(kind), np.array(gain)) for kind, gain in zip(ForestKind, GAINS, strict=True)}
    fitted = Fitted(Regime.RANGE, told, np.array([0.25, 0.0, 0.75]), 100)
    assert fitted.importance.tolist() == [0.25, 0.75]  # the second learner's, which says the opposite, is left out
    members, weights = fitted.blend()
    assert [len(forest.roots) - 1 for forest in members] == [1, 0, 1]
    assert weights.tolist() == [0.25, 0.0, 0.75]


GAINS = [[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]]


def stump_of(kind):
    return empty()._replace(header=np.array([kind, 2, 0]), roots=np.array([0, 1]))


@pytest.mark.parametrize("regime", REGIMES)
def test_too_few_rows_give_no_learner_and_the_reason(regime):
    assert fit(regime, *planted(399, seed=1), SMALL) == NotFitted(regime, "399 rows, 400 needed")


@pytest.mark.parametrize("value", [0, 1])
def test_one_class_gives_no_learner_and_the_reason(value):
    rows, labels, weights = planted(500, seed=1)
    assert fit(Regime.RANGE, rows, np.full_like(labels, value), weights, SMALL) == NotFitted(
        Regime.RANGE, f"all 500 labels are {value}"
    )


def test_undefined_regime_is_refused():
    with pytest.raises(ConfigError, match="UNDEFINED"):
        fit(Regime.UNDEFINED, *planted(500, seed=1), SMALL)


def damage(what):
    rows, labels, weights = planted(500, seed=1)
    if what == "a missing value":
        rows[499, 7] = np.nan
    elif what == "a label of -1":
        labels[3] = -1
    elif what == "a weight of zero":
        weights[3] = 0
    else:
        labels = labels[1:]
    return rows, labels, weights


@pytest.mark.parametrize("what", ["a missing value", "a label of -1", "a weight of zero", "a label too few"])
def test_rows_nobody_should_train_on_are_refused(what):
    with pytest.raises(DataError):
        fit(Regime.RANGE, *damage(what), SMALL)


SESSIONS, ROWS_EACH, HORIZON = 16, 150, 15


def random_walk_labels(seed):
    """Overlapping triple-barrier labels of a random walk: nothing to learn, much to leak."""
    random = np.random.default_rng(seed)
    count = SESSIONS * ROWS_EACH
    records = bars(count)
    records["ts_close_ns"] = 60_000_000_000 * np.arange(1, count + 1)
    records["close"] = 5000 + np.cumsum(random.integers(-3, 4, count))
    records["high"], records["low"] = records["close"] + 1, records["close"] - 1
    session = np.repeat(np.arange(SESSIONS), ROWS_EACH)
    path = price_path(records, session, np.zeros((0, 2), dtype=np.int64), None, 1.0)
    labels = triple_barrier(path, bar_volatility(path, 20), np.zeros(count), BarrierParams(horizon_bars=HORIZON))
    decided = labels["label"] != 0
    # The trap of failures row 40: a column that grows with time finds its neighbours in a shuffled split.
    rows = np.column_stack([np.arange(count), random.normal(size=(count, 3))]).astype(np.float32)
    return labels[decided], session[decided], rows[decided]


def accuracy_over(splits, regime, rows, target):
    hits = []
    for train, test in splits:
        fitted = fit_lead(regime, rows[train], target[train], np.ones(len(train)), SMALL)
        assert isinstance(fitted, Fitted)
        middle = 0.5 if regime == Regime.RANGE else 0.0
        hits.append((flat_scores(fitted, rows[test]) > middle) == target[test])
    return np.concatenate(hits)


@pytest.mark.parametrize("regime", REGIMES)
def test_noise_labels_score_chance_in_walk_forward_and_not_when_shuffled(regime):
    labels, session, rows = random_walk_labels(seed=29)
    target = (labels["label"] > 0).astype(np.int64)
    splits = WalkForward(folds=4, train_sessions_min=8, embargo_ns=0).split(
        groups=spans_of(labels["start_ns"], labels["end_ns"], session)
    )
    honest = accuracy_over(splits, regime, rows, target)
    # Neighbouring labels share their horizon, so about one in `HORIZON` is independent: three deviations of that.
    band = 3 * 0.5 / np.sqrt(len(honest) / HORIZON)
    assert abs(honest.mean() - 0.5) < band
    order = np.random.default_rng(1).permutation(len(target))
    cut = 3 * len(order) // 4
    shuffled = accuracy_over([(order[:cut], order[cut:])], regime, rows, target)
    assert shuffled.mean() > honest.mean() + 0.05
