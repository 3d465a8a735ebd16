"""The elementary functions against two references written apart: decimal arithmetic and 80-bit arithmetic."""

import hashlib
import math
import os
import subprocess
import sys
from collections.abc import Callable
from decimal import Context, Decimal, localcontext
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market import elementary
from market.kernel import kernel
from tests.commands import CHECKOUT

NAMES = ("log", "exp", "tanh", "sin", "cos")
INF, NAN, LEAST, LARGEST = math.inf, math.nan, 5e-324, float(np.finfo(np.float64).max)
NORMAL_MIN = 2.0**-1022
PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459230781640628620899862803482534211707")
# Found over 60 million points: log 0.514, exp 0.511, tanh 0.557, sin 0.517, cos 0.513 ulp.
WORST_ULP = 0.6
# A subnormal result of the exponential is rounded twice, the second time by half an ulp of its own.
WORST_ULP_SUBNORMAL = 0.8

Loop = Callable[[np.ndarray, np.ndarray], None]


@kernel
def fill_log(x: np.ndarray, out: np.ndarray) -> None:
    for i in range(x.size):
        out[i] = elementary.log(x[i])


@kernel
def fill_exp(x: np.ndarray, out: np.ndarray) -> None:
    for i in range(x.size):
        out[i] = elementary.exp(x[i])


@kernel
def fill_tanh(x: np.ndarray, out: np.ndarray) -> None:
    for i in range(x.size):
        out[i] = elementary.tanh(x[i])


@kernel
def fill_sin(x: np.ndarray, out: np.ndarray) -> None:
    for i in range(x.size):
        out[i] = elementary.sin(x[i])


@kernel
def fill_cos(x: np.ndarray, out: np.ndarray) -> None:
    for i in range(x.size):
        out[i] = elementary.cos(x[i])


LOOPS: dict[str, Loop] = {"log": fill_log, "exp": fill_exp, "tanh": fill_tanh, "sin": fill_sin, "cos": fill_cos}


def evaluate(name: str, x: np.ndarray) -> np.ndarray:
    out = np.empty_like(x)
    LOOPS[name](x, out)
    return out


def around(points: np.ndarray, width: int) -> np.ndarray:
    """Every double within `width` doubles of positive points."""
    bits = np.asarray(points, dtype=np.float64).view(np.int64)
    return (bits[:, None] + np.arange(-width, width + 1)).ravel().view(np.float64)


def of_any_size(rng: np.random.Generator, count: int, largest: float) -> np.ndarray:
    """Positive doubles of every exponent up to the largest's, subnormals among them."""
    return rng.integers(1, np.float64(largest).view(np.int64), count).view(np.float64)


def both_signs(rng: np.random.Generator, x: np.ndarray) -> np.ndarray:
    return x * rng.choice([-1.0, 1.0], x.size)


def points(name: str, count: int, width: int) -> np.ndarray:
    """At least 4·count random points and, `width` doubles to each side, those where a scheme of tables may break."""
    rng = np.random.default_rng(NAMES.index(name))
    if name == "log":
        edges = 0.6875 * (1 + np.arange(129) / 128)  # and any other multiple of 1/128 or 1/256 between 1/2 and 2
        edges = np.concatenate([edges, np.arange(128, 512) / 256, np.arange(1, 40) / 20])
        return np.concatenate(
            [
                of_any_size(rng, count, LARGEST),
                rng.uniform(0.5, 2.0, count),
                np.abs(1.0 + rng.normal(0.0, 1.0, count) * 10.0 ** -rng.uniform(0, 15, count)) + LEAST,
                rng.integers(9_000, 11_000, count) / rng.integers(9_000, 11_000, count),
                around(edges, width),
                around(np.array([1.0]), 50 * width),
                around(edges * 2.0**-1040, width),
                np.array([LEAST, NORMAL_MIN, LARGEST]),
            ]
        )
    if name == "exp":
        halves = (np.arange(1, 3000) + 0.5) * math.log(2) / 128
        drawn = [of_any_size(rng, count, 700.0), np.abs(rng.normal(0, 1, count)), around(halves, width // 10)]
        ends = [rng.uniform(-745.2, 709.78, count), rng.uniform(-745.2, -708.0, count)]
        return np.concatenate([both_signs(rng, np.concatenate(drawn)), *ends])
    if name == "tanh":
        edges = np.concatenate([np.arange(1, 130) / 64, [20.0, 19.0615]])
        drawn = [of_any_size(rng, count, 25.0), np.abs(rng.normal(0, 1, count)), rng.uniform(0, 2.3, count)]
        drawn += [rng.uniform(0, 0.1, count), around(edges, width)]
        return both_signs(rng, np.concatenate(drawn))
    quarters = np.arange(1, int(elementary.ANGLE_MAX * 2 / math.pi))
    eighths = np.arange(1, 200) * math.pi / 4
    drawn = [of_any_size(rng, count, 1.0), rng.uniform(0, 7, count), rng.uniform(0, 1e4, count)]
    drawn += [rng.uniform(0, elementary.ANGLE_MAX, count), around(quarters * math.pi / 2, width // 10)]
    drawn += [around(eighths, width), around(np.arange(1, 110) / 128, width)]
    return both_signs(rng, np.concatenate(drawn))


def ulps(found: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Error in units of the last place that a double of the true value has."""
    exponent = np.frexp(true.astype(np.float64))[1]
    return np.abs(found.astype(np.longdouble) - true) / np.ldexp(np.longdouble(1), np.maximum(exponent - 53, -1074))


@pytest.mark.skipif(np.finfo(np.longdouble).nmant < 63, reason="the host has no wider arithmetic than double")
@pytest.mark.parametrize("name", NAMES)
def test_million_points_lie_within_an_ulp_of_wider_arithmetic(name: str) -> None:
    x = points(name, 300_000, 200)
    assert x.size > 1_200_000
    with np.errstate(under="ignore", over="ignore"):
        true = getattr(np, name)(x.astype(np.longdouble))
    error = ulps(evaluate(name, x), true)
    normal = np.abs(true) >= NORMAL_MIN
    assert error[normal].max() <= WORST_ULP
    assert error.max() <= WORST_ULP_SUBNORMAL


def sine(angle: Decimal) -> Decimal:
    """The series of the sine, after whole turns are taken off."""
    angle -= 2 * PI * (angle / (2 * PI)).to_integral_value()
    term = total = angle
    for k in range(1, 60):
        term *= -angle * angle / (2 * k * (2 * k + 1))
        total += term
    return total


def hyperbolic_tangent(x: Decimal) -> Decimal:
    return ((2 * x).exp() - 1) / ((2 * x).exp() + 1)


TRUTH: dict[str, Callable[[Decimal], Decimal]] = {
    "log": Decimal.ln,
    "exp": Decimal.exp,
    "tanh": hyperbolic_tangent,
    "sin": sine,
    "cos": lambda angle: sine(angle + PI / 2),
}


def decimal_ulps(found: float, true: Decimal) -> float:
    return abs(float((Decimal(found) - true) / Decimal(math.ulp(float(true)))))


@pytest.mark.parametrize("name", NAMES)
def test_random_and_awkward_points_lie_within_an_ulp_of_decimal_arithmetic(name: str) -> None:
    rng = np.random.default_rng(7)
    x = rng.choice(points(name, 2_000, 5), 1_500)
    if name == "tanh":
        x = x[np.abs(x) > 1e-12]  # below, the difference of exponentials would lose the digits
    with localcontext(Context(prec=90)):
        error = max(
            decimal_ulps(float(y), TRUTH[name](Decimal(float(a)))) for a, y in zip(x, evaluate(name, x), strict=True)
        )
    assert error <= (WORST_ULP_SUBNORMAL if name == "exp" else WORST_ULP)


SPECIAL = [
    ("log", 0.0, -INF), ("log", -0.0, -INF), ("log", 1.0, 0.0), ("log", INF, INF), ("log", -1.0, NAN),
    ("log", -INF, NAN), ("log", NAN, NAN), ("log", -LEAST, NAN), ("log", LEAST, -744.4400719213812),
    ("exp", 0.0, 1.0), ("exp", -0.0, 1.0), ("exp", INF, INF), ("exp", -INF, 0.0), ("exp", NAN, NAN),
    ("exp", LEAST, 1.0), ("exp", 709.782712893384, 1.7976931348622732e308), ("exp", 709.7827128933841, INF),
    ("exp", LARGEST, INF), ("exp", -LARGEST, 0.0), ("exp", -745.1332191019411, LEAST), ("exp", -745.1332191019413, 0.0),
    ("tanh", 0.0, 0.0), ("tanh", -0.0, -0.0), ("tanh", INF, 1.0), ("tanh", -INF, -1.0), ("tanh", NAN, NAN),
    ("tanh", LEAST, LEAST), ("tanh", -LEAST, -LEAST), ("tanh", LARGEST, 1.0), ("tanh", 1e-9, 1e-9),
    ("sin", 0.0, 0.0), ("sin", -0.0, -0.0), ("sin", INF, NAN), ("sin", -INF, NAN), ("sin", NAN, NAN),
    ("sin", LEAST, LEAST), ("sin", -LEAST, -LEAST), ("sin", math.pi / 2, 1.0), ("sin", -math.pi / 2, -1.0),
    ("sin", 32_769.0, NAN), ("sin", 1e300, NAN),
    ("cos", 0.0, 1.0), ("cos", -0.0, 1.0), ("cos", INF, NAN), ("cos", -INF, NAN), ("cos", NAN, NAN),
    ("cos", LEAST, 1.0), ("cos", math.pi, -1.0), ("cos", -32_769.0, NAN),
]  # fmt: skip


@pytest.mark.parametrize(("name", "x", "wanted"), SPECIAL)
def test_special_values_follow_ieee_754(name: str, x: float, wanted: float) -> None:
    found = getattr(elementary, name)(x)
    assert repr(found) == repr(wanted)  # tells -0.0 from 0.0


@settings(deadline=None)
@given(st.floats(allow_nan=False))
def test_odd_functions_are_odd_and_the_even_one_is_even(x: float) -> None:
    for name, sign in (("tanh", -1.0), ("sin", -1.0), ("cos", 1.0)):
        function = getattr(elementary, name)
        assert repr(function(-x)) == repr(sign * function(x))


def digest() -> str:
    """One hash over the bits of every function at many points."""
    found = hashlib.sha256()
    for name in NAMES:
        out = np.array([getattr(elementary, name)(float(x)) for x in points(name, 500, 10)[::7]])
        found.update(out.tobytes())
    return found.hexdigest()


@pytest.mark.parametrize(
    "environment",
    [
        pytest.param({"NUMBA_DISABLE_JIT": "1"}, id="interpreted, one operation at a time"),
        pytest.param(
            {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}, id="for a processor without fused operations"
        ),
    ],
)
def test_bits_are_the_same_however_the_code_is_compiled(environment: dict[str, str], tmp_path: Path) -> None:
    program = "from tests.market.test_elementary import digest; print(digest())"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=CHECKOUT, capture_output=True, text=True, check=True,
        env={**os.environ, **environment, "PYTHONPATH": str(CHECKOUT), "NUMBA_CACHE_DIR": str(tmp_path)},
    )  # fmt: skip
    assert done.stdout.strip() == digest()
