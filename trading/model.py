"""The model as the compiled path reads it: a blend per regime, its calibration, the policy it was chosen with."""

import math
from typing import NamedTuple

import numpy as np

from features.monitor import Band, check_band
from market.errors import BundleRefused
from market.kernel import kernel
from market.types import Regime
from trading.agent_inputs import AGENT_INPUTS
from trading.blend import Blends, blend_row, check_blends
from trading.records import POLICY
from trading.usual import Usual, check_usual

KNOTS = 129  # of a calibration
_UP, _DOWN, _RANGE = int(Regime.TREND_UP), int(Regime.TREND_DOWN), int(Regime.RANGE)


class Model(NamedTuple):
    """Arrays of a trained model.

    Attributes
    ----------
    blends : Blends
        The learners of each regime and their weights, in the order trend up, trend down, range.
    calibration_x, calibration_p : ndarray of float64, shape (3, K)
        Blended probabilities, rising, and the calibrated one at each; rows in the order of the blends.
    agent_inputs : ndarray of int64
        Column of the row for each of `trading.agent_inputs.AGENT_INPUTS`; -1 where its agent is off.
    policy : ndarray of POLICY, length 1
    band : Band
        What each input was like in training.
    usual : Usual
        Percentiles of training that patterns and agents compare with.
    """

    blends: Blends
    calibration_x: np.ndarray
    calibration_p: np.ndarray
    agent_inputs: np.ndarray
    policy: np.ndarray
    band: Band
    usual: Usual


@kernel
def calibrate(x: np.ndarray, p: np.ndarray, score: float) -> float:
    """Return the probability at a score: linear between the knots, clipped at the ends, NaN for NaN."""
    if math.isnan(score):
        return math.nan
    last = x.shape[0] - 1
    if score <= x[0]:
        return float(p[0])
    if score >= x[last]:
        return float(p[last])
    low, high = 0, last
    while high - low > 1:
        middle = (low + high) // 2
        if x[middle] <= score:
            low = middle
        else:
            high = middle
    # The order of operations is that of np.interp, which training uses, so that both agree to the bit.
    return float((p[high] - p[low]) / (x[high] - x[low]) * (score - x[low]) + p[low])


@kernel
def score_probability(model: Model, regime: int, row: np.ndarray) -> float:
    """Return the calibrated probability of up for a row.

    Parameters
    ----------
    model : Model
    regime : int
        Picks blend and calibration.
    row : ndarray of float32
        In schema order.

    Returns
    -------
    float
        In [0, 1]; NaN where the regime is undefined or has no model.
    """
    if regime == _UP:
        return _calibrated(model, 0, row)
    if regime == _DOWN:
        return _calibrated(model, 1, row)
    if regime == _RANGE:
        return _calibrated(model, 2, row)
    return math.nan


@kernel
def _calibrated(model: Model, place: int, row: np.ndarray) -> float:
    return calibrate(model.calibration_x[place], model.calibration_p[place], blend_row(model.blends, place, row))


def check_model(model: Model, columns: int) -> Model:
    """Return a model's arrays, owned and contiguous, after proving that kernels may index with them.

    Raises
    ------
    BundleRefused
        If a shape, a column, a knot or a probability is out of place.
    """
    x, p = (np.array(part, dtype=np.float64, order="C") for part in (model.calibration_x, model.calibration_p))
    inputs, policy = np.array(model.agent_inputs, dtype=np.int64), np.array(model.policy, dtype=POLICY)
    _expect(x.ndim == 2 and x.shape == p.shape and x.shape[0] == 3 and x.shape[1] > 1, "3 rows of knots", x.shape)
    _expect(bool(np.isfinite(x).all() and (np.diff(x, axis=1) >= 0).all()), "scores that rise", "others")
    _expect(bool((p >= 0).all() and (p <= 1).all()), "probabilities in [0, 1]", "others")
    _expect(inputs.shape == (len(AGENT_INPUTS),), f"{len(AGENT_INPUTS)} agent inputs", inputs.shape)
    _expect(bool((inputs >= -1).all() and (inputs < columns).all()), f"columns below {columns}", inputs.tolist())
    _expect(policy.shape == (1,), "one policy", policy.shape)
    blends, band, usual = check_blends(model.blends, columns), check_band(model.band, columns), check_usual(model.usual)
    return Model(blends, x, p, inputs, policy, band, usual)


def _expect(holds: bool, expected: str, found: object) -> None:
    if not holds:
        raise BundleRefused(f"model: expected {expected}, found {found}; train and write the bundle again")
