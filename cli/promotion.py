"""Commands that move the champion alias, and the one that hands its bundle to the runner."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

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
    version: Annotated[int, typer.Argument(help="A registered version.")],
    model: ModelOption = None,
    json: JsonOption = False,
) -> None:
    """Make a version champion, if its signed gates all passed, and record who did.

    It must have been compared with the champion of now: where another version was promoted since, nothing moves.
    """
    from registry.promotion import promote as move

    with quiet_stdout():
        done = move(find_home(), version, model)
    _tell(done, json)


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
    json: JsonOption = False,
) -> None:
    """Fetch the bundle that an alias names, verify all of it, and hand it to the runner.

    The runner takes it at the start of its next session. Where anything does not hold, the one it has stays.
    """
    from dataclasses import asdict

    from registry.pull import pull as fetch

    done = fetch(find_home(), str(alias), model, demonstration=mode is For.PAPER)
    entry = {key: value for key, value in asdict(done.entry).items() if key in KEYS["pull"]}
    fields = entry | {"instrument": done.instrument, "folder": str(done.folder)}
    lines = [
        f"{alias} of {done.entry.model}: version {done.entry.version}, bundle {done.entry.digest[:16]}, verified",
        f"the runner takes it for {done.instrument} at the start of its next session: {done.folder}",
    ]
    answer(json, fields | {"latency_p99_us": round(done.latency_p99_us, 3)}, lines)


def _tell(done: "Promotion", json: bool) -> None:
    from registry.gates import as_table

    fields = {"model": done.model, "version": done.version, "previous": done.previous}
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
