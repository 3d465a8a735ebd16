"""What each formula reads, in the letters of the formulas.

Of a bar: O, H, L, C, V, Vb, Vs, N, Nb and Ns. Of a trade: p, q, its aggressor a and its time t. Of the best quotes:
bid, ask, their sizes and the time t. Of the calendar: the session's hours, its weekday and the time t.
A return is that of closes, but for a session's first bar, which is measured from its own open: what is built on r reads
O and C. The directional index reads no close: the true range cancels out of it.
"""

import re
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

# Names with `{}` for each window; the first that fits a column counts.
_INPUTS: Mapping[str, str] = MappingProxyType(
    {
        "volatility_gk": "O H L C",
        "volatility_ratio_{}_{}": "O C",
        "volatility_{}": "O C",
        "parkinson_{}": "H L",
        "garman_klass_{}": "O H L C",
        "imbalance_volatility_{}": "O C Vb Vs",
        "up_volatility_{}": "O C",
        "down_volatility_{}": "O C",
        "up_down_ratio_{}": "O C",
        "bb_position": "C",
        "atr_pct": "H L C",
        "atr_{}": "H L C",
        "range_pct": "H L C",
        "returns_{}": "C",
        "gap_open": "O C",
        "ret_session": "O C",
        "change": "C",
        "acceleration_{}": "O C",
        "mom_{}": "H L C",
        "volume_ratio_{}": "V",
        "volume_zscore_{}": "V",
        "volume_momentum_{}": "V",
        "relative_volume_{}": "V",
        "trade_size_ratio_{}": "V N",
        "bar_concentration_{}": "V",
        "ma_{}_{}_ratio": "C",
        "momentum_{}_{}": "O C",
        "sharpe_{}": "O C",
        "rsi_14": "C",
        "rsi_oversold": "C",
        "rsi_overbought": "C",
        "adx_14": "H L",
        "adx_bin": "H L",
        "plus_di": "H L C",
        "minus_di": "H L C",
        "di_diff": "H L C",
        "di_sign": "H L",
        "ema{}_distance": "H L C",
        "ema{}_minus_ema{}": "H L C",
        "ema_alignment": "C",
        "sma{}_distance": "H L C",
        "macd_line": "H L C",
        "macd_signal": "H L C",
        "macd_histogram": "H L C",
        "macd_cross_up": "C",
        "macd_cross_down": "C",
        "price_position_{}": "H L C",
        "bb_width_{}": "C",
        "bb_percent_{}": "C",
        "bb_clipped_{}": "C",
        "bb_squeeze_{}": "C",
        "bb_upper_{}": "H L C",
        "bb_lower_{}": "H L C",
        "stochastic_k": "H L C",
        "stochastic_d": "H L C",
        "stochastic_slow": "H L C",
        "stochastic_oversold": "H L C",
        "stochastic_overbought": "H L C",
        "ichimoku_distance": "H L C",
        "signed_volume": "V Vb Vs",
        "delta_z": "Vb Vs",
        "vw_buy_{}": "H L C Vb",
        "vw_sell_{}": "H L C Vs",
        "vw_diff_{}": "H L C Vb Vs",
        "buy_pressure": "Vb Vs",
        "buy_pressure_mean_{}": "Vb Vs",
        "buy_pressure_deviation_{}": "Vb Vs",
        "imbalance": "Vb Vs",
        "imbalance_size": "Vb Vs",
        "imbalance_mean_{}": "Vb Vs",
        "imbalance_sigma_{}": "Vb Vs",
        "imbalance_z_{}": "Vb Vs",
        "trade_imbalance": "Nb Ns",
        "trade_imbalance_size": "Nb Ns",
        "trade_imbalance_mean_{}": "Nb Ns",
        "run_length": "Nb Ns",
        "momentum_per_volatility": "O H L C",
        "volume_times_volatility": "O C V",
        "pressure_times_return": "C Vb Vs",
        "trend_times_imbalance": "H L Vb Vs",
        "slope_20": "O C",
        "slope_consistency_20": "O C",
        "slope_trend": "O C",
        "range_score_50": "H L C",
        "trend_strength": "H L C",
        "order_flow_imbalance_{}": "q a",
        "cumulative_signed_volume": "q a",
        "volume_weighted_return": "p q",
        "vwap_distance": "p q",
        "trade_intensity": "t",
        "trade_intensity_ratio": "t",
        "trade_velocity": "t",
        "trade_flow_{}": "q a t",
        "signed_flow_z_{}": "q a t",
        "buy_intensity": "a t",
        "sell_intensity": "a t",
        "aggressive_buy_ratio": "q a t",
        "aggressive_sell_ratio": "q a t",
        "large_trade_ratio": "q t",
        "spread": "bid ask t",
        "spread_z": "bid ask t",
        "micro_dev": "bid ask bid-size ask-size t",
        "book_imbalance": "bid ask bid-size ask-size t",
        "ofi_{}": "bid ask bid-size ask-size t",
        "time_normalized": "t hours",
        "minute_sin": "t hours",
        "hour_cos": "t hours",
        "is_opening_30min": "t hours",
        "is_closing_30min": "t hours",
        "is_lunch_hour": "t",
        "day_of_week": "weekday",
    }
)


def inputs_of(name: str) -> tuple[str, ...]:
    """Return the inputs of a column; none where it is not declared, which a test refuses."""
    return next((tuple(read.split()) for pattern, read in _expressions() if pattern.fullmatch(name)), ())


@cache
def _expressions() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(name.replace("{}", r"\d+")), read) for name, read in _INPUTS.items())
