"""The catalogue as a page for readers: `docs/features.md` is this text."""

import math
from collections.abc import Iterable

from features.catalogue import CATALOGUE, Feature, Need
from features.schema import build_schema
from features.sets import SETS

_BAR_NS, _PRELOAD = 60_000_000_000, 5  # of the hashes on the page; another clock is another schema
_HEAD = ("name", "formula", "inputs", "window", "unit", "range", "warm-up", "needs", "unknown", "0-rule",
         "aliases")  # fmt: skip
_OPENING = """\
# Features

Every column the project knows, written by `pregao features page` from the catalogue in the code.

- **Formula**: O, H, L, C and V are the closed bar's, Vb and Vs its volume and Nb and Ns its trades by aggressor, N all
  its trades. r is ln(C/C of the bar before), in a session's first bar ln(C/O). mean_n and σ_n (n in the denominator)
  take the last n bars with the present one, z_n the n before it; EMA_n and Wilder_n are seeded with the first value.
  Im = (Vb − Vs)/(Vb + Vs), Ib = Vb/(Vb + Vs), It = (Nb − Ns)/(Nb + Ns); in a bar without an aggressor they are 0, ½
  and 0. ATR is Wilder_14(TR). p, q, a and t are a trade's price, quantity, aggressor (+1, −1, 0) and time.
- **Inputs** are what the value depends on: change another and the column stays as it is, to the bit, as long as the
  same trades count and the same books are valid. Of a trade also buyer and seller, its brokers; of the book B and A,
  prices and lots of the five best levels a side.
- **Window** and **warm-up** are counted in the same unit. Before its warm-up a column is missing (NaN), and so it is
  where a denominator is 0 and no 0-rule is given. Nothing is ever filled.
- **Unknown** is not balanced and not quiet. `aggressor`: the column is missing until a trade of the session had a known
  aggressor (auctions and RLP have none); after that, the 0-rule holds where the window knows none. `loss`: after the
  feed was lost (an event GAP) the column is missing until its window begins after the second of its return. What
  is counted in trades or bars, recursions and what is summed over the session go on with what was seen; the bar is
  marked, and no entry follows from it. The book is empty until it is told anew, and spread_z counts the seconds with a
  valid one.
- **A window of n seconds** at a bar's close s holds the events of s − n ≤ t < s, as bars do: what carries a boundary's
  own time lies after it, whole seconds among them. Samples of a second are taken before its events. What came before
  the open is in the first bar, and in no window that begins at the open or later.
- **Rows between bars** (at each trade or change of the book) see the columns of bars as the last bar left them. All
  else is of the row's own event, which it includes: the calendar at its time, trades up to it, the book after it. A
  window of n seconds then holds the second of the session in which the event lies, as far as it has come, and the
  n − 1 before: from n − 1 to n seconds, and on a feed that stamps whole seconds n of them.
- **A roll** is no event: a feed is of one contract, and a session begins on a fresh state with the preload of that
  contract, so no window crosses contracts. A vendor's continuous series (WIN$N, WDO$N, WINFUT) is one contract to the
  project and has no mark where it rolled: its windows run across, a step in price included.
- **A session's start** ends every window of single events and sum of the session; those of bars and recursions go on.
  **A reconnect** is a GAP at its time, then the book told anew, with the effects of `loss`.
- **Needs**: where a feed lacks one of them, the column leaves the schema.
- **Aliases** are other names of the same values; a set may use them, a schema holds the name. session_imbalance and
  ret_vwap are defined on closed bars: in a row between bars their column goes on to the last trade.
"""


def catalogue_page() -> str:
    """Return the page: a table of columns for each group, and the columns and schema hash of each named set."""
    groups = dict.fromkeys(feature.group for feature in CATALOGUE)
    parts = [_OPENING, f"{len(CATALOGUE)} columns in {len(groups)} groups.\n"]
    for group in groups:
        rows = [_cells(feature) for feature in CATALOGUE if feature.group == group]
        parts.append(f"## {group.capitalize()}\n\n{_table(rows)}\n")
    parts.append(
        "# Named sets\n\nThe hashes are those of bars of a minute, five preloaded sessions and a feed that has all.\n"
    )
    parts += [_set(name) for name in SETS]
    return "\n".join(parts)


def _cells(feature: Feature) -> tuple[str, ...]:
    needs = " ".join(sorted(feature.needs)).replace("_", " ")
    rule = "" if feature.zero_rule is None else f"{feature.zero_rule:g}"
    return (
        f"`{feature.name}`", feature.formula, " ".join(feature.inputs), str(feature.window or ""), feature.unit,
        f"{_bound(feature.low)} … {_bound(feature.high)}", f"{feature.warm_up} {feature.warm_unit}", needs,
        " ".join(feature.unknown), rule,
        " ".join(f"`{alias}`" for alias in feature.aliases),
    )  # fmt: skip


def _bound(value: float) -> str:
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return f"{value:.4g}".replace("-", "−")


def _table(rows: Iterable[tuple[str, ...]]) -> str:
    lines = [_HEAD, ("---",) * len(_HEAD), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |" for line in lines)


def _set(name: str) -> str:
    schema = build_schema(name, frozenset(Need), _BAR_NS, _PRELOAD)
    listed = ", ".join(f"`{column}`" for column in schema.columns)
    return f"## `{name}`\n\n{len(schema.columns)} columns, schema `{schema.hash}`\n\n{listed}\n"
