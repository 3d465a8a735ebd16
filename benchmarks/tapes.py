"""A busy day of trades, drawn: what one looks like on the wire decides how small and how fast its file is.

Orders print against one to sixty resting ones in the same millisecond; packets arrive with a jitter of their own, in
steps of 100 ns; flow persists; few brokers do most of the trading.
"""

import numpy as np

from market.types import EVENT, Kind, Side, TradeType

OPEN_NS = 1_780_315_200 * 1_000_000_000  # 2026-06-01 09:00 in São Paulo
DAY_NS = 9 * 3_600_000_000_000
WIN = 3
LOTS, LOT_SHARES = (1, 2, 3, 5, 10, 20, 50, 100), (0.62, 0.12, 0.04, 0.1, 0.06, 0.03, 0.02, 0.01)
BROKERS = 30


def busy_day(trades: int, seed: int = 11) -> np.ndarray:
    """Return one session of EVENT trades of WIN, with receive times, trade numbers, brokers and sides."""
    rng = np.random.default_rng(seed)
    prints = np.minimum(rng.geometric(0.45, trades), 60)
    order = np.repeat(np.arange(trades), prints)[:trades]  # the aggressive order of each trade
    orders = int(order[-1]) + 1
    millisecond = (np.sort(rng.beta(0.8, 1.0, orders)) * DAY_NS).astype(np.int64) // 1_000_000
    persists = rng.random(orders) < 0.35
    side = rng.choice(np.array([Side.SELL, Side.BUY]), orders)
    side = np.where(persists, side, np.roll(side, 1))[order]
    events = np.zeros(trades, dtype=EVENT)
    events["ts_event_ns"] = OPEN_NS + millisecond[order] * 1_000_000
    latency = rng.lognormal(np.log(1.6e6), 0.35, orders)[order]
    arrival = np.maximum.accumulate(events["ts_event_ns"] + latency.astype(np.int64))
    events["ts_recv_ns"] = np.maximum.accumulate(arrival + rng.integers(0, 4_000, trades)) // 100 * 100
    events["sequence"] = np.arange(trades) + np.cumsum(rng.random(trades) < 0.5)  # quotes lie between
    events["trade_number"] = 10 + np.arange(trades)
    events["quantity"] = rng.choice(LOTS, trades, p=LOT_SHARES)
    walk = np.cumsum(rng.choice([-1, 0, 1], orders, p=[0.09, 0.82, 0.09]))
    events["price"] = 26_000 + walk[order] + side * (rng.random(trades) < 0.06)
    shares = 1 / np.arange(1, BROKERS + 1)
    aggressor = rng.choice(BROKERS, orders, p=shares / shares.sum())[order] * 37 + 3
    resting = rng.choice(BROKERS, trades, p=shares / shares.sum()) * 37 + 3
    events["buyer"] = np.where(side == Side.BUY, aggressor, resting)
    events["seller"] = np.where(side == Side.BUY, resting, aggressor)
    events["instrument"], events["kind"], events["side"] = WIN, Kind.TRADE, side
    events["trade_type"] = np.where(side == Side.BUY, TradeType.BUY_AGGRESSION, TradeType.SELL_AGGRESSION)
    events["trade_type"][rng.random(trades) < 0.04] = TradeType.RLP
    return events
