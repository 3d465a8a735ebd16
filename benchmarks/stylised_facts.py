"""Draw the four stylised facts of the synthetic market beside those of real files.

    PREGAO_REALDATA=<folder> python -m benchmarks.stylised_facts docs/synthetic-market.png

The functions that measure are the tests' (tests.stylised, tests.measured); the numbers also go to standard output.
"""

import os
import sys
import tempfile
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from market.bars import bars_from_events
from market.instruments import B3
from market.synthetic import SyntheticMarket
from tests import measured
from tests.stylised import SLOTS, autocorrelation, inside_share, intraday_shape, log_returns, spread_shares

LAGS = np.arange(1, 31)
SESSIONS, SEED, FIRST = 30, 1, date(2026, 6, 1)
MINUTE_NS = 60_000_000_000
REAL, MADE = {"WDO": "#1f4e79", "WIN": "#7a4a00"}, {"WDO": "#5aa0e0", "WIN": "#e8a33d"}


@dataclass(frozen=True)
class Facts:
    """What one market shows; None where its source cannot."""

    name: str
    shape: np.ndarray
    memory: np.ndarray
    absolute_memory: np.ndarray
    unusual_memory: np.ndarray
    spread: np.ndarray | None = None
    inside: float | None = None


def memories(sessions: list[tuple[date, np.ndarray]], root: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of returns, of absolute returns, and of those over the usual one at the time of day."""
    returns = [log_returns(bars) for _, bars in sessions]
    sizes = [np.abs(values) for values in returns]
    of_what = (returns, sizes, measured.unusual_sizes(sessions, root))
    return tuple(np.array([autocorrelation(values, int(lag)) for lag in LAGS]) for values in of_what)


def measure_synthetic(symbol: str) -> Facts:
    market = replace(SyntheticMarket.realistic(symbol, FIRST, SESSIONS, SEED), levels=1)
    root = symbol[:3]
    sessions = [market.session_events(index) for index in range(SESSIONS)]
    hours = [B3.session(root, day) for day in market.days()]
    bars = [bars_from_events(*both, MINUTE_NS) for both in zip(sessions, hours, strict=True)]
    noons = [int(day["lunch_start_ns"][0]) for day in hours]
    shape = np.mean([intraday_shape(*both) for both in zip(bars, noons, strict=True)], axis=0)
    spread = np.mean([spread_shares(records) for records in sessions], axis=0)
    inside = float(np.mean([inside_share(records) for records in sessions]))
    return Facts(
        f"{root} synthetic", shape, *memories(list(zip(market.days(), bars, strict=True)), root), spread, inside
    )


def measure_real(realdata: Path, root: str, years: measured.Source, minutes: measured.Source) -> Facts:
    with tempfile.TemporaryDirectory() as folder:
        of_years = measured.read_sessions(realdata, Path(folder) / "years", years)
        of_minutes = measured.read_sessions(realdata, Path(folder) / "minutes", minutes)
        shape = measured.mean_shape(of_years, root, years[2], years[3])
        facts = Facts(f"{root} real", shape, *memories(of_minutes, root))
        if root != "WDO":
            return facts
        morning = measured.read_morning(realdata, Path(folder) / "morning")
        return replace(facts, spread=spread_shares(morning), inside=inside_share(morning))


def draw_spread(axes: Axes, real: Facts, made: list[Facts], one_tick: float) -> None:
    columns = [
        ("DOL morning 2020-04-02", real.spread, REAL["WDO"]),
        ("WDOU25, 6 min of 2025", np.array([0, one_tick, 1 - one_tick, 0, 0, 0]), "#9a9a9a"),
        *((facts.name, facts.spread, MADE[facts.name[:3]]) for facts in made),
    ]
    for place, (name, shares, colour) in enumerate(columns):
        axes.bar(np.arange(1, 5) + 0.2 * (place - 1.5), shares[1:5], 0.19, color=colour, label=name)
    axes.set(title="Spread", xlabel="ticks", ylabel="share of time", xticks=[1, 2, 3, 4])


def draw_inside(axes: Axes, real: Facts, made: list[Facts]) -> None:
    columns = [("DOL morning\n2020-04-02", real.inside, REAL["WDO"])]
    columns += [(facts.name.replace(" ", "\n"), facts.inside, MADE[facts.name[:3]]) for facts in made]
    for name, share, colour in columns:
        axes.bar(name, share, 0.6, color=colour)
        axes.text(name, share, f"{share:.3f}", ha="center", va="bottom", fontsize=8)
    axes.set(title="Trades inside the spread", ylabel="share of trades", ylim=(0, 0.2))


def draw_shape(axes: Axes, facts: list[Facts]) -> None:
    hours = 9 + np.arange(SLOTS) / 2
    for market in facts:
        root, real = market.name[:3], market.name.endswith("real")
        axes.plot(
            hours, market.shape, "-o" if real else "--", ms=3, color=(REAL if real else MADE)[root], label=market.name
        )
    axes.set(title="Trades by half hour", xlabel="hour of the day", ylabel="of the session's mean")


def draw_memory(axes: Axes, facts: list[Facts]) -> None:
    for market in facts:
        root, real = market.name[:3], market.name.endswith("real")
        style = {"color": (REAL if real else MADE)[root], "linestyle": "-" if real else "--"}
        axes.plot(LAGS, market.absolute_memory, label=market.name, **style)
        axes.plot(LAGS, market.memory, linewidth=0.8, **style)
    axes.axhline(0, color="#888888", linewidth=0.6)
    axes.text(7, 0.18, "absolute returns", fontsize=8)
    axes.text(17, 0.035, "returns", fontsize=8)
    axes.set(title="Memory of 1-minute returns", xlabel="lag, minutes", ylabel="autocorrelation")


def draw(path: Path, real: list[Facts], made: list[Facts], one_tick: float) -> None:
    figure = Figure(figsize=(10, 7.2), dpi=90, layout="constrained")
    panels = figure.subplots(2, 2)
    draw_spread(panels[0, 0], real[0], made, one_tick)
    draw_inside(panels[0, 1], real[0], made)
    draw_shape(panels[1, 0], [*real, *made])
    draw_memory(panels[1, 1], [*real, *made])
    for axes in panels.flat:
        axes.grid(True, color="#e4e4e4", linewidth=0.6)
        axes.set_axisbelow(True)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(fontsize=8, frameon=False)
    figure.savefig(path, metadata={"Software": None})


def describe(facts: Facts) -> str:
    at = [lag - 1 for lag in measured.LAGS]
    lines = [f"{facts.name}: shape {np.round(facts.shape, 2).tolist()}"]
    for what, values in (
        ("returns", facts.memory),
        ("absolute returns", facts.absolute_memory),
        ("absolute returns over the usual", facts.unusual_memory),
    ):
        lines.append(f"  {what} at lags {measured.LAGS}: {np.round(values[at], 3).tolist()}")
    if facts.spread is not None:
        lines.append(f"  spread {np.round(facts.spread, 3).tolist()}, inside {facts.inside:.3f}")
    return "\n".join(lines) + "\n"


def main() -> None:
    realdata, path = Path(os.environ["PREGAO_REALDATA"]), Path(sys.argv[1])
    real = [
        measure_real(realdata, "WDO", measured.WDO_YEARS, measured.WDO_MINUTES),
        measure_real(realdata, "WIN", measured.WIN_YEARS, measured.WIN_MINUTES),
    ]
    made = [measure_synthetic("WDOQ26"), measure_synthetic("WINQ26")]
    draw(path, real, made, measured.one_tick_share(realdata))
    sys.stdout.writelines(describe(facts) for facts in [*real, *made])


if __name__ == "__main__":
    main()
