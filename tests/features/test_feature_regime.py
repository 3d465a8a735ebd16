"""The regime of signals.md §8.1 against a plain twin and answers on paper."""

import math

import numpy as np
import pytest

from features.catalogue import index_of
from features.pipeline import begin_session, regime, update_bar
from features.regime import classify, strength
from features.state import new_state
from market.types import BAR, Regime

UNDEFINED, UP, DOWN, RANGE = Regime.UNDEFINED, Regime.TREND_UP, Regime.TREND_DOWN, Regime.RANGE
RISING, FALLING, MIXED = (3.0, 2.0, 1.0), (1.0, 2.0, 3.0), (2.0, 3.0, 1.0)


@pytest.mark.parametrize(
    ("current", "adx", "averages", "spoken"),
    [
        pytest.param(UNDEFINED, 25.1, RISING, UP, id="enters-up-above-25"),
        pytest.param(UNDEFINED, 25.1, FALLING, DOWN, id="enters-down-above-25"),
        pytest.param(UNDEFINED, 25.0, RISING, UNDEFINED, id="at-25-undefined"),
        pytest.param(UNDEFINED, 24.9, RISING, RANGE, id="range-below-25"),
        pytest.param(UNDEFINED, 40.0, MIXED, UNDEFINED, id="strong-without-order"),
        pytest.param(UP, 22.0, RISING, UP, id="trend-holds-at-22"),
        pytest.param(UP, 21.9, RISING, RANGE, id="trend-ends-below-22"),
        pytest.param(DOWN, 23.0, RISING, UNDEFINED, id="another-trend-does-not-begin-in-the-band"),
        pytest.param(DOWN, 25.1, RISING, UP, id="trend-turns-above-25"),
        pytest.param(DOWN, 23.0, MIXED, UNDEFINED, id="trend-loses-its-order"),
        pytest.param(RANGE, 24.0, RISING, RANGE, id="range-does-not-enter-in-the-band"),
        pytest.param(UP, 30.0, (3.0, 2.0, 2.0), UNDEFINED, id="equal-averages-are-no-order"),
        # Between the thresholds the opposite trend may not begin.
        (Regime.TREND_UP, 23.0, (1.0, 2.0, 3.0), Regime.UNDEFINED),
        (Regime.TREND_DOWN, 25.0, (3.0, 2.0, 1.0), Regime.UNDEFINED),
        (Regime.TREND_UP, 25.1, (1.0, 2.0, 3.0), Regime.TREND_DOWN),
    ],
)
def test_one_bar_speaks_for(current, adx, averages, spoken):
    assert classify(int(current), adx, *averages) == spoken


@pytest.mark.parametrize(
    ("current", "adx", "state"),
    [(UP, 35.1, 2), (UP, 35.0, 1), (DOWN, 35.0, -1), (DOWN, 90.0, -2), (RANGE, 40.0, 0), (UNDEFINED, 40.0, 0)],
)
def test_five_states(current, adx, state):
    assert strength(int(current), adx) == state


def test_staircase_on_paper(run_bars):
    """Closes 1, 4, 4, 16, 16 … are y = k + [k odd] in units of ln 2.

    Σ(k − 9.5)y = 670, Σ(k − 9.5)² = 665, Σ(y − 10)² = 680. Every other bar rises by 2 ln 2 and the rest stand still:
    σ = ln 2, and one half agrees with the slope.
    """
    closes = [2 ** (k + k % 2) for k in range(20)]
    _, scratch = run_bars([(before, close, before, close, 5, 0, 0)
                           for before, close in zip([1, *closes], closes, strict=False)])  # fmt: skip
    slope, consistency, trend = (scratch[-1, index_of(n)] for n in ("slope_20", "slope_consistency_20", "slope_trend"))
    assert slope == pytest.approx(670 / 665 * 670**2 / (665 * 680), rel=1e-12)
    assert (consistency, trend) == (0.5, 0.0)


@pytest.mark.parametrize(("sign", "rises", "trend"), [(1, 12, 1), (-1, 12, -1), (1, 11, 0)])
def test_trend_by_slope_asks_for_twelve_bars_of_twenty(run_bars, sign, rises, trend):
    """Steps of 10 spread evenly among bars that stand still: the fit is close, its sign is in doubt below 12."""
    steps = [10 * sign * (k * rises % 20 < rises) for k in range(20)]
    closes = [20_000 + sum(steps[: k + 1]) for k in range(20)]
    _, scratch = run_bars([(before, max(before, close), min(before, close), close, 5, 0, 0)
                           for before, close in zip([20_000, *closes], closes, strict=False)])  # fmt: skip
    assert scratch[-1, index_of("slope_consistency_20")] == rises / 20
    assert abs(scratch[-1, index_of("slope_20")]) > 0.2
    assert scratch[-1, index_of("slope_trend")] == trend


@pytest.mark.parametrize(
    ("closes", "score"),
    [
        ([100, 200] * 25, 0.5),  # all touch, none inside
        ([150] * 25 + [100] * 10 + [185] * 15, 0.75),  # half inside, ten touches
        ([150] * 25 + [195] * 5 + [185] * 20, 0.5),  # half inside, five touches
        ([120] * 25 + [180] * 25, 0.5),  # all inside
    ],
)
def test_range_score_on_paper(run_bars, closes, score):
    _, scratch = run_bars([(150, 200, 100, close, 5, 0, 0) for close in closes])
    assert scratch[-1, index_of("range_score_50")] == pytest.approx(score, rel=1e-12)


def twin(bars: list[tuple[int, int, int]]) -> tuple[list[int], list[int], list[int]]:
    """(high, low, close) bars of one session: the regime in force, what each bar alone spoke for, the five states."""
    force, spoken_for, recent, states = [], [], [], []
    tr = plus = minus = adx = 0.0
    ema = {9: 0.0, 20: 0.0, 50: 0.0}
    current = 0
    for k, (high, low, close) in enumerate(bars):
        if k == 0:
            tr, ema = float(high - low), dict.fromkeys(ema, float(close))
        else:
            h, l, c = bars[k - 1]  # noqa: E741
            up, down = max(high - h, 0), max(l - low, 0)
            tr = (13 * tr + max(high - low, abs(high - c), abs(low - c))) / 14
            plus = (13 * plus + (up if up > down else 0)) / 14
            minus = (13 * minus + (down if down > up else 0)) / 14
            ema = {n: value + (close - value) * 2 / (n + 1) for n, value in ema.items()}
            dx = 100 * abs(plus / tr - minus / tr) / (plus / tr + minus / tr) if plus + minus else 0.0
            adx = (13 * adx + dx) / 14
        spoken = 0
        if k + 1 >= 168:
            strong = adx > 25 or (current in (1, 2) and adx >= 22)
            if strong:
                spoken = 1 if ema[9] > ema[20] > ema[50] else 2 if ema[9] < ema[20] < ema[50] else 0
                if adx <= 25 and spoken != current:  # lasting is not beginning
                    spoken = 0
            elif adx < 25:
                spoken = 3
            recent = [*recent, spoken][-3:]
            if len(recent) == 3 and len(set(recent)) == 1:
                current = spoken
        spoken_for.append(spoken)
        force.append(current)
        states.append((1 + (adx > 35)) * {0: 0, 1: 1, 2: -1, 3: 0}[current])
    return force, spoken_for, states


def random_bars(seed: int, count: int) -> list[tuple[int, int, int]]:
    rng = np.random.default_rng(seed)
    drift = np.repeat(rng.choice([-2.0, 0.0, 2.0], count // 80 + 1), 80)[:count]
    close = 20_000 + np.cumsum(rng.normal(drift, 4.0)).astype(int)
    high, low = close + rng.integers(0, 6, count), close - rng.integers(0, 6, count)
    return list(zip(high.tolist(), low.tolist(), close.tolist(), strict=True))


@pytest.fixture
def kernel_regimes(full_schema, session_maker):
    def run(bars: list[tuple[int, int, int]], states: list[float] | None = None) -> list[int]:
        state, out = new_state(full_schema), []
        hours = session_maker(1, len(bars))
        begin_session(state, hours[0])
        for k, (high, low, close) in enumerate(bars):
            bar = np.zeros(1, dtype=BAR)
            bar["open"] = bar["close"] = close
            bar["high"], bar["low"] = high, low
            bar["ts_close_ns"] = hours["open_ns"] + (k + 1) * 60_000_000_000
            update_bar(state, bar[0])
            out.append(regime(state))
            if states is not None:
                states.append(float(state.scratch[index_of("trend_strength")]))
        return out

    return run


@pytest.mark.parametrize("seed", range(4))
def test_regime_equals_its_twin(kernel_regimes, seed):
    bars, states = random_bars(seed, 1500), []
    wanted, _, strengths = twin(bars)
    assert kernel_regimes(bars, states) == wanted
    assert set(wanted) == {0, 1, 2, 3}
    assert all(map(math.isnan, states[:167]))
    assert states[167:] == strengths[167:]
    assert set(strengths) == {-2, -1, 0, 1, 2}


def test_confirmation_keeps_short_flickers_out(kernel_regimes):
    flickers = 0
    for seed in range(4):
        bars = random_bars(seed, 1500)
        force, spoken = kernel_regimes(bars), twin(bars)[1]
        changes = [k for k in range(1, 1500) if force[k] != force[k - 1]]
        assert all(spoken[k] == spoken[k - 1] == spoken[k - 2] == force[k] for k in changes)
        flickers += sum(spoken[k] != spoken[k - 1] for k in range(1, 1500)) - len(changes)
    assert flickers > 0


@pytest.mark.parametrize(("step", "wanted"), [(3, UP), (-3, DOWN), (0, RANGE)])
def test_steady_markets_are_named_after_warm_up_and_three_bars(kernel_regimes, step, wanted):
    bars = [(20_000 + step * k + 2, 20_000 + step * k - 2, 20_000 + step * k) for k in range(200)]
    found = kernel_regimes(bars)
    assert found[:169] == [UNDEFINED] * 169
    assert found[169:] == [wanted] * 31
