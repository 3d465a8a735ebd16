"""What each feature adds to a model's answer: Shapley values of a few rows.

S. Lundberg and others, "From Local Explanations to Global Understanding with Explainable AI for Trees" (2020): LightGBM
and XGBoost compute them exactly over their trees, in log-odds. For a forest of scikit-learn, which has no such method,
they are estimated by sampling orders of the columns (E. Štrumbelj, I. Kononenko, "Explaining prediction models and
individual predictions with feature contributions", 2014), in probability, against rows of a background.
"""

from typing import Any

import numpy as np

ORDERS = 20  # for each row of a forest


def attribute(model: Any, rows: np.ndarray, background: np.ndarray, seed: int) -> np.ndarray:
    """Return what each column adds in each row, f8[n, columns]; a row's sum is its answer less the average one.

    Parameters
    ----------
    model : lightgbm.Booster, xgboost.Booster or scikit-learn forest
    rows, background : f4[n, columns], f4[m, columns]
        To explain; what a forest's answers are compared with.
    seed : int
        Of the orders; the two other kinds are exact.
    """
    kind = type(model).__module__.partition(".")[0]
    if kind == "lightgbm":
        return np.asarray(model.predict(rows, pred_contrib=True), dtype=np.float64)[:, :-1]
    if kind == "xgboost":
        import xgboost

        names = model.feature_names
        told = model.predict(xgboost.DMatrix(rows, feature_names=names), pred_contribs=True)
        return np.asarray(told, dtype=np.float64)[:, :-1]
    return sample_shapley(lambda asked: model.predict_proba(asked)[:, 1], rows, background, seed)


def sample_shapley(
    answer: Any, rows: np.ndarray, background: np.ndarray, seed: int, orders: int = ORDERS
) -> np.ndarray:
    """Estimate Shapley values of any model by walking from background rows to the row, column by column.

    Unbiased for every column; the values of a walk add up exactly to the row's answer less the background row's.
    Columns that the model does not read get exactly 0.

    Parameters
    ----------
    answer : callable
        From rows to numbers.
    orders : int
        Walks per row, each in a random order of the columns from a random row of the background.
    """
    random, columns = np.random.default_rng(seed), rows.shape[1]
    values = np.zeros(rows.shape, dtype=np.float64)
    for place, row in enumerate(rows):
        order = np.array([random.permutation(columns) for _ in range(orders)])
        rank = np.argsort(order, axis=1)
        start = background[random.integers(len(background), size=orders)]
        # Step k of a walk has the first k columns of its order from the row, the others from the background.
        taken = rank[:, None, :] < np.arange(columns + 1)[None, :, None]
        steps = np.where(taken, row, start[:, None, :]).reshape(-1, columns)
        gained = np.diff(np.asarray(answer(steps)).reshape(orders, columns + 1), axis=1)
        values[place] = np.take_along_axis(gained, rank, axis=1).mean(axis=0)
    return values
