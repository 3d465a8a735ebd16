"""The command that brings market data in."""

import os
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Annotated

import typer

from cli.environment import find_home
from cli.output import JsonOption, answer, quiet_stdout

if TYPE_CHECKING:
    from flows.collect import SessionCheck
    from flows.sources.delivery import Collected


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(epilog="Example: pregao collect --source inbox")(collect)


def collect(
    source: Annotated[
        list[str] | None,
        typer.Option(help="inbox, metatrader, capture or profitdll; by default what pregao.toml names."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Take what every source has, check each session it touched, and version the data; run again to go on."""
    from dataclasses import replace

    from cli.configuration import load_configuration, open_lake
    from flows.collect import collect_job, open_sources
    from flows.sources.inbox import REFUSED

    home = find_home()
    home.state.mkdir(parents=True, exist_ok=True)  # Prefect makes its own folder at import, but not the one above
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "CRITICAL")  # the answer says what became of every delivery
    configuration = load_configuration(home).configuration
    settings = configuration.collect
    settings = replace(settings, sources=tuple(source)) if source else settings
    with quiet_stdout():
        sources = open_sources(home, settings, configuration.profitdll.library_path)
        done = collect_job(home, open_lake(), sources, settings)
    lines = list(_deliveries(done.deliveries))
    bad = [one for one in done.deliveries if one.status in ("refused", "failed")]
    told = [] if done.versioned else [done.dvc]
    if bad:
        told.insert(0, f"{len(bad)} of {len(done.deliveries)} deliveries did not reach the lake: {bad[0].reason}")
        if any((one.source, one.status) == ("inbox", "refused") for one in bad):
            told.insert(
                1, f"refused files lie in {home.inbox / REFUSED} with their reasons; `pregao import` has options"
            )
    lines = [*(lines or ["nothing new"]), *_sessions(done.sessions)]
    if done.versioned:
        lines.append(f"data.dvc: {done.dvc}")
    answer(json, done.as_dict(), lines, reason="\n".join(told) or None)


def _deliveries(found: Sequence["Collected"]) -> Iterator[str]:
    """Yield a line for each delivery; of several that one reason stopped, one for all."""
    for (status, source, reason), group in groupby(found, lambda one: (one.status, one.source, one.reason)):
        labels = [one.label for one in group]
        if reason and len(labels) > 1:
            labels = [f"{labels[0]} and {len(labels) - 1} more"]
        for label in labels:
            yield f"{status:9} {source}: {label}{f', {reason}' if reason else ''}"


def _sessions(checks: Sequence["SessionCheck"]) -> Iterator[str]:
    """Yield a line for each series, and one for each of its sessions that is not whole."""
    for (contract, kind, seconds), group in groupby(checks, lambda one: (one.contract, one.kind, one.bar_seconds)):
        sessions = list(group)
        broken = [one for one in sessions if not one.complete]
        length = f" of {seconds} s" if seconds else ""
        series, whole = f"{contract} {kind}{length}", len(sessions) - len(broken)
        yield f"{series}: {whole} of {len(sessions)} new or longer sessions whole"
        for one in broken:
            yield f"NOT WHOLE {series} {one.session}: {'; '.join(one.reasons)}"
