"""`[collect]` of pregao.toml: where market data come from."""

from dataclasses import dataclass

from market.errors import ConfigError
from market.instruments import FUTURES
from market.wording import to_toml

SOURCES = ("inbox", "metatrader", "capture")


@dataclass(frozen=True)
class CollectSettings:
    """`[collect]` of pregao.toml.

    Parameters
    ----------
    sources : tuple of str
        Of "inbox", "metatrader" and "capture", in the order wanted.
    inbox_quiet_s : float
        How long a file in the inbox must not have changed before it is taken, seconds.
    metatrader_roots : tuple of str
        Futures to fetch.
    metatrader_sessions : int
        How far back, 1 to 250 sessions.
    retries, retry_delay_s : int, float
        Tries of one fetch beyond the first, and the wait before each, seconds.
    """

    sources: tuple[str, ...] = ("inbox", "capture")
    inbox_quiet_s: float = 10.0
    metatrader_roots: tuple[str, ...] = ("WDO", "WIN")
    metatrader_sessions: int = 20
    retries: int = 2
    retry_delay_s: float = 30.0

    def __post_init__(self) -> None:
        """Refuse what lies outside the ranges above."""
        for name, known in (("sources", SOURCES), ("metatrader_roots", tuple(FUTURES))):
            if unknown := [one for one in getattr(self, name) if one not in known]:
                found = to_toml(unknown[0])
                raise ConfigError(f"{name}: expected some of {', '.join(known)}, found {found}; correct it")
        if not 1 <= self.metatrader_sessions <= 250:
            raise ConfigError(f"metatrader_sessions: expected 1 to 250, found {self.metatrader_sessions}; correct it")
        for name in ("inbox_quiet_s", "retries", "retry_delay_s"):
            if not 0 <= (value := getattr(self, name)) < float("inf"):
                raise ConfigError(f"{name}: expected 0 or more, found {value}; correct it")
