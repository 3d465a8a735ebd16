"""`[collect]` of pregao.toml: where market data come from."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CollectSettings:
    """`[collect]` of pregao.toml.

    Parameters
    ----------
    sources : tuple of str
        Of "inbox" and "metatrader", in this order.
    metatrader_roots : tuple of str
        Futures to fetch.
    metatrader_sessions : int
        How far back, 1 to 250 sessions.
    retries, retry_delay_s : int, float
        Tries of one fetch beyond the first, and the wait before each, seconds.
    """

    sources: tuple[str, ...] = ("inbox",)
    metatrader_roots: tuple[str, ...] = ("WDO", "WIN")
    metatrader_sessions: int = 20
    retries: int = 2
    retry_delay_s: float = 30.0
