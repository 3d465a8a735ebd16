"""Elementary functions of compiled kernels: the same bits on every host, at most 1 ulp from the true value.

The functions of a host's maths library differ between hosts, and within one by the processor it finds. These use
only additions, multiplications, divisions and integer operations on bits, which IEEE 754 rounds in one way
everywhere, in a fixed order (`market.kernel` allows neither reassociation nor fused operations), rounding to nearest.

Each is the method of tables (P. T. P. Tang, ACM TOMS 15(2) 1989, 16(4) 1990, 17(1) 1991): an argument is split into
a table point and a small remainder, exactly, by the reduction of Cody and Waite (1980) where a period is taken off;
the table gives the point's value in two parts, and a Taylor polynomial, cut where its next term is below 2**-58
of the result, gives what the remainder adds. The largest part is added last, so nearly all error is that one
addition's half ulp. `market.elementary_tables` derives the constants.

NaN gives NaN. A NaN's sign and payload are not promised. Square roots need no function here: `math.sqrt` compiles
to the processor's instruction, which IEEE 754 requires to be correctly rounded.
"""

import math

import numpy as np

from market.elementary_tables import (
    EXP_PER_STEP,
    EXP_STEP_HIGH,
    EXP_STEP_LOW,
    EXP_STEPS,
    EXP_TABLE,
    LN2_HIGH,
    LN2_LOW,
    LOG_BITS,
    LOG_LEFT,
    LOG_TABLE,
    QUARTER_HIGH,
    QUARTER_LOW,
    QUARTER_MIDDLE,
    QUARTERS_PER_RADIAN,
    TANH_END,
    TANH_STEPS,
    TANH_TABLE,
    TRIG_STEPS,
    TRIG_TABLE,
)
from market.kernel import kernel
from market.lanes import bits_of, double_of, every, gather, where

ANGLE_MAX = 32_768.0  # radians; the reduction of sine and cosine is exact up to here

_FRACTION_BITS = 52
_LOG_SHIFT, _LOG_MASK = _FRACTION_BITS - LOG_BITS, (1 << LOG_BITS) - 1
_EXP_SHIFT, _EXP_MASK = EXP_STEPS.bit_length() - 1, EXP_STEPS - 1
_SPLIT_MASK = -(1 << 11)  # keeps 42 leading bits; times the 11 bits of a table's reciprocal that is exact
_NORMAL_MIN, _LARGEST = 2.0**-1022, float(np.finfo(np.float64).max)
_EXP_MIN, _EXP_MAX = -746.0, 710.0  # beyond them 0 and infinity
_TANH_MAX = 20.0  # beyond it the nearest double is 1
_ROUND = 1.5 * 2.0**52  # added to a small number it leaves the nearest integer in the last bits
_ROUND_BITS = int(np.float64(_ROUND).view(np.int64))


@kernel
def _nearest(x: float) -> tuple[float, int]:
    """Return the integer nearest to a number of at most 2**51, as float and int."""
    shifted = x + _ROUND
    return shifted - _ROUND, bits_of(shifted) - _ROUND_BITS


@kernel
def log(x: float) -> float:
    """Return the natural logarithm: -inf at ±0, NaN below."""
    x = float(x)
    normal, tiny = (x >= _NORMAL_MIN) & (x <= _LARGEST), (x > 0.0) & (x < _NORMAL_MIN)
    if every(normal):
        return _log_of_normal(x, 0)
    value = _log_of_normal(where(tiny, x * 2.0**54, x), where(tiny, -54, 0))
    return where(normal | tiny, value, where(x == 0.0, -math.inf, where(x > 0.0, x, math.nan)))


@kernel
def _log_of_normal(x: float, exponent: int) -> float:
    """Return the logarithm of a normal number above zero times a power of two."""
    # x = 2**exponent · z with z in [0.6875, 1.375); log x = exponent · log 2 + log c + log(z/c).
    offset = bits_of(x) - LOG_LEFT
    row = (offset >> _LOG_SHIFT) & _LOG_MASK
    exponent = exponent + (offset >> _FRACTION_BITS)
    z = bits_of(x) - ((offset >> _FRACTION_BITS) << _FRACTION_BITS)
    reciprocal = gather(LOG_TABLE, row, 0)
    leading = double_of(z & _SPLIT_MASK)
    high = leading * reciprocal - 1.0  # z/c - 1 = high + low, both exact
    low = (double_of(z) - leading) * reciprocal
    r = high + low
    point = exponent * LN2_HIGH + gather(LOG_TABLE, row, 1)  # exact
    total = point + r
    rest = ((point - total) + r) + (((high - r) + low) + (gather(LOG_TABLE, row, 2) + exponent * LN2_LOW))
    series = 1 / 4 - r * (1 / 5 - r * (1 / 6 - r * (1 / 7 - r * (1 / 8))))
    return float(total + (rest - r * r * (1 / 2 - r * (1 / 3 - r * series))))


@kernel
def exp(x: float) -> float:
    """Return e**x; a subnormal result is within 1 ulp as well."""
    if not _EXP_MIN <= x <= _EXP_MAX:
        return 0.0 if x < 0.0 else (math.inf if x > 0.0 else math.nan)
    steps, step = _nearest(x * EXP_PER_STEP)
    r = (x - steps * EXP_STEP_HIGH) - steps * EXP_STEP_LOW  # the first difference is exact
    series = r * r * (1 / 2 + r * (1 / 6 + r * (1 / 24 + r * (1 / 120))))
    point, missing = EXP_TABLE[step & _EXP_MASK, 0], EXP_TABLE[step & _EXP_MASK, 1]
    value = float(point + point * (missing + series + r))
    # The power of two in two halves: either one alone may be out of range.
    exponent = step >> _EXP_SHIFT
    half = exponent >> 1
    return value * double_of((half + 1023) << _FRACTION_BITS) * double_of((exponent - half + 1023) << _FRACTION_BITS)


@kernel
def tanh(x: float) -> float:
    """Return the hyperbolic tangent."""
    size = abs(x)
    if size < TANH_END:
        point, row = _nearest(size * TANH_STEPS)
        value = TANH_TABLE[row, 0]
        b = size - point / TANH_STEPS  # exact
        square = b * b
        above = b * square * (-1 / 3 + square * (2 / 15 + square * (-17 / 315 + square * (62 / 2835))))
        small = b + above
        # (v + t) / (1 + v·t) = v + t - t·v·(v + t) / (1 + v·t): what is rounded twice is small.
        bent = small * value * (value + small) / (1.0 + value * small)
        total = value + b
        result = total + (((value - total) + b) + (TANH_TABLE[row, 1] + above - bent))
    elif size < _TANH_MAX:
        result = 1.0 - 2.0 / (exp(2.0 * size) + 1.0)
    else:
        result = 1.0 if size >= _TANH_MAX else math.nan
    return math.copysign(result, x)


@kernel
def sin(x: float) -> float:
    """Return the sine of an angle in radians; NaN beyond ±`ANGLE_MAX`."""
    return _sine_of_turned(x, 0)


@kernel
def cos(x: float) -> float:
    """Return the cosine of an angle in radians; NaN beyond ±`ANGLE_MAX`."""
    return _sine_of_turned(x, 1)


@kernel
def _sine_of_turned(x: float, quarters: int) -> float:
    """Return the sine of an angle and a number of right angles."""
    known = abs(x) <= ANGLE_MAX
    x = where(known, x, 0.0)
    turns, turned = _nearest(x * QUARTERS_PER_RADIAN)
    quarters = turned + quarters
    rough = x - turns * QUARTER_HIGH  # exact
    middle = turns * QUARTER_MIDDLE  # exact
    near = rough - middle
    rest = turns * QUARTER_LOW - ((rough - near) - middle)
    angle = near - rest
    low = (near - angle) - rest
    odd = (quarters & 1) == 1
    if every(odd):
        result = _cosine_near(angle, low)
    elif every((quarters & 1) == 0):
        result = _sine_near(angle, low)
    else:
        result = where(odd, _cosine_near(angle, low), _sine_near(angle, low))
    return where(known, where((quarters & 2) == 2, -result, result), math.nan)


@kernel
def _sine_near(angle: float, low: float) -> float:
    """Return the sine of angle + low, |angle| at most π/4 and a little more, |low| at most its half ulp."""
    size = abs(angle)
    point, row = _nearest(size * TRIG_STEPS)
    b = size - point / TRIG_STEPS  # exact
    square = b * b
    above = b * square * (-1 / 6 + square * (1 / 120 - square * (1 / 5040))) + where(angle > 0.0, low, -low)
    versine = square * (1 / 2 - square * (1 / 24 - square * (1 / 720)))
    value = gather(TRIG_TABLE, row, 0)
    total = value + b
    bent = gather(TRIG_TABLE, row, 4) * (b + above) + value * versine
    return math.copysign(total + (((value - total) + b) + (gather(TRIG_TABLE, row, 1) + above - bent)), angle)


@kernel
def _cosine_near(angle: float, low: float) -> float:
    """Return the cosine of angle + low, as `_sine_near`."""
    size = abs(angle)
    point, row = _nearest(size * TRIG_STEPS)
    b = size - point / TRIG_STEPS  # exact
    square = b * b
    sine = b + (b * square * (-1 / 6 + square * (1 / 120 - square * (1 / 5040))) + where(angle > 0.0, low, -low))
    versine = square * (1 / 2 - square * (1 / 24 - square * (1 / 720)))
    value = gather(TRIG_TABLE, row, 2)
    return float(value + (gather(TRIG_TABLE, row, 3) - (gather(TRIG_TABLE, row, 0) * sine + value * versine)))
