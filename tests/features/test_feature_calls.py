"""The one call from Python is the update and the snapshot, to the bit."""

import numpy as np
import pytest
from numba import from_dtype, int64, njit

from features.from_python import as_words, row_after
from features.levels import book_of, forget_book, take_level
from features.pipeline import begin_session, snapshot, update_event
from features.state import new_state, state_to_bytes
from market.types import EVENT


def test_one_call_is_an_update_and_a_snapshot(market, full_schema):
    apart, together = new_state(full_schema), new_state(full_schema)
    rows = np.empty((2, len(full_schema.columns)), dtype=np.float32)
    for state in (apart, together):
        begin_session(state, market.sessions[0][0])
    events = market.events[0][:4_000]
    for event, words in zip(events, as_words(events), strict=True):
        update_event(apart, event)
        missing = snapshot(apart, rows[0])
        assert row_after(*together, words, rows[1]) == missing
        assert rows[0].tobytes() == rows[1].tobytes()
    assert state_to_bytes(apart) == state_to_bytes(together)


@pytest.mark.parametrize(
    ("function", "rest"), [(book_of, ()), (take_level, (from_dtype(EVENT), int64)), (forget_book, (from_dtype(EVENT),))]
)
def test_the_book_in_the_state_cannot_raise(function, rest):
    """A vendor's thread runs it without the interpreter; an exception would be pickled into the machine code."""
    compiled = njit(error_model="numpy")(function.py_func)
    compiled.compile((int64[::1], *rest))
    (code,) = compiled.inspect_llvm().values()
    assert "picklebuf" not in code
