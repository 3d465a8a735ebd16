"""The command that brings market data in."""

from typing import Annotated

import typer

from cli.environment import find_home
from cli.output import JsonOption, answer, quiet_stdout


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(epilog="Example: pregao collect --source inbox")(collect)


def collect(
    source: Annotated[
        list[str] | None, typer.Option(help="inbox or metatrader; by default what pregao.toml names.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Take what every source has, check each session it touched, and version the data; run again to go on."""
    from dataclasses import replace

    from cli.configuration import load_configuration, open_lake

    home = find_home()
    home.state.mkdir(parents=True, exist_ok=True)  # Prefect makes its own folder at import, but not the one above
    from flows.collect import collect_job, open_sources

    settings = load_configuration(home).configuration.collect
    settings = replace(settings, sources=tuple(source)) if source else settings
    with quiet_stdout():
        done = collect_job(home, open_lake(), open_sources(home, settings), settings)
    lines = [
        f"{one.status:9} {one.source}: {one.label}{f', {one.reason}' if one.reason else ''}" for one in done.deliveries
    ]
    lines += [
        f"{'complete ' if one.complete else 'NOT WHOLE'} {one.contract} {one.kind} {one.session}"
        f"{': ' if one.reasons else ''}{'; '.join(one.reasons)}"
        for one in done.sessions
    ]
    bad = [one for one in done.deliveries if one.status in ("refused", "failed")]
    reason = f"{len(bad)} of {len(done.deliveries)} deliveries did not reach the lake: {bad[0].reason}" if bad else None
    answer(json, done.as_dict(), [*(lines or ["nothing new"]), f"data.dvc: {done.dvc}"], reason=reason)
