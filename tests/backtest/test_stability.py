"""Folds cut and compared on paper."""

import math

import numpy as np
import pytest

from backtest.stability import FoldResult, measure_stability


def test_folds_worked_on_paper() -> None:
    found = measure_stability(np.array([1.0, 2.0, 3.0, -5.0, -7.0, 4.0]), [3, 2, 1])
    # mean 2 and deviation 1; mean -6 and deviation √2; one session has no deviation
    first, second, third = found.folds
    assert (first.sessions, first.net, first.sharpe) == (3, 6.0, pytest.approx(2.0 * math.sqrt(252)))
    assert (second.sessions, second.net, second.sharpe) == (
        2,
        -12.0,
        pytest.approx(-6.0 / math.sqrt(2) * math.sqrt(252)),
    )
    assert third == FoldResult(1, 4.0, None)
    assert found.gaining == pytest.approx(2 / 3)
    assert found.without_best == -8.0


def test_the_best_fold_is_left_out_wherever_it_is() -> None:
    found = measure_stability(np.array([-5.0, -7.0, 1.0, 2.0, 3.0, 4.0]), [2, 3, 1])
    assert found.without_best == -8.0


def test_a_fold_without_a_trade_gains_nothing() -> None:
    found = measure_stability(np.zeros(4), [2, 2])
    assert (found.gaining, found.without_best, found.folds[0].sharpe) == (0.0, 0.0, None)
