"""Commands about what the lake holds and lacks."""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.output import JsonOption, answer
from cli.sql import lake_sql
from market.errors import UsageError

if TYPE_CHECKING:
    from market.lake import Lake
    from market.lake_manifest import Partition

KINDS = ("trades", "quotes", "book", "bars")
_EMPTY = "the lake is empty; `pregao import PATH` or `pregao demo` fills it"


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    lake = typer.Typer(help="What the lake holds.", epilog="Example: pregao lake ls")
    lake.command("ls", epilog="Example: pregao lake ls --json")(lake_ls)
    lake.command("gaps", epilog='Example: pregao lake gaps --contract WDOZ26 --cause "feed loss"')(lake_gaps)
    lake.command("verify", epilog="Example: pregao lake verify")(lake_verify)
    lake.command("sql", epilog="Example: pregao lake sql 'SELECT session, sum(quantity) FROM trades GROUP BY session'")(
        lake_sql
    )
    app.add_typer(lake, name="lake")


def lake_ls(json: JsonOption = False) -> None:
    """List every partition of the lake."""
    from cli.configuration import open_lake

    partitions = [
        {
            "kind": p.kind, "instrument": p.root, "contract": p.contract, "session": p.session, "rows": p.rows,
            "bytes": p.bytes, "source": p.provenance.source, "synthetic": p.provenance.synthetic, "gaps": len(p.gaps),
        }
        for p in open_lake().partitions()
    ]  # fmt: skip
    lines = [
        f"{p['session']} {p['contract']:8} {p['kind']:7} {p['rows']:>8} rows {p['bytes']:>9} B  {p['source']}"
        for p in partitions
    ]
    answer(json, {"partitions": partitions}, lines or [_EMPTY])


def lake_gaps(
    contract: Annotated[str | None, typer.Option(help="Only this contract.")] = None,
    kind: Annotated[str | None, typer.Option(help=f"Only {', '.join(KINDS)}.")] = None,
    cause: Annotated[str | None, typer.Option(help='Only this cause, as "feed loss".')] = None,
    json: JsonOption = False,
) -> None:
    """List the holes of every session with their cause, and the sessions that are missing whole."""
    from cli.configuration import open_lake
    from market.lake_manifest import Cause

    lake = open_lake()
    _refuse_unknown("--kind", kind, KINDS)
    _refuse_unknown("--cause", cause, Cause)
    _refuse_unknown("--contract", contract, lake.contracts())
    partitions = lake.partitions(kind, contract)
    gaps = [row for row in _gap_rows(partitions) if cause in (None, row["cause"])]
    missing = [row for row in _missing_rows(lake, partitions) if cause in (None, row["cause"])]
    lines = [_gap_line(row) for row in gaps]
    lines += _missing_lines(missing)
    counts = Counter(row["cause"] for row in [*gaps, *missing])
    summary = ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "no gaps"
    answer(json, {"gaps": gaps, "missing_sessions": missing}, [*lines, summary] if partitions else [_EMPTY])


def lake_verify(json: JsonOption = False) -> None:
    """Check every file of the lake against its manifest, and look for files that are not in it."""
    from cli.configuration import open_lake
    from market.lake_audit import audit

    lake = open_lake()
    checked, problems = len(lake.partitions()), audit(lake)
    lines = [f"{checked} partitions are as they were written"] if not problems else []
    answer(json, {"checked": checked, "problems": problems}, lines, reason="\n".join(problems) or None)


def _gap_rows(partitions: "Iterable[Partition]") -> list[dict[str, Any]]:
    from market.calendar import to_local

    return [
        {
            "kind": p.kind, "contract": p.contract, "session": p.session, "first": to_local(gap.first_ns).isoformat(),
            "last": to_local(gap.last_ns).isoformat(), "minutes": round((gap.last_ns - gap.first_ns) / 60e9, 3),
            "cause": str(gap.cause),
        }
        for p in partitions
        for gap in p.gaps
    ]  # fmt: skip


def _missing_rows(lake: "Lake", partitions: "Iterable[Partition]") -> list[dict[str, Any]]:
    from market.gaps import missing_sessions

    series = [list(group) for _, group in groupby(partitions, key=lambda partition: partition.series)]
    return [
        {"kind": own[0].kind, "contract": own[0].contract, "session": day.isoformat(), "cause": str(cause)}
        for own in series
        for day, cause in missing_sessions(own, lake.instruments.calendar(own[0].contract))
    ]


def _gap_line(row: dict[str, Any]) -> str:
    span = f"{row['first'][11:16]}-{row['last'][11:16]}"
    return f"{row['session']} {row['contract']:8} {row['kind']:7} {span} {row['minutes']:8.1f} min  {row['cause']}"


def _missing_lines(rows: list[dict[str, Any]]) -> Iterator[str]:
    """Yield one line for each run of missing sessions of one series and cause."""
    for (kind, contract, cause), run in groupby(rows, key=lambda row: (row["kind"], row["contract"], row["cause"])):
        days = [row["session"] for row in run]
        span = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}, {len(days)} sessions"
        yield f"{span} {contract:8} {kind:7} missing whole: {cause}"


def _refuse_unknown(option: str, given: str | None, known: Iterable[str]) -> None:
    names = [str(name) for name in known]
    if given is not None and given not in names:
        listed = ", ".join(names) or "nothing, because the lake is empty"
        raise UsageError(f"{option}: expected one of {listed}, found {given!r}; name one of them")
