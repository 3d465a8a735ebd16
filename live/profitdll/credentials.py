"""The secrets of a login, wrapped so that no print, log, exception or copy shows them."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

import keyring
from keyring.errors import KeyringError

from market.errors import LoginRefused

SERVICE = "pregao-profitdll"
_PREFIX = "PREGAO_PROFITDLL_"


class Secret:
    """A text that shows itself only to `reveal`."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text, for the call that needs it and for nothing else."""
        return self._text

    def __repr__(self) -> str:
        """Show that there is one."""
        return "Secret(…)"

    def __format__(self, spec: str) -> str:
        """Show that there is one, whatever the format."""
        return repr(self)

    def __reduce__(self) -> str:
        """Refuse every copy that could be written somewhere."""
        raise TypeError("a secret is not serialised; read it from where it is kept")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)


@dataclass(frozen=True)
class Credentials:
    """Activation key and login; `routing_password` goes into every order and is another than the login's."""

    key: Secret
    user: Secret
    password: Secret
    routing_password: Secret | None = None


def find_credentials(environment: Mapping[str, str] = os.environ, *, routing: bool) -> Credentials:
    """Return the credentials from PREGAO_PROFITDLL_KEY, _USER, _PASSWORD and _ROUTING_PASSWORD, else the OS keyring.

    Parameters
    ----------
    environment : mapping
    routing : bool
        Whether orders are to be sent.

    Raises
    ------
    LoginRefused
        If one is in neither place; the message names it.
    """
    found = {name: _find(environment, name) for name in ("key", "user", "password")}
    return Credentials(**found, routing_password=_find(environment, "routing_password") if routing else None)


def _find(environment: Mapping[str, str], name: str) -> Secret:
    variable = _PREFIX + name.upper()
    text = environment.get(variable) or _from_keyring(name)
    if not text:
        raise LoginRefused(
            f"credentials: expected {name.replace('_', ' ')} in {variable} or the OS keyring, found none; "
            f"set it, or run `keyring set {SERVICE} {name}`"
        )
    return Secret(text)


def _from_keyring(name: str) -> str | None:
    try:
        found: str | None = keyring.get_password(SERVICE, name)
    except (KeyringError, RuntimeError):
        return None
    return found
