"""Names of one and the same column: what reference systems computed twice, or called otherwise (signals.md §1-§3).

Where a bar closes, the last trade is its close and the session's totals are those of its bars, so what is defined on
either is one column. In a row between bars that column goes on to the last trade.
"""

from collections.abc import Mapping
from types import MappingProxyType

ALIASES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "returns_1": ("momentum_pct_1",),
        "returns_5": ("momentum_pct_5", "roc_5"),
        "returns_10": ("momentum_pct_10", "roc_10"),
        "returns_20": ("momentum_pct_20", "roc_20"),
        "returns_60": ("momentum_pct_60",),
        "gap_open": ("log_returns_1",),
        "ret_session": ("log_returns_5",),
        "vwap_distance": ("log_returns_20", "ret_vwap"),
        "volatility_gk": ("garman_klass_20",),
        "cumulative_signed_volume": ("session_imbalance",),
        "ema8_distance": ("ema_fast_distance",),
        "ema26_distance": ("ema_med_distance",),
        "ema50_distance": ("ema_long_distance",),
        "ema200_distance": ("ema_ultra_distance",),
        "sma20_distance": ("bb_middle_20",),
        "sma50_distance": ("bb_middle_50",),
        "relative_volume_20": ("volume_to_mean_20",),
        "adx_14": ("adx_substitute",),
        "minute_sin": ("minute",),
        "hour_cos": ("hour",),
    }
)

# At bars of one minute a bar is the last 60 s of the tape; where the feed was lost meanwhile, the bar alone tells what
# was seen. With bars of another length these are two columns.
SAME_AT_ONE_MINUTE: Mapping[str, str] = MappingProxyType({"buy_pressure": "aggressive_buy_ratio"})
