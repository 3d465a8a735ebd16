"""Hold the expectation suites over everything a dataset is read from."""

from flows.stages.dataset import Dataset
from flows.validation import Validation, validate
from market.errors import ValidationFailed
from market.home import Home
from market.lake import EVENT_KINDS
from market.lake_manifest import Partition


def run(home: Home, dataset: Dataset) -> Validation:
    """Validate a dataset; Data Docs and the summary are written whatever the outcome.

    Raises
    ------
    ValidationFailed
        If a suite refuses it; the message names the sessions.
    """
    done = validate(home, dataset.feed.lake, _partitions(dataset))
    if done.reasons:
        named = "; ".join(done.reasons)
        raise ValidationFailed(f"{named}; correct the data or train another series, see {done.summary}")
    return done


def _partitions(dataset: Dataset) -> list[Partition]:
    """Return what the feed reads: bars of its length, or trades with their quotes and book."""
    held = dataset.feed.lake.partitions(contract=dataset.feed.contract)
    if dataset.feed.kind == "bars":
        return [p for p in held if p.key in {own.key for own in dataset.partitions}]
    return [p for p in held if p.kind in EVENT_KINDS]
