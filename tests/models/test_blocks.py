"""Held-out blocks: sizes and purge on paper."""

import numpy as np
import pytest

from models.blocks import held_out_blocks
from models.spans import spans_of
from tests.factories import make_spans


def as_lists(blocks):
    return [(rest.tolist(), block.tolist()) for rest, block in blocks]


def test_blocks_of_seven_rows_on_paper():
    """Two of two rows, three of one, oldest first; no label overlaps another, so everything else is the rest."""
    assert as_lists(held_out_blocks(make_spans(7))) == [
        ([2, 3, 4, 5, 6], [0, 1]), ([0, 1, 4, 5, 6], [2, 3]), ([0, 1, 2, 3, 5, 6], [4]), ([0, 1, 2, 3, 4, 6], [5]),
        ([0, 1, 2, 3, 4, 5], [6]),
    ]  # fmt: skip


def test_rows_whose_labels_overlap_the_block_are_no_part_of_the_rest():
    """Row 0's label lasts until row 4 begins; the others are over before the next, which touches nothing."""
    start, end = 10 * np.arange(7), 10 * np.arange(7) + 5
    end[0] = 40
    assert as_lists(held_out_blocks(spans_of(start, end, np.zeros(7, dtype=np.int64)))) == [
        ([5, 6], [0, 1]), ([1, 4, 5, 6], [2, 3]), ([1, 2, 3, 5, 6], [4]), ([0, 1, 2, 3, 4, 6], [5]),
        ([0, 1, 2, 3, 4, 5], [6]),
    ]  # fmt: skip


@pytest.mark.parametrize(("overlap", "blocks"), [(3, 5), (4, 0)])
def test_labels_too_long_to_leave_a_rest_leave_no_blocks(overlap, blocks):
    """Of ten rows the third block is rows 4 and 5: row 0 reaches row 3 with an overlap of 3, with 4 row 4."""
    assert len(held_out_blocks(make_spans(10, overlap))) == blocks
