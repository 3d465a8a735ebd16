"""Each fault of the market, of logins and of the library itself, shown once."""

import pytest

from live.profitdll.standin.faults import FAULTS, read_faults
from market.errors import UsageError
from tests.factories import OPEN_NS
from tests.live.standin.conftest import StartVenue

pytestmark = pytest.mark.nightly

INTERNAL_ERROR, INVALID_ARGS, NOT_SAME_THREAD, NOT_MY_TRADE = -2147483647, -2147483645, -2147483604, -2147483615
EXCHANGE_UNKNOWN, INVALID_TICKER, MARKET_ONLY = -2147483633, -2147483617, -2147483638
PERIOD_LIMIT, NO_USER, NO_PASSWORD, NOT_INITIALIZED = -2147483602, -2147483619, -2147483620, -2147483646


def trade_event(number: int) -> int:
    """Return where the trade of that number stands in the session: a state, then two quotes before each trade."""
    return 3 * number


def test_trades_are_lost_doubled_swapped_and_preceded_by_sentinels(venue: StartVenue) -> None:
    told = venue(
        faults=[
            {"fault": "trades_lost", "event": trade_event(1), "count": 2},
            {"fault": "trades_duplicated", "event": trade_event(3)},
            {"fault": "trades_reordered", "event": trade_event(4)},
            {"fault": "sentinels", "event": trade_event(6)},
            {"fault": "market_silent", "event": trade_event(8), "count": 4},
        ]
    ).play("fault_scenes.numbers")["trades"]
    sentinel = told[4]
    assert [one[3]["number"] for one in told] == [3, 3, 5, 4, 0, 6, 7, *range(10, 21)]
    assert sentinel[3]["price"] == 0.0
    assert sentinel[3]["time"] == [0] * 7
    assert {one[0] for one in told} == {0}


def test_a_storm_heeds_no_pace(venue: StartVenue) -> None:
    running = venue(pace=("--speed", "0.01"), faults=[{"fault": "market_storm", "event": 0, "count": 61}])
    assert running.play("fault_scenes.storm") == 20


def test_a_session_is_served_at_a_pace(venue: StartVenue) -> None:
    told = venue(pace=("--speed", "4")).play("fault_scenes.paced")
    assert 0.4 < told["took"] < 20  # 1.9 s of the session
    assert told["filled"]


def test_what_happens_while_market_data_are_down_is_never_told(venue: StartVenue) -> None:
    told = venue(faults=[{"fault": "market_down", "event": 31, "ms": 1500}]).play("fault_scenes.market_down")
    assert told["numbers"] == [*range(1, 11), *range(12, 21)]
    # The book is told anew: the bid that came meanwhile stands in it.
    assert told["books"] == [[[5000.0, 19, 0]], [[5000.0, 20, 0]]]
    assert told["state"][-4:] == [[2, 0], [2, 1], [2, 2], [2, 4]]


def test_late_market_data_come_whole_and_in_order(venue: StartVenue) -> None:
    told = venue(
        faults=[
            {"fault": "market_late", "event": 31, "ms": 1500},
            {"fault": "market_partial", "time_ns": OPEN_NS + 1_900_000_000, "ms": 10},
        ]
    ).play("fault_scenes.late")
    assert told["waited"] > 0.3
    assert told["state"][-2:] == [[2, 6], [2, 4]]
    assert told["numbers"] == list(range(1, 21))


def test_a_frozen_thread_tells_its_health_and_loses_nothing(venue: StartVenue) -> None:
    told = venue(faults=[{"fault": "frozen", "event": 31, "ms": 1500}]).play("fault_scenes.frozen")
    assert told == {"told": [0], "during": 1, "health": [[1], [0]], "trades": 20}


def test_a_crash_in_the_callbacks_thread_takes_the_process(venue: StartVenue) -> None:
    client = venue(faults=[{"fault": "crash", "event": 10}]).start("fault_scenes.crash")
    client.communicate(timeout=60)
    assert client.returncode == -11


def test_a_call_can_hang(venue: StartVenue) -> None:
    told = venue(faults=[{"fault": "hang", "event": 1, "ms": 700, "call": "SEND"}]).play("fault_scenes.hang")
    assert told["took"] > 0.7
    assert told["status"]


def test_unknown_tickers_are_refused_later_and_unknown_exchanges_at_once(venue: StartVenue) -> None:
    told = venue(faults=[{"fault": "wrong_ticker", "request": 3}]).play("fault_scenes.tickers")
    assert (told["refused"], told["unknown"]) == (0, 0)
    assert (told["exchange"], told["empty"]) == (EXCHANGE_UNKNOWN, INVALID_TICKER)
    assert told["invalid"] == [["WDON26", "F"], ["WDOX99", "F"]]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"login_result": 3}, [[0, 3]]),
        ({"activation_result": 1}, [[3, 1], [0, 1]]),
        ({"market_result": 3}, [[0, 0], [3, 0], [2, 1], [2, 2], [2, 3], [1, 1], [1, 2], [1, 4], [1, 5], [1, 5]]),
    ],
    ids=["blocked password", "expired key", "no market data"],
)
def test_a_login_may_be_refused(venue: StartVenue, settings: dict[str, int], expected: list[list[int]]) -> None:
    told = venue(settings=settings).play("fault_scenes.login_only")
    assert (told["result"], told["state"]) == (0, expected)


def test_wrong_credentials_come_by_the_state_callback_and_no_second_login_is_taken(venue: StartVenue) -> None:
    running = venue()
    told = running.play("fault_scenes.wrong_logins")
    assert told["results"] == [NO_USER, NO_PASSWORD, INVALID_ARGS, 0, INTERNAL_ERROR]
    assert told["state"] == [[0, 2]]
    assert told["send"] < 0
    assert running.play("fault_scenes.wrong_key") == {"result": 0, "state": [[3, 1], [0, 1]]}


def test_a_second_process_cannot_use_the_key_and_the_first_lives_on(venue: StartVenue) -> None:
    running = venue()
    first = running.start("fault_scenes.hold")
    running.wait_for("request_tail", 2)
    assert running.play("fault_scenes.second_login") == {"result": INTERNAL_ERROR}
    running.wire.header["released"] = 61
    out, err = first.communicate(timeout=60)
    assert out == '{"trades": 20}', err


def test_a_license_without_routing_connects_and_then_drops(venue: StartVenue) -> None:
    running = venue(faults=[{"fault": "license_lost", "login": 1, "ms": 100}, {"fault": "key_in_use", "request": 1}])
    told = running.play("fault_scenes.login_only")
    assert told["accounts"] == 2
    assert told["state"][-4:] == [[0, 1], [3, 1], [2, 0], [1, 0]]
    assert running.play("fault_scenes.second_login") == {"result": INTERNAL_ERROR}


def test_a_market_login_has_no_routing(venue: StartVenue) -> None:
    told = venue().play("fault_scenes.market_only")
    assert told["state"] == [[0, 0], [3, 0], [2, 1], [2, 2], [2, 4]]
    assert (told["count"], told["get"]) == (MARKET_ONLY, MARKET_ONLY)


def test_requests_are_refused_inside_callbacks_and_trades_translate_only_there(venue: StartVenue) -> None:
    told = venue().play("fault_scenes.forbidden")
    assert told["inside"] == [NOT_SAME_THREAD, NOT_SAME_THREAD]
    assert told["late"] == NOT_MY_TRADE
    assert told["counted"] == [2, 1]


def test_history_has_its_limits(venue: StartVenue) -> None:
    told = venue(settings={"first_history_rows": 5, "expired": ["WDOM26"]}).play("fault_scenes.history")
    assert (told["old"], told["long"], told["bad"]) == (PERIOD_LIMIT, INVALID_ARGS, INVALID_ARGS)
    parts = {name: [one[3]["number"] for one in rows] for name, (rows, _) in told["parts"].items()}
    # The first request brings the tail, the second all; the last packet repeats the last trade.
    assert parts["first"] == [16, 17, 18, 19, 20, 20]
    assert parts["second"] == [*range(1, 21), 20]
    assert parts["timeless"] == parts["expired"] == []
    assert [one[2] for one in told["parts"]["second"][0]][-2:] == [0, 2]
    assert told["parts"]["second"][1] == [0, 99, 100]


def test_history_can_stand_at_99(venue: StartVenue) -> None:
    told = venue(faults=[{"fault": "history_stuck", "request": 3, "ms": 500}]).play("fault_scenes.stuck_history")
    assert told["took"] > 0.5
    assert told["progress"][-2:] == [99, 100]


def test_accounts_agents_and_the_clock_are_read_in_two_passes(venue: StartVenue) -> None:
    told = venue().play("fault_scenes.details")
    assert (told["count"], told["copied"]) == (2, 2)
    assert told["accounts"][1:3] == [[1001, "700123"], [15011, "SIM700123"]]
    assert told["pass1"] == [0, len("Simulador Nelogica"), len("Trader Exemplo")]
    assert (told["pass2"], told["broker"]) == (0, "Simulador Nelogica")
    assert told["by_broker"] == [1, -2147483636]
    assert told["agent"] == [20, 20]
    assert told["agent_name"] == "BTG PACTUAL CTVM S/A"
    assert told["no_agent"] == -2147483636
    assert told["clock_parts"][:5] == [2026, 6, 1, 9, 0]
    assert int(told["days"]) == 46174  # days from 1899-12-30 to 2026-06-01
    assert told["close"] == [-2147483644, 0]
    assert (told["sub"], told["absent"]) == (-2147483630, -2147483611)


def test_the_offer_book_is_told_whole_and_then_by_changes(venue: StartVenue) -> None:
    told = venue().play("fault_scenes.offers")
    action, position, side, quantity, price, book = told[0]
    assert (action, position, side, quantity, price) == (4, 0, 0, 0, 0.0)
    assert book == [[1, 8 + 53 + 4, 5000.5, 3], [1, 8 + 53 + 4, 5000.0, 3]]
    assert told[1][:5] == [1, 0, 0, 11, 5000.0]


def test_finalising_ends_the_session_for_good(venue: StartVenue) -> None:
    told = venue().play("fault_scenes.finalize")
    assert told["result"] == 0
    assert told["state"] == [[2, 0], [1, 0], [0, 1]]
    assert (told["again"], told["send"]) == (INTERNAL_ERROR, NOT_INITIALIZED)


def test_scripts_of_faults_are_checked(tmp_path) -> None:  # type: ignore[no-untyped-def]
    script = tmp_path / "faults.json"
    for text, said in [
        ('{"fault": "crash"}', "JSON list"),
        ('[{"fault": "earthquake", "event": 1}]', "among"),
        ('[{"fault": "crash"}]', "one of"),
        ('[{"fault": "crash", "event": 1, "login": 1}]', "one of"),
        ('[{"fault": "crash", "event": 1, "loud": 1}]', "one of"),
        ("nothing", "JSON list"),
    ]:
        script.write_text(text, encoding="utf-8")
        with pytest.raises(UsageError, match=said):
            read_faults(script)
    assert len(FAULTS) > 20
