"""Judge the sessions since a bundle was trained by the reference it carries."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from backtest.replay import backtest
from flows.parameters import Parameters
from flows.session_results import executions_of, journalled, session_results
from flows.stages.artifacts import finite_or_none
from flows.stages.dataset import EPOCH
from flows.stages.features import compute_rows
from flows.stages.labels import label_rows
from market.errors import NotEnoughData, UsageError
from market.home import Home
from market.stream import Feed
from models.debounce import Watched, watch
from models.domain_classifier import FOLDS, DomainAuc, domain_auc
from models.drift import Judge
from models.reference import Observed, observe_sessions, sample_rows
from registry.bundle import Bundle, load_bundle
from registry.installed import bundle_in_use, open_feed
from registry.signing import public_key
from trading.core import new_desk
from trading.paper import new_trader
from trading.policy import RiskLimits

LOOKED_BACK = 20  # sessions: a budget on time, and as far as results are summed


@dataclass(frozen=True)
class DriftReport:
    """How the sessions since training differ from it.

    Parameters
    ----------
    model, digest, contract : str
    synthetic : bool
        Whether any of the training data was generated.
    days : tuple of date
        The sessions that were looked at.
    watched : tuple of Watched
        Those that end a window, oldest first.
    classifier : DomainAuc or None
        Of the last window; None where it has too few sessions.
    journalled : int
        Sessions whose executions a runner journalled; those of the others are a replay's.
    """

    model: str
    digest: str
    contract: str
    synthetic: bool
    days: tuple[dt.date, ...]
    watched: tuple[Watched, ...]
    classifier: DomainAuc | None
    journalled: int

    @property
    def asking(self) -> Watched | None:
        """The last session that asks for retraining."""
        return next((one for one in reversed(self.watched) if one.asks), None)

    def as_dict(self) -> dict[str, Any]:
        """Return what machines read; None stands where a number cannot be told."""
        last = self.watched[-1]
        judged, asking = last.judgement, self.asking
        return {
            "model": self.model,
            "model_digest": self.digest,
            "contract": self.contract,
            "sessions": [
                {"session": day_of(one.session).isoformat(), "causes": [*one.judgement.causes], "asks": [*one.asks]}
                for one in self.watched
            ],
            "causes": [*judged.causes],
            "asks": [*asking.asks] if asking else [],
            "features": [finite_or_none(asdict(one)) for one in judged.features],
            "inputs": {str(kind): finite_or_none(asdict(shift)) for kind, shift in judged.inputs.items()},
            "shifts": {name: finite_or_none(asdict(shift)) for name, shift in judged.shifts.items()},
            **finite_or_none({"fall": judged.fall}),
            "classifier": asdict(self.classifier) if self.classifier else None,
            "journalled_sessions": self.journalled,
        }


def run(
    home: Home, parameters: Parameters, bundle: Path | None, contract: str | None, after: dict[str, dt.date]
) -> DriftReport:
    """Judge every session since training, or since the last request.

    Parameters
    ----------
    bundle : Path, optional
        By default the champion that was pulled, else the one installed last.
    contract : str, optional
        By default the bundle's series with the newest session.
    after : mapping of str to date
        Per digest, the session that asked last: the count begins behind it.

    Raises
    ------
    UsageError
        If there is no bundle, or it carries no reference.
    BundleRefused
        If it does not verify.
    NotEnoughData
        If there are too few sessions since, or in the reference.
    """
    opened = load_bundle(bundle, public_key(home.keys)) if bundle else bundle_in_use(home, contract)
    if opened.reference is None:
        raise UsageError(
            f"bundle {opened.digest[:16]}: expected a reference of its training sessions, found none; name the final "
            "bundle of a training, or retrain"
        )
    feed = open_feed(home, opened, contract)
    days = _days_since(feed, opened, after.get(opened.digest), parameters.drift.current_sessions)
    judge = Judge.of(opened.schema.columns, opened.reference, parameters.drift)
    seen, results, told = _observe(home, parameters, opened, feed, days)
    numbers = [(day - EPOCH).days for day in days]
    watched = watch(judge, observe_sessions(seen, results, opened.reference.edges, numbers))
    return DriftReport(
        model=opened.manifest.name,
        digest=opened.digest,
        contract=feed.contract,
        synthetic=opened.manifest.lineage.synthetic,
        days=tuple(days),
        watched=tuple(watched),
        classifier=_classify(opened, seen, numbers[-parameters.drift.current_sessions :]),
        journalled=told,
    )


def day_of(number: int) -> dt.date:
    """Return the date of a day number."""
    return EPOCH + dt.timedelta(days=number)


def _days_since(feed: Feed, bundle: Bundle, asked: dt.date | None, needed: int) -> list[dt.date]:
    trained = dt.date.fromisoformat(bundle.manifest.lineage.last_session)
    last = max(trained, asked or trained)
    days = [day for day in feed.sessions() if day > last][-LOOKED_BACK:]
    if len(days) < needed:
        since = "the last request" if last > trained else "the last one trained on"
        raise NotEnoughData(
            f"{feed.contract}: expected at least {needed} sessions after {last}, {since}, found {len(days)}; collect "
            "more sessions"
        )
    return days


def _observe(
    home: Home, parameters: Parameters, bundle: Bundle, feed: Feed, days: Sequence[dt.date]
) -> tuple[Observed, np.ndarray, int]:
    """Return rows with their labels and what the model said, the sessions' results, and how many were journalled.

    Labels are those of params.yaml, and the replay trades under the shipped limits, as in the reference.
    """
    table = compute_rows(bundle.schema, feed, days)
    label = label_rows(table, parameters, feed)["label"]
    made = backtest(partial(_trader, bundle, feed), feed, days)
    probability = np.full(len(label), np.nan)
    _, rows, said = np.intersect1d(table.ts_ns, made.decisions["ts_ns"], return_indices=True)
    probability[rows] = made.decisions["probability"][said]
    probability[label == 0] = np.nan
    executed = journalled(home.journal, bundle.digest, days)
    executions = [executed.get(one.day, one) for one in executions_of(made)]
    results = session_results(executions, feed.instrument.tick_value)
    return Observed(table.rows, table.session, label, probability), results, len(executed)


def _trader(bundle: Bundle, feed: Feed) -> Any:
    desk = new_desk(RiskLimits(), feed.instrument)
    return new_trader(bundle.schema, bundle.model, desk, bundle.manifest.costs)


def _classify(bundle: Bundle, seen: Observed, window: Sequence[int]) -> DomainAuc | None:
    reference = bundle.reference
    if reference is None or len(window) < FOLDS:
        return None
    return domain_auc(reference.sample, reference.sample_session, *sample_rows(seen, window))
