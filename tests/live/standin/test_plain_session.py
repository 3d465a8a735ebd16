"""A plain session end to end: login, subscription, trades and depth, orders and fills, death and a new login."""

from tests.live.standin.conftest import StartVenue

NO_POSITION, WAITING_SERVER = -2147483637, -2147483644


def test_trades_and_depth_arrive_as_recorded(venue: StartVenue) -> None:
    told = venue().play("scenes.trades")
    assert [0, 0] in told["state"]
    assert told["state"].index([2, 4]) < told["state"].index([1, 5])
    assert told["account"][0] == [1001, "Corretora Exemplo", "700123", "Trader Exemplo"]
    assert len(told["trade"]) == 20
    result, ticker, flags, trade = told["trade"][0]
    assert (result, ticker, flags) == (0, "WDON26", 0)
    # 2026-06-01 is a Monday; the first trade is 1.05 s after the open at 09:00.
    assert trade == {
        "time": [2026, 6, 1, 9, 0, 1, 50], "weekday": 1, "number": 1, "price": 5000.5, "quantity": 2,
        "volume": 5000.5 * 2 * 10, "buyer": 3, "seller": 85, "type": 2,
    }  # fmt: skip
    assert [one[3]["number"] for one in told["trade"]] == list(range(1, 21))
    # Book told at subscription, then both sides come to stand inside one bracket of equal times.
    assert [one[2] for one in told["depth"][:5]] == [4, 5, 0, 0, 6]
    assert told["depth"][2] == [0, 0, 0, 1, [5000.0, 10, 1]]
    assert told["depth"][3] == [1, 0, 0, 1, [5000.5, 20, 1]]
    assert told["tiny"][:2] == [[5000.0, 10, 0], [5000.5, 20, 1]]
    assert told["phase"][0][1] == 0
    assert told["daily"][-1][2][:4] == [5000.5, 5000.5, 5000.5, 5000.5]


def test_orders_go_through_their_life(venue: StartVenue) -> None:
    told = venue().play("scenes.orders")
    bought = told["ids"][0]
    assert told["ids"] == [1, 2, 3, 4]
    assert told["statuses"][0] == [203, 203, 201, 0, 2]
    assert told["bought"]["traded"] == 3
    assert told["bought"]["average"] == 5000.5  # 20 contracts stand at the ask
    assert (told["bought"]["type"], told["bought"]["ticker"], told["bought"]["exchange"]) == (2, "WDON26", "F")
    assert told["position"] == [0, 3, 5000.5, 1, 3, 0]
    assert (told["limit"]["status"], told["limit"]["price"], told["limit"]["leaves"]) == (0, 4990.0, 2)
    assert told["change"] == told["cancel"] == told["cancel_all"] == 0
    assert (told["changed"]["price"], told["changed"]["quantity"], told["changed"]["leaves"]) == (4991.0, 4, 4)
    assert told["canceled"]["status"] == 4
    assert (told["stop"]["type"], told["stop"]["price"], told["stop"]["stop"]) == (4, 4980.0, 4985.0)
    assert told["flat"] == [0, 0, 0.0, 200, 3, 3]
    assert told["zero_flat"] == NO_POSITION
    codes = [one[2] for one in told["results"] if one[1] == told["message"]]
    assert codes == [0, 2, 4, 6, 8, 10]
    assert [one[1] for one in told["orders"] if one[0] == bought][:2] == ["", ""]
    assert told["orders"][-1][1].startswith("PG20260601-")
    assert [one[2] for one in told["positions"]] == [1, 2]
    assert told["statuses"][2][-3:] == [203, 203, 4]


def test_orders_and_position_survive_the_death_of_the_client(venue: StartVenue) -> None:
    running = venue()
    dead = running.start("scenes.killed")
    dead.communicate(timeout=60)
    assert dead.returncode == -9
    told = running.play("scenes.again")
    # An empty list with NL_OK means only that nothing was loaded.
    assert (told["empty"], told["code"], told["ask"], told["asked"]) == ([], 0, WAITING_SERVER, 0)
    assert [(one["status"], one["quantity"]) for one in told["orders"]] == [(2, 2), (0, 2)]
    assert told["position"][:4] == [0, 2, 5000.5, 1]
    assert told["cancel"] == 0
    assert told["details"]["status"] == 4
