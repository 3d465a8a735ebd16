"""The request to retrain: a file that drift writes and the next retraining answers. Nothing is promoted by it."""

import datetime as dt
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from flows.stages.artifacts import write_json
from market.errors import ConfigError
from market.home import Home

REQUEST, ASKED = "retrain_request.json", "drift_asked.json"


@dataclass(frozen=True)
class RetrainRequest:
    """Why a model should be trained again.

    Parameters
    ----------
    model, digest : str
        Which model, and the bundle that was judged.
    session : str
        ISO date of the session that asked.
    causes : tuple of str
        What drifted, as `models.drift.Cause` names it.
    """

    model: str
    digest: str
    session: str
    causes: tuple[str, ...]


def ask(home: Home, request: RetrainRequest) -> None:
    """Leave a request, and remember that this bundle has asked: sessions up to this one are not counted again."""
    write_json(home.state / ASKED, {**_asked(home), request.digest: request.session})
    write_json(home.state / REQUEST, asdict(request))


def pending(home: Home) -> RetrainRequest | None:
    """Return the request that no retraining has answered yet.

    Raises
    ------
    ConfigError
        If the file is not one that was written here.
    """
    path = home.state / REQUEST
    if not path.exists():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return RetrainRequest(found["model"], found["digest"], found["session"], tuple(found["causes"]))
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path}: expected a request to retrain, found {error!r}; remove the file") from error


def answered(home: Home, request: RetrainRequest | None) -> None:
    """Remove the request that a finished retraining answered; one that came meanwhile stays."""
    if request is not None and pending(home) == request:
        (home.state / REQUEST).unlink()


def asked_sessions(home: Home) -> dict[str, dt.date]:
    """Return, per bundle, the session that asked last."""
    return {digest: dt.date.fromisoformat(day) for digest, day in _asked(home).items()}


def _asked(home: Home) -> dict[str, str]:
    path = Path(home.state / ASKED)
    if not path.exists():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {str(digest): dt.date.fromisoformat(day).isoformat() for digest, day in found.items()}
    except (ValueError, AttributeError, TypeError) as error:
        raise ConfigError(f"{path}: expected sessions by bundle, found {error!r}; remove the file") from error
