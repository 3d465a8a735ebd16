"""The one way this project compiles code."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

_F = TypeVar("_F", bound=Callable[..., Any])


def kernel(function: _F) -> _F:
    """Compile a function to machine code, cached, without the GIL; one that allocates does not compile.

    No ``fastmath``: results must be the same to the bit in training and live. The NumPy error model
    keeps the compiled code free of Python's exceptions (division by zero gives infinity or NaN), which
    a vendor callback may not raise.

    Without numba's runtime (``_nrt``) no array is counted. Counting costs two locked instructions for each array of
    a named tuple, and numba strikes out those that cancel in small functions only: the decision path spent most of
    its time so. The caller owns every array, so a kernel can return none but an argument.
    """
    return _compiled(function)


def inlined_kernel(function: _F) -> _F:
    """Compile a function as `kernel` does, into each of its callers: for what runs at every event.

    A call hands over every array of a named tuple, seven words each; the core and its desk have some eighty.
    """
    return _compiled(function, forceinline=True)


def _compiled(function: _F, **options: bool) -> _F:
    return cast(_F, numba.njit(cache=True, nogil=True, error_model="numpy", _nrt=False, **options)(function))
