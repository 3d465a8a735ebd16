"""Blocks of rows in the order of time, each held out once: how out-of-fold scores judge what is fitted on them."""

from collections.abc import Iterator

import numpy as np

BLOCKS = 5


def held_out_blocks(count: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield (the rest, a block) of `count` rows as indices, oldest block first."""
    rows = np.arange(count)
    for block in np.array_split(rows, BLOCKS):
        yield np.setdiff1d(rows, block, assume_unique=True), block
