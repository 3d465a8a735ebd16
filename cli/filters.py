"""Options by which commands are narrowed, and what they refuse: one wording for all of them."""

import calendar
import datetime as dt
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from market.errors import DataError, UsageError

KINDS = ("trades", "quotes", "book", "bars")
DAY_FORMAT = "%Y-%m-%d"
DAYS_AHEAD = 90

_YEAR_OR_MONTH = re.compile(r"(\d{4})(?:-(\d{2}))?")


def _first_of(text: str) -> dt.date:
    return _span(text)[0]


def _last_of(text: str) -> dt.date:
    return _span(text)[1]


def _span(text: str) -> tuple[dt.date, dt.date]:
    """Return the first and the last day of a day, a month or a year as it is written."""
    try:
        if found := _YEAR_OR_MONTH.fullmatch(text):
            year, month = int(found[1]), int(found[2]) if found[2] else None
            last = calendar.monthrange(year, month or 12)[1]
            return dt.date(year, month or 1, 1), dt.date(year, month or 12, last)
        day = dt.datetime.strptime(text, DAY_FORMAT).date()
    except ValueError:
        raise typer.BadParameter(
            f"expected a day, month or year as 2026-05-31, 2026-05 or 2026, found {text!r}"
        ) from None
    return day, day


FirstOption = Annotated[
    dt.date | None,
    typer.Option("--from", parser=_first_of, metavar="DAY", help="First day, or the month or year it begins."),
]
LastOption = Annotated[
    dt.date | None, typer.Option("--to", parser=_last_of, metavar="DAY", help="Last day, or the month or year it ends.")
]
ContractOption = Annotated[str | None, typer.Option("--contract", "--symbol", help="Only this contract or symbol.")]
KindOption = Annotated[str | None, typer.Option(help=f"Only {', '.join(KINDS)}.")]


def usual_span(today: dt.date) -> tuple[dt.date, dt.date]:
    """Return what a command about days shows of a span whose ends are not named."""
    return today.replace(month=1, day=1), today + dt.timedelta(DAYS_AHEAD)


def span_of(first: dt.date | None, last: dt.date | None, usual: tuple[dt.date, dt.date]) -> tuple[dt.date, dt.date]:
    """Return the days of --from and --to, the usual one where one is not given; raises UsageError if reversed."""
    start, end = first or usual[0], last or usual[1]
    if end < start:
        told = [f"{day}{'' if given else ' by default'}" for day, given in ((start, first), (end, last))]
        remedy = "exchange them" if first and last else "give both"
        raise UsageError(f"expected --from before --to, found {' and '.join(told)}; {remedy}")
    return start, end


@contextmanager
def days_asked_for() -> Iterator[None]:
    """Turn what is raised of days that the user named and nobody knows into wrong use."""
    try:
        yield
    except DataError as error:
        raise UsageError(str(error)) from error


def one_of(option: str, given: str, known: Iterable[str]) -> str:
    """Return the name that is meant, in whatever case it was written; raises UsageError where there is none."""
    names = {str(name).casefold(): str(name) for name in known}
    if given.strip().casefold() not in names:
        listed = ", ".join(names.values())
        if not listed:
            raise UsageError(f"{option} {given}: the lake is empty; `pregao import PATH` or `pregao demo` fills it")
        raise UsageError(f"{option}: expected one of {listed}, found {given!r}; name one of them")
    return names[given.strip().casefold()]
