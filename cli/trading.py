"""Commands that trade, on paper so far."""

import datetime as dt
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cli.environment import find_home
from cli.output import JsonOption, answer


class Mode(StrEnum):
    """How the runner is fed and where its orders go."""

    REPLAY = "replay"
    PAPER = "paper"
    SHADOW = "shadow"
    LIVE = "live"


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command("live", epilog="Example: pregao live --mode replay --json")(live)


def live(
    mode: Annotated[Mode, typer.Option(help="replay: recorded sessions, paper orders.")] = Mode.REPLAY,
    bundle: Annotated[Path | None, typer.Option(help="A bundle folder; by default the last one installed.")] = None,
    contract: Annotated[str | None, typer.Option(help="The series; by default the bundle's own.")] = None,
    first: Annotated[dt.datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First session.")] = None,
    last: Annotated[dt.datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last session.")] = None,
    journal: Annotated[Path | None, typer.Option(help="Where the journal goes.")] = None,
    json: JsonOption = False,
) -> None:
    """Run the trading loop over recorded sessions, with paper orders."""
    from live.replay import Request, replay
    from market.errors import SafetyRefusal

    if mode is not Mode.REPLAY:
        raise SafetyRefusal(f"--mode {mode}: expected replay, the only feed of this version; replay recorded sessions")
    span = (first.date() if first else None, last.date() if last else None)
    done = replay(find_home(), Request(bundle, contract, *span, journal))
    fields = {"mode": str(mode), **done.as_dict()}
    lines = [
        f"replayed {done.sessions} sessions of {done.contract}: {done.events} events, {done.decisions} decisions, "
        f"{done.orders} order records, {done.fills} fills, net R$ {done.net_reais:.2f}",
        f"position {done.position}, decisions {done.decision_hash[:16]}, model {done.model_digest[:16]}",
        f"journal {done.journal}",
    ]
    answer(json, fields, lines)
