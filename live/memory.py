"""Memory and functions by address, for compiled code that meets a library written by others.

Loads and stores of a ring's cursors are ordered (acquire, release), so that a reader in another process never sees a
cursor before the records it speaks of. `swap` is what locks are made of.
"""

from collections.abc import Callable
from typing import Any, cast

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_F = Callable[..., Any]
_SIGNED = {"i1": types.int8, "i2": types.int16, "i4": types.int32, "i8": types.int64}
_KINDS: dict[str, Any] = _SIGNED | {"u1": types.uint8, "u2": types.uint16, "u4": types.uint32, "f8": types.float64}


def typed_intrinsic(function: _F) -> _F:
    """Make an intrinsic of numba of a function that returns its signature and its generator of code."""
    return cast(_F, intrinsic(function))


def _pointer(context: Any, builder: Any, address: Any, kind: Any) -> Any:
    return builder.inttoptr(address, context.get_value_type(kind).as_pointer())


def _loader(name: str, order: str = "") -> _F:
    """Return a function of (address) that loads a number."""
    kind = _KINDS[name]

    def load(typing: Any, address: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            place = _pointer(context, builder, arguments[0], kind)
            if order:
                return builder.load_atomic(place, order, kind.bitwidth // 8)
            return builder.load(place, align=1)

        return kind(types.int64), generate

    return typed_intrinsic(load)


def _storer(name: str, order: str = "") -> _F:
    """Return a function of (address, value) that stores a number."""
    kind = _KINDS[name]

    def store(typing: Any, address: Any, value: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            place = _pointer(context, builder, arguments[0], kind)
            if order:
                builder.store_atomic(arguments[1], place, order, kind.bitwidth // 8)
            else:
                builder.store(arguments[1], place, align=1)
            return context.get_dummy_value()

        return types.void(types.int64, kind), generate

    return typed_intrinsic(store)


@typed_intrinsic
def record_at(typing: Any, address: Any, kind: Any) -> Any:
    """Return the record that lies at an address, of a dtype; it is the memory itself, no copy."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(kind.dtype))

    return kind.dtype(types.int64, kind), generate


@typed_intrinsic
def swap(typing: Any, address: Any, expected: Any, value: Any) -> Any:
    """Store a number where another is expected, in one step that no thread can come between; tell whether it was."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = _pointer(context, builder, arguments[0], types.int64)
        done = builder.cmpxchg(place, arguments[1], arguments[2], "acquire", "monotonic")
        return builder.extract_value(done, 1)

    return types.boolean(types.int64, types.int64, types.int64), generate


def caller(result: Any, *arguments: Any) -> _F:
    """Return a function of (address, arguments…) that calls what stands at an address."""

    def call(typing: Any, address: Any, *given: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            returns = ir.VoidType() if result is types.void else context.get_value_type(result)
            kind = ir.FunctionType(returns, [context.get_value_type(one) for one in arguments])
            function = builder.inttoptr(values[0], kind.as_pointer())
            done = builder.call(function, cgutils.unpack_tuple(builder, values[1]))
            return context.get_dummy_value() if result is types.void else done

        return result(types.int64, types.StarArgTuple(arguments)), generate

    return typed_intrinsic(call)


load_u1, load_u2, load_u4, load_i4 = _loader("u1"), _loader("u2"), _loader("u4"), _loader("i4")
load_i8, load_f8, load_acquire = _loader("i8"), _loader("f8"), _loader("i8", "acquire")
store_u1, store_u2, store_u4, store_i4 = _storer("u1"), _storer("u2"), _storer("u4"), _storer("i4")
store_i1, store_i8, store_f8, store_release = _storer("i1"), _storer("i8"), _storer("f8"), _storer("i8", "release")
