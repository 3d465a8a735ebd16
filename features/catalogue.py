"""Every feature the project knows: what it means, what it needs and when it exists.

The order is the index in the scratch vector of `features.state`. Definitions are those of signals.md §0-§4
and §8. The kernels read windows and positions from here (`family`, `index_of`), so a new window of a known
formula is one more line in this file.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from features.aliases import ALIASES
from features.catalogue_bars import BAR_FEATURES
from features.catalogue_events import EVENT_FEATURES
from features.feature import Feature, Need, Unknown, Warm
from features.inputs import inputs_of

__all__ = [
    "CATALOGUE",
    "DEMONSTRATION",
    "Feature",
    "Need",
    "Unknown",
    "Warm",
    "column_of",
    "family",
    "index_of",
    "table",
    "unknown_table",
    "warm_table",
]

INF = math.inf


_BARS = frozenset({Need.BARS})
_TRADES = frozenset({Need.TRADES})
_BOTH = frozenset({Need.BARS, Need.TRADES})
_BOOK = frozenset({Need.BOOK})
_SIZES = frozenset({Need.BOOK, Need.BOOK_SIZE})
_CALENDAR = frozenset({Need.CALENDAR})
_ATR_WARM = 6 * 14

_VOLATILITY = (
    *(Feature(f"volatility_{n}", "volatility", f"σ_{n}(r)", n, "per bar", 0, INF, n, _BARS) for n in (10, 20, 50, 100)),
    *(
        Feature(f"volatility_ratio_{a}_{b}", "volatility", f"σ_{a}(r)/σ_{b}(r)", b, "ratio", 0, INF, b, _BARS, 1.0)
        for a, b in ((10, 20), (20, 50), (50, 100))
    ),
    Feature("volatility_gk", "volatility", "√max(0, mean_20[½·ln(H/L)² − (2·ln2−1)·ln(C/O)²])", 20, "per bar", 0, INF,
            20, _BARS),
    Feature("parkinson_20", "volatility", "√(mean_20[ln(H/L)²]/(4·ln2))", 20, "per bar", 0, INF, 20, _BARS),
    Feature("bb_position", "volatility", "(C − mean_20(C))/(2·σ_20(C))", 20, "2 σ", -2.5, 2.5, 20, _BARS, 0.0),
    Feature("atr_pct", "volatility", "Wilder_14(TR)/C, TR of the session's first bar H−L", 14, "fraction", 0, INF,
            _ATR_WARM, _BARS),
)  # fmt: skip

_RETURNS = (
    *(
        Feature(f"returns_{n}", "returns", f"ln(C_k/C_(k−{n}))", n, "log", -INF, INF, n + 1, _BARS)
        for n in (1, 2, 5, 10, 20, 50)
    ),
    Feature("gap_open", "returns", "ln(first O of session/last C of previous)", 0, "log", -INF, INF, 1, _BARS),
    Feature("ret_session", "returns", "ln(C_k/first O of session)", 0, "log", -INF, INF, 1, _BARS),
)

_VOLUME = (
    *(
        Feature(f"volume_ratio_{n}", "volume", f"mean_10(V)/mean_{n}(V)", n, "ratio", 0, n / 10, n, _BARS, 1.0)
        for n in (20, 50)
    ),
    *(
        Feature(f"volume_zscore_{n}", "volume", f"clip(z_{n}(V), ±10), prior", n, "σ", -10, 10, n + 1, _BARS, 0.0)
        for n in (20, 50)
    ),
)

_TECHNICAL = (
    *(
        Feature(f"ma_{a}_{b}_ratio", "technical", f"mean_{a}(C)/mean_{b}(C) − 1", b, "fraction", -1, INF, b, _BARS)
        for a, b in ((5, 20), (20, 50))
    ),
    Feature("momentum_5_20", "technical", "clip([ln(C_k/C_(k−5))/5 − ln(C_(k−5)/C_(k−20))/15]/σ_20(r), ±10)", 20, "σ",
            -10, 10, 21, _BARS, 0.0),
    Feature("sharpe_20", "technical", "clip(mean_20(r)/σ_20(r)·√20, ±10)", 20, "t-value", -10, 10, 20, _BARS, 0.0),
    Feature("rsi_14", "technical", "100 − 100/(1+U/D), U,D = Wilder_14 of gains, losses of C; D=0: 100, both 0: 50", 14,
            "percent", 0, 100, _ATR_WARM, _BARS, 50.0),
    Feature("adx_14", "technical", "Wilder_14(DX), DX = 100·|+DI − −DI|/(+DI + −DI), 0-rule 0", 14, "percent", 0, 100,
            2 * _ATR_WARM, _BARS),
    Feature("di_diff", "technical", "+DI − −DI, ±DI = 100·Wilder_14(±DM)/Wilder_14(TR)", 14, "percent", -100, 100,
            _ATR_WARM, _BARS, 0.0),
    *(
        Feature(f"ema{n}_distance", "technical", f"(C − EMA_{n}(C))/Wilder_14(TR)", n, "ATR", -INF, INF,
                max(3 * n, _ATR_WARM), _BARS)
        for n in (9, 20, 50)
    ),
    *(
        Feature(f"price_position_{n}", "technical", f"(C − min_{n}(L))/(max_{n}(H) − min_{n}(L))", n, "fraction", 0, 1,
                n, _BARS, 0.5)
        for n in (20, 50)
    ),
)  # fmt: skip

_CLOCK = (
    Feature("time_normalized", "calendar", "(t − open)/(close − open)", 0, "fraction", 0, 1, 1, _CALENDAR),
    Feature("minute_sin", "calendar", "sin(2π·m/M), m minutes since open of M", 0, "", -1, 1, 1, _CALENDAR),
    Feature("hour_cos", "calendar", "cos(2π·m/M)", 0, "", -1, 1, 1, _CALENDAR),
    Feature("day_of_week", "calendar", "(Monday 0 … Friday 4)/4", 0, "fraction", 0, 1, 1, _CALENDAR),
    Feature("is_opening_30min", "calendar", "m < 30", 0, "flag", 0, 1, 1, _CALENDAR),
    Feature("is_closing_30min", "calendar", "m ≥ M − 30", 0, "flag", 0, 1, 1, _CALENDAR),
    Feature("is_lunch_hour", "calendar", "12:00 ≤ local time < 13:00", 0, "flag", 0, 1, 1, _CALENDAR),
)

_T, _S = Warm.TRADES, Warm.SECONDS
# signals.md §4 names no 0-rule for flow and aggressor shares over seconds: they take those of the same quantities
# over counts (§1 A3: 0) and bars (§2 Ib: 0.5). A quiet tape is known to be balanced; it is not missing, once the
# session has shown an aggressor.
_FLOW = (
    *(
        Feature(f"order_flow_imbalance_{n}", "flow", f"Σ a·q/Σ|a|·q, last {n} trades of the session", n, "fraction",
                -1, 1, n, _TRADES, 0.0, _T)
        for n in (10, 20, 50, 100)
    ),
    Feature("cumulative_signed_volume", "flow", "session Σ a·q/session Σ q", 0, "fraction", -1, 1, 100, _TRADES, None,
            _T),
    Feature("signed_volume", "flow", "(Vb − Vs)_k/mean_20(V)", 20, "ratio", -20, 20, 20, _BOTH, 0.0),
    Feature("delta_z", "flow", "z_50(Vb − Vs), prior window", 50, "σ", -INF, INF, 51, _BOTH),
    Feature("volume_weighted_return", "flow", "ln(p/VWAP of the last 100 trades)", 100, "log", -INF, INF, 100, _TRADES,
            None, _T),
    Feature("vwap_distance", "flow", "ln(p/session VWAP)", 0, "log", -INF, INF, 1, _TRADES, None, _T),
)  # fmt: skip

_TAPE = (
    Feature("trade_intensity", "tape", "trades in 60 s/60", 60, "1/s", 0, INF, 60, _TRADES, None, _S),
    Feature("trade_intensity_ratio", "tape", "min(10, N_60s/(N_1800s/30))", 1800, "ratio", 0, 10, 1800, _TRADES, 1.0,
            _S),
    *(
        Feature(f"trade_flow_{n}", "tape", f"Σ a·q/Σ|a|·q over {n} s", n, "fraction", -1, 1, n, _TRADES, 0.0, _S)
        for n in (5, 10)
    ),
    *(
        Feature(f"signed_flow_z_{n}", "tape", f"z of Σ a·q over {n} s against the prior 600 samples of 1 s",
                600 + n, "σ", -INF, INF, 600, _TRADES, 0.0, _S)
        for n in (5, 10)
    ),
    *(
        Feature(f"{side}_intensity", "tape", f"({side} trades per s over 10 s)/(trades per s over 300 s)", 300, "ratio",
                0, 30, 300, _TRADES, None, _S)
        for side in ("buy", "sell")
    ),
    *(
        Feature(f"aggressive_{side}_ratio", "tape", f"{side} volume/(Vb + Vs) over 60 s", 60, "fraction", 0, 1, 60,
                _TRADES, 0.5, _S)
        for side in ("buy", "sell")
    ),
    Feature("large_trade_ratio", "tape", "volume of trades with q ≥ q95 of the preload sessions/volume, 60 s", 60,
            "fraction", 0, 1, 60, _TRADES, None, _S),
    Feature("trade_velocity", "tape", "(trades per s over 60 s)/(trades per s over 300 s)", 300, "ratio", 0, 5, 300,
            _TRADES, 1.0, _S),
)  # fmt: skip

_QUOTES = (
    Feature("spread", "book", "ask − bid", 0, "ticks", 1, INF, 0, _BOOK, None, _S),
    Feature("spread_z", "book", "z of spread against the valid ones (at least 60) of the prior 600 samples of 1 s",
            600, "σ", -INF, INF, 600, _BOOK, 0.0, _S),
    Feature("micro_dev", "book", "(bid·ask size + ask·bid size)/(sizes) − mid", 0, "ticks", -INF, INF, 0, _SIZES, None,
            _S),
    Feature("book_imbalance", "book", "(bid size − ask size)/(bid size + ask size)", 0, "fraction", -1, 1, 0, _SIZES,
            None, _S),
    *(
        Feature(f"ofi_{n}", "book", f"Σ best-level order flow over {n} s/mean best size over {n} s", n, "ratio", -INF,
                INF, n, _SIZES, None, _S)
        for n in (5, 60)
    ),
)  # fmt: skip

_FIRST = (*_VOLATILITY, *_RETURNS, *_VOLUME, *_TECHNICAL, *_CLOCK, *_FLOW, *_TAPE, *_QUOTES)
DEMONSTRATION = tuple(feature.name for feature in _FIRST)  # what the documented results of the demonstration used

_OF_AGGRESSORS = frozenset({"a", "Vb", "Vs", "Nb", "Ns"})


def _complete(feature: Feature) -> Feature:
    """Add to an entry what follows from its name and its inputs."""
    inputs, unknown = inputs_of(feature.name), []
    if _OF_AGGRESSORS & set(inputs):
        unknown.append(Unknown.AGGRESSOR)
    # The samples of the spread already leave out the seconds without a valid book.
    if feature.warm_unit is Warm.SECONDS and feature.window > 0 and feature.name != "spread_z":
        unknown.append(Unknown.LOSS)
    return replace(feature, aliases=ALIASES.get(feature.name, ()), inputs=inputs, unknown=tuple(unknown))


# New columns are added at the end: the order is part of every stored state.
CATALOGUE: tuple[Feature, ...] = tuple(map(_complete, (*_FIRST, *BAR_FEATURES, *EVENT_FEATURES)))

_INDEX: Mapping[str, int] = MappingProxyType({feature.name: index for index, feature in enumerate(CATALOGUE)})
_COLUMNS: Mapping[str, str] = MappingProxyType(
    {name: feature.name for feature in CATALOGUE for name in (feature.name, *feature.aliases)}
)


def index_of(name: str) -> int:
    """Return the position of a feature in the catalogue and in the scratch vector.

    Raises
    ------
    KeyError
        If no feature has that name.
    """
    return _INDEX[name]


def column_of(name: str) -> str:
    """Return the column a name or alias stands for.

    Raises
    ------
    KeyError
        If neither a feature nor an alias has that name.
    """
    return _COLUMNS[name]


def family(pattern: str) -> np.ndarray:
    """Return the windows and positions of the features a pattern names.

    Parameters
    ----------
    pattern : str
        A name with `{}` for each window, such as ``volatility_ratio_{}_{}``.

    Returns
    -------
    ndarray of int64, shape (members, windows + 1), read-only
        The windows, then the position; numba freezes it into the kernel.
    """
    expression = re.compile(pattern.replace("{}", r"(\d+)"))
    matches = [(expression.fullmatch(name), index) for name, index in _INDEX.items()]
    return table([[*map(int, match.groups()), index] for match, index in matches if match])


def warm_table(unit: Warm) -> np.ndarray:
    """Return position and warm-up of the features counted in one unit, int64 (members, 2), read-only."""
    return table([[i, f.warm_up] for i, f in enumerate(CATALOGUE) if f.warm_unit is unit])


def unknown_table(reason: Unknown, units: frozenset[Warm]) -> np.ndarray:
    """Return position and window of the features a reason makes unknown, int64 (members, 2), read-only."""
    return table([[i, f.window] for i, f in enumerate(CATALOGUE) if reason in f.unknown and f.warm_unit in units])


def table(rows: list[list[int]]) -> np.ndarray:
    """Return rows of integers as a read-only int64 array."""
    array = np.array(rows, dtype=np.int64)
    array.setflags(write=False)
    return array
