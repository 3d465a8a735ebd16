"""Plots are SVG that stands alone, themed by the page, and shows every record it was given."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from backtest import plots
from backtest.report import Calibration, EquityCurve, PriceChart, ReportData

DRAWN = ["equity", "prices", "calibration", "importance", "permutation", "folds", "learning"]


@pytest.fixture(scope="module")
def drawings(full_report: ReportData) -> dict[str, str]:
    assert full_report.curve is not None
    assert full_report.calibration is not None
    return {
        "equity": plots.equity_plot(full_report.curve),
        "prices": plots.price_plot(full_report.prices[0]),
        "calibration": plots.calibration_plot(full_report.calibration),
        "importance": plots.ranking_plot(full_report.importance, "importance", 100.0),
        "permutation": plots.ranking_plot(full_report.permutation, "permutation", 1000.0),
        "folds": plots.folds_plot(full_report.folds),
        "learning": plots.learning_plot(full_report.learning),
    }


@pytest.mark.parametrize("name", DRAWN)
def test_a_plot_is_well_formed_and_refers_to_nothing_outside_it(name, drawings):
    # As an element of a page the prefix needs no declaration; as XML it does.
    root = ElementTree.fromstring(drawings[name].replace("<svg ", '<svg xmlns:xlink="x" ', 1))
    assert root.tag == "svg"
    ids = {element.get("id") for element in root.iter()} - {None}
    assert ids
    assert all(str(i).startswith(f"{name}-") for i in ids)
    assert set(re.findall(r'(?:href="|url\()#([^")]+)', drawings[name])) <= ids
    assert "http" not in drawings[name]


@pytest.mark.parametrize("name", DRAWN)
def test_every_colour_comes_from_the_page(name, drawings):
    used = set(re.findall(r"(?:fill|stroke|stop-color): ?(#[0-9a-f]+)", drawings[name]))
    assert used <= {"#ffffff", "#000000"}, "only invisible backgrounds and defaults may keep a fixed colour"
    assert "var(--plot-ink)" in drawings[name]
    assert "#01020" not in drawings[name]


def test_the_same_numbers_draw_the_same_bytes(full_report, drawings):
    assert plots.equity_plot(full_report.curve) == drawings["equity"]
    assert plots.price_plot(full_report.prices[0]) == drawings["prices"]


def test_currency_is_not_taken_for_a_formula(drawings):
    assert "Patrimônio, R$ · Equity, R$" in drawings["equity"]


def test_importance_shows_the_largest_twenty_and_names_as_they_are(full_report):
    drawn = plots.ranking_plot(full_report.importance, "importance", 100.0)
    assert [f"feature_{k:02d}" in drawn for k in (0, 19, 20, 24)] == [True, True, False, False]
    assert "a_$b$&lt;c" in plots.ranking_plot({"a_$b$<c": 1.0}, "importance", 100.0)


def test_a_fold_that_lost_is_drawn_in_the_colour_of_losses():
    gained, lost = (plots.folds_plot([net, net]) for net in (10.0, -10.0))
    assert ("var(--plot-gain)" in gained, "var(--plot-loss)" in gained) == (True, False)
    assert ("var(--plot-gain)" in lost, "var(--plot-loss)" in lost) == (False, True)


def test_every_fill_inside_the_bars_is_marked_and_those_outside_are_not(walk, make_fills):
    inside = make_fills([(5, 1, 1, 10_003, 1, 4), (30, -1, 1, 10_011, 1, 29)])
    outside = make_fills([(-50, 1, 1, 10_003, 1, 4), (-40, -1, 1, 10_003, 1, 4)])
    empty = plots.price_plot(PriceChart("WDO", walk, inside[:0], 0.5)).count("<use ")
    both = plots.price_plot(PriceChart("WDO", walk, np.concatenate([outside, inside]), 0.5))
    assert both.count("<use ") == empty + len(inside)


def marks(drawing: str, variable: str) -> int:
    return len(re.findall(rf'<use [^>]*style="fill: var\(--plot-{variable}\)', drawing))


@pytest.mark.parametrize(("side", "entered", "other"), [(1, "buy", "sell"), (-1, "sell", "buy")])
def test_entries_point_their_way_and_exits_are_rings(side, entered, other, walk, make_fills):
    fills = make_fills([(5, side, 1, 10_003, 1, 4), (30, -side, 1, 10_011, 1, 29)])
    drawn = plots.price_plot(PriceChart("WDO", walk, fills, 0.5))
    # one of each stands in the legend
    assert [marks(drawn, name) for name in (entered, other, "back")] == [2, 1, 2]


def test_a_round_trip_is_joined_in_the_colour_of_its_result(walk, make_fills):
    def joined(exit_price: int) -> list[str]:
        fills = make_fills([(5, -1, 1, 10_003, 1, 4), (30, 1, 1, exit_price, 1, 29)])
        drawn = plots.price_plot(PriceChart("WDO", walk, fills, 0.5))
        collections = re.findall(r'<g id="prices-LineCollection_\d+">(.*?)</g>', drawn, flags=re.DOTALL)
        return [name for name in ("gain", "loss") if any(f"--plot-{name}" in part for part in collections)]

    assert joined(9_990) == ["gain"]
    assert joined(10_020) == ["loss"]


def test_many_bars_are_grouped_and_the_plot_says_so(walk, make_fills):
    long = np.concatenate([walk, walk, walk])
    long["ts_open_ns"] += np.arange(3600) // 1200 * 7 * 86_400 * 10**9
    long["ts_close_ns"] = long["ts_open_ns"] + 60 * 10**9
    drawn = plots.price_plot(PriceChart("WDO", long, make_fills([]), 0.5))
    assert "4 barras por traço · 4 bars per stroke" in drawn
    assert len(drawn) < 200_000


@pytest.mark.parametrize("count", [1, 2])
def test_one_or_two_bars_can_be_drawn(count, walk, make_fills):
    assert "<svg" in plots.price_plot(PriceChart("WDO", walk[:count], make_fills([]), 0.5))
    curve = EquityCurve(walk["ts_close_ns"][:count], np.zeros(count), np.zeros(count, dtype=np.int64), 1000.0)
    assert "<svg" in plots.equity_plot(curve)


def test_bins_without_predictions_are_left_out():
    table = Calibration(np.array([np.nan, 0.5]), np.array([np.nan, 0.4]), np.array([0, 7]), 0.1)
    assert "nan" not in plots.calibration_plot(table).lower()
