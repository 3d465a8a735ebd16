"""The console's API: health, and what the newest journal says. It reads files and can change nothing."""

from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from market.errors import PregaoError
from market.home import Home
from trading.journal import Kind, read
from trading.records import DECISION, FILL

UNREADABLE = 503  # the journal is there and cannot be believed


def create_app(home: Home) -> FastAPI:
    """Return the web application over one user's folder."""
    app = FastAPI(title="Pregão", docs_url=None, redoc_url=None)

    @app.get("/health")
    def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/status")
    def status() -> dict[str, Any]:
        return read_status(home)

    @app.exception_handler(PregaoError)
    def refuse(_: Request, error: PregaoError) -> JSONResponse:
        return JSONResponse({"ok": False, "reason": str(error)}, UNREADABLE)

    return app


def read_status(home: Home) -> dict[str, Any]:
    """Return mode, model, position and counts of the newest journal; all None where there is none yet.

    Raises
    ------
    SafetyRefusal
        If the journal is damaged.
    """
    journals = sorted(home.journal.glob("*.bin"), key=lambda path: path.stat().st_mtime_ns)
    if not journals:
        return dict.fromkeys(("journal", "mode", "model", "position", "decisions", "fills"))
    return _summarise(journals[-1])


def _summarise(path: Path) -> dict[str, Any]:
    records = read(path)
    fills = [record.rows(FILL) for record in records if record.kind == Kind.FILL]
    started = [record.fields() for record in records if record.kind == Kind.SESSION]
    latest = started[-1] if started else {}
    return {
        "journal": path.name,
        "mode": latest.get("mode"),
        "model": latest.get("bundle"),
        "position": sum(int((part["side"].astype(int) * part["quantity"]).sum()) for part in fills),
        "decisions": sum(len(record.rows(DECISION)) for record in records if record.kind == Kind.DECISION),
        "fills": sum(len(part) for part in fills),
    }
