"""The heat map of a sweep: one HTML file that opens offline, in Portuguese with English beside it."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from backtest.numerals import brief, decimal, probability, whole
from backtest.page import page_environment

STRONGEST = 0.75  # opacity of the cell with the largest amount


class Sweep(Protocol):
    """What the page tells of a sweep."""

    @property
    def contract(self) -> str:
        """The series."""

    @property
    def days(self) -> Sequence[dt.date]:
        """Its sessions, in time order."""

    @property
    def bars(self) -> int:
        """How many bars they have."""

    @property
    def unit(self) -> str:
        """What stops and targets count: atr or ticks."""

    @property
    def pairs(self) -> np.ndarray:
        """SWEEP records, the best net first."""

    @property
    def sharpes(self) -> np.ndarray:
        """Annualised Sharpe ratios of the same pairs."""

    @property
    def trials_ever(self) -> int:
        """Everything ever tried on the instrument."""

    @property
    def deflated_sharpe(self) -> float:
        """Of the first pair, after all of them."""

    @property
    def sufficient(self) -> bool:
        """Whether the first pair has enough round trips."""

    @property
    def synthetic(self) -> bool:
        """Whether the sessions are simulated."""


class Cell(NamedTuple):
    """One pair: its net result in R$, its colour, how strong that is, and whether no other pair earned more."""

    net: str
    tone: str
    strength: float
    best: bool


def write_page(path: Path, swept: Sweep) -> None:
    """Write the page of a sweep, UTF-8, replacing what was there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render_page(swept), encoding="utf-8", newline="\n")


def render_page(swept: Sweep) -> str:
    """Return the page as one HTML document; the same sweep gives the same text."""
    environment = page_environment()
    environment.filters["brief"] = brief
    first, last = (f"{day:%d/%m/%Y}" for day in (swept.days[0], swept.days[-1]))
    targets = np.unique(swept.pairs["target"])
    return environment.get_template("sweep.html").render(
        swept=swept,
        targets=targets.tolist(),
        rows=[(stop, _row(swept.pairs, stop, targets)) for stop in np.unique(swept.pairs["stop"]).tolist()],
        period=(whole(len(swept.days)), first, last, whole(swept.bars)),
        trials=(whole(swept.pairs.size), whole(swept.trials_ever)),
        deflated=(probability(swept.deflated_sharpe), decimal(float(swept.sharpes[0]))),
    )


def _row(pairs: np.ndarray, stop: float, targets: np.ndarray) -> list[Cell]:
    """Return the cells of a stop, one for each target."""
    largest = float(np.abs(pairs["net"]).max()) or 1.0
    found = (pairs[(pairs["stop"] == stop) & (pairs["target"] == target)][0] for target in targets)
    return [
        Cell(
            net=whole(float(one["net"])),
            tone="gain" if one["net"] > 0 else "loss",
            strength=round(STRONGEST * abs(float(one["net"])) / largest, 3),
            best=bool(one["net"] == pairs["net"][0]),
        )
        for one in found
    ]
