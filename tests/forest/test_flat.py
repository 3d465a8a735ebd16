"""What a stored forest must prove before compiled code may walk it, and the walk against its slow twin."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forest.batch import predict_batch
from forest.flat import (
    CATEGORICAL,
    MISSING_RIGHT,
    NODE,
    SET_SHIFT,
    ZERO_IS_MISSING,
    FlatForest,
    ForestKind,
    empty,
    from_arrays,
    to_arrays,
)
from forest.predict import predict_row
from market.errors import BundleRefused


def small_forest(kind=ForestKind.LIGHTGBM):
    """Two trees: (x0 <= 1 ? (x1 <= -2 ? 0.5 : 0.25) : 4.0) and a constant 8.0."""
    nodes = np.array(
        [(1.0, 0, 1), (-2.0, 1, 2), (np.inf, 0, 0), (np.inf, 0, 0), (np.inf, 0, 0), (np.inf, 0, 0)], dtype=NODE
    )
    rules = np.array([0, MISSING_RIGHT, 0, 0, 0, 0], np.uint32)
    values = np.array([0.0, 0.0, 4.0, 0.5, 0.25, 8.0])
    return FlatForest(np.array([kind, 2, 0]), np.zeros(1), np.array([0, 5, 6]), nodes, rules, values)


def chosen_forest(kind=ForestKind.LIGHTGBM):
    """One tree: (x0 is 0, 3 or 40 ? 1.0 : 2.0), a missing value goes right."""
    nodes = np.array([(0.0, 0, 1), (np.inf, 0, 0), (np.inf, 0, 0)], dtype=NODE)
    rules = np.array([CATEGORICAL | MISSING_RIGHT | 3 << SET_SHIFT, 0, 0, 2, 0b1001, 0b1_0000_0000], np.uint32)
    values = np.array([0.0, 1.0, 2.0])
    return FlatForest(np.array([kind, 1, CATEGORICAL]), np.zeros(1), np.array([0, 3]), nodes, rules, values)


def slow_score(forest, row):
    """Walk with Python floats, one comparison at a time."""
    kind, _, _ = forest.header
    single = kind == ForestKind.XGBOOST
    total = np.float32(forest.base[0]) if single else float(forest.base[0])
    for first in forest.roots[:-1]:
        at = int(first)
        while forest.nodes[at]["step"]:
            threshold, feature, step = forest.nodes[at].tolist()
            rule, x = int(forest.rules[at]), float(row[feature])
            if math.isnan(x) or (rule & ZERO_IS_MISSING and abs(x) <= float(np.float32(1e-35))):
                right = bool(rule & MISSING_RIGHT)
            elif rule & CATEGORICAL:
                right = slow_category(x, kind) not in slow_set(forest, rule >> SET_SHIFT)
            else:
                right = not x <= threshold
            at += step + right
        value = forest.values[at]
        total = np.float32(total + np.float32(value)) if single else total + float(value)
    return float(total) / (len(forest.roots) - 1) if kind == ForestKind.SKLEARN else float(total)


def slow_category(x, kind):
    """Return the category of a value, -1 for none."""
    if math.isinf(x) or (kind == ForestKind.XGBOOST and x < 0):
        return -1
    return math.trunc(x)


def slow_set(forest, place):
    words = forest.rules[place + 1 : place + 1 + int(forest.rules[place])].tolist()
    return {32 * number + bit for number, word in enumerate(words) for bit in range(32) if word >> bit & 1}


@st.composite
def forests(draw):
    """Random forests grown node by node; every split gets both children."""
    features = draw(st.integers(1, 4))
    categories = draw(st.booleans())
    trees, sets, roots = [], [], [0]
    edge = st.sampled_from([-1.5, -0.0, 0.0, 1e-36, 0.1, 2.0, math.inf]) | st.floats(-4, 4, width=32)
    for _ in range(draw(st.integers(1, 19))):
        nodes, pending = [None], [0]
        while pending:
            at = pending.pop(0)
            if len(nodes) < 40 and draw(st.booleans()):
                kinds = [0, MISSING_RIGHT, ZERO_IS_MISSING, MISSING_RIGHT | ZERO_IS_MISSING]
                mark = draw(st.sampled_from(kinds + [CATEGORICAL, CATEGORICAL | MISSING_RIGHT] * categories))
                nodes[at] = (draw(edge), draw(st.integers(0, features - 1)), len(nodes) - at, 0.0, mark)
                sets += [draw(st.lists(st.integers(0, 2**32 - 1), max_size=3))] * (mark >= CATEGORICAL)
                pending += [len(nodes), len(nodes) + 1]
                nodes += [None, None]
            else:
                nodes[at] = (math.inf, 0, 0, draw(st.floats(-4, 4, width=32)), 0)
        trees += nodes
        roots.append(len(trees))
    rules, words = [node[4] for node in trees], []
    for at, rule in enumerate(rules):
        if rule & CATEGORICAL:
            rules[at] |= len(trees) + len(words) << SET_SHIFT
            words += [len(sets[0]), *sets.pop(0)]
    nodes = np.array([node[:3] for node in trees], dtype=NODE)
    rare = np.bitwise_or.reduce(rules) & (ZERO_IS_MISSING | CATEGORICAL)
    header = np.array([draw(st.sampled_from(list(ForestKind))), features, rare])
    base = np.array([draw(st.sampled_from([0.0, -0.25]))])
    values = np.array([node[3] for node in trees])
    return FlatForest(header, base, np.array(roots), nodes, np.array(rules + words, np.uint32), values)


@settings(max_examples=150, deadline=None)
@given(forests(), st.integers(0, 2**32 - 1))
def test_compiled_walk_equals_the_slow_one(forest, seed):
    rng = np.random.default_rng(seed)
    rows = rng.choice(
        np.array([np.nan, 0.0, -0.0, 1e-36, 0.1, -0.5, -1.5, 2.0, 3.0, 70.0, 1e9, np.inf], np.float32),
        (19, forest.header[1]),
    )
    rows[:8] = rng.normal(size=(8, forest.header[1]))
    expected = np.array([slow_score(forest, row) for row in rows])
    out = np.empty(len(rows))
    predict_batch(from_arrays(to_arrays(forest)), rows, out)
    assert np.array_equal(out.view(np.int64), expected.view(np.int64))
    assert np.array_equal(np.array([predict_row(forest, row) for row in rows]).view(np.int64), expected.view(np.int64))


@pytest.mark.parametrize(
    ("row", "expected"),
    [([1.0, -2.0], 8.5), ([1.0, -1.0], 8.25), ([1.5, 0.0], 12.0), ([np.nan, np.nan], 8.25), ([-1.0, np.nan], 8.25)],
)
def test_scores_worked_on_paper(row, expected):
    assert predict_row(small_forest(), np.array(row, np.float32)) == expected


@pytest.mark.parametrize(
    ("x", "expected"),
    [(0.0, 1.0), (-0.0, 1.0), (3.9, 1.0), (40.0, 1.0), (1.0, 2.0), (41.0, 2.0), (64.0, 2.0), (-1.0, 2.0), (-3.0, 2.0),
     (1e-45, 1.0), (16777216.0, 2.0), (4294967296.0, 2.0), (3e38, 2.0), (np.inf, 2.0), (-np.inf, 2.0), (np.nan, 2.0)],
)  # fmt: skip
@pytest.mark.parametrize("kind", [ForestKind.LIGHTGBM, ForestKind.XGBOOST])
def test_categories_worked_on_paper(kind, x, expected):
    assert predict_row(from_arrays(to_arrays(chosen_forest(kind))), np.array([x], np.float32)) == expected


def test_fraction_below_zero_is_category_zero_to_lightgbm_and_none_to_xgboost():
    row = np.array([-0.5], np.float32)
    assert predict_row(chosen_forest(ForestKind.LIGHTGBM), row) == 1.0
    assert predict_row(chosen_forest(ForestKind.XGBOOST), row) == 2.0


def test_random_forest_divides_by_its_trees():
    assert predict_row(small_forest(ForestKind.SKLEARN), np.array([2.0, 0.0], np.float32)) == 6.0


def test_forest_without_trees_predicts_nan():
    out = np.zeros(3)
    predict_batch(from_arrays(to_arrays(empty())), np.zeros((3, 5), np.float32), out)
    assert np.isnan(out).all()
    assert math.isnan(predict_row(empty(), np.zeros(5, np.float32)))


def test_row_of_another_width_predicts_nan_and_reads_nothing():
    assert math.isnan(predict_row(small_forest(), np.zeros(1, np.float32)))
    assert math.isnan(predict_row(small_forest(), np.zeros(3, np.float32)))


def test_forests_of_every_kind_have_one_compiled_type():
    predict_row(empty(), np.zeros(1, np.float32))
    before = len(predict_row.signatures)
    for kind in ForestKind:
        predict_row(from_arrays(to_arrays(small_forest(kind))), np.zeros(2, np.float32))
    assert len(predict_row.signatures) == before


def changed(name, index, value, field=None, forest=small_forest):
    arrays = {key: array.copy() for key, array in to_arrays(forest()).items()}
    if field is None:
        arrays[name][index] = value
    else:
        arrays[name][field][index] = value
    return arrays


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        (changed("header", 0, 9), "kind"),
        (changed("header", 1, 0), "features"),
        (changed("header", 1, 1), "a feature below 1"),
        (changed("header", 2, ZERO_IS_MISSING), "zeros and categories"),
        (changed("header", 2, 0, forest=chosen_forest), "zeros and categories"),
        (changed("base", 0, np.nan), "base"),
        (changed("roots", 0, 1), "roots"),
        (changed("roots", 2, 7), "roots"),
        (changed("roots", 1, -3), "rising"),
        (changed("roots", 1, 6), "rising"),
        (changed("nodes", 0, 0, "step"), "one parent"),
        (changed("nodes", 1, 1000, "step"), "children inside"),
        (changed("nodes", 1, 3, "step"), "children inside"),
        (changed("nodes", 3, 1, "step"), "children inside"),
        (changed("nodes", 1, 1, "step"), "one parent"),
        (changed("nodes", 0, np.nan, "threshold"), "a number"),
        (changed("nodes", 3, 1.0, "threshold"), "without a test"),
        (changed("nodes", 0, 2, "feature"), "a feature below 2"),
        (changed("rules", 3, MISSING_RIGHT), "leaves without a rule"),
        (changed("rules", 0, 1 << SET_SHIFT), "a set where categories decide"),
        (changed("rules", 0, CATEGORICAL, forest=chosen_forest), "sets after the rules"),
        (changed("rules", 0, CATEGORICAL | 2 << SET_SHIFT, forest=chosen_forest), "sets after the rules"),
        (changed("rules", 0, CATEGORICAL | 6 << SET_SHIFT, forest=chosen_forest), "sets after the rules"),
        (changed("rules", 3, 3, forest=chosen_forest), "sets inside the rules"),
        (changed("rules", 3, 2**32 - 1, forest=chosen_forest), "sets inside the rules"),
        (to_arrays(small_forest()._replace(rules=np.zeros(5, np.uint32))), "6 rules or more"),
        (changed("values", 3, np.inf), "finite"),
        (to_arrays(small_forest(ForestKind.XGBOOST)._replace(values=np.full(6, 0.1))), "float32"),
        (to_arrays(small_forest()._replace(values=np.zeros(5))), "values"),
        (to_arrays(small_forest()._replace(base=np.zeros(1, np.float32))), "base"),
        (to_arrays(small_forest()._replace(header=np.zeros((1, 3), np.int64))), "one dimension"),
        ({"nodes": np.zeros(0, NODE)}, "arrays"),
    ],
)
def test_forest_that_could_mislead_the_walk_is_refused(arrays, words):
    with pytest.raises(BundleRefused, match=words):
        from_arrays(arrays)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_random_damage_is_refused_or_walks_to_an_end(seed):
    """No damage may send the walk outside its arrays or round in circles; what is accepted must still answer."""
    rng = np.random.default_rng(seed)
    made = chosen_forest() if seed % 2 else small_forest()
    arrays = {name: array.copy() for name, array in to_arrays(made).items()}
    name = rng.choice(["header", "roots", "nodes", "rules"])
    raw = arrays[name].view(np.uint8)
    raw[rng.integers(len(raw))] ^= np.uint8(1 << rng.integers(8))
    try:
        forest = from_arrays(arrays)
    except BundleRefused:
        return
    row = np.zeros(forest.header[1], np.float32)
    assert predict_row(forest, row) == slow_score(forest, row)
