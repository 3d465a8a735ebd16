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
def _bits(x: float) -> int:
    """Return the 64 bits of a double."""
    return int(np.float64(x).view(np.int64))


@kernel
def _double(bits: int) -> float:
    """Return the double of 64 bits."""
    return float(np.int64(bits).view(np.float64))


@kernel
def _nearest(x: float) -> tuple[float, int]:
    """Return the integer nearest to a number of at most 2**51, as float and int."""
    shifted = x + _ROUND
    return shifted - _ROUND, _bits(shifted) - _ROUND_BITS


@kernel
def log(x: float) -> float:
    """Return the natural logarithm: -inf at ±0, NaN below."""
    exponent = 0
    if not _NORMAL_MIN <= x <= _LARGEST:
        if not 0.0 < x < math.inf:
            return -math.inf if x == 0.0 else (x if x > 0.0 else math.nan)
        x *= 2.0**54
        exponent = -54
    # x = 2**exponent · z with z in [0.6875, 1.375); log x = exponent · log 2 + log c + log(z/c).
    offset = _bits(x) - LOG_LEFT
    row = (offset >> _LOG_SHIFT) & _LOG_MASK
    exponent += offset >> _FRACTION_BITS
    z = _bits(x) - ((offset >> _FRACTION_BITS) << _FRACTION_BITS)
    reciprocal = LOG_TABLE[row, 0]
    leading = _double(z & _SPLIT_MASK)
    high = leading * reciprocal - 1.0  # z/c - 1 = high + low, both exact
    low = (_double(z) - leading) * reciprocal
    r = high + low
    point = exponent * LN2_HIGH + LOG_TABLE[row, 1]  # exact
    total = point + r
    rest = ((point - total) + r) + (((high - r) + low) + (LOG_TABLE[row, 2] + exponent * LN2_LOW))
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
    return value * _double((half + 1023) << _FRACTION_BITS) * _double((exponent - half + 1023) << _FRACTION_BITS)


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
    if not abs(x) <= ANGLE_MAX:
        return math.nan
    turns, turned = _nearest(x * QUARTERS_PER_RADIAN)
    quarters += turned
    rough = x - turns * QUARTER_HIGH  # exact
    middle = turns * QUARTER_MIDDLE  # exact
    near = rough - middle
    rest = turns * QUARTER_LOW - ((rough - near) - middle)
    angle = near - rest
    low = (near - angle) - rest
    result = _cosine_near(angle, low) if quarters & 1 else _sine_near(angle, low)
    return -result if quarters & 2 else result


@kernel
def _sine_near(angle: float, low: float) -> float:
    """Return the sine of angle + low, |angle| at most π/4 and a little more, |low| at most its half ulp."""
    size = abs(angle)
    point, row = _nearest(size * TRIG_STEPS)
    b = size - point / TRIG_STEPS  # exact
    square = b * b
    above = b * square * (-1 / 6 + square * (1 / 120 - square * (1 / 5040))) + (low if angle > 0.0 else -low)
    versine = square * (1 / 2 - square * (1 / 24 - square * (1 / 720)))
    value = TRIG_TABLE[row, 0]
    total = value + b
    bent = TRIG_TABLE[row, 4] * (b + above) + value * versine
    return math.copysign(total + (((value - total) + b) + (TRIG_TABLE[row, 1] + above - bent)), angle)


@kernel
def _cosine_near(angle: float, low: float) -> float:
    """Return the cosine of angle + low, as `_sine_near`."""
    size = abs(angle)
    point, row = _nearest(size * TRIG_STEPS)
    b = size - point / TRIG_STEPS  # exact
    square = b * b
    sine = b + (b * square * (-1 / 6 + square * (1 / 120 - square * (1 / 5040))) + (low if angle > 0.0 else -low))
    versine = square * (1 / 2 - square * (1 / 24 - square * (1 / 720)))
    value = TRIG_TABLE[row, 2]
    return float(value + (TRIG_TABLE[row, 3] - (TRIG_TABLE[row, 0] * sine + value * versine)))
