"""The one page about the data that opens without a network, in Portuguese with English beside it."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from markupsafe import Markup

from backtest.messages import MESSAGES, bilingual
from backtest.numerals import whole
from backtest.page import page_environment
from flows.series_report import DAY_SECONDS, SeriesReport, by_verdict, length_of
from market.bar_statistics import SLOT_MINUTES
from market.lake_manifest import Cause

BAR_WIDTH, PLOT_HEIGHT, AXIS_HEIGHT = 26, 84, 18
SOURCES_NAMED = 3


def write_summary(path: Path, reports: Sequence[SeriesReport], data_docs: Path) -> None:
    """Write the summary of every series.

    Parameters
    ----------
    path : Path
        The page.
    reports : sequence of SeriesReport
        In any order; the refused are shown first.
    data_docs : Path
        First page of the Data Docs, which the summary names.
    """
    environment = page_environment("flows")
    ordered = by_verdict(reports)
    anchors = {id(report): f"series-{place}" for place, report in enumerate(ordered, start=1)}
    page = environment.get_template("summary.html").render(
        reports=ordered,
        data_docs=data_docs,
        count=_Count(*(sum(_standing(report) == name for report in reports) for name in _Count._fields)),
        title_text=MESSAGES["data_title"].pt,
        anchor=lambda report: anchors[id(report)],
        title=_title,
        verdict=_verdict,
        period=_period,
        gaps=_gaps,
        volume_plot=_volume_plot,
        sources=_sources,
        bases=lambda report: sorted({p.provenance.price_basis for p in report.partitions}),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")


class _Count(NamedTuple):
    """How many series are refused, hold with something told, and hold with nothing to tell."""

    refused: int
    told: int
    clean: int


def _standing(report: SeriesReport) -> str:
    if not report.holds:
        return "refused"
    return "told" if report.findings else "clean"


_MARKS = {
    "refused": ("loss", "✘", "data_refuses"),
    "told": ("warn", "✔", "data_tells"),
    "clean": ("gain", "✔", "data_holds"),
}


def _verdict(report: SeriesReport) -> Markup:
    colour, sign, message = _MARKS[_standing(report)]
    return Markup('<span class="mark {}">{} {}</span>').format(colour, sign, bilingual(message))


def _title(report: SeriesReport) -> Markup:
    """Name a series by contract and kind."""
    if not report.bar_seconds:
        kind = bilingual(f"data_suite_{report.kind}")
    elif report.bar_seconds == DAY_SECONDS:
        kind = bilingual("data_daily")
    else:
        kind = bilingual("data_bars", length_of(report.bar_seconds))
    return Markup("{} · {}").format(report.contract, kind)


def _period(report: SeriesReport) -> str:
    first, last = report.partitions[0].session, report.partitions[-1].session
    return first if first == last else f"{first} – {last}"


def _gaps(report: SeriesReport) -> list[tuple[Markup, int, float, int]]:
    """Return name, count and minutes of the gaps within sessions and the sessions missing whole, the longest first."""
    causes = {cause: (*report.gaps.get(cause, (0, 0.0)), report.missing.get(cause, 0)) for cause in Cause}
    found = sorted(causes.items(), key=lambda item: item[1][1:], reverse=True)
    return [(bilingual(f"data_cause_{cause.replace(' ', '_')}"), *numbers) for cause, numbers in found if any(numbers)]


def _sources(report: SeriesReport) -> str:
    names = list(dict.fromkeys(p.provenance.source for p in report.partitions))
    more = f" + {len(names) - SOURCES_NAMED}" if len(names) > SOURCES_NAMED else ""
    return ", ".join(names[:SOURCES_NAMED]) + more


def _volume_plot(volume: np.ndarray) -> Markup:
    """Draw the volume of each half hour from the first that has any to the last, as inline SVG."""
    held = np.flatnonzero(volume > 0)
    if not held.size:
        return Markup()
    first, last = int(held[0]), int(held[-1])
    heights = PLOT_HEIGHT * volume[first : last + 1] / volume.max()
    width, height = BAR_WIDTH * heights.size, PLOT_HEIGHT + AXIS_HEIGHT
    marks = "".join(_slot(first + k, k, float(tall), float(volume[first + k])) for k, tall in enumerate(heights))
    return Markup(
        f'<svg class="hours" role="img" viewBox="0 0 {width} {height}" style="max-width:{width}px">{marks}</svg>'
    )


def _slot(slot: int, place: int, height: float, volume: float) -> str:
    hour, minute = divmod(slot * SLOT_MINUTES, 60)
    left, top = BAR_WIDTH * place, PLOT_HEIGHT - height
    label = f'<text x="{left + 1}" y="{PLOT_HEIGHT + AXIS_HEIGHT - 4}">{hour}h</text>' if minute == 0 else ""
    return (
        f'<rect x="{left + 1}" y="{top:.1f}" width="{BAR_WIDTH - 3}" height="{height:.1f}">'
        f"<title>{hour:02d}:{minute:02d}: {whole(volume)}</title></rect>{label}"
    )
