"""The one page about the data that opens without a network, in Portuguese with English beside it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from backtest.messages import MESSAGES, bilingual
from backtest.numerals import whole
from flows.series_report import SeriesReport
from market.bar_statistics import SLOT_MINUTES

BAR_WIDTH, PLOT_HEIGHT, AXIS_HEIGHT = 26, 84, 18
SOURCES_NAMED = 3


def write_summary(path: Path, reports: Sequence[SeriesReport], data_docs: Path) -> None:
    """Write the summary of every series.

    Parameters
    ----------
    path : Path
        The page.
    reports : sequence of SeriesReport
        In the order they are shown.
    data_docs : Path
        First page of the Data Docs, which the summary names.
    """
    environment = Environment(
        loader=PackageLoader("flows"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["whole"] = whole
    page = environment.get_template("summary.html").render(
        reports=reports,
        data_docs=data_docs,
        refused=_count(reports, refuses=True),
        told=_count(reports, refuses=False),
        title_text=MESSAGES["data_title"].pt,
        t=bilingual,
        title=_title,
        gaps=_gaps,
        volume_plot=_volume_plot,
        sources=_sources,
        bases=lambda report: sorted({p.provenance.price_basis for p in report.partitions}),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")


def _title(report: SeriesReport) -> Markup:
    """Name a series by contract and kind."""
    if not report.bar_seconds:
        kind = bilingual(f"data_suite_{report.kind}")
    else:
        minutes = report.bar_seconds / 60
        kind = bilingual("data_bars", f"{minutes:g} min")
    return Markup("{} · {}").format(report.contract, kind)


def _gaps(report: SeriesReport) -> list[tuple[Markup, int, float]]:
    """Return name, count and minutes by cause, the longest first."""
    found = sorted(report.gaps.items(), key=lambda item: -item[1][1])
    return [(bilingual(f"data_cause_{cause.replace(' ', '_')}"), *numbers) for cause, numbers in found]


def _sources(report: SeriesReport) -> str:
    names = list(dict.fromkeys(p.provenance.source for p in report.partitions))
    more = f" + {len(names) - SOURCES_NAMED}" if len(names) > SOURCES_NAMED else ""
    return ", ".join(names[:SOURCES_NAMED]) + more


def _volume_plot(volume: np.ndarray) -> Markup:
    """Draw the contracts of each half hour from the first that has any to the last, as inline SVG."""
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


def _slot(slot: int, place: int, height: float, contracts: float) -> str:
    hour, minute = divmod(slot * SLOT_MINUTES, 60)
    left, top = BAR_WIDTH * place, PLOT_HEIGHT - height
    label = f'<text x="{left + 1}" y="{PLOT_HEIGHT + AXIS_HEIGHT - 4}">{hour}h</text>' if minute == 0 else ""
    return (
        f'<rect x="{left + 1}" y="{top:.1f}" width="{BAR_WIDTH - 3}" height="{height:.1f}">'
        f"<title>{hour:02d}:{minute:02d}: {whole(contracts)}</title></rect>{label}"
    )


def _count(reports: Sequence[SeriesReport], refuses: bool) -> int:
    """Return how many findings refuse a series, or only tell."""
    return sum(finding.check.refuses == refuses for report in reports for finding in report.findings)
