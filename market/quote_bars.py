"""The range of bid and ask within each bar: what the two sides of the market could have traded at."""

import numpy as np

from market.book import Book, apply, best, is_valid, new_book
from market.kernel import kernel
from market.types import Kind

QUOTE_BAR = np.dtype(
    [
        ("bid", "<i4"),  # at the close of the bar, ticks; 0 where there was no valid quote
        ("ask", "<i4"),
        ("bid_high", "<i4"),  # over the bar, with the quote that stood at its start; 0 where none was valid
        ("bid_low", "<i4"),
        ("ask_high", "<i4"),
        ("ask_low", "<i4"),
    ]
)

_CLOCK = int(Kind.CLOCK)


def quote_bars(events: np.ndarray, closes_ns: np.ndarray, max_age_ns: int) -> np.ndarray:
    """Return the QUOTE_BAR of each bar of a session.

    Parameters
    ----------
    events : ndarray of EVENT
        Of one session, with its CLOCK events (`market.stream.with_clock`); what stands before a CLOCK was known at it.
    closes_ns : i8[n]
        Close of each bar, ascending.
    max_age_ns : int
        How old the last event of the book may be (`market.book.is_valid`).
    """
    out = np.zeros(len(closes_ns), dtype=QUOTE_BAR)
    _fill(events, np.array(closes_ns, dtype=np.int64), new_book(), max_age_ns, out)
    return out


@kernel
def _fill(events: np.ndarray, closes_ns: np.ndarray, book: Book, max_age_ns: int, out: np.ndarray) -> None:
    bar = 0
    for index in range(events.size):
        event = events[index]
        now_ns = event["ts_event_ns"]
        if event["kind"] != _CLOCK:
            apply(book, event)
        elif bar < out.size and closes_ns[bar] <= now_ns:
            if is_valid(book, now_ns, max_age_ns):
                out[bar]["bid"], out[bar]["ask"] = best(book, 1)[0], best(book, -1)[0]
            bar += 1
        if bar == out.size:
            return
        if is_valid(book, now_ns, max_age_ns):
            _extend(out[bar], best(book, 1)[0], best(book, -1)[0])


@kernel
def _extend(bar: np.void, bid: int, ask: int) -> None:
    first = bar["bid_low"] == 0
    bar["bid_high"], bar["ask_high"] = max(bar["bid_high"], bid), max(bar["ask_high"], ask)
    bar["bid_low"] = bid if first else min(bar["bid_low"], bid)
    bar["ask_low"] = ask if first else min(bar["ask_low"], ask)
