"""The page of the drift check: opens without a network, in Portuguese with English beside it."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from backtest.messages import MESSAGES
from backtest.numerals import decimal, probability
from backtest.page import page_environment
from flows.stages.drift import DriftReport, day_of
from models.input_drift import FeatureDrift

PAGE = "drift/drift.html"
FEATURES_SHOWN = 25
SCALE_PSI = 1.0  # at which a bar is full


class Bar(NamedTuple):
    """A feature with the lengths of its PSI and of the band it should stay in, in percent."""

    feature: FeatureDrift
    length: float
    band: float


def write_page(path: Path, report: DriftReport) -> None:
    """Write the page, UTF-8, replacing what was there."""
    environment = page_environment("flows")
    environment.filters.update(decimal=decimal, probability=probability)
    path.parent.mkdir(parents=True, exist_ok=True)
    page = environment.get_template("drift.html").render(
        report=report,
        last=report.watched[-1].judgement,
        asking=report.asking,
        bars=_bars(report.watched[-1].judgement.features),
        day=lambda number: f"{day_of(number):%d/%m/%Y}",
        title_text=f"{MESSAGES['section_drift'].pt} · {report.contract}",
    )
    path.write_text(page, encoding="utf-8", newline="\n")


def _bars(features: list[FeatureDrift]) -> list[Bar]:
    """Return the features that moved most, those without a value first."""
    ranked = sorted(features, key=lambda one: (not one.drifted, -one.psi if np.isfinite(one.psi) else -np.inf))
    return [Bar(one, _length(one.psi), _length(one.psi_band)) for one in ranked[:FEATURES_SHOWN]]


def _length(psi: float) -> float:
    return 100.0 if not np.isfinite(psi) else round(100.0 * min(psi / SCALE_PSI, 1.0), 1)
