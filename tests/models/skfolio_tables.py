"""Writes `skfolio_splits.json`: splits of equal-length labels as skfolio makes them.

skfolio counts rows where we count time, so row i starts at 100·i, is a session of its own, and its label ends
100·horizon later; then its `purged_size` is our horizon and embargo together. It brings a solver for portfolios and
is no dependency of ours. To write the tables anew: `pip install skfolio`, then `python -m tests.models.skfolio_tables`.
"""

import json
from pathlib import Path

TABLES = Path(__file__).with_name("skfolio_splits.json")
# rows, blocks, tested blocks, horizon, embargo
COMBINATORIAL = [
    (12, 4, 2, 0, 0),
    (24, 4, 2, 2, 0),
    (40, 4, 3, 1, 2),
    (30, 5, 2, 2, 1),
    (40, 5, 3, 2, 1),
    (36, 6, 2, 1, 1),
]
# rows, folds, rows before the first test, horizon, embargo
WALKS = [(12, 3, 6, 0, 0), (20, 4, 8, 2, 0), (20, 3, 5, 1, 1), (25, 5, 10, 3, 2), (13, 1, 9, 4, 1)]


def tables() -> dict:
    """Ask skfolio for every case."""
    import numpy as np
    import skfolio
    from skfolio.model_selection import CombinatorialPurgedCV, WalkForward

    combinatorial, walks = [], []
    for rows, blocks, tested, horizon, embargo in COMBINATORIAL:
        splitter = CombinatorialPurgedCV(blocks, tested, purged_size=horizon + embargo)
        splits = [
            [train.tolist(), sorted(np.concatenate(tests).tolist())]
            for train, tests in splitter.split(np.zeros((rows, 1)))
        ]
        paths = splitter.recombined_paths.T.tolist()
        combinatorial.append({"case": [rows, blocks, tested, horizon, embargo], "splits": splits, "paths": paths})
    for rows, folds, first, horizon, embargo in WALKS:
        purged = horizon + embargo
        for anchored in (True, False):
            walk = WalkForward(
                test_size=(rows - first) // folds, train_size=first - purged, purged_size=purged, expand_train=anchored
            )
            splits = [[train.tolist(), test.tolist()] for train, test in walk.split(np.zeros((rows, 1)))]
            walks.append({"case": [rows, folds, first, horizon, embargo, anchored], "splits": splits})
    return {"skfolio": skfolio.__version__, "combinatorial": combinatorial, "walks": walks}


def as_text(found: dict) -> str:
    """One line per case."""
    lines = [f'"skfolio": {json.dumps(found["skfolio"])}']
    for name in ("combinatorial", "walks"):
        cases = ",\n".join(json.dumps(case, separators=(",", ":")) for case in found[name])
        lines.append(f'"{name}": [\n{cases}\n]')
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    TABLES.write_text(as_text(tables()), encoding="utf-8")
