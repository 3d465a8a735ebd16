"""What sessions were like: the few numbers of each that later ones are compared with. They travel in the bundle.

No row of market data is kept but a small sample, for the classifier that tells old rows from new ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.histograms import BINS, count_values, quantile_edges

SESSIONS_MAX = 120  # the last ones of training
CALIBRATION_BINS = 10
SAMPLE_ROWS = 40  # of each session
SAMPLE_SESSIONS = 60
# The first hour of a session is not sampled: windows that reach back from it hold the session before.
WINDOW_ROWS = 60
RESULT = np.dtype(
    [
        ("session", "<i8"),  # day number
        ("net", "<f8"),  # R$ after costs
        ("contracts", "<f8"),  # bought plus sold
        ("fees", "<f8"),  # R$
        ("slippage", "<f8"),  # R$ that fills were worse than the close their decision stood on
    ]
)


@dataclass(frozen=True)
class Observed:
    """Rows of whole sessions in time order, with what is known of each; every array has one entry per row.

    Parameters
    ----------
    rows : f4[n, columns]
    session : i8[n]
        Day number.
    label : i1[n]
        1 up, -1 down, 0 undecided or none.
    probability : f8[n]
        P(up) by a model that never saw the row; NaN where there is none or the label is 0.
    """

    rows: np.ndarray
    session: np.ndarray
    label: np.ndarray
    probability: np.ndarray


@dataclass(frozen=True)
class Sessions:
    """One entry per session, in time order.

    Parameters
    ----------
    session : i8[s]
        Day numbers.
    counts : i8[s, columns, bins]
        Values per bin of the reference.
    labels : i8[s, 3]
        Warm rows that are down, undecided, up.
    calibration : f8[s, bins, 3]
        Per bin of the probability: rows, sum of probabilities, rows that went up.
    results : RESULT[s]
        NaN where the session was not traded.
    """

    session: np.ndarray
    counts: np.ndarray
    labels: np.ndarray
    calibration: np.ndarray
    results: np.ndarray

    def select(self, chosen: np.ndarray | slice) -> "Sessions":
        """Return some of the sessions."""
        parts = (self.session, self.counts, self.labels, self.calibration, self.results)
        return Sessions(*(part[chosen] for part in parts))


@dataclass(frozen=True)
class Reference:
    """The sessions a model learned from, as later ones are compared with them.

    Parameters
    ----------
    sessions : Sessions
        The last 120 of training at most.
    edges : f8[columns, bins - 1]
        Quantiles of all their rows, rising; infinite where they are not needed.
    centres : f8[columns, bins]
        Mean of a bin's values, in standard deviations of the column from its mean.
    sample : f4[rows, columns]
        Up to 40 warm rows of each of the last 60 sessions.
    sample_session : i8[rows]
    """

    sessions: Sessions
    edges: np.ndarray
    centres: np.ndarray
    sample: np.ndarray
    sample_session: np.ndarray


def build_reference(seen: Observed, results: np.ndarray) -> Reference:
    """Condense the sessions of training.

    Parameters
    ----------
    seen : Observed
    results : RESULT[any]
        Of the sessions that were traded by a model that never saw them.

    Raises
    ------
    NotEnoughData
        A column has no finite value.
    """
    days = np.unique(seen.session)[-SESSIONS_MAX:]
    kept = np.isin(seen.session, days)
    rows = seen.rows[kept]
    edges = np.stack([quantile_edges(column) for column in rows.T])
    sample, sample_session = sample_rows(seen, days[-SAMPLE_SESSIONS:])
    centres = np.stack([_centres(column, own) for column, own in zip(rows.T, edges, strict=True)])
    return Reference(observe_sessions(seen, results, edges, days), edges, centres, sample, sample_session)


def observe_sessions(
    seen: Observed, results: np.ndarray, edges: np.ndarray, days: Sequence[int] | np.ndarray
) -> Sessions:
    """Condense some sessions, with the bins of a reference."""
    inside = [np.flatnonzero(seen.session == day) for day in days]
    shape = (len(days), len(edges), BINS)
    counts = [[count_values(seen.rows[at, i], own) for i, own in enumerate(edges)] for at in inside]
    told = np.zeros(len(days), dtype=RESULT)
    told["session"] = days
    for name in ("net", "contracts", "fees", "slippage"):
        told[name] = np.nan
    _, there, given = np.intersect1d(days, results["session"], return_indices=True)
    told[there] = results[given]
    return Sessions(
        session=np.asarray(days, dtype=np.int64),
        counts=np.array(counts, dtype=np.int64).reshape(shape),
        labels=np.array([_label_counts(seen, at) for at in inside], dtype=np.int64).reshape(-1, 3),
        calibration=np.array([_calibration(seen, at) for at in inside]).reshape(-1, CALIBRATION_BINS, 3),
        results=told,
    )


def sample_rows(seen: Observed, days: Sequence[int] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return warm rows spread evenly over each session after its first hour, f4[n, columns], and their sessions."""
    warm = np.isfinite(seen.rows).all(axis=1)
    chosen = [np.zeros(0, dtype=np.int64)]
    for day in days:
        at = np.flatnonzero(seen.session == day)[WINDOW_ROWS:]
        at = at[warm[at]]
        chosen.append(at[np.linspace(0, len(at) - 1, min(len(at), SAMPLE_ROWS)).astype(np.int64)])
    taken = np.concatenate(chosen)
    return seen.rows[taken], seen.session[taken]


def _centres(column: np.ndarray, edges: np.ndarray) -> np.ndarray:
    found = np.asarray(column, dtype=np.float64)
    found = found[np.isfinite(found)]
    spread = float(found.std()) or 1.0
    scaled = (found - found.mean()) / spread
    places = np.searchsorted(edges, found, side="right")
    sums, counts = (np.bincount(places, weights, minlength=BINS) for weights in (scaled, None))
    centres = np.divide(sums, counts, out=np.full(BINS, np.nan), where=counts > 0)
    filled = np.interp(np.arange(BINS), np.flatnonzero(counts), centres[counts > 0])
    return np.maximum.accumulate(filled)  # rounding may turn two means that are nearly equal


def _label_counts(seen: Observed, at: np.ndarray) -> np.ndarray:
    warm = at[np.isfinite(seen.rows[at]).all(axis=1)]
    return np.bincount(seen.label[warm].astype(np.int64) + 1, minlength=3)


def _calibration(seen: Observed, at: np.ndarray) -> np.ndarray:
    at = at[np.isfinite(seen.probability[at]) & (seen.label[at] != 0)]
    p, up = seen.probability[at], (seen.label[at] > 0).astype(np.float64)
    places = np.minimum((p * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)
    columns = [np.bincount(places, weights, minlength=CALIBRATION_BINS) for weights in (np.ones(len(p)), p, up)]
    return np.stack(columns, axis=1)
