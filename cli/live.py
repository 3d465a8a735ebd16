"""`pregao live`: the runner, fed by what is recorded or by the vendor's library."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.environment import find_home
from cli.filters import FirstOption, LastOption
from cli.output import JsonOption, answer
from cli.trading import BundleOption


class Mode(StrEnum):
    """How the runner is fed and where its orders go."""

    REPLAY = "replay"
    PAPER = "paper"
    SHADOW = "shadow"
    LIVE = "live"


class Broker(StrEnum):
    """Who takes the orders of paper mode."""

    VENUE = "venue"
    STANDIN = "standin"
    PROFITDLL = "profitdll"


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("live", epilog="Example: pregao live --mode paper --broker standin --json")(live)


def live(
    mode: Annotated[
        Mode,
        typer.Option(
            help="replay: recorded sessions. shadow: the running session, recorded and decided without orders. "
            "paper: the running session, with paper orders."
        ),
    ] = Mode.REPLAY,
    broker: Annotated[
        Broker | None,
        typer.Option(
            help="Of paper mode. venue (default): in the process. standin: a recorded session through the stand-in "
            "library, orders and all; with shadow it brings the events. profitdll: the simulator of pregao.toml."
        ),
    ] = None,
    bundle: BundleOption = None,
    contract: Annotated[
        list[str] | None, typer.Option(help="A series, once for each instrument; by default the bundles' own.")
    ] = None,
    first: FirstOption = None,
    last: LastOption = None,
    journal: Annotated[Path | None, typer.Option(help="Where the journal goes.")] = None,
    json: JsonOption = False,
) -> None:
    """Run the trading loop: over recorded sessions, or on a live feed that is recorded, with paper orders.

    What a live feed brings goes into a capture part, which `pregao collect` files. --from and --to name recorded
    sessions: those of a replay, the one of the stand-in (by default the last one).
    """
    from cli.configuration import load_configuration
    from registry.gate_record import CHALLENGER_ALIAS, CHAMPION_ALIAS
    from registry.installed import Named

    _refuse(mode, broker)
    home = find_home()
    own = load_configuration(home).configuration
    alias = CHALLENGER_ALIAS if mode is Mode.SHADOW else CHAMPION_ALIAS
    named = Named(tuple(bundle or ()), tuple(contract or ()), first, last, own.risk, own.venue, alias)
    if mode is Mode.REPLAY:
        from live.recorder import left_open
        from live.replay import replay

        done = replay(home, named, journal)
        fields: dict[str, Any] = {**done.as_dict(), "broker": str(Broker.VENUE), "capture": None, "dropped": 0}
        unfinished = left_open(done.position, 0)
    else:
        from live.runner import Feed, Orders, Plan, run

        standin = broker is Broker.STANDIN
        orders = Orders.NONE if mode is Mode.SHADOW else Orders.ROUTED
        orders = Orders.VENUE if mode is Mode.PAPER and broker in (None, Broker.VENUE) else orders
        feed = Feed.STANDIN if standin else Feed.PROFITDLL
        ran = run(home, named, Plan(str(mode), feed, orders, own.profitdll, journal))
        done, fields, unfinished = ran.outcome, ran.as_dict(), ran.unfinished
    sessions = f"{done.sessions} sessions" if done.sessions != 1 else "1 session"
    lines = [
        f"{mode}: {sessions} of {done.contract}, {done.events} events, {done.decisions} decisions, "
        f"{done.orders} order records, {done.fills} fills, net R$ {done.net_reais:.2f}",
        f"position {done.position}, decisions {done.decision_hash[:16]}, model {done.model_digest[:16]}",
        f"journal {done.journal}",
        *([f"capture {fields['capture']}"] if fields["capture"] else []),
        *([f"{fields['dropped']} events found no room and are gaps"] if fields["dropped"] else []),
    ]
    answer(json, {"mode": str(mode), **fields}, lines, reason=unfinished or None)


def _refuse(mode: Mode, broker: Broker | None) -> None:
    """Refuse what trades money, and a broker where there are no orders for it."""
    from market.errors import SafetyRefusal, UsageError

    if mode is Mode.LIVE:
        raise SafetyRefusal(
            "--mode live: expected replay, shadow or paper, found live; recovery after a restart is not built, so no "
            "real account is traded: use --mode paper"
        )
    taken = {Mode.REPLAY: (None,), Mode.SHADOW: (None, Broker.STANDIN)}.get(mode, (None, *Broker))
    if broker not in taken:
        raise UsageError(f"--broker {broker}: expected one that --mode {mode} knows, found another; leave it out")
