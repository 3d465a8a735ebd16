"""Operators and mathematical functions of Python on lanes, each lane rounded as one number is."""

import math
import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from market.lane_types import BOOL, FLOAT, INT, Lanes, are_lanes, as_lanes, common_kind, compiled, generated, width_of

_OfTwo = Callable[[Any, types.Type, Any, Any], Any]  # builder, kind of the values, values
_OfOne = Callable[[Any, types.Type, Any], Any]


def of_two(functions: tuple[Any, ...], emit: _OfTwo, takes: types.Type = None, gives: types.Type = None) -> None:
    """Compile functions of two numbers for lanes.

    Parameters
    ----------
    functions : tuple of functions
        All with one meaning.
    emit : callable
        Emits it for two vectors of one kind.
    takes, gives : numba type, optional
        Kinds other than what both values convert to.
    """

    @generated
    def apply(typing_context: Any, a: types.Type, b: types.Type) -> Any:
        to = Lanes(takes or common_kind(a, b), width_of(a, b))
        if to.dtype == BOOL and gives is None and functions[0] not in (operator.and_, operator.or_):
            to = Lanes(INT, to.width)  # True + True is 2

        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            x, y = (as_lanes(context, builder, v, k, to) for v, k in zip(values, signature.args, strict=True))
            return emit(builder, to.dtype, x, y)

        return Lanes(gives or to.dtype, to.width)(a, b), generate

    def choose(a: types.Type, b: types.Type) -> Any:
        return (lambda a, b: apply(a, b)) if are_lanes(a, b) else None

    for function in functions:
        compiled(function)(choose)


def of_one(function: Any, emit: _OfOne, gives: types.Type = None) -> None:
    """Compile a function of one number for lanes; its result has the kind `gives`, the value's own by default."""

    @generated
    def apply(typing_context: Any, a: Lanes) -> Any:
        result = Lanes(gives or a.dtype, a.width)
        return result(a), lambda context, builder, signature, values: emit(builder, a.dtype, values[0])

    @compiled(function)
    def choose(a: types.Type) -> Any:
        return (lambda a: apply(a)) if isinstance(a, Lanes) else None


def to_kind(to: types.Type) -> _OfOne:
    """Return what emits the conversion of lanes to a kind."""
    return lambda builder, kind, x: as_lanes(None, builder, x, Lanes(kind, x.type.count), Lanes(to, x.type.count))


def _either(of_floats: str, of_ints: str) -> _OfTwo:
    return lambda builder, kind, x, y: getattr(builder, of_floats if kind == FLOAT else of_ints)(x, y)


def _compared(sign: str) -> _OfTwo:
    def emit(builder: Any, kind: types.Type, x: Any, y: Any) -> Any:
        if kind == FLOAT:
            return (builder.fcmp_unordered if sign == "!=" else builder.fcmp_ordered)(sign, x, y)
        return builder.icmp_signed(sign, x, y)

    return emit


def _extreme(sign: str) -> _OfTwo:
    """The later of two where it is beyond the earlier, as numba's min and max: a NaN is beyond nothing."""
    beyond = _compared(sign)
    return lambda builder, kind, x, y: builder.select(beyond(builder, kind, y, x), y, x)


def _of_floats(name: str) -> Callable[..., Any]:
    """Return what emits one of LLVM's functions of vectors; integers are taken as floats."""

    def emit(builder: Any, kind: types.Type, *values: Any) -> Any:
        values = tuple(to_kind(FLOAT)(builder, kind, value) for value in values)
        signature = ir.FunctionType(values[0].type, [value.type for value in values])
        full_name = f"llvm.{name}.v{values[0].type.count}f64"
        return builder.call(cgutils.get_or_insert_function(builder.module, signature, full_name), values)

    return emit


def _negative(builder: Any, kind: types.Type, x: Any) -> Any:
    return builder.fneg(x) if kind == FLOAT else builder.neg(x)


def _size(builder: Any, kind: types.Type, x: Any) -> Any:
    if kind == FLOAT:
        return _of_floats("fabs")(builder, kind, x)
    return builder.select(builder.icmp_signed("<", x, ir.Constant(x.type, None)), builder.neg(x), x)


of_two((operator.add, operator.iadd), _either("fadd", "add"))
of_two((operator.sub, operator.isub), _either("fsub", "sub"))
of_two((operator.mul, operator.imul), _either("fmul", "mul"))
of_two((operator.truediv,), lambda builder, kind, x, y: builder.fdiv(x, y), takes=FLOAT)
of_two((operator.and_,), lambda builder, kind, x, y: builder.and_(x, y))
of_two((operator.or_,), lambda builder, kind, x, y: builder.or_(x, y))
of_two((operator.rshift,), lambda builder, kind, x, y: builder.ashr(x, y))
of_two((operator.lshift,), lambda builder, kind, x, y: builder.shl(x, y))
for _name, _sign in (("lt", "<"), ("le", "<="), ("gt", ">"), ("ge", ">="), ("eq", "=="), ("ne", "!=")):
    of_two((getattr(operator, _name),), _compared(_sign), gives=BOOL)
of_two((max,), _extreme(">"))
of_two((min,), _extreme("<"))
of_two((math.copysign,), _of_floats("copysign"), takes=FLOAT)
of_one(operator.neg, _negative)
of_one(abs, _size)
of_one(math.sqrt, _of_floats("sqrt"), gives=FLOAT)
of_one(math.floor, _of_floats("floor"), gives=FLOAT)
of_one(int, to_kind(INT), gives=INT)
of_one(float, to_kind(FLOAT), gives=FLOAT)


@compiled(max)
def _largest(a: types.Type, b: types.Type, c: types.Type) -> Any:
    return (lambda a, b, c: max(max(a, b), c)) if are_lanes(a, b, c) else None
