"""The tables behind `market.elementary`, computed once at import from their definitions.

`decimal` is software arithmetic whose logarithm and exponential are correctly rounded, so every entry is the
double nearest to its definition and the same on every host; no maths library of the host is asked. A value that
needs more than 53 bits is split into a double and the double nearest to what is left.
"""

from decimal import Context, Decimal, localcontext

import numpy as np

_DIGITS = Context(prec=50)

LOG_LEFT = 0x3FE6_0000_0000_0000  # the bits of 0.6875: arguments are scaled into [0.6875, 1.375), which holds 1 inside
LOG_BITS = 7  # leading bits of the fraction that choose a row
LOG_GRID = 1 << 10  # reciprocals are multiples of 2**-10, so that 11 bits hold them
LOG_SCALE = 1 << 42  # leading parts of logarithms are multiples of 2**-42, so that sums with k ln 2 are exact
EXP_STEPS = 128  # rows of the exponential for each doubling
TANH_STEPS = 32  # rows of the hyperbolic tangent for each unit
TANH_END = 2  # past it the exponential serves
TRIG_STEPS = 64  # rows of sine and cosine for each radian


def _on_grid(value: Decimal, steps: int) -> Decimal:
    """Return the multiple of 1/steps nearest to a value."""
    return (value * steps).to_integral_value() / steps


def _split(value: Decimal) -> tuple[float, float]:
    """Return the nearest double and the double nearest to the rest."""
    high = float(value)
    return high, float(value - Decimal(high))


def _split_on_grid(value: Decimal, steps: int) -> tuple[float, float]:
    """Return the nearest multiple of 1/steps and the double nearest to the rest."""
    high = _on_grid(value, steps)
    return float(high), float(value - high)


def _log_row(row: int) -> tuple[float, float, float]:
    """Return 1/c and log c in two parts, c near the middle of the row; exactly 1 and 0 in both rows beside 1."""
    left, right = (
        Decimal(float(np.int64(LOG_LEFT + (edge << (52 - LOG_BITS))).view(np.float64))) for edge in (row, row + 1)
    )
    reciprocal = Decimal(1) if 1 in (left, right) else _on_grid(2 / (left + right), LOG_GRID)
    return float(reciprocal), *_split_on_grid(-reciprocal.ln(), LOG_SCALE)


def _exp_row(row: int) -> tuple[float, float]:
    """Return 2**(row/EXP_STEPS) and what is missing, relative to it."""
    power = (Decimal(2).ln() * row / EXP_STEPS).exp()
    high, low = _split(power)
    return high, float(Decimal(low) / power)


def _tanh_row(row: int) -> tuple[float, float]:
    grown = (2 * Decimal(row) / TANH_STEPS).exp()
    return _split((grown - 1) / (grown + 1))


def _sine(angle: Decimal) -> Decimal:
    """Return the sine by its series."""
    term = total = angle
    for k in range(2, 40, 2):
        term *= -angle * angle / (k * (k + 1))
        total += term
    return total


def _trig_row(row: int) -> tuple[float, float, float, float, float]:
    """Return sine and cosine in two parts each, and 1 - cosine."""
    angle = Decimal(row) / TRIG_STEPS
    versine = 2 * _sine(angle / 2) ** 2
    return *_split(_sine(angle)), *_split(1 - versine), float(versine)


def _pi() -> Decimal:
    """Return π = 16 arctan 1/5 - 4 arctan 1/239 (Machin)."""

    def arctan_of_inverse(n: int) -> Decimal:
        return sum(((-1) ** k / (Decimal(n) ** (2 * k + 1) * (2 * k + 1)) for k in range(36)), Decimal(0))

    return 16 * arctan_of_inverse(5) - 4 * arctan_of_inverse(239)


def _quarter_turn() -> tuple[float, float, float]:
    """Return π/2 in three parts; the first two have 38 bits, so products with up to 15 bits are exact."""
    whole = _pi() / 2
    first = _on_grid(whole, 1 << 37)
    second = _on_grid(whole - first, 1 << 75)
    return float(first), float(second), float(whole - first - second)


with localcontext(_DIGITS):
    LOG_TABLE = np.array([_log_row(row) for row in range(1 << LOG_BITS)])
    LN2_HIGH, LN2_LOW = _split_on_grid(Decimal(2).ln(), LOG_SCALE)
    EXP_TABLE = np.array([_exp_row(row) for row in range(EXP_STEPS)])
    EXP_PER_STEP = float(EXP_STEPS / Decimal(2).ln())
    # 34 bits: products with the 18 bits of a step's number are exact.
    EXP_STEP_HIGH, EXP_STEP_LOW = _split_on_grid(Decimal(2).ln() / EXP_STEPS, 1 << 41)
    TANH_TABLE = np.array([_tanh_row(row) for row in range(TANH_STEPS * TANH_END + 1)])
    TRIG_TABLE = np.array([_trig_row(row) for row in range(TRIG_STEPS * 4 // 5 + 1)])  # π/4 and a little more
    QUARTER_HIGH, QUARTER_MIDDLE, QUARTER_LOW = _quarter_turn()
    QUARTERS_PER_RADIAN = float(2 / _pi())
