"""The console's API: health, and what the newest journal says. It reads files and can change nothing."""

from pathlib import Path
from typing import Any

from fastapi import FastAPI

from market.home import Home
from trading.journal import Kind, read
from trading.records import DECISION, FILL


def create_app(home: Home) -> FastAPI:
    """Return the web application over one user's folder."""
    app = FastAPI(title="Pregão", docs_url=None, redoc_url=None)

    @app.get("/health")
    def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/status")
    def status() -> dict[str, Any]:
        return read_status(home)

    return app


def read_status(home: Home) -> dict[str, Any]:
    """Return position, model and counts of the newest journal; all None where there is none yet."""
    journals = sorted(home.journal.glob("*.bin"), key=lambda path: path.stat().st_mtime_ns)
    if not journals:
        return {"journal": None, "mode": None, "model": None, "position": None, "decisions": None, "fills": None}
    return _summarise(journals[-1])


def _summarise(path: Path) -> dict[str, Any]:
    records = read(path)
    fills = [record.rows(FILL) for record in records if record.kind == Kind.FILL]
    decisions = sum(len(record.rows(DECISION)) for record in records if record.kind == Kind.DECISION)
    started = [record.fields() for record in records if record.kind == Kind.SESSION]
    return {
        "journal": path.name,
        "mode": "replay",
        "model": started[-1]["bundle"] if started else None,
        "position": sum(int((part["side"] * part["quantity"]).sum()) for part in fills),
        "decisions": decisions,
        "fills": sum(len(part) for part in fills),
    }
