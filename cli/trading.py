"""Trading over what is recorded, and its report."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.environment import find_home
from cli.filters import FirstOption, LastOption
from cli.output import JsonOption, answer

if TYPE_CHECKING:
    from flows.bundle_backtest import HaltOf

HALTS_TOLD = 5  # in one line


BundleOption = Annotated[
    list[Path] | None,
    typer.Option(help="A bundle folder, once for each instrument; by default the last one installed of each series'."),
]


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("backtest", epilog="Example: pregao backtest WINQ26 WDOQ26 --from 2026-07-20")(backtest)


def backtest(
    contracts: Annotated[
        list[str] | None, typer.Argument(help="One series of each instrument; by default the bundles' own.")
    ] = None,
    bundle: BundleOption = None,
    first: FirstOption = None,
    last: LastOption = None,
    report: Annotated[Path | None, typer.Option(help="Where the HTML report goes.")] = None,
    json: JsonOption = False,
) -> None:
    """Trade recorded sessions with a bundle's model, as the runner would, and write a report.

    Several series trade side by side in one account: limits on losses, exposure and trades hold over all of them.
    Orders meet the venue model of paper trading; every result is after costs. Sessions up to the last one the model was
    trained on are told as such: it has seen them.
    """
    from backtest.numerals import decimal, reais, whole
    from cli.configuration import load_configuration
    from flows.bundle_backtest import run
    from registry.installed import Named

    home = find_home()
    own = load_configuration(home).configuration
    done = run(home, Named(tuple(bundle or ()), tuple(contracts or ()), first, last, own.risk, own.venue), report)
    numbers = done.metrics
    lines = [
        f"{done.contract}: {whole(numbers.sessions)} sessions, {whole(numbers.round_trips)} round trips, "
        f"net {reais(numbers.net)}, Sharpe {decimal(numbers.sharpe)}, drawdown {numbers.max_drawdown:.1%}",
        *(
            f"  {one.desk.feed.contract}: {whole(one.metrics.sessions)} sessions, {whole(one.metrics.round_trips)} "
            f"round trips, net {reais(one.metrics.net)}"
            for one in (done.desks if len(done.desks) > 1 else ())
        ),
        *_told("held", done.held, len(done.result.decisions)),
        *_told("refused by the gate", done.refused, done.signals),
        *_told("rejected by the venue", done.rejected, done.sent),
        *_halted(done.halted),
        *([f"{done.in_sample} of them up to the last training session: no proof"] if done.in_sample else []),
        *([] if numbers.sufficient else ["fewer than 100 round trips: not enough to decide anything by"]),
        f"decisions {done.result.decision_hash[:16]}, model {done.digest[:16]}",
        f"report {done.report}",
    ]
    answer(json, done.as_dict(), lines)


def _told(what: str, counts: dict[str, int], of: int) -> list[str]:
    """Return one line that says why decisions came to nothing, or none where all came to something."""
    from backtest.numerals import whole

    if not counts:
        return []
    named = ", ".join(f"{name.replace('_', ' ')} {whole(count)}" for name, count in counts.items())
    return [f"{what} {whole(sum(counts.values()))} of {whole(of)}: {named}"]


def _halted(halts: "Sequence[HaltOf]") -> list[str]:
    """Return one line that says what ended the entries of sessions, or none where nothing did."""
    if not halts:
        return []
    told = [
        f"{one.session} {one.desk} {one.reason.name.lower().replace('_', ' ')}"
        + (", which only a person ends" if one.lasting else "")
        for one in halts[:HALTS_TOLD]
    ]
    rest = [f"{len(halts) - HALTS_TOLD} more in the report"] if len(halts) > HALTS_TOLD else []
    return [f"halted {len(halts)}: {'; '.join(told + rest)}"]
