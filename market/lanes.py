"""Numbers side by side in the lanes of the processor, for the kernels that otherwise take one number.

A `LaneArray` holds several lanes at each place. Compiled code that indexes it gets all lanes of the place as one value,
an LLVM vector, on which operators and the functions below work lane by lane, each with the rounding of the same
operation on one number: a kernel gives the same bits in any number of lanes. One source serves both, as numba compiles
it anew for the type. What it may not do is branch on a value, as lanes may differ: it takes both sides and selects with
`where`, or asks `every`.
"""

import operator
from typing import Any, TypeVar

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import types

from market.lane_operators import of_one
from market.lane_types import (
    BOOL,
    FLOAT,
    INT,
    LaneArray,
    LaneArrayType,
    Lanes,
    as_lanes,
    common_kind,
    compiled,
    generated,
    places,
    vector,
)

__all__ = [
    "INSTRUCTIONS",
    "LANES",
    "LaneArray",
    "bits_of",
    "double_of",
    "every",
    "gather",
    "memory_of",
    "turn",
    "uniform",
    "where",
]  # fmt: skip

_N = TypeVar("_N", bound=float)
_I64 = ir.IntType(64)


def _widest() -> tuple[int, str]:
    able = llvm.get_host_cpu_features()
    if able.get("avx512f") and able.get("avx512dq"):
        return 8, "AVX-512"
    return (4, "AVX2") if able.get("avx2") else (1, "no wide vectors")


# How many numbers this processor takes at once, 1 where its vectors are too narrow to gain by them, and by what.
LANES, INSTRUCTIONS = _widest()


def where(condition: bool, true: _N, false: _N) -> _N:
    """Return one of two values by a condition, lane by lane; both are computed."""
    return true if condition else false


def every(condition: bool) -> bool:
    """Tell whether a condition holds in all lanes: one truth, on which a kernel may branch."""
    return condition


def uniform(values: np.ndarray, place: int) -> int:
    """Return the number of a place where all lanes hold the same, as one number."""
    return values[place]  # type: ignore[no-any-return]


def gather(table: np.ndarray, row: int, column: int) -> float:
    """Return an element of a contiguous table of float64, in each lane that of its own row."""
    return table[row, column]  # type: ignore[no-any-return]


def bits_of(x: float) -> int:
    """Return the 64 bits of a double."""
    return int(np.float64(x).view(np.int64))


def double_of(bits: int) -> float:
    """Return the double of 64 bits."""
    return float(np.int64(bits).view(np.float64))


@compiled(where)
def _where(condition: types.Type, true: types.Type, false: types.Type) -> Any:
    return (lambda condition, true, false: _select(condition, true, false)) if isinstance(condition, Lanes) else where


@compiled(every)
def _every(condition: types.Type) -> Any:
    return (lambda condition: _all(condition)) if isinstance(condition, Lanes) else every


@compiled(uniform)
def _uniform(values: types.Type, place: types.Type) -> Any:
    return (lambda values, place: _load_first(values, place)) if isinstance(values, LaneArrayType) else uniform


@compiled(gather)
def _gather(table: types.Type, row: types.Type, column: types.Type) -> Any:
    return (lambda table, row, column: _load_each(table, row, column)) if isinstance(row, Lanes) else gather


@compiled(bits_of)
def _bits_of(x: types.Type) -> Any:
    return None if isinstance(x, Lanes) else bits_of


@compiled(double_of)
def _double_of(bits: types.Type) -> Any:
    return None if isinstance(bits, Lanes) else double_of


of_one(bits_of, lambda builder, kind, x: builder.bitcast(x, vector(INT, x.type.count)), gives=INT)
of_one(double_of, lambda builder, kind, x: builder.bitcast(x, vector(FLOAT, x.type.count)), gives=FLOAT)


@compiled(operator.getitem)
def _get(array: types.Type, place: types.Type) -> Any:
    return (lambda array, place: _load(array, place)) if isinstance(array, LaneArrayType) else None


@compiled(operator.setitem)
def _set(array: types.Type, place: types.Type, value: types.Type) -> Any:
    return (lambda array, place, value: _store(array, place, value)) if isinstance(array, LaneArrayType) else None


@generated
def memory_of(typing_context: Any, array: LaneArrayType) -> Any:
    """Return the values of a `LaneArray` in compiled code: an array of shape (places, lanes), a column a lane."""
    return array.memory(array), lambda context, builder, signature, values: values[0]


@generated
def turn(typing_context: Any, array: LaneArrayType, place: types.Type, out: types.Type) -> Any:
    """Write as many places as there are lanes, from `place` on, as those columns of `out`, which has a row a lane."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kind = vector(array.dtype, array.width).as_pointer()
        at = [builder.add(values[1], ir.Constant(_I64, k)) for k in range(array.width)]
        square = [_vector_at(builder, _address(context, builder, array, values[0], one), kind) for one in at]
        rows = context.make_array(out)(context, builder, values[2])
        to, step = builder.gep(rows.data, [values[1]]), builder.extract_value(rows.shape, 1)
        for row in _turned(builder, square):
            builder.store(row, builder.bitcast(to, kind), align=4)
            to = builder.gep(to, [step])
        return context.get_dummy_value()

    return types.none(array, types.intp, out), generate


def _turned(builder: Any, rows: list[Any]) -> list[Any]:
    """Return the columns of a square of vectors: row and column exchange one bit of their numbers after the other."""
    rows, width = list(rows), len(rows)
    for bit in (1, 2, 4):
        for k in (k for k in range(width) if bit < width and not k & bit):
            a, b = rows[k], rows[k + bit]
            first = places([width + lane - bit if lane & bit else lane for lane in range(width)])
            second = places([width + lane if lane & bit else lane + bit for lane in range(width)])
            rows[k], rows[k + bit] = builder.shuffle_vector(a, b, first), builder.shuffle_vector(a, b, second)
    return rows


def _address(context: Any, builder: Any, kind: LaneArrayType, array: Any, place: Any) -> Any:
    """Return where the lanes of a place begin."""
    data = context.make_array(kind.memory)(context, builder, array).data
    return builder.gep(data, [builder.mul(place, ir.Constant(_I64, kind.width))], inbounds=True)


def _vector_at(builder: Any, address: Any, kind: Any) -> Any:
    return builder.load(builder.bitcast(address, kind), align=4)


@generated
def _load(typing_context: Any, array: LaneArrayType, place: types.Type) -> Any:
    lanes = Lanes(array.dtype, array.width)

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        at = _address(context, builder, array, *values)
        return _vector_at(builder, at, vector(array.dtype, array.width).as_pointer())

    return lanes(array, types.intp), generate


@generated
def _load_first(typing_context: Any, array: LaneArrayType, place: types.Type) -> Any:
    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.load(_address(context, builder, array, *values))

    return array.dtype(array, types.intp), generate


@generated
def _store(typing_context: Any, array: LaneArrayType, place: types.Type, value: types.Type) -> Any:
    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        lanes = as_lanes(context, builder, values[2], value, Lanes(array.dtype, array.width))
        at = _address(context, builder, array, *values[:2])
        builder.store(lanes, builder.bitcast(at, lanes.type.as_pointer()), align=4)
        return context.get_dummy_value()

    return types.none(array, types.intp, value), generate


@generated
def _load_each(typing_context: Any, table: types.Type, row: Lanes, column: types.Type) -> Any:
    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        array, found = (
            context.make_array(table)(context, builder, values[0]),
            vector(table.dtype, row.width)(ir.Undefined),
        )
        columns = builder.extract_value(array.shape, 1)
        for lane in range(row.width):
            at = ir.Constant(ir.IntType(32), lane)
            place = builder.add(builder.mul(builder.extract_element(values[1], at), columns), values[2])
            found = builder.insert_element(found, builder.load(builder.gep(array.data, [place])), at)
        return found

    return Lanes(table.dtype, row.width)(table, row, types.intp), generate


@generated
def _select(typing_context: Any, condition: Lanes, true: types.Type, false: types.Type) -> Any:
    to = Lanes(common_kind(true, false), condition.width)

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        x, y = (as_lanes(context, builder, v, k, to) for v, k in zip(values[1:], (true, false), strict=True))
        return builder.select(values[0], x, y)

    return to(condition, true, false), generate


@generated
def _all(typing_context: Any, condition: Lanes) -> Any:
    mask = ir.IntType(condition.width)

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.icmp_unsigned("==", builder.bitcast(values[0], mask), ir.Constant(mask, -1))

    return BOOL(condition), generate
