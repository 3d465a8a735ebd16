"""What several test files of trading share."""

import pytest

from market.instruments import FUTURES
from tests.factories import make_session
from tests.trading.scenarios import COSTS
from trading.core import Capacity, begin_desk, new_desk
from trading.desk import Desk
from trading.policy import RiskLimits


@pytest.fixture
def desk() -> Desk:
    """A WIN desk of up to three contracts at the open of a session of bars."""
    made = new_desk(RiskLimits(max_position=3), FUTURES["WIN"], COSTS, Capacity(8, 16, 64))
    session = make_session()[0]
    begin_desk(made, int(session["open_ns"]), int(session["close_ns"]), False)
    return made
