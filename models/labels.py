"""Triple-barrier labels: which side's trade would have won first after a decision.

A long enters at the ask of the decision and wins where the bid has risen by the barrier; a short enters at the bid and
wins where the ask has fallen by it. The barrier is ``max(sigma_multiple · σ · sqrt(horizon) · close, cost_multiple ·
cost, min_ticks)`` with the fees of a round trip on its day as cost, so a label is a move that pays spread and costs and
is not noise. The third barrier is time. No label looks past its session's last bar or over a gap.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from market.errors import ConfigError, DataError, NotEnoughData
from market.kernel import kernel
from models.price_path import PricePath, last_row_within

LABEL = np.dtype(
    [
        ("row", "<i8"),  # the decision bar
        ("start_ns", "<i8"),  # close of the decision bar
        ("end_ns", "<i8"),  # close of the bar that decided the label: nothing later was looked at
        ("end_row", "<i8"),
        ("label", "i1"),  # 1 up, -1 down, 0 undecided or no label
        ("touch", "u1"),  # Touch
        ("ret_ticks", "<f8"),  # of the side's trade before fees, positive is up; NaN where there is no label
        ("barrier_ticks", "<f8"),  # distance of the barriers; NaN where volatility is not yet known
    ]
)

SHARE_MIN = 0.05  # of each trained class, and
SHARE_MAX = 0.90  # of any class (signals.md §14)


class Touch(IntEnum):
    """What ended a label."""

    NONE = 0  # no label: a gap came first, no bar was left, or volatility is not yet known
    UPPER = 1
    LOWER = 2
    VERTICAL = 3


_NONE, _UPPER, _LOWER, _VERTICAL = int(Touch.NONE), int(Touch.UPPER), int(Touch.LOWER), int(Touch.VERTICAL)
_BOTH = 4  # inside the scan only; the bar's close then tells the side


@dataclass(frozen=True)
class BarrierParams:
    """Where the barriers lie.

    Parameters
    ----------
    horizon_bars : int
        Bars after the decision that may decide the label, at least 1.
    sigma_multiple : float
        Barrier distance in σ of the horizon's log return, ≥ 0.
    cost_multiple : float
        Least barrier distance in round trips' fees, ≥ 1: a smaller move would not pay its own.
    min_ticks : float
        Least barrier distance in ticks, > 0. The larger of both is also what a move must exceed at the vertical
        barrier.
    volatility_window : int
        Returns behind σ, at least 2.
    spread_ticks : float
        Spread where the feed has no valid quotes, as in bars, ≥ 0.
    """

    horizon_bars: int = 15
    sigma_multiple: float = 1.0
    cost_multiple: float = 1.0
    min_ticks: float = 4.0
    volatility_window: int = 20
    spread_ticks: float = 1.0

    def __post_init__(self) -> None:
        if (
            self.horizon_bars < 1
            or self.volatility_window < 2
            or not self.sigma_multiple >= 0
            or not self.cost_multiple >= 1
            or not self.min_ticks > 0
            or not self.spread_ticks >= 0
        ):
            raise ConfigError(
                "labels: expected horizon_bars >= 1, volatility_window >= 2, sigma_multiple >= 0, cost_multiple >= 1, "
                f"min_ticks > 0 and spread_ticks >= 0, found {self}; correct params.yaml"
            )


@dataclass(frozen=True)
class ClassShares:
    """Shares of the classes among the rows that have a label, and how many have none."""

    down: float
    undecided: float
    up: float
    without_label: int


@kernel
def _first_touch(path: PricePath, row: int, last: int, barrier: float) -> tuple[int, int]:
    above_bid, below_ask = path.ask[row] + barrier, path.bid[row] - barrier
    for later in range(row + 1, last + 1):
        if path.after_gap[later]:
            return row, _NONE
        above, below = path.bid_high[later] >= above_bid, path.ask_low[later] <= below_ask
        if above and below:
            return later, _BOTH
        if above:
            return later, _UPPER
        if below:
            return later, _LOWER
    return last, _VERTICAL if last > row else _NONE


@kernel
def _label_row(path: PricePath, row: int, end: int, touch: int, least: float, out: np.ndarray) -> None:
    """Write the outcome of one row; `out[row]` already holds its barrier distance."""
    long_gain, short_gain = path.bid[end] - path.ask[row], path.bid[row] - path.ask[end]
    must_pass = 0.0 if touch == _BOTH else least
    sign = 1 if long_gain > must_pass else (-1 if short_gain > must_pass else 0)
    move = long_gain if sign > 0 else (-short_gain if sign < 0 else (long_gain - short_gain) / 2)
    if touch in (_UPPER, _LOWER):
        sign = 1 if touch == _UPPER else -1
        move = sign * out[row]["barrier_ticks"]
    elif touch == _BOTH:
        touch = _UPPER if sign > 0 else (_LOWER if sign < 0 else _VERTICAL)
    out[row]["end_row"] = end
    out[row]["end_ns"] = path.ts_ns[end]
    out[row]["touch"] = touch
    if touch != _NONE:
        out[row]["label"] = sign
        out[row]["ret_ticks"] = move


@kernel
def _label_rows(
    path: PricePath, volatility: np.ndarray, least: np.ndarray, horizon: int, sigma_multiple: float, out: np.ndarray
) -> None:
    for row in range(path.close.size):
        out[row]["row"] = row
        out[row]["start_ns"] = path.ts_ns[row]
        out[row]["end_row"] = row
        out[row]["end_ns"] = path.ts_ns[row]
        out[row]["ret_ticks"] = np.nan
        out[row]["barrier_ticks"] = np.nan
        if not np.isfinite(volatility[row]):
            continue
        barrier = max(sigma_multiple * volatility[row] * np.sqrt(horizon) * path.close[row], least[row])
        out[row]["barrier_ticks"] = barrier
        end, touch = _first_touch(path, row, last_row_within(path, row, horizon), barrier)
        _label_row(path, row, end, touch, least[row], out)


def triple_barrier(
    path: PricePath, volatility: np.ndarray, cost_ticks: np.ndarray, params: BarrierParams
) -> np.ndarray:
    """Return one LABEL record per bar.

    Rules, in order: a barrier touched by a later bar of the session decides (`ret_ticks` is the barrier); of a bar
    that touches both, its close tells which side gained (`ret_ticks` is that gain; where neither did it is undecided,
    VERTICAL). A gap before any touch drops the label. At the horizon, or at the session's last bar, the side that
    gained more than the least barrier decides, else the label is 0 and `ret_ticks` the move of the mid. Dropped rows,
    rows without a later bar and rows whose σ is not finite have touch NONE, label 0, a NaN return, and weight 0
    (`models.weights`).

    Parameters
    ----------
    volatility : f8[n]
        σ of the log return of one bar, known at the row (`bar_volatility`); NaN gives no label.
    cost_ticks : f8[n]
        Fees of a round trip on the row's day, ≥ 0, in ticks; the spread is in the prices.
    """
    sizes = [len(volatility), len(cost_ticks)]
    if sizes != [path.close.size] * 2:
        raise DataError(f"labels: expected {path.close.size} volatilities and costs, found {sizes}; one per bar")
    out = np.zeros(path.close.size, dtype=LABEL)
    sigma = np.array(volatility, dtype=np.float64)
    least = np.maximum(params.cost_multiple * np.asarray(cost_ticks, dtype=np.float64), params.min_ticks)
    _label_rows(path, sigma, least, params.horizon_bars, float(params.sigma_multiple), out)
    return out


def class_shares(labels: np.ndarray) -> ClassShares:
    """Return the class shares of LABEL records.

    Raises
    ------
    NotEnoughData
        No row has a label.
    """
    found = labels["label"][labels["touch"] != _NONE]
    if not found.size:
        raise NotEnoughData(
            f"labels: expected labelled rows, found none of {len(labels)}; add sessions or mend the gaps"
        )
    down, undecided, up = (float(np.mean(found == value)) for value in (-1, 0, 1))
    return ClassShares(down, undecided, up, len(labels) - found.size)


def check_shares(labels: np.ndarray) -> ClassShares:
    """Return the class shares, or refuse labels that would teach a model to always say the same (DataError).

    Up and down each need 5 %; no class may exceed 90 %. Undecided rows are never trained on, so they may be few.
    """
    shares = class_shares(labels)
    if min(shares.down, shares.up) < SHARE_MIN or max(shares.down, shares.undecided, shares.up) > SHARE_MAX:
        raise DataError(
            f"labels: expected up and down of at least {SHARE_MIN:.0%} each and no class over {SHARE_MAX:.0%}, found "
            f"down {shares.down:.1%}, undecided {shares.undecided:.1%}, up {shares.up:.1%}; change "
            "labels.sigma_multiple, labels.cost_multiple or labels.horizon_bars in params.yaml"
        )
    return shares
