"""Changes, losses and late snapshots in any order: what the chain applies is the book as the exchange had it."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from market.readers.depth_chain import MOST_WAITING, Change, DepthChain

PRICES = 4


def change(previous: int, last: int, bids: dict[int, int]) -> Change:
    return Change(0, 0, last, previous, (list(bids), list(bids.values())), ([], []))


STEPS = st.one_of(
    st.tuples(st.sampled_from(["sent", "sent", "sent", "lost", "twice"]), st.integers(1, 3)),
    st.tuples(st.just("snapshot"), st.integers(0, 6)),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(STEPS, max_size=40), st.randoms(use_true_random=False))
def test_a_synced_chain_holds_the_exchanges_book(steps: list[tuple[str, int]], draw: Random) -> None:
    """`states[k]` is the book after update k; a snapshot is an earlier one, fetched late."""
    chain, held = DepthChain(), dict.fromkeys(range(PRICES), 0)
    states, previous = [dict(held)], 0

    def take(one: Change) -> None:
        if chain.follows(one):
            held.update(zip(*one.bids, strict=True))

    for what, count in steps:
        if what == "snapshot":
            update = max(len(states) - 1 - count, 0)
            if chain.accepts(update):
                held = dict(states[update])
                for one in chain.release():
                    held.update(zip(*one.bids, strict=True))
        else:
            told: dict[int, int] = {}
            for _ in range(count):
                price, quantity = draw.randrange(PRICES), draw.randrange(3)
                told[price] = quantity
                states.append({**states[-1], price: quantity})
            message = change(previous, len(states) - 1, told)
            previous = len(states) - 1
            for _ in range({"sent": 1, "lost": 0, "twice": 2}[what]):
                take(message)
        if chain.synced:
            assert held == states[chain.last_id]


def test_changes_wait_for_a_snapshot_in_bounded_room() -> None:
    chain = DepthChain()
    for k in range(MOST_WAITING + 5):
        assert not chain.follows(change(k, k + 1, {}))
    assert chain.unfounded == 5
    assert chain.accepts(MOST_WAITING)
    assert [one.last_id for one in chain.release()] == [MOST_WAITING + k for k in (1, 2, 3, 4, 5)]
    assert (chain.known, chain.synced) == (MOST_WAITING - 5, True)
