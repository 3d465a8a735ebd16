"""Old rows and new ones: told apart when they differ, and not when they only come from other sessions."""

from dataclasses import replace

import pytest

from market.errors import NotEnoughData
from models.domain_classifier import domain_auc
from models.reference import sample_rows
from tests.models.drifting import Shifted, between, market


def samples(shift=None):
    seen, _ = market(34, 3, shift)
    seen = replace(seen, rows=seen.rows[:, 5:11])  # three that the shift moves, and three that it does not
    old, new = between(seen, 0, 30), between(seen, 30, 34)
    return *sample_rows(old, range(30)), *sample_rows(new, range(30, 34))


def test_rows_of_a_market_that_moved_are_told_apart():
    found = domain_auc(*samples(Shifted(30, mean=2.5)))
    assert found.auc > 0.9
    assert found.apart


def test_rows_of_the_same_market_are_not():
    """Levels differ from session to session, so the band lies well above one half."""
    found = domain_auc(*samples())
    assert not found.apart
    assert 0.5 < found.band < 0.8


def test_too_few_sessions_are_refused():
    old, old_session, new, new_session = samples()
    few = new_session < 32
    with pytest.raises(NotEnoughData, match="at least 3 recent sessions"):
        domain_auc(old, old_session, new[few], new_session[few])
    short = old_session < 6  # without a window of four, two sessions are left for three folds
    with pytest.raises(NotEnoughData, match="found 4 and 6"):
        domain_auc(old[short], old_session[short], new, new_session)
