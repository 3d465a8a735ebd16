"""Named sets of columns. Each is an ordered list of names; an alias stands for its column, and no column is twice."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from features.catalogue import CATALOGUE, DEMONSTRATION, column_of
from market.errors import ConfigError

# Closed bars alone, so that every feed has it.
_CORE = (
    "volatility_20", "volatility_ratio_10_20", "returns_1", "returns_5", "returns_20", "bb_position", "rsi_14",
    "adx_14", "ema20_distance", "volume_zscore_20",
)  # fmt: skip

_BOOK = (
    *(f"volatility_{n}" for n in (10, 20, 50, 100)),
    *(f"volatility_ratio_{pair}" for pair in ("10_20", "20_50", "50_100", "100_200")),
    "volatility_gk", "bb_position",
    *(f"returns_{n}" for n in (1, 2, 5, 10, 20, 50, 100)),
    *(f"log_returns_{n}" for n in (1, 5, 20)),
    *(f"order_flow_imbalance_{n}" for n in (10, 20, 50, 100)),
    "cumulative_signed_volume", "signed_volume", "volume_weighted_return", "agent_turnover",
    *(f"volume_{kind}_{n}" for kind in ("ratio", "zscore") for n in (20, 50, 100)),
    "trade_intensity", "trade_intensity_ratio",
    "ma_5_20_ratio", "ma_20_50_ratio", "momentum_5_20", "momentum_20_50", "sharpe_5", "sharpe_20", "time_normalized",
    "rsi_14",
    *(f"top_{side}_{rank}_active" for side in ("buyer", "seller") for rank in range(5)),
    "top_buyers_count", "top_sellers_count", "buyer_changed", "seller_changed", "is_buyer_aggressor",
    "minute", "hour", "day_of_week", "is_opening_30min", "is_closing_30min", "is_lunch_hour",
)  # fmt: skip

_BAR_FEATURES = (
    *(f"mom_{n}" for n in (1, 5, 10, 20, 60)),
    *(f"momentum_pct_{n}" for n in (1, 5, 10, 20, 60)),
    *(f"vw_{side}_{n}" for side in ("buy", "sell", "diff") for n in (5, 10, 20, 60)),
    "acceleration_5", "acceleration_10",
    *(f"{kind}_{n}" for kind in ("parkinson", "volatility", "garman_klass") for n in (5, 10, 20, 60)),
    *(f"imbalance_volatility_{n}" for n in (5, 10, 20)),
    *(f"{kind}_{n}" for kind in ("up_volatility", "down_volatility", "up_down_ratio") for n in (10, 20)),
    *(f"{kind}_{n}" for kind in ("relative_volume", "volume_momentum") for n in (5, 10, 20, 60)),
    "buy_pressure", *(f"buy_pressure_{kind}_{n}" for kind in ("mean", "deviation") for n in (5, 10, 20)),
    *(f"trade_size_ratio_{n}" for n in (5, 10, 20)),
    "bar_concentration_10", "bar_concentration_20",
    "imbalance", "imbalance_size", "session_imbalance",
    *(f"imbalance_{kind}_{n}" for kind in ("mean", "sigma", "z") for n in (5, 10, 20)),
    "trade_imbalance", "trade_imbalance_size", *(f"trade_imbalance_mean_{n}" for n in (5, 10, 20)),
    "run_length", "bb_width_20", "bb_percent_20", "atr_pct", "price_position_20", "price_position_50",
    *(f"ema{n}_distance" for n in (9, 20, 50)),
    "plus_di", "minus_di", "di_diff", "adx_14", "di_sign", "ema_alignment",
    "momentum_per_volatility", "volume_times_volatility", "pressure_times_return", "trend_times_imbalance",
)  # fmt: skip

_INDICATORS = (
    *(f"ema{n}_distance" for n in (5, 8, 9, 20, 26, 50, 200)), *(f"sma{n}_distance" for n in (10, 20, 50)),
    "rsi_14", "rsi_oversold", "rsi_overbought",
    "macd_line", "macd_signal", "macd_histogram", "macd_cross_up", "macd_cross_down",
    *(f"bb_{kind}_{n}" for kind in ("upper", "middle", "lower", "width", "clipped", "squeeze") for n in (20, 50)),
    "bb_width_10",
    *(f"stochastic_{kind}" for kind in ("k", "d", "slow", "oversold", "overbought")),
    "atr_14", "atr_20", "atr_pct", "adx_14", "adx_bin", "ema9_minus_ema20", "ema5_minus_ema9", "range_pct",
    "volume_to_mean_20", "volatility_ratio_5_20", "ichimoku_distance", "change",
)  # fmt: skip

_SETS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "core10": _CORE,
        "demo69": DEMONSTRATION,
        "book65": _BOOK,
        "bars118": (*_BAR_FEATURES, *_INDICATORS),
        "full": tuple(feature.name for feature in CATALOGUE),
    }
)
SETS = tuple(_SETS)


def columns_of(set_name: str) -> tuple[str, ...]:
    """Return the columns of a named set, in order.

    Raises
    ------
    ConfigError
        If the set is unknown, or names what the catalogue does not hold.
    """
    if set_name not in SETS:
        raise ConfigError(f"feature set: expected one of {', '.join(SETS)}, found {set_name!r}; name one of these")
    try:
        return _distinct(column_of(name) for name in _SETS[set_name])
    except KeyError as error:
        raise ConfigError(
            f"feature set {set_name}: expected names or aliases of the catalogue, found {error}; choose another set"
        ) from error


def _distinct(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names in order, each once."""
    return tuple(dict.fromkeys(names))
