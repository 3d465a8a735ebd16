"""Options by which commands are narrowed, and what they refuse: one wording for all of them."""

import datetime as dt
from collections.abc import Iterable
from typing import Annotated

import typer

from market.errors import UsageError

KINDS = ("trades", "quotes", "book", "bars")
DAY_FORMAT = "%Y-%m-%d"
DAYS_AHEAD = 90

FirstOption = Annotated[
    dt.datetime | None, typer.Option("--from", formats=[DAY_FORMAT, "%Y-%m", "%Y"], help="First day, or its year.")
]
LastOption = Annotated[dt.datetime | None, typer.Option("--to", formats=[DAY_FORMAT], help="Last day.")]
ContractOption = Annotated[str | None, typer.Option("--contract", "--symbol", help="Only this contract or symbol.")]
KindOption = Annotated[str | None, typer.Option(help=f"Only {', '.join(KINDS)}.")]


def usual_span(today: dt.date) -> tuple[dt.date, dt.date]:
    """Return what a command about days shows of a span whose ends are not named."""
    return today.replace(month=1, day=1), today + dt.timedelta(DAYS_AHEAD)


def span_of(
    first: dt.datetime | None, last: dt.datetime | None, usual: tuple[dt.date, dt.date]
) -> tuple[dt.date, dt.date]:
    """Return the days of --from and --to, the usual one where one is not given; raises UsageError if reversed."""
    start, end = first.date() if first else usual[0], last.date() if last else usual[1]
    if end < start:
        told = [f"{day}{'' if given else ' by default'}" for day, given in ((start, first), (end, last))]
        remedy = "exchange them" if first and last else "give both"
        raise UsageError(f"expected --from before --to, found {' and '.join(told)}; {remedy}")
    return start, end


def one_of(option: str, given: str, known: Iterable[str]) -> str:
    """Return the name that is meant, in whatever case it was written; raises UsageError where there is none."""
    names = {str(name).casefold(): str(name) for name in known}
    if given.strip().casefold() not in names:
        listed = ", ".join(names.values())
        if not listed:
            raise UsageError(f"{option} {given}: the lake is empty; `pregao import PATH` or `pregao demo` fills it")
        raise UsageError(f"{option}: expected one of {listed}, found {given!r}; name one of them")
    return names[given.strip().casefold()]
