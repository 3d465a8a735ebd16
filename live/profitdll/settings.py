"""`[profitdll]` of pregao.toml: the vendor's library and the account it trades. Credentials stand nowhere in a file."""

from dataclasses import dataclass
from pathlib import Path

from live.profitdll.accounts import AccountParams
from market.errors import ConfigError, SafetyRefusal, UsageError
from market.wording import to_toml

BOOKS = ("depth", "offers", "none")
_SIMULATOR = "simula"  # in the name by which a simulator's broker announces itself


@dataclass(frozen=True)
class ProfitSettings:
    """`[profitdll]` of pregao.toml.

    Parameters
    ----------
    library : str
        Absolute path of the vendor's ProfitDLL.dll; empty where there is none.
    broker_id, account_id, broker_name, sub_account_id : int, str
        The account that trades, and its broker as it announces itself; a simulator is a broker of its own.
    book : str
        What a model that reads levels is fed: "depth", "offers", or "none", which refuses such a model.
    patience_s : float
        How long the handshake may take, above 0 to 600 seconds.
    """

    library: str = ""
    broker_id: int = 0
    account_id: str = ""
    broker_name: str = ""
    sub_account_id: str = ""
    book: str = "depth"
    patience_s: float = 90.0

    def __post_init__(self) -> None:
        """Refuse what lies outside the ranges above."""
        if self.book not in BOOKS:
            raise ConfigError(f"book: expected one of {', '.join(BOOKS)}, found {to_toml(self.book)}; correct it")
        if not 0 < self.patience_s <= 600:
            raise ConfigError(f"patience_s: expected above 0, at most 600, found {self.patience_s}; correct it")
        if self.broker_id < 0:
            raise ConfigError(f"broker_id: expected 0 or more, found {self.broker_id}; correct it")

    def library_path(self) -> Path:
        """Return where the library lies.

        Raises
        ------
        UsageError
            If none is configured, or its path is not absolute.
        """
        path = Path(self.library)
        if not self.library or not path.is_absolute():
            raise UsageError(
                f"[profitdll] library: expected the absolute path of the vendor's library, found "
                f"{to_toml(self.library)}; set it in pregao.toml (`pregao live --broker standin` needs none)"
            )
        return path

    def simulator(self) -> AccountParams:
        """Return the account, which has to be a simulator's.

        Raises
        ------
        UsageError
            If no account is configured.
        SafetyRefusal
            If its broker's name is not that of a simulator.
        """
        if not (self.broker_id and self.account_id and self.broker_name):
            raise UsageError(
                "[profitdll]: expected broker_id, account_id and broker_name of the account that trades, found "
                f"{self.broker_id}, {to_toml(self.account_id)}, {to_toml(self.broker_name)}; set them in pregao.toml"
            )
        if _SIMULATOR not in self.broker_name.casefold():
            raise SafetyRefusal(
                f"[profitdll] broker_name: expected a simulator's, found {to_toml(self.broker_name)}; paper orders go "
                "to a simulator only: name its account"
            )
        return AccountParams(self.broker_id, self.account_id, self.broker_name, self.sub_account_id)
