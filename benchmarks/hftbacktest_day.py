"""The peer of `benchmarks.execution`, run by an interpreter of its own: hftbacktest asks for an older NumPy.

It takes a file of arrays and a number of rounds, and writes its best seconds and the orders that were filled.
"""

import json
import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numba
import numpy as np

hft: Any = import_module("hftbacktest")


def send_and_wait(day: Any, sides: np.ndarray, prices: np.ndarray, end_ns: int) -> None:
    """Send the orders at the first tick and let the day pass."""
    day.elapse(1)
    for i in range(prices.size):
        if sides[i] > 0:
            day.submit_buy_order(0, i + 1, prices[i], 1.0, hft.GTC, hft.LIMIT, False)
        else:
            day.submit_sell_order(0, i + 1, prices[i], 1.0, hft.GTC, hft.LIMIT, False)
    while day.elapse(end_ns) == 0:
        pass


def feed(events: np.ndarray) -> np.ndarray:
    """Return the feed: a best price that moves takes its old level with it."""
    rows = np.zeros((events.size, 2), dtype=hft.types.event_dtype)
    for name in ("exch_ts", "local_ts"):
        rows[name] = events["ts_ns"][:, None]
    rows["px"], rows["qty"][:, 1] = events["price"][:, None], events["quantity"]
    kind = np.where(events["is_quote"], hft.DEPTH_EVENT, hft.TRADE_EVENT)
    side = np.where(events["side"] > 0, hft.BUY_EVENT, hft.SELL_EVENT)
    rows["ev"] = (hft.EXCH_EVENT | hft.LOCAL_EVENT | kind | side)[:, None]
    wanted = np.tile([False, True], (events.size, 1))
    for one in (1, -1):
        at = np.flatnonzero(events["is_quote"] & (events["side"] == one))
        price = events["price"][at]
        rows["px"][at[1:], 0] = price[:-1]
        wanted[at[1:], 0] = price[1:] != price[:-1]
    kept: np.ndarray = rows[wanted]
    return kept


def new_day(rows: np.ndarray, make: Callable[[list[Any]], Any], low: float, high: float) -> Any:
    asset = hft.BacktestAsset().data(rows).linear_asset(1.0).constant_order_latency(0, 0)
    asset = asset.risk_adverse_queue_model().no_partial_fill_exchange().trading_value_fee_model(0.0, 0.0)
    return make([asset.tick_size(1.0).lot_size(1.0).last_trades_capacity(0).roi_lb(low).roi_ub(high)])


def main(path: str, rounds: int) -> None:
    play = numba.njit(send_and_wait)
    with np.load(path) as given:
        events, sides, prices = given["events"], given["sides"], given["prices"].astype(np.float64)
    rows = feed(events)
    low, high = float(events["price"].min() - 1000), float(events["price"].max() + 1000)
    end_ns = int(np.ptp(rows["exch_ts"])) + 1
    taken: list[float] = []
    filled: list[int] = []
    for _ in range(rounds + 1):
        for make in (hft.ROIVectorMarketDepthBacktest, hft.HashMapMarketDepthBacktest):
            day = new_day(rows, make, low, high)
            started = time.perf_counter()
            play(day, sides, prices, end_ns)
            taken.append(time.perf_counter() - started)
            orders = day.orders(0)
            filled = [i + 1 for i in range(prices.size) if orders.get(i + 1).status == hft.FILLED]
            day.close()
    json.dump({"seconds": min(taken[2:]), "filled": filled}, sys.stdout)  # the first two compile


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
