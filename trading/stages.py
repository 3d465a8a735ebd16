"""Stages of capital: when one is lost. One is gained only by a person's command."""

import numpy as np

from market.kernel import kernel
from trading.records import RefusalReason, Stage

_SHADOW, _DRAWDOWN = int(Stage.SHADOW), int(RefusalReason.DRAWDOWN)
_REJECT_BURST, _ENTRY_RATE = int(RefusalReason.REJECT_BURST), int(RefusalReason.ENTRY_RATE)
_IDENTICAL = int(RefusalReason.IDENTICAL_ORDERS)


@kernel
def demoted(budget: np.void, differing_decisions: int) -> int:
    """Return the stage that follows a session, the same or a lower one.

    Parameters
    ----------
    budget : BUDGET record
        At the session's end.
    differing_decisions : int
        Decisions that a replay of the session's events made otherwise.

    Returns
    -------
    int
        Stage. A bad day alone, which the daily loss or the win rate ended, costs none.
    """
    stage, reason = int(budget["stage"]), budget["halt_reason"]
    if reason == _DRAWDOWN:
        return _SHADOW
    ran_away = reason in (_REJECT_BURST, _IDENTICAL, _ENTRY_RATE)
    if ran_away or budget["drawdown_alert"] or differing_decisions != 0:
        return max(stage - 1, _SHADOW)
    return stage
