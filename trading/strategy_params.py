"""How scores become orders: the part of the policy that travels in the bundle with the model (signals.md §7, §9)."""

import math
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np

from trading.checks import positive, require, shares
from trading.records import POLICY
from trading.strategy_options import (
    TRAIL_TICKS,
    LadderParams,
    SizingParams,
    VolatileParams,
    check_hours,
    in_trail_band,
    rising,
    whole,
)

SECOND_NS = 1_000_000_000
CONFIDENCE_BAND = (0.5, 0.8)  # of the least confidence once a regime has shifted it
Regimes = tuple[float, float, float]  # trend up, trend down, range
Ticks = tuple[int, int, int]  # the same
# What the volatile row has too; its value is the last one in the policy.
_ROWS = (
    "stop_atr", "target_atr", "stop_ticks", "target_ticks", "trades_per_day", "partial_ticks", "partial_shares",
    "trail_activation_ticks", "trail_distance_ticks", "trail_tightening", "breakeven_ticks",
)  # fmt: skip


@dataclass(frozen=True)
class ConcordanceParams:
    """A filter that lets only signals through on which model and agents agree.

    Parameters
    ----------
    required : bool
    model, agents : float
        Least probability of the model's side, and least mean confidence of the agents.
    combined : three floats
        Least combined confidence, per regime.
    strength : float
        Least |M + A|/2.
    """

    required: bool = False
    model: float = 0.60
    agents: float = 0.55
    combined: Regimes = (0.55, 0.55, 0.65)
    strength: float = 0.30

    def __post_init__(self) -> None:
        """Raise ConfigError for a value out of range."""
        values = (self.model, self.agents, self.strength, *self.combined)
        require(shares(values), "concordance", "values in [0, 1]", values)


@dataclass(frozen=True)
class ManagedExits:
    """How an open position is managed besides its stop and target; distances in ticks from the entry, per regime.

    Parameters
    ----------
    managed : bool
        False leaves stop and target alone: the rest of these settings is then not in force.
    partial_ticks, partial_shares : three times three
        Up to three levels at which a share of the position leaves; distances rise, shares add to 1.
    trail_activation_ticks, trail_distance_ticks : three ints
        Profit at which the stop begins to trail, and how far behind the extreme it then is.
    trail_tightening : three floats
        Factor of that distance at each new extreme, 0.01 to 1.
    breakeven_ticks : three ints
        Profit at which the stop goes to the entry, before it follows; 0: never.
    trail_factors : three floats
        Of that distance while the deviation of returns is high, while it is low, and while momentum is against the
        position.
    trail_decay : float
        Share of the distance that each ten minutes since the entry take, in whole per cent.
    trail_tightest_ticks : int
        Profit beyond which the stop follows as near as it may; 0: never.
    """

    managed: bool = False
    partial_ticks: tuple[Ticks, Ticks, Ticks] = ((16, 30, 50), (16, 30, 50), (6, 10, 16))
    partial_shares: tuple[Regimes, Regimes, Regimes] = ((0.25, 0.25, 0.5), (0.25, 0.25, 0.5), (0.5, 0.3, 0.2))
    trail_activation_ticks: Ticks = (8, 8, 3)
    trail_distance_ticks: Ticks = (8, 8, 3)
    trail_tightening: Regimes = (0.95, 0.95, 0.8)
    breakeven_ticks: Ticks = (16, 16, 8)
    trail_factors: tuple[float, float, float] = (1.2, 0.9, 0.7)
    trail_decay: float = 0.01
    trail_tightest_ticks: int = 40

    def __post_init__(self) -> None:
        """Raise ConfigError for a value out of range."""
        for ticks, parts in zip(self.partial_ticks, self.partial_shares, strict=True):
            require(rising(ticks), "exits.partial_ticks", "distances that rise from above 0", ticks)
            require(whole(parts), "exits.partial_shares", "shares that add to 1", parts)
        activation, distance = self.trail_activation_ticks, self.trail_distance_ticks
        require(positive(activation), "exits.trail_activation_ticks", "ticks above 0", activation)
        require(in_trail_band(distance), "exits.trail_distance_ticks", TRAIL_TICKS, distance)
        tightening = self.trail_tightening
        require(
            all(0.01 <= one <= 1 for one in tightening), "exits.trail_tightening", "factors in 0.01 to 1", tightening
        )
        require(min(self.breakeven_ticks) >= 0, "exits.breakeven_ticks", "ticks, none negative", self.breakeven_ticks)
        factors, decay, tightest = self.trail_factors, self.trail_decay, self.trail_tightest_ticks
        require(all(0.01 <= one <= 10 for one in factors), "exits.trail_factors", "factors in 0.01 to 10", factors)
        require(shares((decay,)), "exits.trail_decay", "a share in [0, 1]", decay)
        require(tightest >= 0, "exits.trail_tightest_ticks", "at least 0", tightest)


@dataclass(frozen=True)
class StrategyParams:
    """From scores to orders.

    Parameters
    ----------
    model_weight, agents_weight : float
        Of M and A in D = w_M·M + w_A·A; they add to 1.
    agent_weights : four floats
        Order flow, liquidity, tape, footprint; renormalised over the agents that vote.
    adapt_weights : bool
        Let training move both kinds of weights by what each would have earned (`models.agent_weights`).
    order_flow_gate : bool
        The order flow agent has an opinion only where the flow of 1 and 5 minutes and the price agree.
    concordance : ConcordanceParams
    theta : three floats
        Smallest |D| that trades, per regime (trend up, trend down, range), in [0, 1].
    min_confidence : float
        Least confidence; 0 asks for none. With `confidence_shift` added, per regime, it is held within 0.5 to 0.8.
    distances : str
        "atr": stop and target are multiples of ATR14; "ticks": they are `stop_ticks` and `target_ticks`; "confidence":
        they are those of the `ladder`.
    stop_atr, target_atr : three floats
        Distances from the entry as multiples of ATR14, per regime.
    stop_ticks, target_ticks : three ints
        Distances in ticks, per regime.
    ladder : LadderParams
    hour_factors : tuple of (int, int, float)
        First hour, the hour after the last one, and what stop and target are multiplied by between them; hours of São
        Paulo as UTC-3, which it has kept since 2019. Levels of a range and partial exits stay where they are.
    min_stop_ticks : int
        The stop is never nearer than this.
    stop_limit_ticks : int
        The stop's limit lies so many ticks beyond its trigger: the vendor has no stop at market. 0: one at market, for
        research. Where the price passes the limit, the position is closed at market.
    min_reward_risk : float
        The target is at least so many stop distances away; not where it is a level of a range.
    min_target_sigma : float
        The target is at least so many deviations of the returns over `max_hold_bars` away, the move to expect; 0: any.
        Levels of a range and the last level of managed exits stay where they are.
    exits : ManagedExits
    risk_share : float
        Share of the risk per trade of the limits that a position takes, in (0, 1].
    size_multiplier : three floats
        Of that share, per regime; the limits hold whatever it is.
    sizing : SizingParams
    edge : three floats
        Kelly's fraction of capital, per regime, in [0, 1], from what validation has proven; training writes it.
    least_lean : three floats
        Least |M| that trades, per regime, in [0, 1]: below it the model's conformal set holds both classes; training
        writes it (docs/decisions/0010).
    volatile : VolatileParams
    trend_entry_atr : float
        In a trend enter no further beyond EMA9 than this many ATR14; 0 enters anywhere.
    range_levels : bool
        In a range enter only at support and resistance, with stop and target from these levels.
    cooldown_bars, cooldown_seconds : int
        Closed bars, and seconds, between two entries.
    trades_per_day : three ints
        Most entries of a session, per regime.
    max_hold_bars : int
        Closed bars after which a position is flattened.
    regime_exit_ticks : int
        A position entered in a trend that has ended is flattened where it shows more profit than this; 0: never.
    require_agents : bool
        Hold where fewer than two agents vote. False is the declared policy "model alone": then D = M.
    trade_range : bool
        Trade in the regime RANGE.
    with_trend_only : bool
        Buy only in TREND_UP, sell only in TREND_DOWN; a range trades both sides.
    """

    model_weight: float = 0.40
    agents_weight: float = 0.60
    agent_weights: tuple[float, float, float, float] = (0.30, 0.20, 0.25, 0.25)
    adapt_weights: bool = False
    order_flow_gate: bool = False
    concordance: ConcordanceParams = field(default_factory=ConcordanceParams)
    theta: Regimes = (0.30, 0.30, 0.30)
    min_confidence: float = 0.0
    confidence_shift: Regimes = (-0.05, -0.05, 0.05)
    distances: Literal["atr", "ticks", "confidence"] = "atr"
    stop_atr: Regimes = (2.0, 2.0, 1.5)
    target_atr: Regimes = (3.0, 3.0, 2.25)
    stop_ticks: Ticks = (16, 16, 10)
    target_ticks: Ticks = (50, 50, 16)
    ladder: LadderParams = field(default_factory=LadderParams)
    hour_factors: tuple[tuple[int, int, float], ...] = ()
    min_stop_ticks: int = 4
    stop_limit_ticks: int = 40
    min_reward_risk: float = 1.5
    min_target_sigma: float = 0.0
    exits: ManagedExits = field(default_factory=ManagedExits)
    risk_share: float = 1.0
    size_multiplier: Regimes = (1.2, 1.2, 0.8)
    sizing: SizingParams = field(default_factory=SizingParams)
    edge: Regimes = (0.0, 0.0, 0.0)
    least_lean: Regimes = (0.0, 0.0, 0.0)
    volatile: VolatileParams = field(default_factory=VolatileParams)
    trend_entry_atr: float = 0.0
    range_levels: bool = False
    cooldown_bars: int = 10
    cooldown_seconds: int = 60
    trades_per_day: Ticks = (10, 10, 10)
    max_hold_bars: int = 60
    regime_exit_ticks: int = 0
    require_agents: bool = True
    trade_range: bool = True
    with_trend_only: bool = True

    def __post_init__(self) -> None:
        """Raise ConfigError for a value out of range."""
        weights = (self.model_weight, self.agents_weight)
        require(min(weights) >= 0 and abs(sum(weights) - 1) < 1e-9, "weights", "two shares that add to 1", weights)
        agents = self.agent_weights
        require(min(agents) >= 0 and 0 < sum(agents) < math.inf, "agent_weights", "none negative, one positive", agents)
        for name in ("theta", "edge", "least_lean"):
            require(shares(getattr(self, name)), name, "values in [0, 1]", getattr(self, name))
        check_hours(self.hour_factors)
        require(shares((self.min_confidence,)), "min_confidence", "a value in [0, 1]", self.min_confidence)
        shift = self.confidence_shift
        require(all(-1 <= one <= 1 for one in shift), "confidence_shift", "values in [-1, 1]", shift)
        require(0 < self.risk_share <= 1, "risk_share", "a share in (0, 1]", self.risk_share)
        for name in ("stop_atr", "target_atr", "stop_ticks", "target_ticks", "size_multiplier"):
            require(positive(getattr(self, name)), name, "positive values", getattr(self, name))
        for name in ("min_reward_risk", "min_target_sigma", "trend_entry_atr"):
            require(0 <= getattr(self, name) < math.inf, name, "at least 0", getattr(self, name))
        for name in ("cooldown_bars", "cooldown_seconds", "regime_exit_ticks", "stop_limit_ticks"):
            require(getattr(self, name) >= 0, name, "at least 0", getattr(self, name))
        for name in ("min_stop_ticks", "max_hold_bars"):
            require(getattr(self, name) >= 1, name, "at least 1", getattr(self, name))
        require(min(self.trades_per_day) >= 0, "trades_per_day", "at least 0", self.trades_per_day)

    @property
    def least_confidence(self) -> tuple[float, ...]:
        """Least confidence per row: shifted and held within the band, 0 where none is asked for."""
        shifts = (*self.confidence_shift, self.volatile.confidence_shift)
        if self.min_confidence == 0.0:
            return (0.0,) * len(shifts)
        low, high = CONFIDENCE_BAND
        return tuple(min(max(self.min_confidence + shift, low), high) for shift in shifts)

    @property
    def size_share(self) -> tuple[float, ...]:
        """Share of the risk per trade that a position takes, per row, at most 1."""
        multipliers = (*self.size_multiplier, self.volatile.size_multiplier)
        return tuple(min(1.0, self.risk_share * multiplier) for multiplier in multipliers)

    @property
    def kelly_cap(self) -> tuple[float, ...]:
        """Most that a stop may lose, as a fraction of capital, per regime; 1 where Kelly is not asked."""
        fraction = self.sizing.kelly_fraction
        return tuple(fraction * edge if fraction > 0 else 1.0 for edge in self.edge)

    @property
    def hour_factor(self) -> tuple[float, ...]:
        """Factor of stop and target for each of the 24 hours; 1 where none is named."""
        named = {hour: factor for first, after, factor in self.hour_factors for hour in range(first, after)}
        return tuple(named.get(hour, 1.0) for hour in range(24))

    def record(self) -> np.ndarray:
        """Return the POLICY record, length 1, that the compiled path reads; what is not in force is 0 there."""
        record, values = np.zeros(1, dtype=POLICY), self._in_force()
        for name in POLICY.names or ():
            if name != "reserved" and name in values:
                record[name] = values[name]
        return record

    def _in_force(self) -> dict[str, Any]:
        values = asdict(self)
        exits, concordance, volatile = (values.pop(name) for name in ("exits", "concordance", "volatile"))
        ladder = values.pop("ladder")
        values |= exits | values.pop("sizing")
        values |= {name: (*values[name], volatile[name]) for name in _ROWS}
        values |= {f"concordance_{name}": value for name, value in concordance.items()}
        values["concordance_combined"] = (*concordance["combined"], volatile["combined"])
        values["concordance"] = self.concordance.required
        values["volatile"], values["volatile_shift"] = self.volatile.used, self.volatile.confidence_shift
        values["cooldown_ns"] = self.cooldown_seconds * SECOND_NS
        for name in ("least_confidence", "size_share", "kelly_cap", "hour_factor"):
            values[name] = getattr(self, name)
        if self.distances != "ticks":
            del values["stop_ticks"], values["target_ticks"]
        if self.distances == "confidence":
            values |= {f"ladder_{name}": value for name, value in ladder.items()}
        return {name: value for name, value in values.items() if self.exits.managed or name not in exits}
