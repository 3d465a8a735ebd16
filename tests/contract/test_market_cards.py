"""Cards of market data: what is asked for comes, once, in order, and what does not come is told."""

from typing import Any

import numpy as np
import pytest

from market.types import EVENT, Kind
from tests.contract.cards import FAULT, RECORDED, VENDOR, standin_only
from tests.contract.conftest import Open, Told
from tests.contract.recording import ASK, ASK_SIZE, BID, BID_SIZE, Recording
from tests.factories import OPEN_NS

TRADES = 20


def record() -> Recording:
    made = Recording()
    for _ in range(TRADES):
        made.quotes()
        made.trade()
    made.moment("trades")
    made.add(Kind.EDIT, price=ASK - 1, quantity=1, trade_type=2, trade_number=7, side=1, buyer=8, seller=16)
    made.moment("edit")
    made.moment("sentinels", "sentinels", count=2)
    for _ in range(3):
        made.trade()
    made.moment("after_sentinels")
    made.add(Kind.STATE, level=4)
    made.trade(10_004, 30, trade_type=4, side=0)
    made.moment("auction")
    made.add(Kind.STATE, level=0)
    made.moment("open_again")
    made.moment("disorder", "trades_lost", "trades_duplicated")
    for _ in range(3):
        made.trade()
    made.moment("after_disorder")
    made.moment("partial", "market_partial", ms=500)
    made.trade()
    made.moment("after_partial")
    made.moment("routing_down", "routing_down", ms=600)
    made.trade()
    made.moment("meanwhile")
    made.moment("frozen", "frozen", ms=1200)
    for _ in range(3):
        made.trade()
    made.moment("thawed")
    for _ in range(40_000):
        made.trade(quantity=1)
    made.moment("storm")
    made.moment("down_again", "market_down", ms=200)
    made.moment("end")
    return made


RECORDING = record()


@pytest.fixture(scope="module")
def told(opened: Open) -> Told:
    play = opened(RECORDING, {"expired": ["WDOM26"]})
    return play.run("market_steps", *(("PLAIN",) if VENDOR else ("PLAIN", "RECORDED")))


def events(rows: list[list[Any]], *kinds: Kind) -> np.ndarray:
    made = np.array([tuple(row) for row in rows], dtype=EVENT)
    return made[np.isin(made["kind"], kinds)] if kinds else made


def recorded(moment: str, *kinds: Kind) -> np.ndarray:
    made = RECORDING.events[: RECORDING.moments[moment]]
    return made[np.isin(made["kind"], kinds)]


def test_d01_trades(told: Told) -> None:
    """Every trade of a subscribed ticker arrives once and in order: number, price in ticks, quantity, aggressor, both
    brokers, type, and the exchange's time as nanoseconds UTC."""
    heard = events(told["subscribe"]["events"], Kind.TRADE)
    assert (np.diff(heard["trade_number"]) > 0).all()
    assert (heard["price"] > 0).all()
    assert told["subscribe"]["lost"] == [0, 0]
    if VENDOR:
        assert heard.size > 0
        return
    assert heard["trade_number"].tolist() == list(range(1, TRADES + 1))
    assert set(heard[["price", "quantity", "side", "buyer", "seller", "trade_type"]].tolist()) == {
        (10_001, 2, 1, 3, 85, 2)
    }
    # The first trade is 1.2 s after 09:00 in São Paulo, each next one 0.2 s later.
    assert heard["ts_event_ns"].tolist() == [OPEN_NS + (1_200 + 200 * k) * 1_000_000 for k in range(TRADES)]


def test_d02_quotes(told: Told) -> None:
    """Each change of a best price or of what stands there arrives, by side."""
    heard = events(told["subscribe"]["events"], Kind.QUOTE_SIDE)
    assert set(heard["side"].tolist()) == {1, -1}
    if not VENDOR:
        assert [tuple(one) for one in heard[["side", "price", "quantity"]].tolist()] == [
            (1, BID, BID_SIZE), (-1, ASK, ASK_SIZE)
        ]  # fmt: skip


def test_d03_phase(told: Told) -> None:
    """The market's phase is told at the subscription and at every change."""
    assert events(told["subscribe"]["events"], Kind.STATE).size >= 1
    if not VENDOR:
        assert told["subscribe"]["phase"] == 0
        _, during, after = told["auction"]
        assert events(during, Kind.STATE)["level"].tolist() == [4]
        assert events(after, Kind.STATE)["level"].tolist() == [0]


@standin_only(RECORDED)
def test_d04_daily_figures(told: Told) -> None:
    """The day's record comes every few seconds: volume in reais, contracts and trades of the session so far."""
    volume, quantity, trades = told["subscribe"]["daily"]
    # Told at the first trade 2 s or more after the last record: the record is of the first k trades.
    assert 0 < trades <= TRADES
    assert quantity == 2 * trades
    assert volume == 2 * trades * 5000.5 * 10


def test_d05_unknown_ticker(told: Told) -> None:
    """A ticker that the vendor does not know is accepted by the call and refused later: the subscription says so, and
    an alarm tells to name another contract."""
    refused, said = told["unknown_ticker"]
    assert refused is True
    assert len(said) == 1
    assert said[0].endswith("the vendor knows no such ticker: name another contract")


@standin_only(RECORDED)
def test_d06_proof_of_life(told: Told) -> None:
    """A subscription that brings nothing within 30 s of an open market is an alarm with its reason; before that, and in
    a closed market, it is none."""
    said = told["proof_of_life"]
    assert said["early"] == said["closed"] == []
    assert len(said["late"]) == 1
    assert "expected an event within 30 s" in said["late"][0]
    assert "ask the broker whether the login may see this exchange" in said["late"][0]


@standin_only(RECORDED)
def test_d07_edit(told: Told) -> None:
    """A correction of the exchange arrives once, marked as an edit, with the number of the trade that it corrects."""
    heard = events(told["edit"], Kind.EDIT, Kind.TRADE, Kind.GAP)
    assert heard["kind"].tolist() == [Kind.EDIT]
    assert heard[["trade_number", "price", "quantity", "buyer"]].tolist() == [(7, ASK - 1, 1, 8)]


@standin_only(FAULT)
def test_d08_sentinels(told: Told) -> None:
    """A trade without a price or a date is none: dropped, counted, and no gap; the trades around it arrive."""
    counted, rows = told["sentinels"]
    assert counted == 2
    assert events(rows, Kind.TRADE)["trade_number"].tolist() == [21, 22, 23]
    assert events(rows, Kind.GAP).size == 0


@standin_only(RECORDED)
def test_d09_auction(told: Told) -> None:
    """In an auction the theoretical price and quantity are known; its trade carries no aggressor."""
    theoretical, during, _ = told["auction"]
    assert theoretical == [5002.0, 30]
    trade = events(during, Kind.TRADE)
    assert trade[["price", "side", "trade_type"]].tolist() == [(10_004, 0, 4)]


@standin_only(FAULT)
def test_d10_lost_and_repeated_trades(told: Told) -> None:
    """A trade that never came and one that came twice show in the trade numbers and are counted, each apart."""
    rows, (back, jumps) = told["disorder"]
    # 25 is lost, 26 is told twice.
    assert events(rows, Kind.TRADE)["trade_number"].tolist() == [26, 26, 27]
    assert (back, jumps) == (1, 1)


@standin_only(FAULT)
def test_d11_slow_client(told: Told) -> None:
    """Market data that call the client slow (6) are still connected: nothing is lost, no gap is told."""
    (state, connected), rows = told["slow_client"]
    assert (state, connected) == (6, True)
    assert events(rows, Kind.TRADE)["trade_number"].tolist() == [28]
    assert events(rows, Kind.GAP).size == 0


@standin_only(FAULT)
def test_d12_routing_apart(told: Told) -> None:
    """Routing goes down and comes back by itself while the market goes on; accounts that are announced again count
    once."""
    found = told["routing_apart"]
    assert found["during"] == [True, False]
    assert events(found["heard"], Kind.TRADE)["trade_number"].tolist() == [29]
    assert events(found["heard"], Kind.GAP).size == 0
    assert found["back"] is True
    assert found["known"] == [2, 2]
    assert found["announced"] == 2


@standin_only(FAULT)
def test_d13_frozen(told: Told) -> None:
    """A library that froze says so, an alarm that falls due meanwhile names it, and nothing is lost once it moves
    again."""
    said, health, numbers = told["frozen"]
    assert len(said) == 1
    assert said[0].endswith("the library is frozen: restart the runner")
    assert health == [1, 0]
    assert [number for number in numbers if number] == [30, 31, 32]


@standin_only(RECORDED)
def test_d14_storm(told: Told) -> None:
    """A storm of forty thousand trades arrives whole and in order while Python is busy."""
    found = told["storm"]
    assert found == {"ends": [33, 40_032], "steps": [1], "lost": [0, 0], "busy": True}


@standin_only(RECORDED)
def test_d15_unsubscribe(told: Told) -> None:
    """After an unsubscription nothing more comes of that ticker, no alarm asks for it, and no reconnection brings it
    back."""
    back, said, rows = told["unsubscribe"]
    assert back is True
    assert said == []
    assert rows == []
