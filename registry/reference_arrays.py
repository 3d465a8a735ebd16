"""The reference of a bundle as arrays, and the reader that believes none of them."""

from collections.abc import Mapping

import numpy as np

from market.errors import BundleRefused
from models.histograms import BINS
from models.reference import (
    CALIBRATION_BINS,
    RESULT,
    SAMPLE_ROWS,
    SAMPLE_SESSIONS,
    SESSIONS_MAX,
    Reference,
    Sessions,
)
from registry.arrays import ArraySpec, pack_arrays, unpack_arrays

_F4, _F8, _I4, _I8 = np.dtype("<f4"), np.dtype("<f8"), np.dtype("<i4"), np.dtype("<i8")


def pack_reference(reference: Reference) -> bytes:
    """Return the bytes of a reference; the same one gives the same bytes."""
    sessions = reference.sessions
    arrays: dict[str, np.ndarray] = {
        "session": sessions.session.astype(_I8),
        "counts": sessions.counts.astype(_I4),
        "labels": sessions.labels.astype(_I4),
        "calibration": sessions.calibration.astype(_F8),
        "results": sessions.results,
        "edges": reference.edges.astype(_F8),
        "centres": reference.centres.astype(_F8),
        "sample": reference.sample.astype(_F4),
        "sample_session": reference.sample_session.astype(_I8),
    }
    return pack_arrays(arrays)


def unpack_reference(where: str, data: bytes, columns: int) -> Reference:
    """Read a reference of so many features.

    Raises
    ------
    BundleRefused
        If an array is not of its kind, too long, or contradicts another.
    """
    specs = {
        "session": ArraySpec(_I8, (None,)),
        "counts": ArraySpec(_I4, (None, columns, BINS)),
        "labels": ArraySpec(_I4, (None, 3)),
        "calibration": ArraySpec(_F8, (None, CALIBRATION_BINS, 3)),
        "results": ArraySpec(RESULT, (None,)),
        "edges": ArraySpec(_F8, (columns, BINS - 1)),
        "centres": ArraySpec(_F8, (columns, BINS)),
        "sample": ArraySpec(_F4, (None, columns)),
        "sample_session": ArraySpec(_I8, (None,)),
    }
    arrays = unpack_arrays(where, data, specs)
    for holds, expected in _rules(arrays):
        if not holds:
            raise BundleRefused(f"{where}: expected {expected}, found others; write the bundle again")
    sessions = Sessions(
        arrays["session"],
        arrays["counts"].astype(_I8),
        arrays["labels"].astype(_I8),
        arrays["calibration"],
        arrays["results"],
    )
    return Reference(sessions, arrays["edges"], arrays["centres"], arrays["sample"], arrays["sample_session"])


def _rules(arrays: Mapping[str, np.ndarray]) -> list[tuple[bool, str]]:
    days, results = arrays["session"], arrays["results"]
    per_session = {len(arrays[name]) for name in ("session", "counts", "labels", "calibration", "results")}
    edges, centres, sample = arrays["edges"], arrays["centres"], arrays["sample"]
    told = [results[name] for name in ("net", "contracts", "fees", "slippage")]
    return [
        (
            len(per_session) == 1 and 0 < len(days) <= SESSIONS_MAX,
            f"one entry for each of up to {SESSIONS_MAX} sessions",
        ),
        (bool(np.all(np.diff(days) > 0)) and np.array_equal(results["session"], days), "sessions in order, each once"),
        (not (arrays["counts"] < 0).any() and not (arrays["labels"] < 0).any(), "counts of at least 0"),
        (bool((np.isfinite(arrays["calibration"]) & (arrays["calibration"] >= 0)).all()), "sums of at least 0"),
        (not any(np.isinf(values).any() for values in told), "finite results or none"),
        (bool(np.all(edges[:, 1:] >= edges[:, :-1])) and not np.isneginf(edges).any(), "edges that rise"),
        (bool(np.all(np.diff(centres, axis=1) >= 0) and np.isfinite(centres).all()), "centres that rise"),
        (
            bool(np.isfinite(sample).all())
            and len(sample) == len(arrays["sample_session"]) <= SAMPLE_ROWS * SAMPLE_SESSIONS,
            "a finite sample of bounded size",
        ),
    ]
