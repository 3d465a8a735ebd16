"""Crosses of the MACD: the sign must come from the other side, whatever lies between."""

from features.layout import MACD_HISTOGRAM
from tests.features.test_feature_situations import Desk


def test_macd_crosses_only_from_the_other_side(session_maker):
    desk = Desk(session_maker(1))

    def crosses(minute: int, price: int) -> tuple[float, float]:
        desk.trade(60 * minute + 30, price, 1, 1)
        desk.clock(minute + 1)
        row = desk.row()
        return row["macd_cross_up"], row["macd_cross_down"]

    for minute in range(110):
        crosses(minute, 1_000)
    assert desk.state.floats[MACD_HISTOGRAM] == 0.0
    assert crosses(110, 1_010) == (0, 0)  # 0 → +, never below
    assert crosses(111, 900) == (0, 1)
    assert crosses(112, 1_200) == (1, 0)
    assert crosses(113, 1_300) == (0, 0)
    desk.state.floats[MACD_HISTOGRAM] = 0.0  # what rounding may give
    assert crosses(114, 1_400) == (0, 0)  # + → 0 → +
    assert crosses(115, 300) == (0, 1)
    assert crosses(116, 200) == (0, 0)
    desk.state.floats[MACD_HISTOGRAM] = 0.0
    assert crosses(117, 100) == (0, 0)  # − → 0 → −
    desk.state.floats[MACD_HISTOGRAM] = 0.0
    assert crosses(118, 2_000) == (1, 0)  # − → 0 → +
