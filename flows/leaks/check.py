"""`pregao leakcheck`: the future-poison test over one series of the lake with the current parameters."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from flows.leaks.cells import Found, Leak, find_leaks
from flows.leaks.source import of_function
from flows.leaks.subjects import (
    Subject,
    decisions_trial,
    features_trial,
    fit_fold,
    fit_trial,
    folds,
    labels_trial,
    training_table,
)
from flows.parameters import Parameters
from flows.stages.dataset import Dataset, open_dataset
from flows.stages.fitting import assemble
from market.home import Home
from models.spans import Split
from models.splits import WalkForward
from models.training_table import TrainingTable
from trading.agent_inputs import available_agents

CUTS = 3  # per session, and per computation


def check_leaks(home: Home, parameters: Parameters, sessions: int = 2) -> Found:
    """Check features, labels, splits, fits and decisions.

    Parameters
    ----------
    sessions : int
        How many sessions features, labels and decisions are checked in, evenly spread, the last one among them.

    Raises
    ------
    NotEnoughData
        If too few training sessions have rows to learn from.
    """
    return check_dataset(open_dataset(home, parameters.data), parameters, sessions)


def check_dataset(dataset: Dataset, parameters: Parameters, sessions: int) -> Found:
    """Check an open series; see `check_leaks`."""
    subject = Subject.open(dataset, parameters)
    feed = subject.dataset.feed
    table = training_table(subject, feed)
    _, learned, strategy, end = fit_fold(subject, feed)
    acting = replace(strategy, theta=(min(parameters.thresholds.grid),) * 3, least_lean=(0.0,) * 3)  # so that it trades
    columns = subject.schema.columns
    model = assemble(learned, columns, available_agents(columns), acting)
    found = check_spans(table, folds(subject, table), parameters.splits.embargo_ns)
    found += find_leaks(fit_trial(subject, end), 1)
    days = list(dataset.training + dataset.held_back)
    for place in np.unique(np.linspace(0, len(days) - 1, min(sessions, len(days)) + 1).astype(int)[1:]):
        found += find_leaks(features_trial(subject, days[place]), CUTS)
        found += find_leaks(labels_trial(subject, days[max(0, place - 1) : place + 1]), CUTS)
        found += find_leaks(decisions_trial(subject, days[place], model), CUTS)
    return found


def check_spans(table: TrainingTable, splits: Sequence[Split], embargo_ns: int) -> Found:
    """Check that no training label comes within the embargo of the test span, one check per fold."""
    leaks = []
    for number, (train, test) in enumerate(splits):
        opens, ends = table.start_ns[test].min() - embargo_ns, table.end_ns[test].max() + embargo_ns
        overlapping = train[(table.end_ns[train] >= opens) & (table.start_ns[train] <= ends)]
        if overlapping.size:
            at_ns, source = int(table.start_ns[overlapping].min()), of_function(WalkForward.split)
            leaks.append(Leak(at_ns, f"splits, fold {number}: a training label in the test span", "end_ns", source))
    return Found(len(splits), tuple(leaks))
