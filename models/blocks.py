"""Blocks of rows in the order of time, each held out once: how out-of-fold scores judge what is fitted on them."""

import numpy as np

from models.spans import Split, clear_of

BLOCKS = 5


def held_out_blocks(spans: np.ndarray) -> list[Split]:
    """Return (the rest, a block) of rows as indices, oldest block first.

    The rest leaves out rows whose labels overlap the block's: they would tell what is judged. What is fitted here are
    weights and curves of numbers that are out of sample already, so there is no embargo, and blocks are of rows, for a
    validation part may hold fewer sessions than blocks.

    Parameters
    ----------
    spans : SPAN[n]
        The labels of the rows, in time order, at least five.

    Returns
    -------
    list of (i8[m], i8[k])
        Empty where labels are so long that a block leaves no rest.
    """
    start, end, found = spans["start_ns"], spans["end_ns"], []
    for block in np.array_split(np.arange(len(spans)), BLOCKS):
        span = int(start[block].min()), int(end[block].max())
        found.append((np.flatnonzero(clear_of(start, end, span, 0)), block))
    return found if all(len(rest) for rest, _ in found) else []
