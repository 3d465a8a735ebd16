"""Splits: folds pinned by hand, a brute-force interval oracle, skfolio's tables, and scikit-learn as the user."""

import itertools
import json
import math

import numpy as np
import pytest

from market.errors import ConfigError, DataError, NotEnoughData
from models.combinatorial import CombinatorialPurged, PurgedKFold
from models.spans import spans_of
from models.splits import WalkForward, split_off_validation
from tests.models.skfolio_tables import TABLES, tables


def sessions_of(count, rows_each=2, length_ns=10):
    """Sessions 100 ns apart; row k of a session starts at 10·k and ends `length_ns` later."""
    session = np.repeat(np.arange(count), rows_each)
    start = 100 * session + 10 * np.tile(np.arange(rows_each), count)
    return spans_of(start, start + length_ns, session)


def as_sessions(spans, splits):
    days = spans["session"]
    return [(sorted(set(days[train].tolist())), sorted(set(days[test].tolist()))) for train, test in splits]


def test_anchored_folds_grow_and_test_every_later_session_once():
    spans = sessions_of(7)
    splits = list(WalkForward(folds=2, train_sessions_min=3, embargo_ns=0).split(groups=spans))
    assert as_sessions(spans, splits) == [([0, 1, 2], [3, 4]), ([0, 1, 2, 3, 4], [5, 6])]
    assert [len(train) for train, _ in splits] == [6, 10]


def test_rolling_folds_keep_the_training_length():
    spans = sessions_of(7)
    splits = WalkForward(folds=2, train_sessions_min=3, embargo_ns=0, anchored=False).split(groups=spans)
    assert as_sessions(spans, splits) == [([0, 1, 2], [3, 4]), ([2, 3, 4], [5, 6])]


def test_k_fold_tests_each_block_once_and_trains_on_both_sides():
    spans = sessions_of(5)
    splits = PurgedKFold(folds=2, embargo_ns=0).split(groups=spans)
    assert as_sessions(spans, splits) == [([3, 4], [0, 1, 2]), ([0, 1, 2], [3, 4])]


def test_label_that_reaches_into_the_test_span_is_purged():
    spans = sessions_of(3)
    spans["end_ns"][1] = 200  # row 1 of session 0 ends exactly where session 2 starts
    (train, test), *_ = WalkForward(folds=1, train_sessions_min=2, embargo_ns=0).split(groups=spans)
    assert (train.tolist(), test.tolist()) == ([0, 2, 3], [4, 5])


def test_test_label_that_reaches_into_later_training_rows_purges_them():
    spans = sessions_of(4)
    spans["end_ns"][3] = 210  # the last label of block 0 ends where row 1 of session 2 starts
    train, _ = next(PurgedKFold(folds=2, embargo_ns=0).split(groups=spans))
    assert train.tolist() == [6, 7]
    train, _ = next(PurgedKFold(folds=2, embargo_ns=89).split(groups=spans))
    assert train.tolist() == [6, 7]
    train, _ = next(PurgedKFold(folds=2, embargo_ns=90).split(groups=spans))
    assert train.tolist() == [7]


@pytest.mark.parametrize(("embargo_ns", "kept"), [(79, [0, 1]), (80, [0]), (89, [0])])
def test_embargo_counts_from_the_labels_end(embargo_ns, kept):
    spans = sessions_of(2)  # the rows of session 0 end at 10 and 20, session 1 starts at 100
    (train, _), *_ = WalkForward(folds=1, train_sessions_min=1, embargo_ns=embargo_ns).split(groups=spans)
    assert train.tolist() == kept


def test_embargo_that_leaves_no_training_row_says_so():
    with pytest.raises(NotEnoughData, match="fold 0"):
        list(WalkForward(folds=1, train_sessions_min=1, embargo_ns=90).split(groups=sessions_of(2)))


@pytest.mark.parametrize(
    ("splitter", "needed"), [(WalkForward(2, 3, 0), 5), (CombinatorialPurged(5, 2, 0), 5), (PurgedKFold(5, 0), 5)]
)
def test_too_few_sessions_names_the_number_needed(splitter, needed):
    with pytest.raises(NotEnoughData, match=rf"at least {needed} sessions.*found 4"):
        list(splitter.split(groups=sessions_of(4)))


@pytest.mark.parametrize("splitter", [WalkForward(3, 2, 15), PurgedKFold(3, 15), CombinatorialPurged(4, 2, 15)])
def test_rows_may_come_in_any_order(splitter):
    spans = sessions_of(6, rows_each=3)
    order = np.random.default_rng(3).permutation(len(spans))
    plain, mixed = splitter.split(groups=spans), splitter.split(groups=spans[order])
    for (train, test), (mixed_train, mixed_test) in zip(plain, mixed, strict=True):
        assert sorted(order[mixed_train]) == train.tolist()
        assert sorted(order[mixed_test]) == test.tolist()


@pytest.mark.parametrize("splitter", [WalkForward(3, 2, 0), PurgedKFold(3, 0), CombinatorialPurged(4, 2, 0)])
def test_scikit_learn_uses_the_splitters_as_its_own(splitter):
    from sklearn.dummy import DummyClassifier
    from sklearn.model_selection import GridSearchCV, cross_val_score

    spans = sessions_of(6, rows_each=4)
    features, target = np.zeros((24, 1)), np.tile([1, 1, 1, 0], 6)
    scores = cross_val_score(DummyClassifier(), features, target, cv=splitter, groups=spans)
    assert scores.tolist() == [0.75] * splitter.get_n_splits(features, target, spans)
    search = GridSearchCV(DummyClassifier(), {"constant": [0, 1], "strategy": ["constant"]}, cv=splitter)
    assert search.fit(features, target, groups=spans).best_params_["constant"] == 1
    assert search.n_splits_ == len(scores)


@pytest.mark.parametrize("groups", [None, np.zeros(8, dtype=np.int64), [1, 2]])
def test_groups_that_are_no_label_intervals_are_refused(groups):
    with pytest.raises(DataError, match=r"SPAN records as groups.*spans_of"):
        next(PurgedKFold(2, 0).split(np.zeros((8, 1)), groups=groups))


def test_spans_that_are_not_one_per_row_are_refused():
    with pytest.raises(DataError, match="found 8 for 7 rows"):
        next(WalkForward(1, 1, 0).split(np.zeros((7, 2)), groups=sessions_of(4)))


def random_labels(random):
    """Rows of a few sessions with label ends that may reach far into later sessions, and an embargo."""
    sizes = random.integers(1, 5, size=random.integers(3, 7))
    session = np.repeat(np.arange(len(sizes)) * 2 + 1, sizes)
    start = 50 * (session - 1) + random.integers(0, 61, len(session))
    return spans_of(start, start + random.integers(0, 251, len(session)), session), int(random.integers(0, 81))


def oracle_splits(spans, tests, candidates, embargo):
    """Compare every pair of intervals: (training rows, test rows) for blocks of sessions, None where none is left."""
    rows = [tuple(int(value) for value in span) for span in spans]
    out = []
    for block, allowed in zip(tests, candidates, strict=True):
        test = [row for row, (_, _, session) in enumerate(rows) if session in block]
        train = []
        for row, (start, end, session) in enumerate(rows):
            meets = any(start <= rows[j][1] + embargo and rows[j][0] - embargo <= end for j in test)
            if session in allowed and not meets:
                train.append(row)
        out.append((train, test) if train else None)
    return out


def blocks_of(names, count):
    """Split names into blocks as equal as they can be, longer ones first."""
    size, longer = divmod(len(names), count)
    edges = [0, *itertools.accumulate([size + 1] * longer + [size] * (count - longer))]
    return [names[first:last] for first, last in itertools.pairwise(edges)]


def assert_equal_to_oracle(splitter, spans, expected):
    """The splits up to the first that leaves no training row, which is refused there."""
    found = splitter.split(groups=spans)
    for one in expected:
        if one is None:
            with pytest.raises(NotEnoughData, match="no training row"):
                next(found)
            return
        train, test = next(found)
        assert (train.tolist(), test.tolist()) == one
    assert next(found, None) is None


def test_splits_of_a_thousand_label_sets_equal_the_brute_force_oracle():
    random = np.random.default_rng(20260601)
    for _ in range(1000):
        spans, embargo = random_labels(random)
        names = sorted(set(spans["session"].tolist()))
        least, count = int(random.integers(1, len(names))), int(random.integers(2, 4))
        assert_walk_forward(spans, embargo, least, int(random.integers(1, len(names) - least + 1)))
        for tested in range(1, count):
            assert_combinatorial(spans, names, embargo, count, tested)


def assert_walk_forward(spans, embargo, least, folds):
    names = sorted(set(spans["session"].tolist()))
    tests = blocks_of(names[least:], folds)
    pasts = [[name for name in names if name < block[0]] for block in tests]
    for anchored in (True, False):
        candidates = pasts if anchored else [past[-least:] for past in pasts]
        walk = WalkForward(folds, least, embargo, anchored)
        assert_equal_to_oracle(walk, spans, oracle_splits(spans, tests, candidates, embargo))


def assert_combinatorial(spans, names, embargo, count, tested):
    chosen = itertools.combinations(blocks_of(names, count), tested)
    tests = [[name for block in blocks for name in block] for blocks in chosen]
    rest = [[name for name in names if name not in block] for block in tests]
    expected = oracle_splits(spans, tests, rest, embargo)
    assert_equal_to_oracle(CombinatorialPurged(count, tested, embargo), spans, expected)
    if tested == 1:
        assert_equal_to_oracle(PurgedKFold(count, embargo), spans, expected)


def skfolio_cases(name):
    cases = json.loads(TABLES.read_text(encoding="utf-8"))[name]
    return [pytest.param(*(case[key] for key in case), id="-".join(map(str, case["case"]))) for case in cases]


def equal_labels(rows, horizon):
    """One row per session, 100 ns apart."""
    start = 100 * np.arange(rows)
    return spans_of(start, start + 100 * horizon, np.arange(rows))


def as_lists(splits):
    return [[train.tolist(), test.tolist()] for train, test in splits]


@pytest.mark.parametrize(("case", "splits", "paths"), skfolio_cases("combinatorial"))
def test_combinatorial_splits_and_paths_of_equal_labels_are_skfolios(case, splits, paths):
    rows, blocks, tested, horizon, embargo = case
    splitter = CombinatorialPurged(blocks, tested, 100 * embargo)
    assert as_lists(splitter.split(groups=equal_labels(rows, horizon))) == splits
    assert splitter.get_n_splits() == len(splits)
    assert splitter.paths().tolist() == paths
    assert splitter.n_paths == len(paths)


@pytest.mark.parametrize(("case", "splits"), skfolio_cases("walks"))
def test_walk_forward_of_equal_labels_is_skfolios(case, splits):
    rows, folds, first, horizon, embargo, anchored = case
    splitter = WalkForward(folds, first, 100 * embargo, anchored)
    assert as_lists(splitter.split(groups=equal_labels(rows, horizon))) == splits


def test_tables_are_what_skfolio_answers():
    pytest.importorskip("skfolio", reason="skfolio is no dependency; its answers are stored beside this test")
    found = tables()
    stored = json.loads(TABLES.read_text(encoding="utf-8"))
    assert {**found, "skfolio": stored["skfolio"]} == stored


def test_combinatorial_choices_and_their_purge_pinned_by_hand():
    spans = sessions_of(4, rows_each=1)  # [0, 10], [100, 110], [200, 210], [300, 310]
    splits = CombinatorialPurged(groups=4, test_groups=2, embargo_ns=95).split(groups=spans)
    # An embargo of 95 reaches the neighbours of each test block, 90 away.
    train, test = next(splits)
    assert (test.tolist(), train.tolist()) == ([0, 1], [3])
    with pytest.raises(NotEnoughData, match=r"choice \(0, 2\)"):
        next(splits)


def test_training_rows_between_two_test_blocks_stay_when_far_enough():
    splits = CombinatorialPurged(groups=5, test_groups=2, embargo_ns=0).split(groups=sessions_of(5, rows_each=1))
    found = {tuple(test.tolist()): train.tolist() for train, test in splits}
    assert found[(0, 4)] == [1, 2, 3]


def test_paths_of_six_choose_two_are_those_of_the_book():
    """AFML figure 12.1 and 12.2: 15 choices of 6 groups make 5 paths."""
    splitter = CombinatorialPurged(6, 2, 0)
    assert (splitter.get_n_splits(), splitter.n_paths) == (15, 5)
    # Choices in order: 12 13 14 15 16 23 24 25 26 34 35 36 45 46 56; the first path takes the first test of each.
    assert splitter.paths()[0].tolist() == [0, 0, 1, 2, 3, 4]
    assert splitter.paths()[4].tolist() == [4, 8, 11, 13, 14, 14]


@pytest.mark.parametrize(("groups", "tested"), [(n, k) for n in range(2, 8) for k in range(1, n)])
def test_every_test_of_a_block_stands_in_exactly_one_path(groups, tested):
    splitter = CombinatorialPurged(groups, tested, 0)
    table = splitter.paths()
    assert len(table) * groups == tested * math.comb(groups, tested)
    chosen = list(itertools.combinations(range(groups), tested))
    for block in range(groups):
        testing = [number for number, blocks in enumerate(chosen) if block in blocks]
        assert sorted(table[:, block].tolist()) == testing


def test_stitched_paths_hold_the_choices_own_predictions():
    spans = sessions_of(4)  # four blocks of two rows, in mixed order
    spans = spans[[7, 0, 1, 2, 3, 4, 5, 6]]
    splitter = CombinatorialPurged(4, 2, 0)
    predicted = [1000 * number + test for number, (_, test) in enumerate(splitter.split(groups=spans))]
    stitched = splitter.stitch(spans, predicted)
    # Choices: 01 02 03 12 13 23; the blocks of the rows are 3 0 0 1 1 2 2 3.
    assert stitched.tolist() == [
        [2000, 1, 2, 3, 4, 1005, 1006, 2007],
        [4000, 1001, 1002, 3003, 3004, 3005, 3006, 4007],
        [5000, 2001, 2002, 4003, 4004, 5005, 5006, 5007],
    ]


def test_predictions_that_do_not_fit_the_choices_are_refused():
    spans, splitter = sessions_of(4), CombinatorialPurged(4, 2, 0)
    predicted = [np.zeros(4)] * 6
    with pytest.raises(DataError, match="6 choices, found 5"):
        splitter.stitch(spans, predicted[:5])
    with pytest.raises(DataError, match=r"4 predictions of choice \(0, 2\), found 3"):
        splitter.stitch(spans, [predicted[0], np.zeros(3), *predicted[2:]])


def test_validation_is_the_last_sessions_and_is_purged():
    spans = sessions_of(8)
    spans["end_ns"][11] = 600
    fit, validation = split_off_validation(spans, fraction=0.25, embargo_ns=0)
    assert sorted(set(spans["session"][validation].tolist())) == [6, 7]
    assert fit.tolist() == [*range(11)]


@pytest.mark.parametrize(("embargo_ns", "kept"), [(4, [0, 1, 2]), (5, [0, 1])])
def test_validation_begins_an_embargo_after_the_last_label_fitted_on(embargo_ns, kept):
    """A label ends 5 before the validation part begins: an embargo of 4 has passed by then, one of 5 has not."""
    spans = spans_of(np.array([0, 100, 200, 300]), np.array([50, 150, 295, 350]), np.arange(4))
    fit, validation = split_off_validation(spans, 0.25, embargo_ns)
    assert (fit.tolist(), validation.tolist()) == (kept, [3])


def test_share_of_the_sessions_that_validates_is_rounded():
    """A quarter of seven sessions is 1.75: two."""
    fit, validation = split_off_validation(spans_of(10 * np.arange(7), 10 * np.arange(7) + 1, np.arange(7)), 0.25, 0)
    assert (fit.tolist(), validation.tolist()) == ([0, 1, 2, 3, 4], [5, 6])


def test_validation_that_is_everything_leaves_none_to_fit_on():
    with pytest.raises(NotEnoughData, match="2 sessions leave none to fit on"):
        split_off_validation(spans_of(np.array([0, 10]), np.array([1, 11]), np.arange(2)), 0.99, 0)


def test_sessions_numbered_against_time_are_refused():
    spans = sessions_of(4)
    spans["session"] = spans["session"][::-1]
    with pytest.raises(DataError, match="ascend with time"):
        list(WalkForward(1, 1, 0).split(groups=spans))


def test_label_that_ends_before_it_starts_is_refused():
    spans = sessions_of(4)
    spans["end_ns"][3] = spans["start_ns"][3] - 1
    with pytest.raises(DataError, match="label 3"):
        list(WalkForward(1, 1, 0).split(groups=spans))


@pytest.mark.parametrize("wrong", [(0, 1, 0), (1, 0, 0), (1, 1, -1)])
def test_impossible_walk_forward_is_refused(wrong):
    with pytest.raises(ConfigError):
        WalkForward(*wrong)


@pytest.mark.parametrize("wrong", [(2, 2, 0), (2, 0, 0), (3, 1, -1)])
def test_impossible_combinations_are_refused(wrong):
    with pytest.raises(ConfigError):
        CombinatorialPurged(*wrong)


@pytest.mark.parametrize("wrong", [(1, 0), (3, -1)])
def test_impossible_k_fold_is_refused(wrong):
    with pytest.raises(ConfigError):
        PurgedKFold(*wrong)
