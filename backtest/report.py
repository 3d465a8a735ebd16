"""One HTML file that shows a run: readable offline, in Portuguese with English beside it."""

import math
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType

from jinja2 import Environment
from markupsafe import Markup

from backtest import plots
from backtest.messages import MESSAGES, bilingual
from backtest.numerals import brief, decimal, percent, probability, reais, whole
from backtest.page import page_environment
from backtest.report_data import (
    Calibration,
    EquityCurve,
    Gate,
    LearningCurve,
    MonthOfNotes,
    PaperSummary,
    PriceChart,
    ReportData,
)

__all__ = [
    "Calibration",
    "EquityCurve",
    "Gate",
    "LearningCurve",
    "MonthOfNotes",
    "PaperSummary",
    "PriceChart",
    "ReportData",
    "render_report",
    "write_report",
]

DRIFT_ROWS = 15
PSI_WATCH = 0.10
PSI_SHIFTED = 0.25

# The headline numbers in reading order: the first row decides, the second explains.
_HEADLINE: tuple[tuple[str, Callable[[float | None], str]], ...] = (
    ("net", lambda value: reais(value, 0)),
    ("sharpe", decimal),
    ("deflated_sharpe", probability),
    ("max_drawdown", percent),
    ("profit_factor", decimal),
    ("round_trips", whole),
)
_DETAIL: tuple[tuple[str, Callable[[float | None], str]], ...] = (
    ("hit_rate", percent),
    ("average", reais),
    ("gross", lambda value: reais(value, 0)),
    ("fees", lambda value: reais(value, 0)),
    ("probabilistic_sharpe", probability),
    ("exposure", percent),
    ("turnover", lambda value: decimal(value, 1) + "×"),
    ("fills", whole),
    ("sessions", whole),
)
_NOTES = ("note_sharpe", "note_deflated", "note_drawdown", "note_costs", "note_psi")
_TONES = MappingProxyType({True: "gain", False: "loss", None: "muted"})


def _gate_name(name: str) -> Markup:
    """Write a gate's name for the reader; one without a message keeps the name it was given."""
    key = f"gate_{name}"
    return bilingual(key) if key in MESSAGES else Markup("<code>{}</code>").format(name)


def _gate_value(value: float | str | bool | None) -> str | Markup:
    """Write what a gate measured or asked: text as it is, a number short, a truth in both languages."""
    if isinstance(value, bool):
        return bilingual("yes" if value else "no")
    return value if isinstance(value, str) else brief(value)


def _tone(value: float | None) -> str:
    if value is None or value == 0:
        return ""
    return "gain" if value > 0 else "loss"


def _tally(gates: tuple[Gate, ...]) -> int:
    return sum(gate.passed is True for gate in gates)


def _reading(psi: float) -> str:
    if psi < PSI_WATCH:
        return "stable"
    return "watch" if psi <= PSI_SHIFTED else "shifted"


def _drift_rows(data: ReportData) -> list[tuple[str, float, float]]:
    """Return name, PSI and the length of its bar in percent, the most drifted first; unknown counts as most."""
    ranked = sorted(data.drift.items(), key=lambda item: (-item[1] if math.isfinite(item[1]) else -math.inf, item[0]))
    full = max([2 * PSI_SHIFTED, *(psi for _, psi in ranked if math.isfinite(psi))])
    lengths = [100.0 * psi / full if math.isfinite(psi) else 100.0 for _, psi in ranked]
    return [(name, psi, length) for (name, psi), length in zip(ranked, lengths, strict=True)][:DRIFT_ROWS]


def _drawn(data: ReportData) -> dict[str, Markup]:
    """Draw every plot whose numbers are there."""
    drawn: dict[str, str] = {}
    if data.curve is not None and len(data.curve.equity):
        drawn["equity"] = plots.equity_plot(data.curve)
    if data.calibration is not None and data.calibration.counts.any():
        drawn["calibration"] = plots.calibration_plot(data.calibration)
    for name, scale in (("importance", 100.0), ("permutation", 1000.0), ("shapley", 100.0)):
        if values := getattr(data, name):
            drawn[name] = plots.ranking_plot(values, name, scale)
    if data.folds:
        drawn["folds"] = plots.folds_plot(data.folds)
    if data.learning is not None:
        drawn["learning"] = plots.learning_plot(data.learning)
    # Markup: the plots are our own text, and matplotlib escapes the labels it writes.
    return {name: Markup(text) for name, text in drawn.items()}


def _environment() -> Environment:
    environment = page_environment()
    environment.globals.update(gate_name=_gate_name, tally=_tally)
    environment.filters.update(
        decimal=decimal, percent=percent, reais=reais, gate_value=_gate_value, tone=_tone, reading=_reading
    )
    return environment


def render_report(data: ReportData) -> str:
    """Return the report as one HTML document; the same data give the same text."""
    numbers = [(key, write(data.metrics.get(key)), data.metrics.get(key)) for key, write in _HEADLINE]
    details = [(key, write(data.metrics.get(key))) for key, write in _DETAIL]
    return (
        _environment()
        .get_template("report.html")
        .render(
            data=data,
            headline=numbers,
            details=details,
            drawn=_drawn(data),
            # Markup: as the drawings above.
            charts=[(one.symbol, Markup(plots.price_plot(one))) for one in data.prices if len(one.bars)],
            drift=_drift_rows(data),
            gate_lists=(("gates_challenger", data.challenger_gates), ("gates_champion", data.champion_gates)),
            refusals=(
                ("refusals_gate", [(f"refusal_{name}", count) for name, count in data.refused.items()]),
                ("refusals_venue", [(f"reject_{name}", count) for name, count in data.rejected.items()]),
            ),
            splits=(("regime", data.per_regime), ("hour", data.per_hour)),
            tones=_TONES,
            notes=_NOTES,
        )
    )


def write_report(data: ReportData, path: Path) -> None:
    """Write the report to a file, UTF-8, replacing what was there."""
    path.write_text(render_report(data), encoding="utf-8", newline="\n")
