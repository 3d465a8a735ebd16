"""Commands that move the champion alias, and the one that hands its bundle to the runner."""

import contextlib
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.environment import find_home
from cli.output import KEYS, JsonOption, answer, quiet_stdout

if TYPE_CHECKING:
    from registry.promotion import Promotion


class For(StrEnum):
    """What a bundle is pulled for."""

    LIVE = "live"
    PAPER = "paper"


class Alias(StrEnum):
    """The aliases whose bundles a runner takes."""

    CHAMPION = "champion"
    CHALLENGER = "challenger"


ModelOption = Annotated[str | None, typer.Option(help="The registered model, where there are several.")]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command("promote", epilog="Example: pregao promote 3 --json")(promote)
    app.command("rollback", epilog="Example: pregao rollback")(rollback)
    app.command("pull", epilog="Example: pregao pull --mode paper --json")(pull)


def promote(
    version: Annotated[int | None, typer.Argument(help="A registered version.")] = None,
    model: ModelOption = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Look after aliases that are moved by hand in the MLflow UI, until stopped.")
    ] = False,
    every_s: Annotated[float, typer.Option("--every", min=1.0, help="Seconds between two looks.")] = 30.0,
    looks: Annotated[int | None, typer.Option(min=1, help="How often to look; without end by default.")] = None,
    json: JsonOption = False,
) -> None:
    """Make a version champion, if its signed gates all passed, and record who did.

    It must have been compared with the champion of now: where another version was promoted since, nothing moves. With
    --watch what is promoted by hand is judged in the same way: recorded and handed to the runner, or undone.
    """
    from market.errors import UsageError
    from registry.promotion import promote as move

    if watch == (version is not None):
        raise UsageError("promote: expected a version or --watch, found " + ("both; choose" if watch else "neither"))
    if watch:
        _watch(model, every_s, looks, json)
        return
    assert version is not None
    with quiet_stdout():
        done = move(find_home(), version, model)
    _tell(done, json, looks=None)


def _watch(model: str | None, every_s: float, looks: int | None, json: bool) -> None:
    from registry.watch import watch_aliases

    seen: list[dict[str, Any]] = []
    with quiet_stdout(), contextlib.suppress(KeyboardInterrupt):
        for look in watch_aliases(find_home(), model, every_s, looks):
            seen.append({"model": look.model, "outcome": look.outcome, "champion": look.champion, "alarm": look.alarm})
            told = f"{look.model}: champion version {look.champion}, {look.outcome}"
            sys.stderr.write(f"pregao: {look.alarm or told}\n")
    alarms = [one["alarm"] for one in seen if one["alarm"]]
    fields = dict.fromkeys(KEYS["promote"]) | {"looks": seen}
    answer(json, fields, (), reason="; ".join(alarms) or None, code=3)


def rollback(model: ModelOption = None, json: JsonOption = False) -> None:
    """Put the champion before this one back, and record who did."""
    from registry.promotion import rollback as move

    with quiet_stdout():
        done = move(find_home(), model)
    _tell(done, json)


def pull(
    model: ModelOption = None,
    alias: Annotated[Alias, typer.Option(help="champion, or challenger for the shadow.")] = Alias.CHAMPION,
    mode: Annotated[For, typer.Option(help="paper: for a demonstration, which synthetic data may train.")] = For.LIVE,
    now: Annotated[bool, typer.Option("--now", help="A running session takes it too, once it is flat.")] = False,
    json: JsonOption = False,
) -> None:
    """Fetch the bundle that an alias names, verify all of it, and hand it to the runner.

    The runner takes it at the start of its next session, or with --now between two events once it is flat. Where
    anything does not hold, the one it has stays.
    """
    from dataclasses import asdict

    from registry.pull import pull as fetch
    from registry.serving import swap_request

    home = find_home()
    done = fetch(home, str(alias), model, demonstration=mode is For.PAPER)
    if now:
        swap_request(home, done.instrument, done.entry.place).touch()
    entry = {key: value for key, value in asdict(done.entry).items() if key in KEYS["pull"]}
    fields = entry | {"instrument": done.instrument, "folder": str(done.folder)}
    runner = "a runner without orders at a broker" if done.entry.demonstration else "the runner"
    lines = [
        f"{alias} of {done.entry.model}: version {done.entry.version}, bundle {done.entry.digest[:16]}, verified",
        f"{runner} takes it {'once it is flat' if now else 'at its next session'}: {done.instrument}, {done.folder}",
    ]
    answer(json, fields | {"latency_p99_us": round(done.latency_p99_us, 3)}, lines)


def _tell(done: "Promotion", json: bool, **extra: Any) -> None:
    from registry.gates import as_table

    fields = {"model": done.model, "version": done.version, "previous": done.previous, **extra}
    fields |= {"gates_failed": as_table(done.failing), "record": done.decision.hash if done.decision else None}
    if done.decision is None:
        reason = (
            f"{done.model} version {done.version}: expected every gate to have passed, found {len(done.failing)} that "
            "did not; the alias stays where it is"
        )
        answer(json, fields, [f"FAIL  {gate.name:18} {gate.reason}" for gate in done.failing], reason=reason, code=3)
        return
    before = f"version {done.previous}" if done.previous is not None else "none"
    lines = [f"champion of {done.model}: version {done.version}, before {before}"]
    answer(json, fields, [*lines, f"recorded as {done.decision.hash[:16]}; `pregao pull` hands it to the runner"])
