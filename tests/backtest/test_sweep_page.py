"""The heat map of a sweep: every pair once, in its place, and no result without the count of trials."""

import re
from dataclasses import dataclass, replace
from datetime import date
from html.parser import HTMLParser

import numpy as np
import pytest

from backtest.messages import MESSAGES
from backtest.sweep import SWEEP
from backtest.sweep_page import render_page


@dataclass(frozen=True)
class Done:
    """A sweep of two stops and three targets."""

    contract: str = "WDOQ26"
    days: tuple[date, ...] = (date(2026, 7, 1), date(2026, 7, 2), date(2026, 7, 3))
    bars: int = 1695
    unit: str = "atr"
    pairs: np.ndarray = None  # type: ignore[assignment]
    sharpes: np.ndarray = None  # type: ignore[assignment]
    trials_ever: int = 1234
    deflated_sharpe: float = 0.123
    sufficient: bool = False
    synthetic: bool = True


def _done(**changes: object) -> Done:
    nets = {(1.5, 2.0): 900.0, (1.0, 3.0): 450.0, (1.0, 2.0): 0.0, (1.5, 3.0): -20.0, (1.0, 4.0): -300.0}
    pairs = np.zeros(6, dtype=SWEEP)
    for one, ((stop, target), net) in zip(pairs, [*nets.items(), ((1.5, 4.0), -1200.0)], strict=True):
        one["stop"], one["target"], one["net"] = stop, target, net
    return replace(Done(pairs=pairs, sharpes=np.array([1.5, 1.0, 0.0, 0.0, -1.0, -2.0])), **changes)  # type: ignore[arg-type]


class _Table(HTMLParser):
    """Collects the rows of the table and the class and style of each cell."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.cells: list[dict[str, str | None]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
            if tag == "td":
                self.cells.append(dict(attrs))

    def handle_data(self, data: str) -> None:
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data.strip()


def test_each_pair_stands_in_its_row_and_column() -> None:
    table = _Table(render_page(_done()))
    assert table.rows[0][1:] == ["2", "3", "4"]
    assert table.rows[1] == ["1", "0", "450", "\u2212300"]
    assert table.rows[2][:3] == ["1,5", "900", "\u221220"]
    assert table.rows[2][3].startswith("\u22121\u202f200")


def test_colour_tells_the_sign_and_how_much() -> None:
    cells = _Table(render_page(_done())).cells
    assert [one["class"] for one in cells] == ["loss", "gain", "loss", "gain best", "loss", "loss"]
    # Of the largest amount, R$ 1200, which has 0.75.
    found = [float(str(one["style"]).removeprefix("--strength: ")) for one in cells]
    assert found == pytest.approx([0.0, 0.281, 0.188, 0.562, 0.013, 0.75], abs=1e-3)


def test_trials_and_what_is_left_after_them_stand_under_it_in_both_languages() -> None:
    page = render_page(_done())
    below = page[page.index("</table>") :]
    assert "Tentativas: 6 nesta varredura, 1\u202f234 ao todo neste ativo." in below
    assert "Trials: 6 in this sweep, 1\u202f234 in all on this instrument." in below
    assert "depois de todas: 0,123 (Sharpe 1,50)" in below
    assert "after all of them: 0,123 (Sharpe 1,50)" in below
    assert MESSAGES["insufficient"].pt in page[: page.index("<table>")]  # it speaks of the numbers below it


def test_banners_stand_only_where_they_are_true() -> None:
    page = render_page(_done(sufficient=True, synthetic=False, deflated_sharpe=float("nan"), unit="ticks"))
    assert MESSAGES["synthetic"].pt not in page
    assert MESSAGES["insufficient"].pt not in page
    assert MESSAGES["sweep_unit_ticks"].en in page
    assert "depois de todas: – (" in page


def test_page_needs_nothing_from_elsewhere_and_is_the_same_each_time() -> None:
    page = render_page(_done())
    assert page == render_page(_done())
    assert not re.search(r"https?:|src=|<link|@import|url\(", page)


def test_every_sentence_of_the_page_stands_in_both_languages() -> None:
    text = render_page(_done()) + render_page(_done(unit="ticks"))
    for key, message in MESSAGES.items():
        if key.startswith("sweep_"):
            for sentence in message:
                assert all(part in text for part in re.split(r"\{\d\}", sentence)), key
