"""Splits: folds pinned by hand, and every fold of random label sets against an interval oracle."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.errors import ConfigError, DataError, NotEnoughData
from models.splits import CombinatorialPurged, WalkForward, split_off_validation


def sessions_of(count, rows_each=2, length_ns=10):
    """Sessions 100 ns apart; row k of a session starts at 10·k and ends `length_ns` later."""
    session = np.repeat(np.arange(count), rows_each)
    start = 100 * session + 10 * np.tile(np.arange(rows_each), count)
    return start, start + length_ns, session


def as_sessions(session, splits):
    return [(sorted(set(session[train].tolist())), sorted(set(session[test].tolist()))) for train, test in splits]


def test_anchored_folds_grow_and_test_every_later_session_once():
    start, end, session = sessions_of(7)
    splits = list(WalkForward(folds=2, train_sessions_min=3, embargo_ns=0).split(start, end, session))
    assert as_sessions(session, splits) == [([0, 1, 2], [3, 4]), ([0, 1, 2, 3, 4], [5, 6])]
    assert [len(train) for train, _ in splits] == [6, 10]


def test_rolling_folds_keep_the_training_length():
    start, end, session = sessions_of(7)
    splits = WalkForward(folds=2, train_sessions_min=3, embargo_ns=0, anchored=False).split(start, end, session)
    assert as_sessions(session, splits) == [([0, 1, 2], [3, 4]), ([2, 3, 4], [5, 6])]


def test_label_that_reaches_into_the_test_span_is_purged():
    start, end, session = sessions_of(3)
    end[1] = 200  # row 1 of session 0 ends exactly where session 2 starts
    (train, test), *_ = WalkForward(folds=1, train_sessions_min=2, embargo_ns=0).split(start, end, session)
    assert (train.tolist(), test.tolist()) == ([0, 2, 3], [4, 5])


@pytest.mark.parametrize(("embargo_ns", "kept"), [(79, [0, 1]), (80, [0]), (89, [0])])
def test_embargo_counts_from_the_labels_end(embargo_ns, kept):
    start, end, session = sessions_of(2)  # the rows of session 0 end at 10 and 20, session 1 starts at 100
    (train, _), *_ = WalkForward(folds=1, train_sessions_min=1, embargo_ns=embargo_ns).split(start, end, session)
    assert train.tolist() == kept


def test_embargo_that_leaves_no_training_row_says_so():
    start, end, session = sessions_of(2)
    with pytest.raises(NotEnoughData, match="fold 0"):
        list(WalkForward(folds=1, train_sessions_min=1, embargo_ns=90).split(start, end, session))


def test_too_few_sessions_names_the_number_needed():
    with pytest.raises(NotEnoughData, match=r"at least 5 sessions.*found 4"):
        list(WalkForward(folds=2, train_sessions_min=3, embargo_ns=0).split(*sessions_of(4)))


def test_rows_may_come_in_any_order():
    start, end, session = sessions_of(6, rows_each=3)
    order = np.random.default_rng(3).permutation(len(start))
    splitter = WalkForward(folds=3, train_sessions_min=2, embargo_ns=15)
    plain = splitter.split(start, end, session)
    mixed = splitter.split(start[order], end[order], session[order])
    for (train, test), (mixed_train, mixed_test) in zip(plain, mixed, strict=True):
        assert sorted(order[mixed_train]) == train.tolist()
        assert sorted(order[mixed_test]) == test.tolist()


def test_scikit_learn_takes_the_splits_as_cv():
    from sklearn.dummy import DummyClassifier
    from sklearn.model_selection import cross_val_score

    start, end, session = sessions_of(6, rows_each=4)
    splitter = WalkForward(folds=3, train_sessions_min=2, embargo_ns=0)
    target = np.tile([1, 1, 1, 0], 6)
    scores = cross_val_score(DummyClassifier(), start[:, None], target, cv=list(splitter.split(start, end, session)))
    assert scores.tolist() == [0.75] * splitter.get_n_splits()


@st.composite
def label_sets(draw):
    """Rows of a few sessions with label ends that may reach far into later sessions."""
    sizes = draw(st.lists(st.integers(1, 4), min_size=3, max_size=7))
    session = np.repeat(np.arange(len(sizes)) * 2 + 1, sizes)
    count = len(session)
    within = draw(st.lists(st.integers(0, 60), min_size=count, max_size=count))
    lengths = draw(st.lists(st.integers(0, 250), min_size=count, max_size=count))
    start = 100 * ((session - 1) // 2) + np.array(within)
    return start, start + np.array(lengths), session, draw(st.integers(0, 80))


def overlaps(row, other, start, end, embargo):
    return start[row] <= end[other] + embargo and start[other] - embargo <= end[row]


def oracle_train(candidates, test, start, end, embargo):
    """Keep a row unless it meets the span of all test rows, widened by the embargo."""
    first, last = min(start[row] for row in test), max(end[row] for row in test)
    return [row for row in candidates if end[row] < first - embargo or start[row] > last + embargo]


@settings(max_examples=1000, deadline=None)
@given(label_sets(), st.integers(1, 3), st.integers(1, 3), st.booleans())
def test_walk_forward_equals_the_interval_oracle(drawn, folds, least, anchored):
    start, end, session, embargo = drawn
    names = sorted(set(session.tolist()))
    splitter = WalkForward(folds, least, embargo, anchored)
    try:
        splits = list(splitter.split(start, end, session))
    except NotEnoughData:
        blocks = [list(block) for block in np.array_split(names[least:], folds)]
        assert len(names) < least + folds or any(
            not oracle_train(*_candidates(session, names, block, least, anchored), start, end, embargo)
            for block in blocks
        )
        return
    tested = [row for _, test in splits for row in test.tolist()]
    assert sorted(tested) == [row for row in range(len(session)) if session[row] in names[least:]]
    for train, test in splits:
        block = sorted(set(session[test].tolist()))
        candidates, inside = _candidates(session, names, block, least, anchored)
        assert test.tolist() == inside
        assert train.tolist() == oracle_train(candidates, inside, start, end, embargo)
        assert not any(overlaps(row, other, start, end, embargo) for row in train for other in test)
        assert max(session[train]) < min(session[test])


def _candidates(session, names, block, least, anchored):
    past = [name for name in names if name < block[0]]
    past = past if anchored else past[-least:]
    rows = range(len(session))
    return [row for row in rows if session[row] in past], [row for row in rows if session[row] in block]


@settings(max_examples=200, deadline=None)
@given(label_sets(), st.integers(2, 3), st.data())
def test_combinatorial_training_rows_keep_clear_of_every_test_row(drawn, groups, data):
    start, end, session, embargo = drawn
    splitter = CombinatorialPurged(groups, data.draw(st.integers(1, groups - 1)), embargo)
    tests = []
    try:
        for train, test in splitter.split(start, end, session):
            tests.append(tuple(test.tolist()))
            assert not any(overlaps(row, other, start, end, embargo) for row in train for other in test)
    except NotEnoughData:
        return
    assert len(set(tests)) == splitter.get_n_splits()


def test_combinatorial_choices_and_their_purge_pinned_by_hand():
    start, end, session = sessions_of(4, rows_each=1)  # [0, 10], [100, 110], [200, 210], [300, 310]
    splits = CombinatorialPurged(groups=4, test_groups=2, embargo_ns=95).split(start, end, session)
    # An embargo of 95 reaches the neighbours of each test block, 90 away.
    train, test = next(splits)
    assert (test.tolist(), train.tolist()) == ([0, 1], [3])
    with pytest.raises(NotEnoughData, match=r"choice \(0, 2\)"):
        next(splits)


def test_training_rows_between_two_test_blocks_stay_when_far_enough():
    start, end, session = sessions_of(5, rows_each=1)
    splits = CombinatorialPurged(groups=5, test_groups=2, embargo_ns=0).split(start, end, session)
    found = {tuple(test.tolist()): train.tolist() for train, test in splits}
    assert found[(0, 4)] == [1, 2, 3]


def test_validation_is_the_last_sessions_and_is_purged():
    start, end, session = sessions_of(8)
    end[11] = 600
    fit, validation = split_off_validation(start, end, session, fraction=0.25, embargo_ns=0)
    assert sorted(set(session[validation].tolist())) == [6, 7]
    assert fit.tolist() == [*range(11)]


def test_sessions_numbered_against_time_are_refused():
    start, end, session = sessions_of(4)
    with pytest.raises(DataError, match="ascend with time"):
        list(WalkForward(1, 1, 0).split(start, end, session[::-1]))


def test_label_that_ends_before_it_starts_is_refused():
    start, end, session = sessions_of(4)
    end[3] = start[3] - 1
    with pytest.raises(DataError, match="label 3"):
        list(WalkForward(1, 1, 0).split(start, end, session))


@pytest.mark.parametrize("wrong", [(0, 1, 0), (1, 0, 0), (1, 1, -1)])
def test_impossible_walk_forward_is_refused(wrong):
    with pytest.raises(ConfigError):
        WalkForward(*wrong)


@pytest.mark.parametrize("wrong", [(2, 2, 0), (2, 0, 0), (3, 1, -1)])
def test_impossible_combinations_are_refused(wrong):
    with pytest.raises(ConfigError):
        CombinatorialPurged(*wrong)
