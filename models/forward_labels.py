"""The baseline's labels: is the return over the next bars above zero, whatever it costs to earn it."""

import numpy as np

from models.labels import LABEL, Touch
from models.price_path import PricePath


def forward_labels(path: PricePath, horizon_bars: int = 5) -> np.ndarray:
    """Return one LABEL record per bar: 1 where the close `horizon_bars` on is higher, else -1.

    `ret_ticks` is the move of the close. Rows whose horizon leaves the session or meets a gap have no label: touch
    NONE, label 0, a NaN return.
    """
    count = path.close.size
    out = np.zeros(count, dtype=LABEL)
    out["row"] = out["end_row"] = np.arange(count)
    out["start_ns"] = out["end_ns"] = path.ts_ns
    out["ret_ticks"] = out["barrier_ticks"] = np.nan
    begins = np.arange(max(count - horizon_bars, 0))
    ends = begins + horizon_bars
    gaps = np.cumsum(path.after_gap)
    whole = (path.session[begins] == path.session[ends]) & (gaps[begins] == gaps[ends])
    rows, ends = begins[whole], ends[whole]
    moves = path.close[ends] - path.close[rows]
    out["end_row"][rows], out["end_ns"][rows] = ends, path.ts_ns[ends]
    out["ret_ticks"][rows], out["label"][rows] = moves, np.where(moves > 0, 1, -1)
    out["touch"][rows] = Touch.VERTICAL
    return out
