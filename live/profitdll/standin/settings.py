"""Who may log in to a venue, which accounts it keeps, and what it does where the vendor's behaviour is not known."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from market.errors import UsageError
from trading.policy import VenueParams


@dataclass(frozen=True)
class Account:
    """An account that is announced after the login."""

    broker: int
    broker_name: str
    account: str
    owner: str


@dataclass(frozen=True)
class Settings:
    """One venue.

    Parameters
    ----------
    key, user, password, routing_password : str
        What a login must name, and every order.
    login_result, activation_result, market_result : int
        Told instead of the good value, by the vendor's numbers: a login of 3 is a blocked password, 4 an expired one.
    accounts : tuple of Account
        The first is a broker's, the second its simulator's; both trade.
    expired : tuple of str
        Contracts that can be named but have no data any more.
    refuse_in_callback : bool
        A request made inside a callback is refused, not only counted.
    refuse_stop_change : bool
        A change of a stop is refused with NL_INVALID_ARGS, as one simulator did.
    zero_flat_args : bool
        Zeroing a flat position answers NL_INVALID_ARGS instead of NL_NO_POSITION.
    market_as_limit : bool
        A market order reads back as a limit at a protected price.
    triggered_stop_fills : bool
        A stop whose trigger is crossed already goes to market instead of being rejected.
    first_history_rows : int
        The first history of a ticker and session brings no more than this tail of it; 0 is off.
    venue : VenueParams
        Latency, slippage and tunnels, as of paper trading.
    """

    key: str = "STANDIN-KEY"
    user: str = "trader@example.com"
    password: str = "login-password"
    routing_password: str = "routing-password"
    login_result: int = 0
    activation_result: int = 0
    market_result: int = 4
    accounts: tuple[Account, ...] = (
        Account(1001, "Corretora Exemplo", "700123", "Trader Exemplo"),
        Account(15011, "Simulador Nelogica", "SIM700123", "Trader Exemplo"),
    )
    expired: tuple[str, ...] = ()
    refuse_in_callback: bool = True
    refuse_stop_change: bool = False
    zero_flat_args: bool = False
    market_as_limit: bool = True
    triggered_stop_fills: bool = False
    first_history_rows: int = 0
    venue: VenueParams = field(default_factory=VenueParams)


def read_settings(path: Path | None) -> Settings:
    """Read settings from a JSON file; what it does not name keeps its default.

    Raises
    ------
    UsageError
        If the file is no JSON object or names what no setting is.
    """
    if path is None:
        return Settings()
    told = _object(path)
    known = {one.name for one in fields(Settings)}
    unknown = sorted(set(told) - known)
    if unknown:
        raise UsageError(f"{path}: expected settings among {sorted(known)}, found {unknown}; correct the name")
    changed: dict[str, Any] = dict(told)
    if "accounts" in changed:
        changed["accounts"] = tuple(Account(**one) for one in changed["accounts"])
    if "expired" in changed:
        changed["expired"] = tuple(changed["expired"])
    if "venue" in changed:
        changed["venue"] = VenueParams(**changed["venue"])
    return replace(Settings(), **changed)


def _object(path: Path) -> Mapping[str, Any]:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: expected a JSON object of settings, found {error}; correct the file") from error
    if not isinstance(told, dict):
        raise UsageError(f"{path}: expected a JSON object of settings, found {type(told).__name__}; correct the file")
    return told
