"""How every command answers: sentences for people, one JSON object for machines."""

import contextlib
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Any

import typer

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output and nothing else.")]

DEFAULT = "show"  # the command of a group that may be left out, where it has one: `pregao calendar` shows

# The object of each command, besides `ok` and, where the answer is no, `reason`. A contract: keys stay.
_JOB = ("run_id", "version", "alias", "model", "stages", "gates", "headline", "paper", "request")
KEYS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "demo": _JOB,
        "retrain": _JOB,
        "tune": ("model", "tuned", "trials_ever"),
        "ui": ("mlflow", "report", "data_summary"),
        "gate explain": ("version", "model", "gates", "record"),
        "promote": ("model", "version", "previous", "gates_failed", "record", "looks"),
        "pull": ("instrument", "model", "version", "alias", "digest", "folder", "latency_p99_us"),
        "rollback": ("model", "version", "previous", "gates_failed", "record"),
        "reproduce": ("model", "version", "commit", "expected", "found", "differences"),
        "explain": (
            "contract", "time", "sequence", "side", "hold_reason", "regime", "probability",
            "features", "members", "journal", "model_digest", "data_hash", "commit",
        ),
        "stage": ("stage",),
        "import": ("files",),
        "collect": ("deliveries", "sessions", "dvc"),
        "lake ls": ("partitions", "never_joined"),
        "check": ("series", "data_docs", "summary"),
        "lake gaps": ("gaps", "missing_sessions"),
        "lake verify": ("checked", "problems"),
        "lake sql": ("columns", "rows"),
        "calendar show": ("symbol", "calendar", "days"),
        "calendar audit": ("sessions", "outside", "missing", "off_hours", "refused"),
        "roll show": ("root", "first", "last", "front", "rolls"),
        "roll check": ("root", "first", "last", "rolls", "contracts", "leads", "disagreements"),
        "config show": ("file", "settings"),
        "config check": ("file", "settings"),
        "features ls": ("set", "schema_hash", "columns"),
        "features page": ("page",),
        "features build": ("schema_hash", "sessions", "caution"),
        "parity": ("contract", "session", "columns", "events", "decisions", "differing", "first_difference", "caution"),
        "leakcheck": ("checked", "leaks"),
        "drift": (
            "model", "model_digest", "contract", "sessions", "causes", "asks", "features", "inputs", "shifts", "fall",
            "classifier", "journalled_sessions", "request", "page",
        ),
        "validate-model": ("model", "version", "checks"),
        "weekly-review": ("first", "last", "trained", "moves", "drift", "request", "traded", "page"),
        "schedule": ("jobs", "prefect", "alerts"),
        "backtest": (
            "contract", "first", "last", "in_sample_sessions", "decisions", "signals", "held", "refused", "rejected",
            "halted", "metrics", "instruments", "withheld", "notes", "decision_hash", "model_digest", "report",
            "caution",
        ),
        "sweep": (
            "contract", "first", "last", "sessions", "bars", "unit", "trials", "trials_ever", "deflated_sharpe",
            "pairs", "page",
        ),
        "live": (
            "mode", "contract", "sessions", "events", "decisions", "orders", "fills", "position", "net_reais",
            "decision_hash", "model_digest", "journal", "broker", "capture", "dropped",
        ),
        "init": ("home", "public_key"),
        "bench": ("name", "machine", "rows"),
        "serve": ("console",),
    }
)  # fmt: skip


def answer(
    as_json: bool, fields: dict[str, Any], lines: Sequence[str], *, reason: str | None = None, code: int = 1
) -> None:
    """Print the answer of a command.

    Parameters
    ----------
    as_json : bool
        One JSON object instead of the lines.
    fields : dict
        Keys of the JSON object, besides ``ok`` and ``reason``.
    lines : sequence of str
        What a person reads.
    reason : str, optional
        Why the answer is no; without one it is yes.
    code : int
        How the command ends where the answer is no.
    """
    if as_json:
        head: dict[str, Any] = {"ok": True} if reason is None else {"ok": False, "reason": reason}
        print(json.dumps({**head, **fields}, ensure_ascii=False, allow_nan=False), flush=True)
    else:
        print(*lines, sep="\n", end="\n" if lines else "", flush=True)
        if reason is not None:
            print(f"pregao: {reason}", file=sys.stderr)
    if reason is not None:
        raise typer.Exit(code)


def table(header: Sequence[str], rows: Sequence[Sequence[str | int]]) -> list[str]:
    """Return lines in columns: text to the left, numbers, in groups of three digits, to the right."""
    cells = [[f"{cell:,}" if isinstance(cell, int) else cell for cell in row] for row in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    right = [bool(rows) and isinstance(cell, int) for cell in (rows[0] if rows else header)]
    return [
        "  ".join(f"{cell:{'>' if r else '<'}{w}}" for cell, w, r in zip(line, widths, right, strict=True)).rstrip()
        for line in cells
    ]


def command_of(arguments: Sequence[str]) -> str:
    """Return the command that a command line names, as 'lake ls'; empty where it names none."""
    first = " ".join(arguments[:1])
    return next((words for words in (" ".join(arguments[:2]), f"{first} {DEFAULT}", first) if words in KEYS), "")


def group_of(arguments: Sequence[str]) -> str:
    """Return the group of commands that a command line begins with, as 'lake'; empty where it begins with none."""
    first = arguments[0] if arguments else ""
    return first if any(words.startswith(f"{first} ") for words in KEYS) else ""


def refuse(arguments: Sequence[str], reason: str, code: int) -> int:
    """Say why a command has no answer, and return its exit code; for machines its keys are all null."""
    unknown = dict.fromkeys(KEYS.get(command_of(arguments), ()))
    with contextlib.suppress(typer.Exit):
        answer("--json" in arguments, unknown, (), reason=reason, code=code)
    return code


@contextlib.contextmanager
def quiet_stdout() -> Iterator[None]:
    """Send what libraries and the processes they start print to standard error: standard output holds the answer."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
