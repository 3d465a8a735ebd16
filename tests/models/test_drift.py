"""What drifted is found and named; what did not drift is left alone, though its sessions depend on each other."""

import math
from dataclasses import replace

import numpy as np
import pytest

from market.errors import ConfigError, NotEnoughData
from models.debounce import watch
from models.drift import Cause, DriftLimits, Judge, session_numbers
from models.histograms import BINS
from models.input_drift import Moved
from models.reference import RESULT, Observed, build_reference, observe_sessions
from tests.models.drifting import COLUMNS, REFERENCE, Shifted, between, market

NAMES = tuple(f"feature_{place}" for place in range(COLUMNS))
AT = REFERENCE + 3
SHIFTS = {
    Cause.MEAN: Shifted(AT, mean=1.0),
    Cause.VARIANCE: Shifted(AT, spread=2.0),
    Cause.CONCEPT: Shifted(AT, concept=-1.0),
    Cause.COST: Shifted(AT, cost=1.0),
}


def prepare(sessions, seed, shift=None, limits=None):
    seen, results = market(REFERENCE + sessions, seed, shift)
    reference = build_reference(between(seen, 0, REFERENCE), results[:REFERENCE])
    days = np.arange(REFERENCE, REFERENCE + sessions)
    return Judge.of(NAMES, reference, limits or DriftLimits()), observe_sessions(seen, results, reference.edges, days)


def requests(sessions, seed, shift=None):
    """Return session and causes of every request."""
    return [(day.session, set(day.asks)) for day in watch(*prepare(sessions, seed, shift)) if day.asks]


def test_a_year_without_change_asks_at_most_twice():
    assert len(requests(250, seed=1)) <= 2


@pytest.mark.parametrize("cause", SHIFTS)
def test_a_shift_is_found_within_five_sessions_and_named(cause):
    session, causes = requests(8, 1, SHIFTS[cause])[0]
    assert AT <= session < AT + 5
    assert causes == {cause}


@pytest.mark.nightly
@pytest.mark.timeout(1800)
def test_forty_years_without_change_ask_at_most_twice_each():
    counts = [len(requests(250, seed)) for seed in range(100, 140)]
    assert max(counts) <= 2, counts


@pytest.mark.nightly
@pytest.mark.parametrize("cause", SHIFTS)
def test_most_shifts_of_many_markets_are_found_in_time_and_named(cause):
    """Of forty markets at most two may be missed: a shift of one deviation can hide behind a session's own level."""
    found = [requests(8, seed, SHIFTS[cause]) for seed in range(200, 240)]
    right = [bool(asked) and asked[0][0] < AT + 5 and asked[0][1] == {cause} for asked in found]
    assert sum(right) >= 38, [asked for asked, fits in zip(found, right, strict=True) if not fits]


def test_a_single_broken_feature_is_named_by_itself():
    judge, sessions = prepare(4, 2)
    counts = sessions.counts
    counts[:, 5] = np.eye(BINS, dtype=np.int64)[-1] * 400  # every value beyond the last edge
    judgement = judge.judge(sessions)
    assert [one.name for one in judgement.features if one.drifted] == ["feature_5"]
    assert judgement.causes == (Cause.VARIANCE,)  # where it stands does not matter: it stands still


def test_results_have_drifted_from_the_limit_on():
    judge, sessions = prepare(4, 2)
    sessions.results["net"] -= 2 * judge.reference.sessions.results["net"].std()
    fall, earned, total = judge.judge(sessions).fall, judge.reference.sessions.results["net"], 0.0
    for net in sessions.results["net"]:
        short = min(max((earned.mean() - net) / np.std(earned, ddof=1), -3.0), 3.0)
        total = max(0.0, total + short - judge.limits.cusum_slack - 1 / math.sqrt(len(earned)))
    assert fall == pytest.approx(total, rel=1e-9)
    assert fall > 1
    for limit, drifted in ((fall, True), (math.nextafter(fall, math.inf), False)):
        strict = replace(judge, limits=replace(judge.limits, cusum_limit=limit))
        assert (Cause.PERFORMANCE in strict.judge(sessions).causes) is drifted


def test_a_feature_that_died_has_drifted():
    judge, sessions = prepare(4, 2)
    sessions.counts[:, 7] = 0
    dead = judge.judge(sessions).features[7]
    assert dead.drifted
    assert math.isnan(dead.psi)


def test_a_request_begins_the_count_anew():
    days = watch(*prepare(14, 3, Shifted(REFERENCE, cost=2.0)))
    asked = [day.session - REFERENCE for day in days if day.asks]
    # Four sessions make a window and the next one the second flag; then both begin anew.
    assert asked == [4, 9]
    assert [day.session - REFERENCE for day in days] == [3, 4, 8, 9, 13]


def test_labels_that_the_inputs_explain_are_no_cause_of_their_own():
    judge, sessions = prepare(8, 4, Shifted(AT, mean=1.0))
    sessions.labels[3:] = [0, 10, 390]
    judgement = judge.judge(sessions)
    assert judgement.shifts["up_share"].p_value < 0.001
    assert judgement.causes == (Cause.MEAN,)
    alone, unmoved = prepare(8, 4)
    unmoved.labels[3:] = [0, 10, 390]
    assert alone.judge(unmoved).causes == (Cause.LABEL,)


def test_results_that_fall_for_good_are_a_cause_and_one_bad_day_is_not():
    judge, sessions = prepare(8, 5)
    sessions.results["net"] = 40.0
    sessions.results["net"][-1] = -1e6
    assert Cause.PERFORMANCE not in judge.judge(sessions).causes
    sessions.results["net"] = -800.0
    assert judge.judge(sessions).causes == (Cause.PERFORMANCE,)


def test_cheaper_sessions_and_a_hair_of_cost_are_no_cause():
    judge, sessions = prepare(4, 6)
    sessions.results["slippage"] = -5 * sessions.results["contracts"]
    assert Cause.COST not in judge.judge(sessions).causes
    exact, later = prepare(4, 6)
    for part in (exact.reference.sessions.results, later.results):
        part["slippage"] = 0.0
    later.results["fees"] *= 1.1  # sure, as fees never vary, but less than a fifth
    judgement = exact.judge(later)
    assert judgement.shifts["cost"].p_value < 1e-30
    assert Cause.COST not in judgement.causes
    later.results["fees"] *= 1.2
    assert exact.judge(later).causes == (Cause.COST,)


def test_numbers_of_a_session_worked_by_hand():
    probability = np.repeat([0.25, 0.65], 20)
    label = np.repeat([1, -1, 1], [10, 10, 20]).astype(np.int8)
    seen = Observed(np.zeros((40, 1), dtype=np.float32), np.full(40, 3), label, probability)
    results = np.zeros(1, dtype=RESULT)
    results["session"], results["contracts"], results["fees"], results["slippage"] = 3, 8, 4.0, 2.0
    numbers = session_numbers(observe_sessions(seen, results, np.full((1, BINS - 1), np.inf), [3]))
    assert numbers["up_share"][0] == pytest.approx(0.75)
    assert numbers["decided_share"][0] == 1
    assert numbers["bias"][0] == pytest.approx(0.75 - 0.45)
    # Residuals 0.25 and 0.35, 0.2 below and above the mean probability.
    assert numbers["slope"][0] == pytest.approx((-0.2 * 0.25 + 0.2 * 0.35) / 2)
    assert numbers["cost"][0] == 0.75


@pytest.mark.parametrize(("rows", "told"), [(5, False), (19, False), (20, True)])
def test_a_session_with_fewer_than_twenty_rows_tells_nothing(rows, told):
    seen = Observed(np.zeros((rows, 1), np.float32), np.full(rows, 3), np.ones(rows, np.int8), np.full(rows, 0.5))
    numbers = session_numbers(observe_sessions(seen, np.zeros(0, RESULT), np.full((1, BINS - 1), np.inf), [3]))
    assert math.isnan(numbers.pop("cost")[0])  # nothing was traded
    assert all(np.isfinite(values[0]) == told for values in numbers.values())


def test_fewer_sessions_than_a_window_are_refused():
    judge, sessions = prepare(4, 1)
    with pytest.raises(NotEnoughData, match="at least 4 sessions after the reference, found 3"):
        judge.judge(sessions.select(slice(0, 3)))


def test_features_that_move_as_one_are_no_proof_by_their_number():
    """Twenty-four copies of a feature that wanders from session to session: as sure as one, which is not."""
    seen, results = market(REFERENCE + 40, 8)
    copies = Observed(np.repeat(seen.rows[:, :1], COLUMNS, axis=1), seen.session, seen.label, seen.probability)
    reference = build_reference(between(copies, 0, REFERENCE), results[:REFERENCE])
    judge = Judge.of(NAMES, reference, DriftLimits())
    days = watch(judge, observe_sessions(copies, results, reference.edges, np.arange(REFERENCE, REFERENCE + 40)))
    assert not any(day.asks for day in days)
    assert min(day.judgement.inputs[Moved.MEAN].p_value for day in days) > 0.002


@pytest.mark.parametrize(
    "wrong",
    [{"psi_limit": 0}, {"false_discovery_rate": 1}, {"current_sessions": 0}, {"flags": 4}, {"flags": 0}, {"band": 1}],
)
def test_impossible_limits_are_refused(wrong):
    with pytest.raises(ConfigError):
        DriftLimits(**wrong)
