"""The types of numba behind `market.lanes`: several numbers as one LLVM vector, and an array of them."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from llvmlite import ir
from numba import from_dtype, types
from numba.core.datamodel import models, register_default
from numba.core.imputils import lower_cast
from numba.core.typeconv import Conversion
from numba.extending import NativeValue, intrinsic, overload, typeof_impl, unbox

FLOAT, INT, BOOL = types.float64, types.int64, types.boolean
SINGLE = types.float32  # in memory only
_LLVM = {FLOAT: ir.DoubleType(), SINGLE: ir.FloatType(), INT: ir.IntType(64), BOOL: ir.IntType(1)}
_ALIGNED = 64  # bytes, the widest register; lanes that straddle two lines of the cache load at half the speed
_F = TypeVar("_F", bound=Callable[..., Any])


def generated(function: Callable[..., Any]) -> Any:
    """Let a function of types tell a signature and what emits its LLVM code; the first of its parameters is numba's."""
    return intrinsic(function)


def compiled(function: Callable[..., Any]) -> Callable[[_F], _F]:
    """Let a function of types return what kernels that call `function` compile in its place, None where it is not so.

    Not strict: numba would compare annotations, which what is compiled does not have.
    """
    return cast(Callable[[_F], _F], overload(function, strict=False))


class LaneArray:
    """A flat array of places with several lanes each, as compiled code takes it.

    Parameters
    ----------
    values : ndarray of float64, int64 or float32, shape (places,)
        What every lane begins with.
    lanes : int
        2, 4 or 8.

    Attributes
    ----------
    values : ndarray, shape (places, lanes)
        The memory, which compiled code changes in place.
    """

    def __init__(self, values: np.ndarray, lanes: int) -> None:
        room = np.empty(values.size * lanes + _ALIGNED, dtype=values.dtype)
        start = -room.ctypes.data % _ALIGNED // room.itemsize
        self.values = room[start : start + values.size * lanes].reshape(values.size, lanes)
        self.values[:] = values[:, np.newaxis]


class Lanes(types.Type):  # type: ignore[misc]
    """`width` numbers of one kind; plain numbers convert to it, and integers to floats."""

    def __init__(self, dtype: types.Type, width: int) -> None:
        self.dtype, self.width = dtype, width
        super().__init__(f"Lanes({dtype}, {width})")

    def can_convert_from(self, typing_context: Any, other: types.Type) -> Conversion | None:
        """Tell numba what converts to this."""
        if isinstance(other, types.Number | types.Boolean):
            return Conversion.safe
        same = isinstance(other, Lanes) and other.width == self.width
        return Conversion.promote if same and (other.dtype, self.dtype) == (INT, FLOAT) else None

    def unify(self, typing_context: Any, other: types.Type) -> types.Type | None:
        """Tell numba the type of a variable that is now this, now another."""
        return Lanes(common_kind(self, other), self.width) if are_lanes(self, other) else None


class LaneArrayType(types.Type):  # type: ignore[misc]
    """A `LaneArray`; `memory` is the type of its values."""

    def __init__(self, dtype: types.Type, width: int) -> None:
        self.dtype, self.width = dtype, width
        self.memory = types.Array(dtype, 2, "C")
        super().__init__(f"LaneArray({dtype}, {width})")


@register_default(Lanes)
class _LanesModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, lanes: Lanes) -> None:
        super().__init__(manager, lanes, vector(lanes.dtype, lanes.width))


@register_default(LaneArrayType)
class _LaneArrayModel(models.ArrayModel):  # type: ignore[misc]
    def __init__(self, manager: Any, array: LaneArrayType) -> None:
        super().__init__(manager, array.memory)


def _typeof(array: LaneArray, context: Any) -> types.Type:
    return LaneArrayType(from_dtype(array.values.dtype), array.values.shape[1])


def _unbox(kind: LaneArrayType, array: Any, c: Any) -> NativeValue:
    values = c.pyapi.object_getattr_string(array, "values")
    native = c.unbox(kind.memory, values)
    c.pyapi.decref(values)  # `array` holds it
    return native


typeof_impl.register(LaneArray)(_typeof)
unbox(LaneArrayType)(_unbox)


def vector(dtype: types.Type, width: int) -> ir.Type:
    """Return LLVM's type of so many numbers."""
    return ir.VectorType(_LLVM[dtype], width)


def places(lanes: list[int]) -> ir.Constant:
    """Return places within vectors, for a shuffle."""
    return ir.Constant(ir.VectorType(ir.IntType(32), len(lanes)), lanes)


def are_lanes(*kinds: types.Type) -> bool:
    """Tell whether some are lanes, of one width, and the rest plain numbers."""
    widths = {kind.width for kind in kinds if isinstance(kind, Lanes)}
    return len(widths) == 1 and all(isinstance(kind, Lanes | types.Number | types.Boolean) for kind in kinds)


def width_of(*kinds: types.Type) -> int:
    """Return how many lanes those have that are lanes."""
    return next(int(kind.width) for kind in kinds if isinstance(kind, Lanes))


def common_kind(*kinds: types.Type) -> types.Type:
    """Return the kind of number that all convert to: floats before integers before truths."""
    dtypes = [kind.dtype if isinstance(kind, Lanes) else kind for kind in kinds]
    if any(isinstance(dtype, types.Float) for dtype in dtypes):
        return FLOAT
    return BOOL if all(isinstance(dtype, types.Boolean) for dtype in dtypes) else INT


def as_lanes(context: Any, builder: Any, value: Any, kind: types.Type, to: Lanes) -> Any:
    """Emit the conversion of a number or of lanes to lanes of another kind."""
    if not isinstance(kind, Lanes):
        one = context.cast(builder, value, kind, to.dtype)
        empty = ir.Constant(ir.VectorType(one.type, to.width), ir.Undefined)
        first = builder.insert_element(empty, one, ir.Constant(ir.IntType(32), 0))
        return builder.shuffle_vector(first, empty, places([0] * to.width))
    if kind.dtype == to.dtype:
        return value
    if to.dtype == FLOAT:
        convert = builder.sitofp if kind.dtype == INT else builder.uitofp
    elif to.dtype == SINGLE:
        convert = builder.fptrunc
    else:
        convert = builder.zext if kind.dtype == BOOL else builder.fptosi
    return convert(value, vector(to.dtype, to.width))


def _cast(context: Any, builder: Any, kind: types.Type, to: Lanes, value: Any) -> Any:
    return as_lanes(context, builder, value, kind, to)


lower_cast(types.Any, Lanes)(_cast)
