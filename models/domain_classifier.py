"""Can a classifier tell recent rows from those of training? Then the inputs as a whole have moved, whichever way.

It names no cause and so asks for nothing; beside the features' own drift it says how much they hide together.
"""

from dataclasses import dataclass

import numpy as np

from market.errors import NotEnoughData

FOLDS = 3
PLACEBOS = 19  # with the real one twenty: the band is passed by chance once in twenty times
_SETTINGS = {
    "objective": "binary", "num_leaves": 7, "min_data_in_leaf": 20, "learning_rate": 0.1, "feature_fraction": 0.5,
    "num_threads": 1, "deterministic": True, "force_row_wise": True, "seed": 7, "verbose": -1,
}  # fmt: skip
_TREES = 20


@dataclass(frozen=True)
class DomainAuc:
    """How well old and new rows are told apart.

    Parameters
    ----------
    auc : float
        In [0, 1]; 0.5 is not at all.
    band : float
        The highest of the reference's own windows, told apart from the rest of it.
    """

    auc: float
    band: float

    @property
    def apart(self) -> bool:
        """Whether it is more than windows of the reference show."""
        return self.auc > self.band


def domain_auc(sample: np.ndarray, sample_session: np.ndarray, rows: np.ndarray, session: np.ndarray) -> DomainAuc:
    """Tell rows of some sessions from the sample of a reference, over folds of whole sessions.

    Rows whose windows reach into the session before are in neither sample (`models.reference.sample_rows`), so no fold
    knows anything of another.

    Parameters
    ----------
    sample, rows : f4[n, columns]
    sample_session, session : i8[n]

    Raises
    ------
    NotEnoughData
        Fewer than three sessions on a side: no fold could be left out.
    """
    old, new = np.unique(sample_session), np.unique(session)
    if len(new) < FOLDS or len(old) < len(new) + FOLDS:
        raise NotEnoughData(
            f"drift: expected at least {FOLDS} recent sessions and as many more of the reference, found {len(new)} and "
            f"{len(old)}; collect more sessions"
        )
    found = _auc(sample, sample_session, rows, session)
    starts = np.linspace(0, len(old) - len(new), PLACEBOS).astype(np.int64)
    placebos = []
    for start in np.unique(starts):
        window = np.isin(sample_session, old[start : start + len(new)])
        placebos.append(_auc(sample[~window], sample_session[~window], sample[window], sample_session[window]))
    return DomainAuc(found, max(placebos))


def _auc(old: np.ndarray, old_session: np.ndarray, new: np.ndarray, new_session: np.ndarray) -> float:
    """Return the area under the curve of scores that each fold gives to sessions it did not see."""
    import lightgbm
    from sklearn.metrics import roc_auc_score

    rows, is_new = np.concatenate([old, new]), np.repeat([0.0, 1.0], [len(old), len(new)])
    fold = np.concatenate([_folds(old_session), _folds(new_session)])
    scores = np.empty(len(rows))
    for held in range(FOLDS):
        train = fold != held
        share = float(is_new[train].mean())
        weight = np.where(is_new[train] > 0, 1 - share, share)
        data = lightgbm.Dataset(rows[train], is_new[train], weight=weight)
        scores[~train] = lightgbm.train(_SETTINGS, data, num_boost_round=_TREES).predict(rows[~train])
    return float(roc_auc_score(is_new, scores))


def _folds(session: np.ndarray) -> np.ndarray:
    """Return the fold of each row: runs of neighbouring sessions."""
    days, place = np.unique(session, return_inverse=True)
    return place * FOLDS // len(days)
