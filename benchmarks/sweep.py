"""Fifty pairs of stop and target over a million bars, beside vectorbt with the same fills."""

import os
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from backtest.sweep import Ending, Path, Signals, SweepTerms, equity, prepare, sweep, trades
from benchmarks.feature_work import drawn_bars
from benchmarks.rows import Row, more_is_better, race

# As vectorbt fills: no slippage (it knows only a fraction of the price), and a target at the first touch.
TERMS = SweepTerms(tick_value=1.0, fee_per_side=0.3, slippage_ticks=0, through_ticks=0, capital=1_000_000.0)
EXACT = 1e-9
_NEARER = 1e-10  # ticks: vectorbt keeps a stop as a fraction of the entry, which may round to just beyond the level


@dataclass(frozen=True)
class Sizes:
    """Bars, pairs in all, and the pairs of one call of vectorbt: more at once would fill the memory."""

    bars: int = 1_000_000
    pairs: int = 50
    peer_pairs: int = 5
    rounds: int = 2


def sweep_row(sizes: Sizes = Sizes()) -> Row:
    """Bars times pairs per second, with net, round trips and drawdown of each pair; fills and equity proved equal."""
    signals = crossing_signals(sizes.bars)
    path = prepare(signals)
    stops, targets = grid(sizes.pairs)
    shown = np.linspace(0, sizes.pairs - 1, sizes.peer_pairs).astype(np.int64)
    workers = os.cpu_count() or 1
    work = f"sweep, {sizes.pairs} pairs over {sizes.bars:,} bars, {workers} threads"

    def ours() -> np.ndarray:
        return sweep(path, stops, targets, TERMS, workers)

    try:
        at_once = _Peer(signals, stops[shown], targets[shown])
    except ModuleNotFoundError as error:
        if error.name != "vectorbt":
            raise
        seconds, _ = race(ours, lambda: None, rounds=sizes.rounds)
        return Row(f"{work} (no vectorbt here)", "M bar-runs/s", round(sizes.bars * sizes.pairs / seconds / 1e6, 1))
    for place, pair in enumerate(shown):
        prove_equal(path, (stops[pair], targets[pair]), at_once.portfolio(), place)
    alone = [_Peer(signals, stops[pair : pair + 1], targets[pair : pair + 1]) for pair in shown]
    one_by_one = lambda: [peer.run() for peer in alone]  # noqa: E731
    seconds, theirs = race(ours, at_once.run, one_by_one, rounds=sizes.rounds)
    bars = sizes.bars / 1e6
    peer = "vectorbt, one thread, equal fills and equity"
    return more_is_better(work, "M bar-runs/s", bars * sizes.pairs / seconds, bars * sizes.peer_pairs / theirs, peer)


def crossing_signals(count: int) -> Signals:
    """Return drawn bars, left where a fast mean crosses a slow one and entered on its side a bar later."""
    bars = drawn_bars(count)
    total = np.cumsum(np.append(0, bars["close"].astype(np.int64)))
    fast, slow = ((total[n:] - total[:-n])[-(count - 49) :] / n for n in (10, 50))
    above = np.append(np.zeros(49, dtype=np.int8), np.sign(fast - slow).astype(np.int8))
    changed = (above != np.append(0, above[:-1])) & (above != 0)
    side = np.where(np.append(False, changed[:-1]), above, 0).astype(np.int8)
    return Signals(bars, side, changed, np.arange(count) == count - 1, np.ones(count))


def grid(pairs: int) -> tuple[np.ndarray, np.ndarray]:
    """Return stops of 10 to 100 ticks with targets from 10 ticks on."""
    place = np.arange(pairs)
    return 10.0 + 10.0 * (place % 10), 10.0 + 20.0 * (place // 10)


def prove_equal(path: Path, pair: tuple[float, float], portfolio: Any, place: int) -> None:
    """Compare fills and the equity at each close; vectorbt books an entry at the close that decided it."""
    made = trades(path, *pair, TERMS)
    orders = portfolio.orders.records
    orders = orders[orders["col"] == place]
    ours = np.stack([made["opened_at"], made["closed_at"]], axis=1).ravel()
    decided = np.where(
        made["ending"] == Ending.LEFT, made["closed"] - (made["closed"] < path.close.size - 1), made["closed"]
    )
    bars = np.stack([made["opened"] - 1, decided], axis=1).ravel()
    assert len(orders) == bars.size, f"expected {bars.size} fills as ours, found {len(orders)} of vectorbt"
    assert (orders["idx"].to_numpy() == bars).all(), "expected fills at the same bars"
    np.testing.assert_allclose(orders["price"].to_numpy(), ours, rtol=EXACT)
    value = np.asarray(portfolio.value())
    value = value[:, place] if value.ndim == 2 else value
    settled = np.ones(path.close.size, dtype=bool)
    settled[bars] = False
    np.testing.assert_allclose(value[settled], TERMS.capital + equity(path, made, TERMS)[settled], rtol=EXACT)


class _Peer:
    """The same work in vectorbt: entries at the close that decides them, at the price of the next open."""

    def __init__(self, asked: Signals, stops: np.ndarray, targets: np.ndarray) -> None:
        self._portfolio: Any = import_module("vectorbt").Portfolio
        leaves = asked.leave | asked.ends
        buys, sells = (((asked.side == side) & ~leaves)[:, None] for side in (1, -1))
        opened, high, low, close = (
            asked.bars[name].astype(np.float64)[:, None] for name in ("open", "high", "low", "close")
        )
        price = np.append(opened[1:], close[-1:], axis=0)
        self._given = {
            "close": np.repeat(close, stops.size, axis=1), "entries": buys, "exits": leaves[:, None],
            "short_entries": sells, "short_exits": leaves[:, None],
            "price": price, "open": opened, "high": high, "low": low,
            "sl_stop": (stops - _NEARER) / price, "tp_stop": (targets - _NEARER) / price,
            "stop_entry_price": "FillPrice", "stop_exit_price": "StopLimit", "upon_opposite_entry": "Ignore",
            "upon_long_conflict": "Ignore", "upon_short_conflict": "Ignore", "size": 1.0, "size_type": "Amount",
            "fixed_fees": TERMS.fee_per_side, "init_cash": TERMS.capital, "accumulate": False, "freq": "1min",
        }  # fmt: skip

    def portfolio(self) -> Any:
        return self._portfolio.from_signals(**self._given)

    def run(self) -> tuple[Any, Any, Any]:
        made = self.portfolio()
        return made.total_profit(), made.trades.count(), made.max_drawdown()
