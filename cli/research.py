"""Commands that try things out over what is recorded."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from cli.environment import CHECKOUT, find_home
from cli.filters import FirstOption, LastOption
from cli.output import JsonOption, answer, quiet_stdout, table
from market.errors import UsageError

SHOWN = 20


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command(epilog="Example: pregao sweep WINQ26 --stop 1,1.5,2 --target 2,3,4 --from 2026-07")(sweep)


def _numbers(option: str, text: str) -> tuple[float, ...]:
    """Return the numbers of a list as 1,1.5,2."""
    try:
        return tuple(float(one) for one in text.split(","))
    except ValueError:
        raise UsageError(f"{option}: expected numbers as 1,1.5,2, found {text!r}; correct the list") from None


def sweep(
    series: Annotated[str, typer.Argument(help="A series of the lake.")],
    stop: Annotated[str, typer.Option(metavar="LIST", help="Stops to try.")] = "1,1.5,2,3",
    target: Annotated[str, typer.Option(metavar="LIST", help="Targets to try with each.")] = "1.5,2.25,3,4",
    unit: Annotated[Literal["atr", "ticks"], typer.Option(help="What --stop and --target count.")] = "atr",
    first: FirstOption = None,
    last: LastOption = None,
    params: Annotated[Path, typer.Option(help="Where the costs stand.")] = CHECKOUT / "params.yaml",
    json: JsonOption = False,
) -> None:
    """Follow the trend over recorded bars with every pair of stop and target, the best first: research only.

    Orders fill at the next bar's open with slippage; every result is after the costs of params.yaml. The best of
    many is partly luck: every pair tried is a trial, counted once with all that were tried on the instrument.
    """
    from backtest.numerals import decimal, probability, reais
    from flows.bracket_sweep import Request, run
    from flows.parameters import load_parameters

    grid = _numbers("--stop", stop), _numbers("--target", target)
    request = Request(series, *grid, unit, first, last, load_parameters(params).costs)
    with quiet_stdout():
        done = run(find_home(), request)
    rows: list[list[str | int]] = [
        [
            f"{pair['stop']:g}", f"{pair['target']:g}", reais(pair["net"]), int(pair["round_trips"]),
            f"{pair['max_drawdown']:.1%}", decimal(one),
        ]
        for pair, one in zip(done.pairs[:SHOWN], done.sharpes, strict=False)
    ]  # fmt: skip
    lines = [
        f"{done.contract}: {len(done.days)} sessions, {done.bars:,} bars, stop and target in {unit}",
        *table(("stop", "target", "net", "round trips", "drawdown", "Sharpe"), rows),
        *([f"and {done.pairs.size - SHOWN} worse pairs: --json tells all"] if done.pairs.size > SHOWN else []),
        f"{done.pairs.size} trials, {done.trials_ever} in all on this instrument: deflated Sharpe of the best "
        f"{probability(done.deflated_sharpe)} after all of them; prove it on sessions that no sweep has seen",
        *([] if done.sufficient else ["fewer than 100 round trips: not enough to decide anything by"]),
        f"heat map: {done.page}",
    ]
    answer(json, done.as_dict(), lines)
