"""The one call from Python is the update and the snapshot, to the bit."""

import numpy as np

from features.from_python import as_words, row_after
from features.pipeline import begin_session, snapshot, update_event
from features.state import new_state, state_to_bytes


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
