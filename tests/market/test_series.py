"""Series read a span of the lake; the continuous view reads each session from its front contract."""

import tempfile
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.activity_bars import bars_by_rule, trade_imbalance_rule, trade_rule
from market.bars import bars_from_events
from market.errors import LakeError, UnknownSymbol, UsageError
from market.instruments import B3
from market.lake import Lake
from market.lake_manifest import Provenance
from market.longer_bars import longer_bars
from market.series import Series
from market.types import EVENT, Kind, Side
from tests.factories import MINUTE_NS, SECOND_NS, make_quote, make_trade, stack
from tests.tapes import make_tape, tapes

HAND = Provenance("hand.csv", "0" * 64, "hand/1", False, "raw")
# The last session of WDOJ20 is 31 March, so WDOK20 is the front from then on (b3.md §1.3).
DAYS = [date(2020, 3, 27), date(2020, 3, 30), date(2020, 3, 31), date(2020, 4, 1)]
FRONT = dict(zip(DAYS, ["WDOJ20", "WDOJ20", "WDOK20", "WDOK20"], strict=True))


def moved(events: np.ndarray, day: date, symbol: str = "WDO") -> np.ndarray:
    """Return events of the factories' session on another day, at the same time after its open."""
    out = events.copy()
    shift = int(B3.session(symbol, day)["open_ns"][0]) - int(B3.session(symbol, date(2026, 6, 1))["open_ns"][0])
    for name in ("ts_event_ns", "ts_recv_ns"):
        out[name] += shift
    out["instrument"] = B3.of(symbol).id
    return out


def a_session(day: date, price: int, count: int = 40) -> np.ndarray:
    sides = (Side.BUY, Side.SELL, Side.NONE)
    told = [make_trade(7.0 * k, price + k % 5, 1 + k % 3, sides[k % 3]) for k in range(count)]
    return moved(stack(told), day)


@pytest.fixture
def filled(lake: Lake) -> Lake:
    """Both contracts on every day, so that a wrong choice shows: 5,000 ticks of WDOJ20 beside 6,000 of WDOK20."""
    writes = []
    for k, day in enumerate(DAYS):
        for contract, price in (("WDOJ20", 5_000), ("WDOK20", 6_000)):
            events = a_session(day, price + 10 * k)
            bars = bars_from_events(events, B3.session("WDO", day), MINUTE_NS)
            writes.append((lake.draft("trades", contract, day, HAND), events))
            writes.append((lake.draft("bars", contract, day, HAND, 60), bars))
    lake.commit(writes)
    return lake


def test_the_price_of_the_continuous_view_is_that_of_the_front_contract_at_every_bar(filled: Lake) -> None:
    """Prices of a continuous series must not shift before the roll (P22)."""
    series = Series.continuous(filled, "WDO", DAYS[0], DAYS[-1])
    assert series.sessions() == DAYS
    seen = []
    for day, bars in series.session_bars(60):
        contract = FRONT[day]
        assert series.contract_on(day) == contract
        assert bars.tobytes() == filled.read_bars(contract, day, 60).tobytes()
        seen.append(int(bars["open"][0]))
    assert seen == [5_000, 5_010, 6_020, 6_030]
    assert list(series.bars(60)["open"][:1]) == [5_000]


def test_another_roll_may_be_given(filled: Lake) -> None:
    later = {**FRONT, DAYS[2]: "WDOJ20"}
    series = Series.continuous(filled, "WDO", DAYS[1], DAYS[-1], later)
    assert [int(bars["open"][0]) for _, bars in series.session_bars(60)] == [5_010, 5_020, 6_030]


def test_the_continuous_view_is_not_a_vendors_series(filled: Lake) -> None:
    """A vendor's joined series may be filed as WDO; the view never reads it."""
    filled.commit([(filled.draft("trades", "WDO", DAYS[0], HAND), a_session(DAYS[0], 9_000))])
    assert Series(filled, "WDO", DAYS[0], DAYS[0]).events(["trades"])["price"][0] == 9_000
    view = Series.continuous(filled, "WDO", DAYS[0], DAYS[0])
    assert view.events(["trades"])["price"][0] == 5_000
    with pytest.raises(UnknownSymbol):
        B3.parse(view.name)


@pytest.mark.parametrize("root", ["PETR4", "WDOFUT", "WDOK20", "WIN$"])
def test_only_a_future_has_a_continuous_view(lake: Lake, root: str) -> None:
    with pytest.raises(UnknownSymbol, match="a future that expires"):
        Series.continuous(lake, root, DAYS[0], DAYS[1])


def test_events_are_joined_session_after_session(filled: Lake) -> None:
    series = Series(filled, "WDOK20", DAYS[0], DAYS[1])
    parts = dict(series.session_events(["trades"]))
    assert list(parts) == DAYS[:2]
    assert series.events(["trades"]).tobytes() == b"".join(a_session(d, 6_000 + 10 * k).tobytes() for k, d in
                                                           enumerate(DAYS[:2]))  # fmt: skip


def test_kinds_of_a_session_are_merged_by_sequence(lake: Lake) -> None:
    told = [make_quote(1, Side.BUY, 99), make_trade(2, 100), make_quote(3, Side.SELL, 101), make_trade(4, 101)]
    events = moved(stack(told), DAYS[0])
    is_trade = events["kind"] == Kind.TRADE
    writes = [("trades", events[is_trade]), ("quotes", events[~is_trade])]
    lake.commit([(lake.draft(kind, "WDOK20", DAYS[0], HAND), part) for kind, part in writes])
    series = Series(lake, "WDOK20", DAYS[0], DAYS[0])
    assert series.events(["trades", "quotes"]).tobytes() == events.tobytes()
    assert list(series.events(["quotes"])["price"]) == [99, 101]


def test_columns_are_those_of_the_events(filled: Lake) -> None:
    series = Series.continuous(filled, "WDO", DAYS[0], DAYS[-1])
    events = series.events(["trades"])
    columns = series.columns("trades", EVENT.names)
    assert list(columns) == list(EVENT.names)
    for name, values in columns.items():
        assert values.flags.c_contiguous
        assert values.dtype == EVENT[name]
        assert values.tolist() == events[name].tolist()
    closes = series.columns("bars", ["close"], 60)["close"]
    assert closes.tolist() == series.bars(60)["close"].tolist()


def test_a_column_that_is_none_is_refused_with_those_there_are(filled: Lake) -> None:
    with pytest.raises(LakeError, match=r"expected columns among ts_open_ns, .*found \['price'\]"):
        Series(filled, "WDOK20", DAYS[0], DAYS[0]).columns("bars", ["price", "close"], 60)


@given(st.lists(tapes.filter(bool), min_size=1, max_size=3), st.sampled_from([1, 60, 600]))
@settings(deadline=None, max_examples=30)
def test_bars_built_from_a_span_are_the_bars_of_each_sessions_events(told: list[Sequence], seconds: int) -> None:
    days = [date(2026, 6, 1) + timedelta(days=k) for k in range(len(told))]
    events = [moved(make_tape(rows), day) for rows, day in zip(told, days, strict=True)]
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(Path(folder))
        drafts = [lake.draft("trades", "WDON26", day, HAND) for day in days]
        lake.commit(list(zip(drafts, events, strict=True)))
        found = Series(lake, "WDON26", days[0], days[-1]).bars(seconds)
    wanted = [bars_from_events(e, B3.session("WDO", d), seconds * SECOND_NS) for e, d in zip(events, days, strict=True)]
    assert found.tobytes() == np.concatenate(wanted).tobytes()


def test_stored_bars_are_given_before_trades_and_trades_before_shorter_bars(lake: Lake) -> None:
    stored, shorter = a_bar(DAYS[0], 1_000), a_bar(DAYS[0], 2_000)
    lake.commit([(lake.draft("bars", "WDOK20", DAYS[0], HAND, 60), shorter)])
    series = Series(lake, "WDOK20", DAYS[0], DAYS[0])
    assert series.bars(300)["open"][0] == 2_000
    lake.commit([(lake.draft("trades", "WDOK20", DAYS[0], HAND), a_session(DAYS[0], 3_000))])
    assert series.bars(300)["open"][0] == 3_000
    lake.commit([(lake.draft("bars", "WDOK20", DAYS[0], HAND, 300), stored)])
    assert series.bars(300).tobytes() == stored.tobytes()


def a_bar(day: date, price: int) -> np.ndarray:
    return bars_from_events(a_session(day, price, 3), B3.session("WDO", day), MINUTE_NS)[:1]


def test_shorter_bars_fill_longer_ones_only_where_they_divide_them(filled: Lake, lake: Lake) -> None:
    bars = filled.read_bars("WDOK20", DAYS[0], 60)
    only = Lake(lake.folder.parent / "bars")
    only.commit([(only.draft("bars", "WDOK20", DAYS[0], HAND, 60), bars)])
    series = Series(only, "WDOK20", DAYS[0], DAYS[0])
    wanted = longer_bars(bars, B3.session("WDO", DAYS[0]), 5 * MINUTE_NS)
    assert series.bars(300).tobytes() == wanted.tobytes()
    with pytest.raises(
        LakeError, match=r"expected bars of 90 s, trades, or bars that divide them.*bars of 60 s of WDO"
    ):
        series.bars(90)
    with pytest.raises(UsageError, match="at least one second"):
        series.bars(0)


@pytest.mark.parametrize("rule", [trade_rule(6), trade_imbalance_rule(5)], ids=["trades", "imbalance"])
def test_activity_bars_begin_anew_in_each_session(filled: Lake, rule: np.ndarray) -> None:
    series, before = Series.continuous(filled, "WDO", DAYS[0], DAYS[-1]), rule.tobytes()
    wanted = [bars_by_rule(events, rule.copy()) for _, events in series.session_events(["trades"])]
    assert series.activity_bars(rule).tobytes() == np.concatenate(wanted).tobytes()
    assert rule.tobytes() == before


def test_a_session_without_data_is_refused_with_what_is_there(filled: Lake) -> None:
    series = Series(filled, "WDOK20", DAYS[0], date(2020, 4, 3))
    with pytest.raises(LakeError) as refused:
        series.bars(60)
    assert "WDOK20, 2020-03-27 to 2020-04-03: expected data on every session, found none on 2020-04-02 and 1 more" in (
        str(refused.value)
    )
    assert "trades of WDOK20 on 4 sessions, 2020-03-27 to 2020-04-01" in str(refused.value)
    assert series.missing() == [date(2020, 4, 2), date(2020, 4, 3)]
    assert series.without_missing().missing() == []
    assert series.without_missing().bars(60).tobytes() == Series(filled, "WDOK20", DAYS[0], DAYS[-1]).bars(60).tobytes()


@pytest.mark.parametrize("kinds", [[], "trades", ["trade"], ["trades", "bars"]])
def test_events_of_what_is_no_kind_of_them_are_wrong_use(filled: Lake, kinds: Sequence[str]) -> None:
    with pytest.raises(UsageError, match="expected a list of kinds among trades, quotes, book, found "):
        Series(filled, "WDOK20", DAYS[0], DAYS[1]).events(kinds)


def test_symbols_may_be_written_in_lower_case(filled: Lake) -> None:
    assert Series(filled, "wdok20", DAYS[0], DAYS[0]).events(["trades"])["price"][0] == 6_000
    assert Series.continuous(filled, "wdo", DAYS[0], DAYS[-1]).contract_on(DAYS[2]) == "WDOK20"


def test_a_kind_that_a_session_lacks_is_refused(filled: Lake) -> None:
    with pytest.raises(LakeError, match="expected quotes, found none on 2020-03-27 and 3 more sessions"):
        Series(filled, "WDOK20", DAYS[0], DAYS[-1]).events(["trades", "quotes"])


@pytest.mark.parametrize("span", [(date(2020, 3, 28), date(2020, 3, 29)), (DAYS[1], DAYS[0])])
def test_a_span_without_a_session_is_refused(filled: Lake, span: tuple[date, date]) -> None:
    with pytest.raises(LakeError, match="found a span without a session"):
        Series(filled, "WDOK20", *span).events(["trades"])


def test_a_contract_has_no_sessions_after_its_last(filled: Lake) -> None:
    series = Series(filled, "WDOJ20", DAYS[0], date(2020, 5, 29))
    assert (series.sessions(), series.missing()) == (DAYS[:3], [])


def test_an_empty_lake_says_that_it_has_nothing(lake: Lake) -> None:
    with pytest.raises(LakeError, match=r"the lake has nothing of WDO\.continuous, WDOJ20, WDOK20"):
        Series.continuous(lake, "WDO", DAYS[0], DAYS[-1]).bars(60)
    with pytest.raises(LakeError, match="expected one of its sessions, found 2020-03-28"):
        Series.continuous(lake, "WDO", DAYS[0], DAYS[-1]).contract_on(date(2020, 3, 28))


def test_a_file_that_changed_since_it_was_read_is_refused(filled: Lake) -> None:
    series = Series(filled, "WDOK20", DAYS[0], DAYS[0])
    series.columns("trades", ["price"])
    path = filled.folder / "trades" / "WDOK20" / f"{DAYS[0]}.parquet"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(LakeError, match="expected the content the manifest lists"):
        series.columns("trades", ["price"])
    path.unlink()
    with pytest.raises(LakeError, match="found none that can be read"):
        series.columns("trades", ["price"])
