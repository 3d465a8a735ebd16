"""`[collect]` of pregao.toml: where market data come from."""

from dataclasses import dataclass

from market.errors import ConfigError
from market.instruments import FUTURES
from market.wording import to_toml

SOURCES = ("inbox", "metatrader", "capture", "profitdll")


@dataclass(frozen=True)
class CollectSettings:
    """`[collect]` of pregao.toml.

    Parameters
    ----------
    sources : tuple of str
        Of "inbox", "metatrader", "capture" and "profitdll", in the order wanted.
    inbox_quiet_s : float
        How long a file in the inbox must not have changed before it is taken, seconds.
    metatrader_roots : tuple of str
        Futures to fetch.
    metatrader_sessions : int
        How far back, 1 to 250 sessions.
    profitdll_roots : tuple of str
        Futures to fetch.
    profitdll_sessions : int
        How far back, 1 to 23 sessions: the vendor keeps 30 days.
    retries, retry_delay_s : int, float
        Tries of one fetch beyond the first, and the wait before each, seconds.
    """

    sources: tuple[str, ...] = ("inbox", "capture")
    inbox_quiet_s: float = 10.0
    metatrader_roots: tuple[str, ...] = ("WDO", "WIN")
    metatrader_sessions: int = 20
    profitdll_roots: tuple[str, ...] = ("WDO", "WIN")
    profitdll_sessions: int = 20
    retries: int = 2
    retry_delay_s: float = 30.0

    def __post_init__(self) -> None:
        """Refuse what lies outside the ranges above."""
        futures = tuple(FUTURES)
        for name, known in (("sources", SOURCES), ("metatrader_roots", futures), ("profitdll_roots", futures)):
            if unknown := [one for one in getattr(self, name) if one not in known]:
                wrong = to_toml(unknown[0])
                raise ConfigError(f"{name}: expected some of {', '.join(known)}, found {wrong}; correct it")
        for name, most in (("metatrader_sessions", 250), ("profitdll_sessions", 23)):
            if not 1 <= (found := getattr(self, name)) <= most:
                raise ConfigError(f"{name}: expected 1 to {most}, found {found}; correct it")
        for name in ("inbox_quiet_s", "retries", "retry_delay_s"):
            if not 0 <= (value := getattr(self, name)) < float("inf"):
                raise ConfigError(f"{name}: expected 0 or more, found {value}; correct it")
