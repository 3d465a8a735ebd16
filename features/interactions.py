"""Products of other bar features (signals.md §2); trees do not need them, linear models do."""

import numpy as np

from features.catalogue import index_of
from features.windows import clip, ratio
from market.kernel import kernel

_MOMENTUM, _VOLATILITY, _VOLUME = index_of("mom_5"), index_of("volatility_5"), index_of("relative_volume_5")
_PRESSURE, _RETURN = index_of("buy_pressure"), index_of("returns_5")
_ADX, _IMBALANCE = index_of("adx_14"), index_of("imbalance")
_BY_VOLATILITY, _VOLUME_VOLATILITY = index_of("momentum_per_volatility"), index_of("volume_times_volatility")
_PRESSURE_RETURN, _TREND_IMBALANCE = index_of("pressure_times_return"), index_of("trend_times_imbalance")
_BASIS_POINTS = 10_000.0


@kernel
def update_interactions(out: np.ndarray) -> None:
    """Write the interaction group (to be called after every other bar feature)."""
    out[_BY_VOLATILITY] = clip(ratio(out[_MOMENTUM], _BASIS_POINTS * out[_VOLATILITY], 0.0), 20.0)
    out[_VOLUME_VOLATILITY] = out[_VOLUME] * out[_VOLATILITY]
    out[_PRESSURE_RETURN] = out[_PRESSURE] * out[_RETURN]
    out[_TREND_IMBALANCE] = out[_ADX] / 100.0 * out[_IMBALANCE]
