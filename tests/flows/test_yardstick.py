"""The yardstick: its columns by hand, its folds purged, its forest and scores those of scikit-learn."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import accuracy_score, brier_score_loss

from flows.parameters import DataParams, FeatureParams, Parameters, SplitParams
from flows.stages import features, labels
from flows.stages.artifacts import write_json, write_table
from flows.stages.dataset import open_dataset
from flows.stages.features import compute_rows
from flows.stages.train import OUT_OF_FOLD, SUMMARY
from flows.stages.yardstick import (
    COMPUTED,
    Comparison,
    columns_of,
    compare,
    computed_columns,
    fold_rows,
    foretell,
    measure_yardstick,
)
from market.home import Home
from models.price_path import price_path
from models.spans import spans_of
from tests.factories import make_bar
from tests.homes import MARKET, fill_lake

NO_HOLES = np.zeros((0, 2), dtype=np.int64)
DAYS = MARKET.days()
PARAMETERS = Parameters(
    DataParams(MARKET.symbol, "events", 60, 1),
    features=FeatureParams("core10", preload_sessions=1),
    splits=SplitParams(embargo_minutes=1),
)


def test_columns_of_bars_by_hand():
    """Closes 100, 101 … 159: their mean of 60 is 129.5; a stated spread of 2 ticks; volume as it is."""
    bars = np.concatenate([make_bar(minute, (100 + minute,) * 4, volume=7 + minute) for minute in range(61)])
    path = price_path(bars, np.zeros(61, dtype=np.int64), NO_HOLES, None, 2.0)
    found = columns_of(path, bars["volume"], np.arange(61.0)[:, None])
    assert np.isnan(found[:59, 3]).all()
    assert found[59].tolist() == [159, 66, 2, 129.5, 59]
    assert found[60].tolist() == [160, 67, 2, 130.5, 60]


def test_training_rows_end_before_the_test_days_by_more_than_the_embargo():
    """Labels of 10 ns, a row every 10 ns, five a session; the test day begins at 100, so 85 + 10 is within 5 of it."""
    start, session = 10 * np.arange(20) - 5 * (np.arange(20) == 9), np.repeat(np.arange(4), 5)
    days = [(date(1970, 1, 1) + timedelta(days=number)).isoformat() for number in range(4)]
    usable = np.arange(20) != 2
    spans = spans_of(start, start + 10, session)
    ((train, test),) = fold_rows(spans, usable, [[days[2]]], embargo_ns=4)
    assert train.tolist() == [0, 1, 3, 4, 5, 6, 7, 8, 9]
    ((train, test),) = fold_rows(spans, usable, [[days[2]]], embargo_ns=5)
    assert train.tolist() == [0, 1, 3, 4, 5, 6, 7, 8]
    assert test.tolist() == [10, 11, 12, 13, 14]


def test_fold_without_a_usable_row_is_left_out():
    spans = spans_of(np.arange(4), np.arange(4) + 1, np.arange(4))
    assert list(fold_rows(spans, np.arange(4) < 2, [["1970-01-03"], ["1970-01-04"]], 0)) == []


def test_forest_is_the_two_hundred_trees_of_seed_forty_two():
    random = np.random.default_rng(3)
    columns = random.normal(size=(120, 3))
    up = (columns[:, 0] + random.normal(size=120) > 0).astype(np.int64)
    found = foretell(columns, up, [(np.arange(60), np.arange(80, 120))])
    plain = RandomForestClassifier(200, random_state=42).fit(columns[:60], up[:60])
    assert np.isnan(found[:80]).all()
    assert found[80:].tolist() == plain.predict_proba(columns[80:])[:, 1].tolist()


def test_scores_are_those_of_scikit_learn():
    random = np.random.default_rng(4)
    up, plain, ours = random.integers(0, 2, 300), random.random(300), random.random(300)
    found = compare(up, plain, ours)
    assert (found.rows, found.majority) == (300, max(np.mean(up), 1 - np.mean(up)))
    assert found.frequency_brier == pytest.approx(brier_score_loss(up, np.full(300, np.mean(up))))
    for p, told in ((plain, (found.accuracy, found.brier)), (ours, (found.model_accuracy, found.model_brier))):
        assert told == pytest.approx((accuracy_score(up, p > 0.5), brier_score_loss(up, p)))


def test_nothing_to_count_is_told_as_nothing():
    none = np.zeros(0)
    assert compare(none, none, none) == Comparison(0)


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Four sessions of events with their rows, the last of three to train on tested, and a model sure of ups."""
    home = Home(tmp_path_factory.mktemp("yardstick"))
    fill_lake(home)
    rows = labels.training_rows(features.run(home, PARAMETERS), open_dataset(home, PARAMETERS.data))
    own = np.flatnonzero(rows.session == np.unique(rows.session)[2])[100:200]
    write_json(home.artifacts / SUMMARY, {"folds": [{"test_days": [DAYS[2].isoformat()]}]})
    up = np.arange(100, dtype=np.int64) % 4 > 0
    write_table(home.artifacts / OUT_OF_FOLD, {"ts_ns": rows.ts_ns[own], "probability": np.full(100, 0.75), "up": up})
    return home


def test_columns_from_closed_bars_are_those_computed_from_the_events(learnt: Home) -> None:
    dataset = open_dataset(learnt, PARAMETERS.data)
    rows = labels.training_rows(features.load(learnt), dataset)
    whole = compute_rows(replace(rows.schema, columns=COMPUTED), dataset.feed, dataset.training)
    assert computed_columns(rows, dataset).tobytes() == whole.rows.tobytes()
    assert np.isfinite(whole.rows).all(axis=1).any()


def test_both_answer_both_questions_where_both_have_answers(learnt: Home) -> None:
    """The model says 0.75 of rows of which three in four went up: a Brier score of 0.1875, as the mere frequency."""
    told = measure_yardstick(learnt, PARAMETERS, open_dataset(learnt, PARAMETERS.data))
    assert list(told) == ["next_bars", "next_bars_shared", "barriers"]
    assert (told["next_bars"]["model_brier"], told["next_bars_shared"]["rows"]) == (None, 100)
    assert told["next_bars"]["rows"] > 300
    own = told["barriers"]
    assert [own[name] for name in ("rows", "majority", "model_accuracy")] == [100, 0.75, 0.75]
    assert own["model_brier"] == pytest.approx(0.1875)
    assert own["frequency_brier"] == pytest.approx(0.1875)
    shared = told["next_bars_shared"]
    share = shared["majority"] if shared["model_accuracy"] > 0.5 else 1 - shared["majority"]
    assert shared["model_accuracy"] == share
