"""Bars nobody traded, as people generate them; and one series that carries a market's traces, as a control."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from market.bar_statistics import BarSeries

MONDAY = 20_605  # 2026-06-01
TO_JULY = 35  # 2026-07-06: three weeks without a holiday
STEPS = 30  # of the price within a bar


@dataclass(frozen=True)
class Plan:
    """How many bars, how long, and from where."""

    sessions: int
    minutes: int
    seed: int
    weekends: bool = False
    first_minute: int = 540

    @property
    def bars(self) -> int:
        return 540 // self.minutes

    @property
    def size(self) -> int:
        return self.sessions * self.bars

    def clock(self) -> tuple[np.ndarray, np.ndarray]:
        days = np.arange(2 * self.sessions + 7) + MONDAY
        kept = days if self.weekends else days[(days + 3) % 7 < 5]
        day = np.repeat(kept[: self.sessions], self.bars)
        minute = np.tile(self.first_minute + np.arange(self.bars) * self.minutes, self.sessions) % 1440
        return day, minute


Generator = Callable[[Plan], BarSeries]


def in_july(series: BarSeries) -> BarSeries:
    return replace(series, day=series.day + TO_JULY)


def walk(plan: Plan, sigma: np.ndarray, volume: np.ndarray, tick: float = 0.5) -> BarSeries:
    """Return bars of a price that moves in normal steps, on the tick grid; sigma f8[n] per bar."""
    rng = np.random.default_rng(plan.seed)
    steps = rng.normal(size=(plan.size, STEPS)) * (sigma / np.sqrt(STEPS))[:, None]
    path = 5000 * np.exp(np.cumsum(steps).reshape(steps.shape))
    path = np.rint(path / tick) * tick
    day, minute = plan.clock()
    return BarSeries(day, minute, path[:, 0], path.max(axis=1), path.min(axis=1), path[:, -1], volume)


def constant_sigma(plan: Plan) -> np.ndarray:
    return np.full(plan.size, 3e-4 * np.sqrt(plan.minutes))


def clustered_sigma(plan: Plan) -> np.ndarray:
    """GARCH(1,1) with the persistence of an index future."""
    rng = np.random.default_rng(plan.seed + 1)
    base = (3e-4) ** 2 * plan.minutes
    variance, out = base, np.empty(plan.size)
    for k in range(plan.size):
        out[k] = np.sqrt(variance)
        variance = 0.03 * base + 0.15 * variance * rng.normal() ** 2 + 0.82 * variance
    return out


def random_walk_with_constant_volume(plan: Plan) -> BarSeries:
    return walk(plan, constant_sigma(plan), np.full(plan.size, 1000.0))


def random_walk_with_lognormal_volume(plan: Plan) -> BarSeries:
    volume = np.rint(np.random.default_rng(plan.seed + 2).lognormal(6, 1, plan.size))
    return walk(plan, constant_sigma(plan), volume)


def open_and_noise(plan: Plan) -> BarSeries:
    """The usual script: open is the close before, high and low are noise about them, in full floats."""
    rng = np.random.default_rng(plan.seed)
    close = 5000 * np.exp(np.cumsum(rng.normal(0, 3e-4 * np.sqrt(plan.minutes), plan.size)))
    opens = np.append(5000.0, close[:-1])
    high = np.maximum(opens, close) * (1 + np.abs(rng.normal(0, 2e-4, plan.size)))
    low = np.minimum(opens, close) * (1 - np.abs(rng.normal(0, 2e-4, plan.size)))
    return BarSeries(*plan.clock(), opens, high, low, close, rng.integers(100, 1000, plan.size).astype(float))


def clustered_with_uniform_volume(plan: Plan) -> BarSeries:
    volume = np.random.default_rng(plan.seed + 2).integers(100, 1000, plan.size).astype(float)
    return walk(plan, clustered_sigma(plan), volume)


def lively(plan: Plan) -> BarSeries:
    """A series that clusters, has its hours and trades more where it moves more: it carries every trace."""
    rng = np.random.default_rng(plan.seed + 3)
    _, minute = plan.clock()
    hours = 1 + 1.5 * np.exp(-((minute - plan.first_minute) % 1440) / 90)
    log = np.zeros(plan.size)
    for k in range(1, plan.size):
        log[k] = 0.95 * log[k - 1] + 0.2 * rng.normal()
    shock = np.exp(0.3 * rng.normal(size=plan.size))
    activity = hours * np.exp(log) * shock
    volume = np.rint(800 * activity * np.exp(0.2 * rng.normal(size=plan.size)))
    return walk(plan, constant_sigma(plan) * activity**0.7, volume)


def on_weekends(plan: Plan) -> BarSeries:
    return lively(replace(plan, sessions=max(plan.sessions, 7), weekends=True))


def through_the_night(plan: Plan) -> BarSeries:
    return lively(replace(plan, first_minute=20 * 60))


def flat_filled(plan: Plan) -> BarSeries:
    """Two bars in three are the close before, without volume."""
    series = lively(plan)
    filled = np.arange(plan.size) % 30 >= 10
    last = np.maximum.accumulate(np.where(filled, 0, np.arange(plan.size)))
    close = series.close[last]
    flat = {name: np.where(filled, close, getattr(series, name)) for name in ("open", "high", "low")}
    return replace(series, **flat, close=close, volume=np.where(filled, 0.0, series.volume))


def shuffled(series: BarSeries, seed: int) -> BarSeries:
    """Return the series' own bars in random order, chained: every distribution stays, every order is lost."""
    order = np.random.default_rng(seed).permutation(series.close.size)
    anchor = np.append(series.open[0], series.close[:-1])
    ratios = {name: (getattr(series, name) / anchor)[order] for name in ("open", "high", "low", "close")}
    start = series.open[0] * np.append(1.0, np.cumprod(ratios["close"])[:-1])
    prices = {name: np.round(start * ratio, 2) for name, ratio in ratios.items()}
    return replace(series, **prices, volume=series.volume[order])


def shuffled_lively(plan: Plan) -> BarSeries:
    return shuffled(lively(plan), plan.seed)


GENERATORS: tuple[Generator, ...] = (
    random_walk_with_constant_volume,
    random_walk_with_lognormal_volume,
    open_and_noise,
    clustered_with_uniform_volume,
    shuffled_lively,
    on_weekends,
    through_the_night,
    flat_filled,
)


def as_mt5(series: BarSeries, path: Path, counts_contracts: bool = True) -> Path:
    """Write a series as MT5 exports bars; a currency's file counts trades only."""
    rows = ["<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>"]
    for k, (day, minute) in enumerate(zip(series.day, series.minute, strict=True)):
        moment = datetime(1970, 1, 1) + timedelta(days=int(day), minutes=int(minute))
        prices = "\t".join(repr(float(getattr(series, name)[k])) for name in ("open", "high", "low", "close"))
        volume = int(series.volume[k])
        rows.append(f"{moment:%Y.%m.%d}\t{moment:%H:%M:%S}\t{prices}\t{volume}\t{volume * counts_contracts}\t5")
    path.write_bytes("".join(f"{row}\r\n" for row in rows).encode())
    return path
