"""Commands about what the lake holds and lacks."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.filters import KINDS, ContractOption, FirstOption, KindOption, LastOption, one_of, span_of
from cli.groups import Commands, add_group
from cli.output import JsonOption, answer, table
from cli.sql import lake_sql

if TYPE_CHECKING:
    from market.lake import Lake
    from market.lake_manifest import Partition

_EMPTY = "the lake is empty; `pregao import PATH` or `pregao demo` fills it"
_NOTHING = "nothing in the lake answers to these filters; `pregao lake ls` tells what is there"


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    commands: Commands = {
        "ls": (lake_ls, "--contract WDOZ26 --from 2026"),
        "gaps": (lake_gaps, '--contract WDOZ26 --cause "feed loss"'),
        "verify": (lake_verify, ""),
        "sql": (lake_sql, "'SELECT session, sum(quantity) FROM trades GROUP BY session'"),
    }
    add_group(app, "lake", "What the lake holds.", commands)


def lake_ls(
    contract: ContractOption = None,
    kind: KindOption = None,
    first: FirstOption = None,
    last: LastOption = None,
    each: Annotated[bool, typer.Option("--each", help="One line for each session, not for each series.")] = False,
    json: JsonOption = False,
) -> None:
    """List what the lake holds: one line for each contract, kind, bar length and price basis.

    The JSON object always lists every partition: one session of a series.
    """
    from cli.configuration import open_lake
    from market.price_levels import disagreements

    lake = open_lake()
    held = _within(_narrowed(lake, contract, kind), _span(first, last))
    partitions = [
        {
            "kind": p.kind, "instrument": p.root, "contract": p.contract, "session": p.session, "rows": p.rows,
            "bytes": p.bytes, "source": p.provenance.source, "synthetic": p.provenance.synthetic, "gaps": len(p.gaps),
            "bar_seconds": p.bar_seconds, "price_basis": p.provenance.price_basis,
        }
        for p in held
    ]  # fmt: skip
    apart = [one for name in sorted({p.contract for p in held}) for one in disagreements(lake, name)]
    lines = _each_session(held) if each else _each_series(held)
    lines += [f"never joined: {one.sentence}" for one in apart]
    fields = {"partitions": partitions, "never_joined": [one.sentence for one in apart]}
    answer(json, fields, lines if held else [_why_nothing(lake)])


def lake_gaps(
    contract: ContractOption = None,
    kind: KindOption = None,
    cause: Annotated[str | None, typer.Option(help='Only this cause, as "feed loss".')] = None,
    first: FirstOption = None,
    last: LastOption = None,
    json: JsonOption = False,
) -> None:
    """List the holes of every session with their cause, and the sessions that are missing whole."""
    from cli.configuration import open_lake
    from market.lake_manifest import Cause

    lake, span = open_lake(), _span(first, last)
    only = None if cause is None else one_of("--cause", cause, Cause)
    series = _narrowed(lake, contract, kind)
    partitions = _within(series, span)
    gaps = [row for row in _gap_rows(partitions) if only in (None, row["cause"])]
    missing = [row for row in _missing_rows(lake, series, span) if only in (None, row["cause"])]
    lines = [_gap_line(row) for row in gaps]
    lines += _missing_lines(missing)
    counts = Counter(row["cause"] for row in [*gaps, *missing])
    summary = ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "no gaps"
    told = [*lines, summary] if partitions or missing else [_why_nothing(lake)]
    answer(json, {"gaps": gaps, "missing_sessions": missing}, told)


def lake_verify(json: JsonOption = False) -> None:
    """Check every file of the lake against its manifest, and look for files that are not in it."""
    from cli.configuration import open_lake
    from market.lake_audit import LEFT_OVER, audit

    lake = open_lake()
    checked, problems = len(lake.partitions()), audit(lake)
    well = f"{checked} partitions are as they were written" if checked else _EMPTY
    lines = [] if problems else [well]
    rest = [problem for problem in problems if problem.endswith(LEFT_OVER)]
    told = [problem for problem in problems if not problem.endswith(LEFT_OVER)]
    if rest:
        told.append(rest[0] if len(rest) == 1 else f"{len(rest)} files, as {rest[0]}")
    answer(json, {"checked": checked, "problems": problems}, lines, reason="\n".join(told) or None)


def _span(first: dt.date | None, last: dt.date | None) -> tuple[dt.date, dt.date]:
    return span_of(first, last, (dt.date.min, dt.date.max))


def _narrowed(lake: "Lake", contract: str | None, kind: str | None) -> "list[Partition]":
    """Return the partitions of a contract and a kind, of all where none is named; raises UsageError."""
    return lake.partitions(
        None if kind is None else one_of("--kind", kind, KINDS),
        None if contract is None else one_of("--contract", contract, lake.contracts()),
    )


def _within(partitions: "Iterable[Partition]", span: tuple[dt.date, dt.date]) -> "list[Partition]":
    return [partition for partition in partitions if span[0] <= partition.day <= span[1]]


def _why_nothing(lake: "Lake") -> str:
    return _NOTHING if lake.partitions() else _EMPTY


def _each_series(held: "Sequence[Partition]") -> list[str]:
    """Return a table of the series, those of another price basis or origin apart, and what they sum up to."""
    series: dict[tuple[Any, ...], list[Partition]] = {}
    for p in held:
        place = p.contract, p.kind, _bar(p.bar_seconds), p.provenance.price_basis, _origin(p.provenance.synthetic)
        series.setdefault(place, []).append(p)
    rows = [
        (*place, min(p.session for p in own), max(p.session for p in own), len(own), *_sums(own))
        for place, own in sorted(series.items(), key=lambda entry: entry[0][:2])
    ]
    header = "contract", "kind", "bar", "basis", "origin", "first", "last", "sessions", "rows", "bytes", "gaps"
    records, size, gaps = _sums(held)
    total = f"{len(held):,} sessions, {records:,} rows, {size:,} bytes, {gaps:,} gaps; --each lists the sessions"
    return [*table(header, rows), total]


def _each_session(partitions: "Iterable[Partition]") -> list[str]:
    rows = [
        (
            p.session, p.contract, p.kind, _bar(p.bar_seconds), p.provenance.price_basis,
            _origin(p.provenance.synthetic), *_sums([p]), p.provenance.source,
        )
        for p in partitions
    ]  # fmt: skip
    header = "session", "contract", "kind", "bar", "basis", "origin", "rows", "bytes", "gaps", "source"
    return table(header, rows)


def _sums(partitions: "Sequence[Partition]") -> tuple[int, int, int]:
    return sum(p.rows for p in partitions), sum(p.bytes for p in partitions), sum(len(p.gaps) for p in partitions)


def _origin(synthetic: bool) -> str:
    return "synthetic" if synthetic else "market"


def _bar(seconds: int) -> str:
    return f"{seconds} s" if seconds else "-"


def _gap_rows(partitions: "Iterable[Partition]") -> list[dict[str, Any]]:
    from market.calendar import to_local

    return [
        {
            "kind": p.kind, "contract": p.contract, "session": p.session, "first": to_local(gap.first_ns).isoformat(),
            "last": to_local(gap.last_ns).isoformat(), "minutes": round((gap.last_ns - gap.first_ns) / 60e9, 3),
            "cause": str(gap.cause), "bar_seconds": p.bar_seconds, "price_basis": p.provenance.price_basis,
        }
        for p in partitions
        for gap in p.gaps
    ]  # fmt: skip


def _missing_rows(
    lake: "Lake", partitions: "Iterable[Partition]", span: tuple[dt.date, dt.date]
) -> list[dict[str, Any]]:
    """Return the sessions inside a span that whole series lack."""
    from market.gaps import missing_sessions

    series = [list(group) for _, group in groupby(partitions, key=lambda partition: partition.series)]
    return [
        {
            "kind": own[0].kind, "contract": own[0].contract, "session": day.isoformat(), "cause": str(cause),
            "bar_seconds": own[0].bar_seconds,
        }
        for own in series
        for day, cause in missing_sessions(
            own, lake.instruments.calendar(own[0].contract), lake.instruments.rests(own[0].contract)
        )
        if span[0] <= day <= span[1]
    ]  # fmt: skip


def _gap_line(row: dict[str, Any]) -> str:
    span = f"{row['first'][11:16]}-{row['last'][11:16]}"
    where = f"{row['session']} {_series(row)} {row['price_basis']:13}"
    return f"{where} {span} {row['minutes']:8.1f} min  {row['cause']}"


def _missing_lines(rows: list[dict[str, Any]]) -> Iterator[str]:
    """Yield one line for each run of missing sessions of one series and cause."""
    for (series, cause), run in groupby(rows, key=lambda row: (_series(row), row["cause"])):
        days = [row["session"] for row in run]
        span = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}, {len(days)} sessions"
        yield f"{span} {series} missing whole: {cause}"


def _series(row: dict[str, Any]) -> str:
    return f"{row['contract']:8} {row['kind']:7} {_bar(row['bar_seconds']):>7}"
