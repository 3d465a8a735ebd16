"""What calendar and tables say of a session, written for the desk before its first event."""

from datetime import date

from market.costs import CostParams, costs
from market.errors import ConfigError
from market.stream import Feed
from trading.desk import BLACKOUTS, Desk
from trading.records import NEVER

_HOUR_NS = 3_600_000_000_000
_AFTER_LUNCH_NS = 2 * _HOUR_NS  # lunch ends at 13:00; on its last session a contract is left by 15:00 (b3.md §1.3)
_EPOCH_DAY = date(1970, 1, 1)


def apply_rules(desk: Desk, feed: Feed, day: date, params: CostParams) -> None:
    """Write costs, contract, blackouts and the flatten time of a session that has begun.

    Raises
    ------
    ConfigError
        If the session has more blackout windows than a desk holds.
    DataError
        If the table has no costs for the day.
    """
    terms, market = desk.terms, desk.market
    last = feed.last_trade_session(day)
    terms["fee_per_side"] = costs(feed.root, day, params).per_side
    terms["continuous"] = feed.continuous
    terms["last_trade_date"] = NEVER if last is None else (last - _EPOCH_DAY).days
    if last == day:
        flatten = int(feed.session(day)["lunch_end_ns"][0]) + _AFTER_LUNCH_NS
        market["flatten_ns"] = min(int(market["flatten_ns"][0]), flatten)
    windows = feed.blackouts(day)
    if len(windows) > BLACKOUTS:
        raise ConfigError(
            f"{feed.contract} on {day}: expected at most {BLACKOUTS} blackout windows, found {len(windows)}; join some"
        )
    desk.blackouts[:] = 0
    desk.blackouts[: len(windows)] = windows
