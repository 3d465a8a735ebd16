"""A blend of learners: links, weights and sums by hand and by a slow twin, training and trading alike to the bit."""

import math

import lightgbm
import numpy as np
import pytest
import xgboost
from sklearn.ensemble import RandomForestClassifier

from forest.convert import from_lightgbm, from_sklearn, from_xgboost
from forest.flat import empty
from market.errors import BundleRefused
from tests.factories import make_constant_forest
from trading.blend import (
    Blend,
    blend_row,
    blend_rows,
    check_blends,
    member_probabilities,
    member_row,
    pack_blends,
    unpack_blends,
)

COLUMNS = 4
SHARES = np.array([0.5, 0.2, 0.3])
NONE = Blend((empty(), empty(), empty()), np.zeros(3))


def drawn_rows(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, COLUMNS)).astype(np.float32)


@pytest.fixture(scope="module")
def natives() -> tuple:
    """One small learner of each library."""
    rows = drawn_rows(400, 1)
    labels = (rows[:, 0] + rows[:, 1] > 0).astype(np.int64)
    gbm = lightgbm.train({"num_leaves": 6, "objective": "binary", "verbosity": -1, "num_threads": 1},
                         lightgbm.Dataset(rows, labels), 12)  # fmt: skip
    settings = {"objective": "binary:logistic", "max_depth": 3, "nthread": 1}
    boosted = xgboost.train(settings, xgboost.DMatrix(rows, labels, nthread=1), 11)
    return gbm, boosted, RandomForestClassifier(9, max_depth=4, random_state=0, n_jobs=1).fit(rows, labels)


@pytest.fixture(scope="module")
def members(natives) -> tuple:
    gbm, boosted, forest = natives
    model = bytes(boosted.save_raw("json"))
    return from_lightgbm(gbm.model_to_string()), from_xgboost(model), from_sklearn(forest)


@pytest.fixture(scope="module")
def blends(members):
    """Three members, a single one, and none."""
    lightgbm_, _, _ = members
    lead = Blend((lightgbm_, empty(), empty()), np.array([1.0, 0.0, 0.0]))
    return pack_blends([Blend(members, SHARES), lead, NONE])


def test_each_learner_s_link_gives_the_probability_its_library_gives(natives, blends):
    gbm, boosted, forest = natives
    rows = drawn_rows(50, 2)
    told = [gbm.predict(rows), boosted.predict(xgboost.DMatrix(rows)), forest.predict_proba(rows)[:, 1]]
    for place, expected in enumerate(told):
        found = [member_row(blends, place, row) for row in rows]
        assert found == pytest.approx(expected, rel=1e-6 if place == 1 else 1e-14)  # XGBoost's own link is in float32


def test_blend_is_the_weighted_sum_of_what_the_libraries_say(natives, blends):
    gbm, boosted, forest = natives
    rows = drawn_rows(50, 3)
    margins = boosted.predict(xgboost.DMatrix(rows), output_margin=True).astype(np.float64)
    told = [gbm.predict(rows), [1 / (1 + math.exp(-m)) for m in margins], forest.predict_proba(rows)[:, 1]]
    expected = SHARES @ np.array(told)
    assert [blend_row(blends, 0, row) for row in rows] == pytest.approx(expected, rel=1e-14)
    assert [blend_row(blends, 1, row) for row in rows] == pytest.approx(told[0], rel=1e-14)


def test_training_s_batch_gives_the_bits_of_the_row_that_trades(members, blends):
    rows = drawn_rows(500, 4)
    asked = np.zeros((len(rows), 3))
    for place, forest in enumerate(members):
        out = np.zeros(len(rows))
        member_probabilities(forest, rows, out)
        asked[:, place] = out
    blended = np.zeros(len(rows))
    blend_rows(SHARES, asked, blended)
    assert blended.tobytes() == np.array([blend_row(blends, 0, row) for row in rows]).tobytes()
    assert len(np.unique(blended)) > 200


def test_a_member_without_weight_is_not_looked_at():
    out = np.zeros(1)
    blend_rows(np.array([0.0, 1.0, 0.0]), np.array([[np.nan, 0.7, np.nan]]), out)
    assert out.tolist() == [0.7]


def test_regime_without_members_has_no_probability(blends):
    assert math.isnan(blend_row(blends, 2, drawn_rows(1, 5)[0]))
    out = np.zeros(1)
    blend_rows(np.zeros(3), np.full((1, 3), 0.5), out)
    assert np.isnan(out[0])


def test_missing_answer_of_a_member_that_counts_is_no_answer():
    out = np.zeros(1)
    blend_rows(SHARES, np.array([[0.5, np.nan, 0.5]]), out)
    assert np.isnan(out[0])


def test_packing_and_unpacking_loses_nothing(members, blends):
    unpacked = unpack_blends(blends)
    for found, forest in zip(unpacked[0].members, members, strict=True):
        assert [part.tobytes() for part in found] == [part.tobytes() for part in forest]
    assert [one.weights.tolist() for one in unpacked] == [SHARES.tolist(), [1, 0, 0], [0, 0, 0]]


@pytest.mark.parametrize(
    ("blend", "words"),
    [
        (Blend((empty(), empty(), make_constant_forest(COLUMNS + 1, 0.5)), np.array([0.0, 0.0, 1.0])), "of 4 features"),
        (Blend((make_constant_forest(COLUMNS, 0.5), empty(), empty()), np.array([1.0, 0.0, 0.0])), "LIGHTGBM of 4"),
        (Blend((empty(), empty(), make_constant_forest(COLUMNS, 0.5)), np.zeros(3)), "trees where there is weight"),
        (Blend((empty(), empty(), empty()), np.array([0.0, 0.0, 1.0])), "trees where there is weight"),
        (Blend((empty(), empty(), make_constant_forest(COLUMNS, 0.5)), np.array([0.0, 0.0, 0.9])), "add to 1"),
        (Blend((empty(), empty(), make_constant_forest(COLUMNS, 0.5)), np.array([0.0, -1.0, 2.0])), "add to 1"),
    ],
)
def test_blend_that_is_not_what_its_weights_say_is_refused(blend, words):
    with pytest.raises(BundleRefused, match=words):
        check_blends(pack_blends([NONE, blend, NONE]), COLUMNS)
