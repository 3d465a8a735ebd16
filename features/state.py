"""The whole memory of the feature pipeline: four flat arrays that can be written to bytes at any event."""

import hashlib
import struct
from typing import NamedTuple

import numpy as np

from features import layout
from features.catalogue import CATALOGUE, index_of
from features.schema import FeatureSchema
from market.errors import DataError

_MAGIC = b"PREGAOFS"
_HEADER = struct.Struct("<8s16s4q")


class FeatureState(NamedTuple):
    """Everything the kernels remember.

    Attributes
    ----------
    floats : ndarray of float64
        Recursions and float rings, at the offsets of `features.layout`.
    ints : ndarray of int64
        Parameters, counters, totals and integer rings, at the offsets of `features.layout`.
    columns : ndarray of int64
        Catalogue positions of the schema's columns, in row order.
    scratch : ndarray of float64
        One value per catalogue feature, NaN where not defined; complete after `pipeline.snapshot`.
    """

    floats: np.ndarray
    ints: np.ndarray
    columns: np.ndarray
    scratch: np.ndarray


def new_state(schema: FeatureSchema) -> FeatureState:
    """Return an empty state for a schema."""
    state = FeatureState(
        floats=np.zeros(layout.FLOAT_COUNT),
        ints=np.zeros(layout.INT_COUNT, dtype=np.int64),
        columns=np.array([index_of(name) for name in schema.columns], dtype=np.int64),
        scratch=np.full(len(CATALOGUE), np.nan),
    )
    state.floats[layout.GAP_OPEN] = np.nan
    state.ints[layout.BAR_NS] = schema.bar_ns
    state.ints[layout.BAR_TRADES] = schema.bar_trades
    state.ints[layout.BAR_CONTRACTS] = schema.bar_contracts
    state.ints[layout.DECIDES] = schema.decides
    state.ints[layout.PRELOAD_SESSIONS] = schema.preload_sessions
    state.ints[layout.BOOK_MAX_AGE] = schema.book_max_age_ns
    return state


def state_to_bytes(state: FeatureState) -> bytes:
    """Return the state as bytes (little-endian), from which it continues bit-identically."""
    header = _HEADER.pack(_MAGIC, _fingerprint(), *(part.size for part in state))
    return header + b"".join(part.astype(part.dtype.newbyteorder("<"), copy=False).tobytes() for part in state)


def state_from_bytes(data: bytes) -> FeatureState:
    """Read a state back.

    Raises
    ------
    DataError
        If the bytes are cut, or were written under another layout or catalogue.
    """
    if len(data) < _HEADER.size:
        raise DataError(f"feature state: expected at least {_HEADER.size} bytes, found {len(data)}; preload afresh")
    magic, fingerprint, *sizes = _HEADER.unpack_from(data)
    if magic != _MAGIC or fingerprint != _fingerprint():
        raise DataError("feature state: expected this code's layout, found another; preload the sessions afresh")
    expected = [layout.FLOAT_COUNT, layout.INT_COUNT, sizes[2], len(CATALOGUE)]
    if sizes != expected or len(data) != _HEADER.size + 8 * sum(sizes):
        raise DataError(f"feature state: expected parts of {expected}, found {sizes} in {len(data)} bytes")
    parts, start = [], _HEADER.size
    for kind, size in zip("fiif", sizes, strict=True):
        parts.append(np.frombuffer(data, dtype=f"<{kind}8", count=size, offset=start).astype(f"{kind}8"))
        start += 8 * size
    state = FeatureState(*parts)
    if np.any((state.columns < 0) | (state.columns >= len(CATALOGUE))):
        raise DataError("feature state: expected columns of the catalogue, found others; preload the sessions afresh")
    return state


def _fingerprint() -> bytes:
    """Identify the layout: the offsets by name, and the catalogue's order."""
    offsets = sorted((name, value) for name, value in vars(layout).items() if name.isupper() and isinstance(value, int))
    text = repr((offsets, [feature.name for feature in CATALOGUE]))
    return hashlib.sha256(text.encode()).digest()[:16]
