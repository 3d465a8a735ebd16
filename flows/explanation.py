"""Why a recorded decision was made: what the model saw, what each column did to its score, and where the model is from.

The journal says which decision, bundle and session; the row is computed again from the lake, through the update that
trades. Only a row that gives the journalled probability to the bit is explained.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from features.pipeline import SessionFeatures, compute_session
from flows.stages.paper import JOURNAL
from forest.predict import predict_row
from forest.shapley import shapley_values
from market.errors import DataError, UsageError
from market.home import Home
from market.types import Regime
from registry.bundle import REGIMES, Bundle, load_bundle
from registry.installed import open_feed
from registry.signing import public_key
from trading.blend import unpack_blends
from trading.journal import Kind, scan
from trading.model import score_probability
from trading.records import DECISION, ORDER


class Journalled(NamedTuple):
    """A decision as a journal has it: file, session, digests of the bundles that ran, and the DECISION record."""

    path: Path
    day: dt.date
    bundles: tuple[str, ...]
    decision: np.void


_LEARNERS = "lightgbm", "xgboost", "forest"  # in the order of a blend's members


class Heard(NamedTuple):
    """What one member of the regime's blend gave to the decision.

    Parameters
    ----------
    learner : str
    weight : float
        In the blend.
    score, usual : float
        Raw score of the row, and its mean over the bundle's golden rows.
    shares : f8[columns]
        Shapley values: what each column added to the score; they add up to `score - usual`.
    """

    learner: str
    weight: float
    score: float
    usual: float
    shares: np.ndarray


@dataclass(frozen=True)
class Explanation:
    """A decision with what it followed from.

    Parameters
    ----------
    found : Journalled
    bundle : Bundle
        That made it.
    contract : str
    row : ndarray of float32, shape (columns,)
        What the model saw.
    members : tuple of Heard
        Of the regime's blend, the one with the most weight first; none where the regime has no model.
    """

    found: Journalled
    bundle: Bundle
    contract: str
    row: np.ndarray
    members: tuple[Heard, ...]


def explain_order(home: Home, order: int, contract: str | None = None) -> Explanation:
    """Explain the decision behind an order, of the newest journal that has it.

    Parameters
    ----------
    home : Home
    order : int
        Client order id.
    contract : str, optional
        The series, where it is not the newest of the bundle's instrument.

    Raises
    ------
    UsageError
        If no journal has such an order.
    DataError
        If the lake does not give the row that was decided on.
    BundleRefused
        If the bundle is not installed any more, or altered.
    """
    for path in _newest_first(home):
        for day, bundles, decisions, orders in _sessions(path):
            made = orders[orders["id"] == order]
            behind = decisions[np.isin(decisions["sequence"], made["decision"])]
            behind = behind[np.isin(behind["instrument"], made["instrument"])]
            if behind.size:
                return _explain(home, Journalled(path, day, bundles, behind[0]), contract)
    raise UsageError(
        f"{home.journal}: expected a journal with order {order}, found none; see the report for its orders"
    )


def explain_time(home: Home, at_ns: int, contract: str | None = None) -> Explanation:
    """Explain the decision at a time, UTC nanoseconds, whether or not it led to an order; as `explain_order`."""
    for path in _newest_first(home):
        for day, bundles, decisions, _ in _sessions(path):
            there = decisions[decisions["ts_ns"] == at_ns]
            if there.size:
                return _explain(home, Journalled(path, day, bundles, there[0]), contract)
    raise UsageError(f"{home.journal}: expected a decision at {at_ns} ns, found none; name the close of its bar")


def _newest_first(home: Home) -> list[Path]:
    kept = [*home.journal.rglob("*.bin"), *home.artifacts.glob(JOURNAL)]
    return sorted(kept, key=lambda path: path.stat().st_mtime, reverse=True)


def _sessions(path: Path) -> Iterator[tuple[dt.date, tuple[str, ...], np.ndarray, np.ndarray]]:
    """Yield day, bundles, DECISION and ORDER records of each session of a journal."""
    sessions: list[tuple[dict[str, str], list[np.ndarray], list[np.ndarray]]] = []
    for record in scan(path).records:
        if record.kind == Kind.SESSION:
            sessions.append((record.fields(), [], []))
        elif record.kind == Kind.DECISION and sessions:
            sessions[-1][1].append(record.rows(DECISION))
        elif record.kind == Kind.ORDER and sessions:
            sessions[-1][2].append(record.rows(ORDER))
    for fields, decisions, orders in reversed(sessions):
        day, bundles = dt.date.fromisoformat(fields["day"]), tuple(fields["bundle"].split("+"))
        yield day, bundles, _joined(decisions, DECISION), _joined(orders, ORDER)


def _joined(parts: list[np.ndarray], dtype: np.dtype) -> np.ndarray:
    return np.concatenate([np.zeros(0, dtype=dtype), *parts])


def _explain(home: Home, found: Journalled, contract: str | None) -> Explanation:
    """Explain by the bundle, of those that ran, that gives the decision's probability."""
    tried = []
    for digest in found.bundles:
        bundle = load_bundle(home.bundles / digest, public_key(home.keys))
        feed = open_feed(home, bundle, contract)
        row = _row_at(bundle, compute_session(bundle.schema, feed, found.day), found.decision)
        if row is not None:
            return _shared(found, bundle, feed.contract, row)
        tried.append(f"{digest[:12]} on {feed.contract}")
    raise DataError(
        f"{found.path}: expected {' or '.join(tried)} to decide with probability {found.decision['probability']} at "
        f"{found.decision['ts_ns']} as was journalled, found another row; name the series with --contract, or look "
        "whether the lake was changed since"
    )


def _row_at(bundle: Bundle, seen: SessionFeatures, decision: np.void) -> np.ndarray | None:
    """Return the row of a decision if it has its regime and probability."""
    at = seen.ts_ns == decision["ts_ns"]
    for row, regime in zip(seen.rows[at], seen.regime[at], strict=True):
        again = score_probability(bundle.model, int(regime), row) if np.isfinite(row).all() else np.nan
        if regime == decision["regime"] and np.array_equal(again, decision["probability"], equal_nan=True):
            return np.array(row)
    return None


def _shared(found: Journalled, bundle: Bundle, contract: str, row: np.ndarray) -> Explanation:
    regime = Regime(int(found.decision["regime"]))
    asked = regime in REGIMES and bool(np.isfinite(row).all())
    return Explanation(found, bundle, contract, row, _heard(bundle, regime, row) if asked else ())


def _heard(bundle: Bundle, regime: Regime, row: np.ndarray) -> tuple[Heard, ...]:
    """Return what each member of a regime's blend that has a weight gave to a row."""
    golden, blend = bundle.golden.rows, unpack_blends(bundle.model.blends)[REGIMES.index(regime)]
    members = [
        Heard(
            learner, float(weight), predict_row(forest, row),
            float(np.mean([predict_row(forest, one) for one in golden])), shapley_values(forest, row, golden),
        )
        for learner, forest, weight in zip(_LEARNERS, blend.members, blend.weights, strict=True) if weight > 0.0
    ]  # fmt: skip
    return tuple(sorted(members, key=lambda one: -one.weight))
