"""Commands about sessions and their hours."""

import contextlib
import datetime as dt
import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.environment import find_home
from cli.filters import DAY_FORMAT, FirstOption, LastOption, days_asked_for, span_of, usual_span
from cli.groups import Commands, ShowByDefault, add_group
from cli.output import DEFAULT, JsonOption, answer
from market.errors import DataError, PregaoError, UsageError

if TYPE_CHECKING:
    from market.calendar import Calendar
    from market.calendar_audit import Audit
    from market.instruments import Instruments


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    commands: Commands = {
        DEFAULT: (calendar_show, "2026-12-24 --symbol WIN"),
        "audit": (calendar_audit, "exports/WDO.csv"),
    }
    about = "Sessions and their hours; without a command, those around a day."
    add_group(app, "calendar", about, commands, ShowByDefault)


def calendar_show(
    day: Annotated[dt.datetime | None, typer.Argument(formats=[DAY_FORMAT], help="A day; today by default.")] = None,
    symbol: Annotated[str, typer.Option("--symbol", "--root", help="A future, a contract or another symbol.")] = "WDO",
    first: FirstOption = None,
    last: LastOption = None,
    json: JsonOption = False,
) -> None:
    """Tell of days whether they are sessions, their hours, the front contract, and which contracts end there.

    A span begins with this year and ends 90 days from today where --from or --to is not given.
    """
    from cli.configuration import open_lake

    instruments = open_lake().instruments
    calendar = instruments.calendar(symbol)
    with days_asked_for():
        days = [_about(symbol, one, instruments) for one in _days(calendar, day, first, last)]
    fields = {"symbol": symbol.upper(), "calendar": calendar.name, "days": days}
    answer(json, fields, [_day_line(one) for one in days])


def _days(calendar: "Calendar", day: dt.datetime | None, first: dt.date | None, last: dt.date | None) -> list[dt.date]:
    """Return the days of a span, else a day with the sessions on both sides of it that the calendar knows."""
    today = dt.datetime.now(calendar.zone).date()
    if first or last:
        if day:
            raise UsageError(f"expected a day, or --from and --to, found both ({day.date()}); choose one")
        start, end = span_of(first, last, usual_span(today))
        return [start + dt.timedelta(k) for k in range((end - start).days + 1)]
    here = day.date() if day else today
    calendar.is_session(here)  # refuses a day that the calendar does not know
    return [
        *_neighbour(calendar.previous_session, here),
        here,
        *_neighbour(calendar.next_session, here + dt.timedelta(1)),
    ]


def _neighbour(search: Callable[[dt.date], dt.date], day: dt.date) -> list[dt.date]:
    with contextlib.suppress(DataError):  # the calendar ends before the next session
        return [search(day)]
    return []


def _about(symbol: str, day: dt.date, instruments: "Instruments") -> dict[str, Any]:
    calendar = instruments.calendar(symbol)
    is_session = calendar.is_session(day)
    reason = calendar.reason_of(day) or ("" if is_session else "weekend")
    opens, closes = _hours(calendar, day) if is_session else (None, None)
    front, ending = _contracts(symbol, day, instruments) if is_session else (None, None)
    return {
        "date": day.isoformat(), "weekday": f"{day:%A}", "session": is_session, "reason": reason, "open": opens,
        "close": closes, "front": front, "last_session_of": ending,
    }  # fmt: skip


def _hours(calendar: "Calendar", day: dt.date) -> tuple[str, str]:
    record = calendar.session(day)[0]
    opens, closes = (
        dt.datetime.fromtimestamp(int(record[name]) // 1_000_000_000, calendar.zone).isoformat()
        for name in ("open_ns", "close_ns")
    )
    return opens, closes


def _contracts(symbol: str, day: dt.date, instruments: "Instruments") -> tuple[str | None, str | None]:
    """Return the front contract by the calendar, and the contract that trades for the last time."""
    from market.instruments import FUTURES
    from market.roll import front_contract, last_trade_session

    root = instruments.of(symbol).root
    if root not in FUTURES:
        return None, None
    try:
        held = front_contract(root, day - dt.timedelta(1), instruments)
        ending = held if last_trade_session(held, instruments, day) == day else None
        return front_contract(root, day, instruments), ending
    except DataError:  # the contracts after the calendar's end are not known yet
        return None, None


def _day_line(day: dict[str, Any]) -> str:
    head = f"{day['date']} {day['weekday'][:3]}"
    if not day["session"]:
        return f"{head}  no session: {day['reason']}"
    opens, closes = (dt.datetime.fromisoformat(day[name]) for name in ("open", "close"))
    said = [f"{head}  {opens:%H:%M} to {closes:%H:%M}"]
    said += [day["reason"]] if day["reason"] else []
    said += [f"front {day['front']}"] if day["front"] else []
    said += [f"last session of {day['last_session_of']}"] if day["last_session_of"] else []
    return ", ".join(said)


def calendar_audit(
    paths: Annotated[list[Path] | None, typer.Argument(help="Vendor files; by default the lake.")] = None,
    symbol: Annotated[str | None, typer.Option(help="The symbol, where a file does not name it.")] = None,
    json: JsonOption = False,
) -> None:
    """Hold the lake, or files, against the calendar; each file is read by itself and stored nowhere.

    Lists data on days without a session, sessions missing inside a series, and first or last trades more than five
    minutes off the hours. Exit code 0: no data outside the calendar, or only on days that calendar.csv in the lake says
    are closed. 1: there are some, named in the reason. 2: a file could not be read. Missing sessions and hours are
    told, but are no reason for a no: they say more of the data than of the calendar.
    """
    from cli.configuration import open_lake

    audits, refused, code = _audit_files(paths, symbol) if paths else ([_audit_lake()], [], 0)
    fields = {
        "sessions": sum(audit.sessions for audit in audits),
        "outside": [_plain(one) for audit in audits for one in audit.outside],
        "missing": [_plain(one) for audit in audits for one in audit.missing],
        "off_hours": [_plain(one) for audit in audits for one in audit.off_hours],
        "refused": refused,
    }
    days = sorted({str(one.day) for audit in audits for one in audit.unexplained})
    reasons = [entry["reason"] for entry in refused]
    if days:
        reasons.append(
            f"expected data on sessions only, found some on {', '.join(days)}; "
            f"say in {find_home().lake / 'calendar.csv'} whether these days are open or closed"
        )
    lines = list(_audit_lines(fields, open_lake().instruments.calendar))
    answer(json, fields, lines, reason="\n".join(reasons) or None, code=code or 1)


def _audit_lake() -> "Audit":
    from cli.configuration import open_lake
    from market.calendar_audit import audit_calendar

    return audit_calendar(open_lake())


def _audit_files(paths: list[Path], symbol: str | None) -> tuple[list["Audit"], list[dict[str, str]], int]:
    """Audit each file in a lake of its own; return also what was refused and the exit code it asks for."""
    audits, refused, code = [], [], 0
    for path in paths:
        try:
            audits.append(_audit_file(path, symbol))
        except PregaoError as error:
            refused.append({"path": str(path), "reason": str(error)})
            code = max(code, error.exit_code)
    return audits, refused, code


def _audit_file(path: Path, symbol: str | None) -> "Audit":
    from cli.configuration import open_lake
    from market.calendar_audit import audit_calendar
    from market.importer import import_file
    from market.lake import OVERRIDES, Lake

    if path.is_dir():
        raise UsageError(f"{path}: expected a file, found a folder; name the files in it, as {path / '*.csv'}")
    own = open_lake()
    with tempfile.TemporaryDirectory(prefix="pregao-audit-") as folder:
        lake = Lake(Path(folder), own.declared)
        if (own.folder / OVERRIDES).is_file():
            shutil.copy(own.folder / OVERRIDES, lake.folder / OVERRIDES)
        import_file(lake, path, symbol=symbol)
        return audit_calendar(lake)


def _plain(one: Any) -> dict[str, Any]:
    values = asdict(one)
    day = values.pop("day")
    return {"date": day and day.isoformat(), **values}


def _runs(days: list[dt.date], calendar: "Calendar") -> list[list[dt.date]]:
    """Return days, oldest first, in runs of sessions that follow each other."""
    runs: list[list[dt.date]] = []
    for day in days:
        if runs and calendar.previous_session(day) == runs[-1][-1]:
            runs[-1].append(day)
        else:
            runs.append([day])
    return runs


def _audit_lines(fields: dict[str, Any], calendar_of: "Callable[[str], Calendar]") -> Iterable[str]:
    yield f"{fields['sessions']} sessions of contracts"
    for one in fields["outside"]:
        known = ", as calendar.csv says" if one["acknowledged"] else ""
        yield f"outside   {one['date']}  {one['reason']}{known}: {one['rows']} rows of {one['source']}"
    for (kind, bar_seconds, contract), group in groupby(
        fields["missing"], lambda one: (one["kind"], one["bar_seconds"], one["contract"])
    ):
        length = f" of {bar_seconds} s" if bar_seconds else ""
        for run in _runs([dt.date.fromisoformat(one["date"]) for one in group], calendar_of(contract)):
            span = f"{run[0]} to {run[-1]}, {len(run)} sessions" if len(run) > 1 else f"{run[0]}"
            yield f"missing   {span}  {kind}{length} of {contract}"
    for one in fields["off_hours"]:
        yield f"off hours {one['date']}  {one['contract']}: {one['reason']}"
