"""Commands about features: what a set holds, its tables, and whether live sees what training saw."""

import datetime as dt
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from cli.environment import find_home
from cli.output import JsonOption, answer

if TYPE_CHECKING:
    from features.feature import Feature
    from features.parity import Difference
    from market.stream import Feed

ContractOption = Annotated[str | None, typer.Option(help="The series; the only one of the lake by default.")]
SetOption = Annotated[str, typer.Option("--set", help="A named set of features.")]
BarOption = Annotated[
    str | None,
    typer.Option(
        "--bar", help="Length of a bar, as 90s, 5min, 500trades or 2000contracts; a minute, or as stored, by default."
    ),
]
DecideOption = Annotated[
    Literal["bar", "trade", "book"], typer.Option("--decide", help="What a row is for: each bar, trade or book change.")
]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    features = typer.Typer(help="The feature catalogue and its tables.", epilog="Example: pregao features ls")
    features.command("ls", epilog="Example: pregao features ls --set full")(features_ls)
    features.command("page", epilog="Example: pregao features page")(features_page)
    features.command("build", epilog="Example: pregao features build --contract WDOZ26")(features_build)
    app.add_typer(features, name="features")
    app.command(epilog="Example: pregao parity 2020-04-02 --contract DOLK20")(parity)


def features_ls(set_name: SetOption = "full", json: JsonOption = False) -> None:
    """List the columns of a feature set, in order."""
    from features.catalogue import Need
    from features.schema import build_schema

    schema = build_schema(set_name, frozenset(Need), 60_000_000_000, 5)
    columns = [_column(feature) for feature in schema.features]
    lines = [f"{f.name:26} {f.group:14} {f.unit:10} needs {', '.join(sorted(f.needs))}" for f in schema.features]
    fields = {"set": set_name, "schema_hash": schema.hash, "columns": columns}
    answer(json, fields, [*lines, f"{len(columns)} columns, schema {schema.hash[:16]}"])


def _column(feature: "Feature") -> dict[str, Any]:
    """Return all the catalogue says of a column; window and warm-up are counted in one unit, a bound may be open."""
    from math import isfinite

    return {
        "name": feature.name, "group": feature.group, "formula": feature.formula, "inputs": list(feature.inputs),
        "needs": sorted(map(str, feature.needs)), "window": feature.window, "warm_up": feature.warm_up,
        "counted_in": str(feature.warm_unit), "unit": feature.unit,
        "range": [bound if isfinite(bound) else None for bound in (feature.low, feature.high)],
        "zero_rule": feature.zero_rule, "unknown": list(map(str, feature.unknown)), "aliases": list(feature.aliases),
    }  # fmt: skip


def features_page(json: JsonOption = False) -> None:
    """Print the catalogue as a Markdown page: every column in full, and the columns of every named set."""
    from features.page import catalogue_page

    page = catalogue_page()
    answer(json, {"page": page}, [page.removesuffix("\n")])


def features_build(
    contract: ContractOption = None,
    set_name: SetOption = "full",
    bar: BarOption = None,
    decide: DecideOption = "bar",
    json: JsonOption = False,
) -> None:
    """Write the feature table of every session whose data changed since the last build."""
    from dataclasses import asdict

    from features.clock import Decides, bar_length
    from flows.feature_tables import build_tables, folder_of
    from flows.lock import exclusive
    from flows.recorded import open_recorded, schema_of

    home = find_home()
    length = bar_length(bar) if bar else None
    dataset = open_recorded(home, contract, length)
    schema = schema_of(dataset, set_name, length, Decides[decide.upper()])
    with exclusive(home):
        sessions = [asdict(one) for one in build_tables(home, schema, dataset)]
    lines = [f"{one['session']} {one['rows']:>6} rows  {one['status']}" for one in sessions]
    folder = folder_of(home, schema, dataset.feed.contract)
    caution = _caution(dataset.feed)
    lines.append(f"{len(sessions)} tables of {len(schema.columns)} columns in {folder}")
    lines.extend(filter(None, [caution]))
    answer(json, {"schema_hash": schema.hash, "sessions": sessions, "caution": caution}, lines)


def parity(
    session: Annotated[dt.datetime, typer.Argument(formats=["%Y-%m-%d"], help="A recorded session, as 2020-04-02.")],
    contract: ContractOption = None,
    set_name: SetOption = "full",
    bar: BarOption = None,
    decide: DecideOption = "bar",
    json: JsonOption = False,
) -> None:
    """Compute a session in batch and as live does, and compare every column at every decision bit for bit."""
    from features.clock import Decides, bar_length
    from features.parity import compare_session
    from flows.recorded import open_recorded, schema_of

    day = session.date()
    length = bar_length(bar) if bar else None
    dataset = open_recorded(find_home(), contract, length, day)
    found = compare_session(schema_of(dataset, set_name, length, Decides[decide.upper()]), dataset.feed, day)
    caution = _caution(dataset.feed)
    fields = {
        "contract": dataset.feed.contract, "session": day.isoformat(), "columns": found.columns,
        "events": found.events, "decisions": found.decisions, "differing": found.differing,
        "first_difference": _difference(found.first), "caution": caution,
    }  # fmt: skip
    said = f"{found.columns} columns at {found.decisions} decisions of {found.events} events: {found.differing} bits"
    lines = [f"{said} differ"]
    if not found.decisions:
        lines.append("nothing was compared: this session has no decision")
    lines.extend(filter(None, [caution]))
    answer(json, fields, lines, reason=_reason(found.first))


def _caution(feed: "Feed") -> str | None:
    """Return what to know of a series whose features span contracts."""
    if not feed.continuous:
        return None
    return (
        f"{feed.contract} is a series its vendor joined: it has no mark where it rolled, and windows run across, a "
        "step in price included (docs/features.md); a dated contract has none"
    )


def _difference(first: "Difference | None") -> dict[str, Any] | None:
    """Return a difference for machines; values as text, because JSON has no NaN."""
    from market.calendar import to_local

    if first is None:
        return None
    time = to_local(first.ts_ns).isoformat()
    return {"column": first.column, "time": time, "batch": repr(first.batch), "live": repr(first.live)}


def _reason(first: "Difference | None") -> str | None:
    told = _difference(first)
    if told is None:
        return None
    return (
        f"{told['column']} at {told['time']}: expected {told['batch']} as in batch, found {told['live']} live; "
        "do not trade this build, and report the session"
    )
