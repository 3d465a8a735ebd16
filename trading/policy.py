"""How the account trades, what it may risk, and what the paper venue charges: frozen, with units in the names."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from types import MappingProxyType

import numpy as np

from trading.checks import require as _require
from trading.records import ENTRY_RING, LIMITS, MESSAGE_RING, REJECT_RING, Stage
from trading.strategy_params import StrategyParams

__all__ = ["RANGES", "RiskLimits", "StrategyParams", "VenueParams"]

MINUTE_NS = 60_000_000_000
MILLISECOND_NS = 1_000_000
_MOST = 2**31 - 1  # an int32
_WHOLE_DAY = 24 * 60

# Lowest and highest value of each limit, both allowed; a fraction's lower end is not.
RANGES: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "capital_reais": (0.0, 1e12),
        "daily_loss_fraction": (0.0, 1.0),
        "drawdown_stop": (0.0, 1.0),
        "drawdown_alert": (0.0, 1.0),
        "risk_per_trade": (0.0, 1.0),
        "max_order_reais": (0.0, 1e12),
        "max_exposure_reais": (0.0, 1e12),
        "collar_fraction": (0.0, 0.10),
        "min_reward_risk": (0.0, 100.0),
        "min_atr_fraction": (0.0, 1.0),
        "max_atr_fraction": (0.0, 1.0),
        "min_win_rate": (0.0, 1.0),
        "max_order_quantity": (1, _MOST),
        "max_position": (1, _MOST),
        "max_trades_per_day": (1, _MOST),
        "stop_min_ticks": (1, _MOST),
        "stop_max_ticks": (1, _MOST),
        "flatten_before_close_minutes": (1, _WHOLE_DAY),
        "last_entry_before_close_minutes": (1, _WHOLE_DAY),
        "stale_feed_after_ms": (1, 60_000),
        "max_clock_skew_ms": (1, 2_000),
        "max_messages_per_second": (1, MESSAGE_RING),
        "max_messages_per_minute": (1, MESSAGE_RING),
        "max_messages_per_day": (1, _MOST),
        "halt_at_identical_orders": (2, _MOST),
        "max_entries_per_10_minutes": (1, ENTRY_RING),
        "stop_at_rejects_per_minute": (1, REJECT_RING),
        "win_rate_trades": (1, 62),
    }
)


@dataclass(frozen=True)
class RiskLimits:
    """`[risk]` of pregao.toml: the hard limits (docs/risk.md), shipped at the strictest values of scope.md.

    Parameters
    ----------
    capital_reais : float
        What fractions are taken of.
    max_position, max_order_quantity : int
        Contracts of a desk, open entries included; contracts of one order.
    daily_loss_fraction : float
        Loss of a session, open position marked, at which the account is flattened and locked until the next one.
    drawdown_stop, drawdown_alert : float
        Fall from the peak, as a fraction of capital plus peak, at which it is locked until a person unlocks it, and at
        which the alert is raised.
    risk_per_trade : float
        Fraction of capital that a stop may lose.
    max_trades_per_day : int
        Entries sent per session, of all desks.
    max_order_reais, max_exposure_reais : float
        Notional of one entry; of all positions and working entries of the account.
    collar_fraction : float
        How far from the last price an entry's price may lie, as a fraction of it, up to 0.10.
    stop_min_ticks, stop_max_ticks : int
        Allowed distance of a stop from its entry.
    min_reward_risk : float
        Target's distance over the stop's.
    min_atr_fraction, max_atr_fraction : float
        Band of ATR14 over the last price in which anything is entered.
    last_entry_before_close_minutes, flatten_before_close_minutes : int
        Counted back from the session's close.
    stale_feed_after_ms, max_clock_skew_ms : int
        Age of the last trade or quote, and of the last quote alone (a feed of bars has neither), and distance of our
        clock from the venue's, beyond which nothing is entered.
    max_messages_per_second, max_messages_per_minute, max_messages_per_day : int
        Requests after which no entry is sent; exits and cancels count but are never held back.
    halt_at_identical_orders : int
        The n-th equal new order in a row is refused and halts the account until a person unlocks it.
    max_entries_per_10_minutes : int
        One more is refused and halts the account until a person unlocks it.
    stop_at_rejects_per_minute : int
        Orders refused by the venue within a minute that end the entries of the session.
    win_rate_trades, min_win_rate : int, float
        Where fewer than this share of the session's last so many trades won, its entries end.
    """

    capital_reais: float = 100_000.0
    max_position: int = 1
    max_order_quantity: int = 5
    daily_loss_fraction: float = 0.02
    drawdown_stop: float = 0.10
    drawdown_alert: float = 0.08
    risk_per_trade: float = 0.01
    max_trades_per_day: int = 10
    max_order_reais: float = 100_000.0
    max_exposure_reais: float = 100_000.0
    collar_fraction: float = 0.005
    stop_min_ticks: int = 2
    stop_max_ticks: int = 200
    min_reward_risk: float = 1.5
    min_atr_fraction: float = 0.0001
    max_atr_fraction: float = 0.01
    last_entry_before_close_minutes: int = 60
    flatten_before_close_minutes: int = 30
    stale_feed_after_ms: int = 2000
    max_clock_skew_ms: int = 250
    max_messages_per_second: int = 5
    max_messages_per_minute: int = 60
    max_messages_per_day: int = 300
    halt_at_identical_orders: int = 5
    max_entries_per_10_minutes: int = 20
    stop_at_rejects_per_minute: int = 3
    win_rate_trades: int = 20
    min_win_rate: float = 0.40

    def __post_init__(self) -> None:
        """Raise ConfigError for a value out of range."""
        for name, (low, high) in RANGES.items():
            value = getattr(self, name)
            if isinstance(low, float):
                _require(low < value <= high, name, f"a value above {low:g}, at most {high:g}", value)
            else:
                _require(low <= value <= high, name, f"{low} to {high}", value)
        self._require_order("drawdown_alert", "drawdown_stop")
        self._require_order("stop_min_ticks", "stop_max_ticks")
        self._require_order("flatten_before_close_minutes", "last_entry_before_close_minutes")
        self._require_order("min_atr_fraction", "max_atr_fraction")
        self._require_order("max_order_reais", "max_exposure_reais")

    def record(self) -> np.ndarray:
        """Return the LIMITS record, length 1, that the compiled path reads."""
        record = np.zeros(1, dtype=LIMITS)
        for name in LIMITS.names or ():
            if not name.endswith("_ns"):
                record[name] = getattr(self, name)
        record["last_entry_before_close_ns"] = self.last_entry_before_close_minutes * MINUTE_NS
        record["flatten_before_close_ns"] = self.flatten_before_close_minutes * MINUTE_NS
        record["stale_feed_after_ns"] = self.stale_feed_after_ms * MILLISECOND_NS
        record["max_clock_skew_ns"] = self.max_clock_skew_ms * MILLISECOND_NS
        return record

    def at(self, stage: Stage) -> "RiskLimits":
        """Return the limits of a stage: at TENTH a tenth of the capital and of the contracts, at least one.

        What is a fraction of capital follows. The notional limits stay: a tenth of them is less than one contract.
        """
        if stage is not Stage.TENTH:
            return self
        contracts = {name: max(getattr(self, name) // 10, 1) for name in ("max_position", "max_order_quantity")}
        return replace(self, capital_reais=self.capital_reais / 10, **contracts)

    def _require_order(self, lower: str, upper: str) -> None:
        low, high = getattr(self, lower), getattr(self, upper)
        _require(low <= high, upper, f"at least {lower} ({low})", high)


@dataclass(frozen=True)
class VenueParams:
    """`[venue]` of pregao.toml: the venue of backtest, sweep and paper orders (signals.md §13).

    Parameters
    ----------
    latency_ms : int
        From a request's send to its arrival at the venue; a feed of bars has none.
    latency_quantiles_ms : tuple of float
        Instead of a fixed latency its distribution: quantiles at equal steps of probability from 0 to 1, straight
        between them. Empty for the fixed one.
    report_latency_ms : int
        From what happens at the venue to the desk that hears of it.
    slippage_ticks : int
        Events: how far beyond the last level displayed the part fills that the book does not cover. Bars: how much
        worse than the open a market order fills.
    shares_cancels : bool
        Cancels at a price are taken to fall on the whole queue alike. False: only trades bring an order forward.
    rejection_ticks : int
        Half width of the rejection tunnel around the last trade; an order outside is refused. 0 is off, and the
        default: B3 publishes the bands and may change them within the day (b3.md §2.1).
    auction_ticks : int
        Half width of the auction tunnel around the last trade; nothing of ours trades outside. 0 is off.
    seed : int
        Of the latencies that are drawn.
    """

    latency_ms: int = 15
    latency_quantiles_ms: tuple[float, ...] = ()
    report_latency_ms: int = 0
    slippage_ticks: int = 1
    shares_cancels: bool = False
    rejection_ticks: int = 0
    auction_ticks: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        """Raise ConfigError for a value out of range."""
        for name in ("latency_ms", "report_latency_ms", "slippage_ticks", "rejection_ticks", "auction_ticks", "seed"):
            _require(getattr(self, name) >= 0, name, "at least 0", getattr(self, name))
        found = self.latency_quantiles_ms
        rising = all(low <= high < math.inf for low, high in pairwise((0.0, *found)))
        _require(len(found) != 1 and rising, "latency_quantiles_ms", "none, or two or more that do not fall", found)
