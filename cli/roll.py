"""Commands about the roll from one contract to the next."""

import datetime as dt
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.filters import FirstOption, LastOption, days_asked_for, one_of, span_of, usual_span
from cli.groups import Commands, ShowByDefault, add_group
from cli.output import DEFAULT, JsonOption, answer

if TYPE_CHECKING:
    from market.roll_check import Lead
    from market.roll_table import Roll

COLUMNS = ("date", "root", "from", "to", "reason", "price_from", "price_to")


RootOption = Annotated[str, typer.Option("--root", "--symbol", help="The future: WDO, DOL, WIN or IND.")]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    commands: Commands = {
        DEFAULT: (roll_show, "--root WIN --from 2026 --csv"),
        "check": (roll_check, "--root WDO --from 2018"),
    }
    add_group(app, "roll", "The roll table; without a command, it is printed.", commands, ShowByDefault)


def roll_show(
    root: RootOption = "WDO",
    first: FirstOption = None,
    last: LastOption = None,
    csv: Annotated[bool, typer.Option("--csv", help="Print the table as CSV.")] = False,
    json: JsonOption = False,
) -> None:
    """Print which contract is traded from when, and why it changes; by default this year and 90 days ahead.

    The table is derived from the calendar and the volumes in the lake; it is what training, backtest and live read.
    """
    from cli.configuration import open_lake
    from market.roll_record import lake_roll_table

    with days_asked_for():
        table = lake_roll_table(open_lake(), *_asked(root, first, last))
    rolls = [_as_dict(roll) for roll in table.rolls]
    fields = {
        "root": table.root, "first": str(table.first), "last": str(table.last), "front": table.front, "rolls": rolls
    }  # fmt: skip
    answer(json, fields, _csv_lines(rolls) if csv else [f"{table.first}  {table.front}", *map(_roll_line, rolls)])


def roll_check(
    root: RootOption = "WDO", first: FirstOption = None, last: LastOption = None, json: JsonOption = False
) -> None:
    """Check the roll table against the contracts' rules and against what the lake recorded.

    Every session has one front, which is left before its last session; no recorded contract trades after its last one;
    where two contracts are recorded around a roll, the one that is entered leads after it. Exit code 0: all agree. 1:
    the disagreements are named.
    """
    from cli.configuration import open_lake
    from market.roll_check import check_rolls

    with days_asked_for():
        done = check_rolls(open_lake(), *_asked(root, first, last))
    rolls = [_as_dict(roll) for roll in done.table.rolls]
    contracts = [{name: str(value) for name, value in asdict(one).items()} for one in done.contracts]
    leads = [_lead_as_dict(lead) for lead in done.leads]
    fields = {
        "root": done.table.root, "first": str(done.table.first), "last": str(done.table.last), "rolls": rolls,
        "contracts": contracts, "leads": leads, "disagreements": list(done.disagreements),
    }  # fmt: skip
    lines = [*(_contract_line(one, is_last=one is contracts[-1]) for one in contracts), *map(_lead_line, leads)]
    answer(json, fields, lines, reason="\n".join(done.disagreements) or None)


def _asked(root: str, first: dt.date | None, last: dt.date | None) -> tuple[str, dt.date, dt.date]:
    """Return the future and the span that are meant."""
    from market.calendar import EXCHANGE_ZONE
    from market.instruments import FUTURES

    usual = usual_span(dt.datetime.now(EXCHANGE_ZONE).date())
    return one_of("--root", root, FUTURES), *span_of(first, last, usual)


def _as_dict(roll: "Roll") -> dict[str, Any]:
    values = str(roll.day), roll.root, roll.leaving, roll.entering, roll.reason, roll.price_from, roll.price_to
    return dict(zip(COLUMNS, values, strict=True))


def _lead_as_dict(lead: "Lead") -> dict[str, Any]:
    return {
        "date": str(lead.day), "from": lead.leaving, "to": lead.entering, "volume_from": lead.volume_from,
        "volume_to": lead.volume_to, "led": lead.led,
    }  # fmt: skip


def _csv_lines(rolls: list[dict[str, Any]]) -> list[str]:
    rows = (("" if value is None else str(value) for value in roll.values()) for roll in rolls)
    return [",".join(COLUMNS), *(",".join(row) for row in rows)]


def _roll_line(roll: dict[str, Any]) -> str:
    priced = f", {roll['price_from']} to {roll['price_to']}" if roll["price_from"] is not None else ""
    return f"{roll['date']}  {roll['from']} to {roll['to']}, by {roll['reason']}{priced}"


def _contract_line(one: dict[str, str], is_last: bool) -> str:
    """Tell when a contract is the front one; of the last one no more than the span shows."""
    until = "to the end of the span" if is_last else f"to {one['last_front']}"
    return (
        f"{one['contract']}  front {one['first_front']} {until}, "
        f"last session {one['last_session']}, expiry {one['expiry']}"
    )


def _lead_line(lead: dict[str, Any]) -> str:
    return (
        f"{lead['date']}  {lead['led']} led: {lead['from']} {lead['volume_from']:,}, {lead['to']} {lead['volume_to']:,}"
    )
