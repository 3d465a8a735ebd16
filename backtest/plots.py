"""The report's plots as inline SVG, the same bytes for the same numbers.

Colours are drawn as marker values and replaced by CSS variables, so that one drawing serves a light page, a
dark page and paper. Text stays text.
"""

import io
import re
from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Outline
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, MaxNLocator

from backtest.messages import MESSAGES
from backtest.numerals import decimal
from backtest.report_data import Calibration, EquityCurve, LearningCurve, PriceChart
from backtest.strokes import group_bars, session_starts, thin

INK, GRID, ACCENT, GAIN, LOSS, BUY, SELL, BACK = (f"#01020{digit}" for digit in range(8))
_VARIABLES = {
    INK: "--plot-ink",
    GRID: "--plot-grid",
    ACCENT: "--plot-accent",
    GAIN: "--plot-gain",
    LOSS: "--plot-loss",
    BUY: "--plot-buy",
    SELL: "--plot-sell",
    BACK: "--plot-back",
}
_DAY_NS = 86_400_000_000_000
WIDE = (9.0, 3.9)
HALF = (4.6, 3.7)
POINTS = 1400
STROKES = 900
LARGEST = 20


def _label(key: str) -> str:
    return " · ".join(dict.fromkeys(MESSAGES[key]))


def _dress(axes: Axes) -> None:
    axes.set_facecolor("none")
    axes.tick_params(colors=INK, labelsize=7.5, length=0, pad=5)
    axes.grid(True, color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _plain(digits: int) -> FuncFormatter:
    return FuncFormatter(lambda value, _: decimal(value, digits))


def _legend(axes: Axes, handles: list[Line2D], columns: int) -> None:
    axes.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        ncols=columns,
        frameon=False,
        fontsize=7.5,
        labelcolor=INK,
        borderaxespad=0.2,
        handletextpad=0.5,
    )


def _name(axes: Axes, key: str) -> None:
    axes.set_title(_label(key), loc="left", fontsize=8, color=INK, pad=6)


def _svg(figure: Figure, name: str) -> str:
    """Write a figure as an SVG element that needs nothing from elsewhere; `name` keeps its ids apart."""
    for text in figure.findobj(Text):
        text.set_parse_math(False)  # R$ is money, not a formula
    target = io.StringIO()
    with matplotlib.rc_context(
        {"svg.fonttype": "none", "svg.hashsalt": name, "path.simplify": False, "text.parse_math": False}
    ):
        figure.savefig(target, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    return _embed(target.getvalue(), name)


def _embed(document: str, name: str) -> str:
    """Turn an SVG document into an element of the page: no prolog, no size, no namespace, its own ids."""
    text = document[document.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", text)
    text = re.sub(r'\s(width|height)="[\d.]+pt"', "", text, count=2)
    text = re.sub(r"font: ([\d.]+px)[^;\"]*", r"font-size: \1", text)
    text = re.sub(r'(id="|href="#|url\(#)', rf"\g<1>{name}-", text)
    for marker, variable in _VARIABLES.items():
        text = text.replace(marker, f"var({variable})")
    return text.replace("<svg ", f'<svg class="plot {name}" role="img" ', 1)


def _session_ticks(axes: Axes, ts_ns: np.ndarray, starts: np.ndarray) -> None:
    """Mark sessions on an axis that counts records, so that nights and weekends take no room."""
    step = max(1, -(-len(starts) // 9))
    shown = starts[::step]
    dates = [str(np.datetime64(int(ts), "ns").astype("datetime64[D]")) for ts in ts_ns[shown]]
    axes.set_xticks(shown, [f"{d[8:]}/{d[5:7]}/{d[2:4]}" for d in dates])
    axes.set_xlim(0, max(1, len(ts_ns) - 1))


def equity_plot(curve: EquityCurve) -> str:
    """Draw equity above its drawdown, over bars."""
    figure = Figure(figsize=WIDE, layout="constrained")
    figure.patch.set_alpha(0.0)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(2.6, 1.0))
    peak = np.maximum(np.maximum.accumulate(curve.equity), 0.0)
    fall = -100.0 * (peak - curve.equity) / (curve.capital + peak)
    for axes in (above, below):
        _dress(axes)
        axes.axhline(0.0, color=INK, linewidth=0.6)
    kept = thin(curve.equity, POINTS)
    above.plot(kept, curve.equity[kept], color=ACCENT, linewidth=1.3)
    above.fill_between(kept, curve.equity[kept], 0.0, color=ACCENT, alpha=0.10, linewidth=0)
    kept = thin(fall, POINTS)
    below.fill_between(kept, fall[kept], 0.0, color=LOSS, alpha=0.35, linewidth=0)
    below.plot(kept, fall[kept], color=LOSS, linewidth=0.9)
    for axes, key, digits in ((above, "axis_equity", 0), (below, "axis_drawdown", 1)):
        _name(axes, key)
        axes.yaxis.set_major_formatter(_plain(digits))
        axes.yaxis.set_major_locator(MaxNLocator(5 if axes is above else 3))
    below.set_ylim(top=0.0)
    _session_ticks(below, curve.ts_ns, session_starts(curve.session_index))
    return _svg(figure, "equity")


def _strokes(bars: np.ndarray, tick_size: float, colour: str, keep: np.ndarray) -> PathPatch:
    """Return the high-low lines of the kept bars with a mark at each close, as one path."""
    at = np.flatnonzero(keep).astype(np.float64)
    low, high, close = (bars[name][keep] * tick_size for name in ("low", "high", "close"))
    vertices = np.stack([at, low, at, high, at, close, at + 0.5, close], axis=1).reshape(-1, 2)
    codes = np.tile([Outline.MOVETO, Outline.LINETO], 2 * len(at)).astype(Outline.code_type)
    return PathPatch(Outline(vertices, codes), edgecolor=colour, facecolor="none", linewidth=0.8)


def _fill_marks(axes: Axes, where: np.ndarray, prices: np.ndarray, fills: np.ndarray) -> None:
    """Mark entries and exits, and join each round trip by a line coloured by what it earned."""
    signed = fills["side"].astype(np.int64) * fills["quantity"]
    after = np.cumsum(signed)
    opening = (after - signed) == 0
    first = 0
    lines: dict[str, list[tuple[tuple[float, float], tuple[float, float]]]] = {GAIN: [], LOSS: []}
    for k in range(len(fills)):
        first = k if opening[k] else first
        if after[k] == 0 and k > first:
            earned = (prices[k] - prices[first]) * fills["side"][first]
            lines[GAIN if earned > 0 else LOSS].append(((where[first], prices[first]), (where[k], prices[k])))
    for colour, segments in lines.items():
        axes.add_collection(LineCollection(segments, colors=colour, linewidths=1.6, zorder=3))
    entry = np.abs(after) > np.abs(after - signed)
    for keep, marker, colour, face, size in (
        (entry & (fills["side"] > 0), "^", BUY, BUY, 6.5),
        (entry & (fills["side"] < 0), "v", SELL, SELL, 6.5),
        (~entry, "o", INK, BACK, 4.5),
    ):
        axes.plot(where[keep], prices[keep], marker, color=colour, ms=size, mfc=face, mew=0.9, zorder=4)


def price_plot(chart: PriceChart) -> str:
    """Draw bars as high-low lines with a mark at the close, and the fills on them."""
    bars, span = group_bars(chart.bars, STROKES)
    figure = Figure(figsize=(9.0, 4.2), layout="constrained")
    figure.patch.set_alpha(0.0)
    axes = figure.subplots()
    _dress(axes)
    rose = bars["close"] >= bars["open"]
    for colour, keep in ((GAIN, rose), (LOSS, ~rose)):
        axes.add_patch(_strokes(bars, chart.tick_size, colour, keep))
    inside = (chart.fills["ts_ns"] >= bars["ts_open_ns"][0]) & (chart.fills["ts_ns"] <= bars["ts_close_ns"][-1])
    fills = chart.fills[inside]
    where = np.searchsorted(bars["ts_open_ns"], fills["ts_ns"], side="right") - 1.0
    _fill_marks(axes, where, fills["price"] * chart.tick_size, fills)
    low = min(bars["low"].min(), fills["price"].min(initial=bars["low"].min())) * chart.tick_size
    high = max(bars["high"].max(), fills["price"].max(initial=bars["high"].max())) * chart.tick_size
    room = max(0.03 * (high - low), chart.tick_size)
    axes.set_ylim(low - room, high + room)
    starts = session_starts(bars["ts_open_ns"] // _DAY_NS)
    _session_ticks(axes, bars["ts_open_ns"], starts)
    axes.set_xlim(-1, len(bars))
    axes.set_ylabel(_label("axis_points"), fontsize=7.5, color=INK)
    axes.yaxis.set_major_formatter(_plain(0))
    axes.yaxis.set_major_locator(MaxNLocator(7, steps=[1, 2, 5, 10], integer=True))
    drawn = [
        Line2D([], [], linestyle="", marker=marker, color=colour, markerfacecolor=face, label=_label(key))
        for marker, colour, face, key in (
            ("^", BUY, BUY, "legend_buy"),
            ("v", SELL, SELL, "legend_sell"),
            ("o", INK, BACK, "legend_exit"),
        )
    ]
    _legend(axes, drawn, 3)
    if span > 1:
        axes.set_xlabel(" · ".join(m.format(span) for m in MESSAGES["plot_grouped"]), fontsize=7.5, color=INK)
    return _svg(figure, "prices")


def calibration_plot(table: Calibration) -> str:
    """Draw observed frequency against predicted probability, with the number of predictions below."""
    figure = Figure(figsize=HALF, layout="constrained")
    figure.patch.set_alpha(0.0)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3.2, 1.0))
    used = table.counts > 0
    x, y = table.predicted[used], table.observed[used]
    for axes in (above, below):
        _dress(axes)
    low, high = float(min(x.min(), y.min())) - 0.03, float(max(x.max(), y.max())) + 0.03
    above.plot([low, high], [low, high], color=INK, linewidth=0.9, linestyle=(0, (4, 3)))
    above.plot(x, y, color=ACCENT, linewidth=1.3, marker="o", markersize=4.5)
    above.set_xlim(low, high)
    above.set_ylim(low, high)
    below.bar(x, table.counts[used], width=(high - low) / 30, color=ACCENT, alpha=0.55)
    _name(below, "axis_count")
    above.yaxis.set_major_formatter(_plain(2))
    below.xaxis.set_major_formatter(_plain(2))
    below.yaxis.set_major_formatter(_plain(0))
    below.yaxis.set_major_locator(MaxNLocator(2))
    above.set_ylabel(_label("axis_observed"), fontsize=7.5, color=INK)
    below.set_xlabel(_label("axis_predicted"), fontsize=7.5, color=INK)
    perfect = Line2D([], [], color=INK, linewidth=0.9, linestyle=(0, (4, 3)), label=_label("legend_perfect"))
    model = Line2D([], [], color=ACCENT, marker="o", markersize=4.5, label=_label("legend_model"))
    _legend(above, [model, perfect], 2)
    return _svg(figure, "calibration")


def ranking_plot(values: Mapping[str, float], name: str, scale: float) -> str:
    """Draw the largest twenty values of features, times a scale, as bars; `name` finds the title of the axis."""
    ranked = sorted(values.items(), key=lambda item: (-item[1], item[0]))[:LARGEST]
    names, lengths = zip(*ranked[::-1], strict=True)
    figure = Figure(figsize=(HALF[0], max(1.6, 0.45 + 0.21 * len(names))), layout="constrained")
    figure.patch.set_alpha(0.0)
    axes = figure.subplots()
    _dress(axes)
    axes.grid(False, axis="y")
    axes.barh(np.arange(len(names)), scale * np.array(lengths), height=0.66, color=ACCENT, alpha=0.8)
    axes.set_yticks(np.arange(len(names)), names)
    axes.set_ylim(-0.6, len(names) - 0.4)
    axes.xaxis.set_major_formatter(_plain(0 if scale * max(lengths) >= 5 else 2))
    axes.xaxis.set_major_locator(MaxNLocator(5))
    _name(axes, f"axis_{name}")
    return _svg(figure, name)


def folds_plot(net: Sequence[float]) -> str:
    """Draw R$ of each fold as a bar, in time order."""
    figure = Figure(figsize=HALF, layout="constrained")
    figure.patch.set_alpha(0.0)
    axes = figure.subplots()
    _dress(axes)
    axes.grid(False, axis="x")
    places = np.arange(len(net)) + 1
    axes.bar(places, net, width=0.6, color=[GAIN if one > 0 else LOSS for one in net], alpha=0.85)
    axes.axhline(0.0, color=INK, linewidth=0.9)
    axes.set_xticks(places)
    axes.yaxis.set_major_formatter(_plain(0))
    _name(axes, "axis_folds")
    return _svg(figure, "folds")


def learning_plot(curve: LearningCurve) -> str:
    """Draw the log loss on the last fold against the share of its training sessions, and that of knowing nothing."""
    figure = Figure(figsize=HALF, layout="constrained")
    figure.patch.set_alpha(0.0)
    axes = figure.subplots()
    _dress(axes)
    axes.plot(100.0 * curve.share, curve.loss, color=ACCENT, linewidth=1.3, marker="o", markersize=4.5)
    axes.axhline(curve.ignorant, color=INK, linewidth=0.9, linestyle=(0, (4, 3)))
    axes.xaxis.set_major_formatter(_plain(0))
    axes.yaxis.set_major_formatter(_plain(4))
    axes.set_xlabel(_label("axis_sessions"), fontsize=7.5, color=INK)
    axes.set_ylabel(_label("axis_loss"), fontsize=7.5, color=INK)
    ignorant = Line2D([], [], color=INK, linewidth=0.9, linestyle=(0, (4, 3)), label=_label("legend_ignorant"))
    model = Line2D([], [], color=ACCENT, marker="o", markersize=4.5, label=_label("legend_model"))
    _legend(axes, [model, ignorant], 2)
    return _svg(figure, "learning")
