"""A market of sessions that depend on each other, with a shift of one kind from one session on."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.signal import lfilter

from models.reference import RESULT, Observed

ROWS, COLUMNS = 400, 24
REFERENCE = 60


@dataclass(frozen=True)
class Shifted:
    """What changes from session `at` on.

    Parameters
    ----------
    mean : float
        Deviations by which a third of the features move.
    spread : float
        Factor of the deviation of a third of the features.
    concept : float
        Factor of the features' bearing on the label; -1 turns it around.
    cost : float
        R$ that each contract costs more, where it costs 1.
    """

    at: int
    mean: float = 0.0
    spread: float = 1.0
    concept: float = 1.0
    cost: float = 0.0


def market(sessions: int, seed: int, shift: Shifted | None = None) -> tuple[Observed, np.ndarray]:
    """Return rows and results: heavy tails, rows that remember (0.95), sessions that do too (0.5), labels that overlap.

    The probability is that of the model that knows the market before the shift.
    """
    rng = np.random.default_rng(seed)
    shift = shift or Shifted(sessions)
    day = np.repeat(np.arange(sessions), ROWS)
    after = day >= shift.at
    rows = np.stack([_feature(rng, sessions) for _ in range(COLUMNS)], axis=1)
    third = COLUMNS // 3
    rows[after, :third] = rows[after, :third] * shift.spread + shift.mean
    pull = 0.8 * rows[:, -1] + 0.4 * rows[:, -2]
    said = 1 / (1 + np.exp(-pull))
    true = 1 / (1 + np.exp(-pull * np.where(after, shift.concept, 1.0)))
    # One draw serves fifteen rows, as overlapping labels share what happened.
    luck = np.repeat(rng.uniform(size=len(day) // 10), 10)
    up = luck < true
    label = np.where(rng.uniform(size=len(day)) < 0.2, 0, np.where(up, 1, -1)).astype(np.int8)
    results = np.zeros(sessions, dtype=RESULT)
    results["session"] = np.arange(sessions)
    results["net"] = 40 + 300 * rng.standard_t(4, sessions) / np.sqrt(2)
    results["contracts"] = rng.integers(6, 30, sessions)
    results["fees"] = 0.6 * results["contracts"]
    extra = np.where(np.arange(sessions) >= shift.at, shift.cost, 0.0)
    results["slippage"] = results["contracts"] * (0.4 + extra) + rng.normal(0, 0.8, sessions) * np.sqrt(
        results["contracts"]
    )
    return Observed(rows.astype(np.float32), day, label, np.where(label != 0, said, np.nan)), results


def _feature(rng: np.random.Generator, sessions: int) -> np.ndarray:
    """Return a column with a deviation of about one: a level and a volatility of the day, and rows that remember."""
    level = lfilter([1], [1, -0.5], rng.normal(0, 0.3, sessions + 20))[20:]
    volatility = np.exp(lfilter([1], [1, -0.5], rng.normal(0, 0.15, sessions + 20))[20:])
    noise = rng.standard_t(5, (sessions, ROWS + 100)) / np.sqrt(5 / 3)
    inside = lfilter([np.sqrt(1 - 0.95**2)], [1, -0.95], noise, axis=1)[:, 100:]
    return (level[:, None] + volatility[:, None] * inside).ravel()


def between(seen: Observed, first: int, last: int) -> Observed:
    """Return the rows of the sessions from `first` to before `last`."""
    chosen = (seen.session >= first) & (seen.session < last)
    return replace(seen, **{name: getattr(seen, name)[chosen] for name in ("rows", "session", "label", "probability")})
