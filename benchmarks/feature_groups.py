"""The kernels of each group of features alone, to be repeated over a state that has seen a day."""

from collections.abc import Callable

from features.activity import update_activity
from features.bars import newest, update_means, update_returns, update_volatility, update_volume
from features.book import measure_book
from features.brokers import measure_brokers, take_parties
from features.depth import measure_depth
from features.footprint import take_footprint, update_footprint
from features.indicators import update_indicators
from features.interactions import update_interactions
from features.layout import HIGH, LAST_BAR, LOW, NOW_NS, TS_CLOSE
from features.minutes import update_minutes
from features.moves import update_moves, update_sided_volatility
from features.oscillators import update_oscillators
from features.pressure import update_gaps, update_pressure
from features.prints import measure_prints
from features.profile import update_profile
from features.regime import update_regime
from features.state import FeatureState
from features.statistics import update_statistics
from features.tape import measure_flow, measure_tape
from features.trend import update_averages, update_trend
from market.kernel import kernel


@kernel
def _windows(state: FeatureState, times: int) -> None:
    for _ in range(times):
        update_statistics(state.floats, state.ints, newest(state.ints))


@kernel
def _volatility(state: FeatureState, times: int) -> None:
    for _ in range(times):
        update_volatility(state.floats, state.ints, state.scratch)


@kernel
def _returns(state: FeatureState, times: int) -> None:
    for _ in range(times):
        update_returns(state.floats, state.ints, state.scratch)


@kernel
def _volume(state: FeatureState, times: int) -> None:
    for _ in range(times):
        update_volume(state.floats, state.ints, state.scratch)


@kernel
def _activity(state: FeatureState, times: int) -> None:
    for _ in range(times):
        update_activity(state.floats, state.ints, state.scratch)


@kernel
def _technical(state: FeatureState, times: int) -> None:
    for _ in range(times):
        update_averages(state.floats, state.ints)
        update_means(state.floats, state.ints, state.scratch)
        update_trend(state.floats, state.ints, state.scratch)


@kernel
def _momentum(state: FeatureState, times: int) -> None:
    for _ in range(times):
        update_moves(state.floats, state.ints, state.scratch)
        update_sided_volatility(state.floats, state.ints, state.scratch)


@kernel
def _pressure(state: FeatureState, times: int) -> None:
    for _ in range(times):
        update_pressure(state.floats, state.ints, state.scratch)


@kernel
def _gaps(state: FeatureState, times: int) -> None:
    for _ in range(times):
        update_gaps(state.floats, state.ints, state.scratch)


@kernel
def _indicators(state: FeatureState, times: int) -> None:
    for _ in range(times):
        update_indicators(state.floats, state.ints, state.scratch)


@kernel
def _oscillators(state: FeatureState, times: int) -> None:
    for _ in range(times):
        update_oscillators(state.floats, state.ints, state.scratch)


@kernel
def _interactions(state: FeatureState, times: int) -> None:
    for _ in range(times):
        update_interactions(state.scratch)


@kernel
def _regime(state: FeatureState, times: int) -> None:
    for _ in range(times):
        update_regime(state.floats, state.ints, state.scratch)


@kernel
def _calendar(state: FeatureState, times: int) -> None:
    for _ in range(times):
        update_minutes(state.ints, state.ints[LAST_BAR + TS_CLOSE], state.scratch)


@kernel
def _flow(state: FeatureState, times: int) -> None:
    for _ in range(times):
        state.ints[NOW_NS] += 1  # another moment, or the compiler would measure once
        measure_flow(state.ints, state.scratch)


@kernel
def _tape(state: FeatureState, times: int) -> None:
    for _ in range(times):
        state.ints[NOW_NS] += 1  # another moment, or the compiler would measure once
        measure_tape(state.ints, state.scratch)


@kernel
def _prints(state: FeatureState, times: int) -> None:
    for _ in range(times):
        state.ints[NOW_NS] += 1  # another moment, or the compiler would measure once
        measure_prints(state.ints, state.scratch)


@kernel
def _brokers(state: FeatureState, times: int) -> None:
    for i in range(times):
        take_parties(state.ints, 3 + i % 30, 3 + i % 7, 1)
        measure_brokers(state.ints, state.scratch)


@kernel
def _book(state: FeatureState, times: int) -> None:
    for _ in range(times):
        state.ints[NOW_NS] += 1  # another moment, or the compiler would measure once
        measure_book(state.ints, state.ints[NOW_NS], state.scratch)


@kernel
def _depth(state: FeatureState, times: int) -> None:
    for _ in range(times):
        state.ints[NOW_NS] += 1  # another moment, or the compiler would measure once
        measure_depth(state.ints, state.ints[NOW_NS], state.scratch)


@kernel
def _profile(state: FeatureState, times: int) -> None:
    for _ in range(times):
        update_profile(state.ints, state.scratch)


@kernel
def _footprint(state: FeatureState, times: int) -> None:
    for _ in range(times):
        take_footprint(state.ints, state.ints[LAST_BAR + HIGH], 5, 1)  # a close clears what traded
        take_footprint(state.ints, state.ints[LAST_BAR + LOW], 5, -1)
        update_footprint(state.ints, state.scratch)


GROUPS: dict[str, Callable[[FeatureState, int], None]] = {
    "windows": _windows, "volatility": _volatility, "returns": _returns, "volume": _volume, "activity": _activity,
    "technical": _technical, "momentum": _momentum, "pressure": _pressure, "gaps": _gaps, "indicators": _indicators,
    "oscillators": _oscillators, "interactions": _interactions, "regime": _regime, "calendar": _calendar,
    "flow": _flow, "tape": _tape, "prints": _prints, "brokers": _brokers, "book": _book, "depth": _depth,
    "profile": _profile, "footprint": _footprint,
}  # fmt: skip
