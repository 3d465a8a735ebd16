"""What may be traded and in whose name, as types: nothing else can be put into an order or a query.

Real and simulated accounts come through one login, so a pair of broker and account is confirmed only where its broker
announced itself by the name that was expected. Continuous series and other exchanges answer orders with silence or with
a position of zero, so a contract is a dated one of the futures' exchange.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from live.profitdll.abi import address_of
from live.profitdll.codes import ExchangeCode, FeedType
from live.profitdll.notices import NoticeKind, text_of
from market.errors import NotConnected, SafetyRefusal, UsageError
from market.instruments import B3, FUTURES, Instrument, Instruments

FUTURES_EXCHANGE = ExchangeCode.BMF


@dataclass(frozen=True)
class Contract:
    """A dated future. Made by `contract`."""

    symbol: str
    instrument: Instrument


@dataclass(frozen=True)
class AccountParams:
    """Which account trades.

    Parameters
    ----------
    broker_id : int
    account_id : str
    broker_name : str
        As the broker announces itself; a simulator has another name than the broker it belongs to.
    sub_account_id : str
    """

    broker_id: int
    account_id: str
    broker_name: str
    sub_account_id: str = ""


@dataclass(frozen=True)
class Account:
    """An account whose broker has announced itself by the expected name. Made by `Accounts.confirm`."""

    params: AccountParams

    def fill(self, identifier: Any, kept: list[object]) -> None:
        """Write the account into a TConnectorAccountIdentifier; `kept` holds what its addresses point to."""
        identifier.BrokerID = self.params.broker_id
        identifier.AccountID = address_of(self.params.account_id, kept)
        identifier.SubAccountID = address_of(self.params.sub_account_id, kept)


def contract(symbol: str, instruments: Instruments = B3) -> Contract:
    """Return a dated future.

    Raises
    ------
    UnknownSymbol
        If there is no such symbol.
    UsageError
        If it is a continuous series, or anything but a future.
    """
    parsed = instruments.parse(symbol)
    if not parsed.dated or parsed.root not in FUTURES:
        raise UsageError(
            f"{symbol}: expected a dated contract of a future, as WDOZ26, found another; name the contract"
        )
    return Contract(symbol.strip().upper(), instruments.of(symbol))


def fill_asset(asset: Any, symbol: str, kept: list[object]) -> Any:
    """Write a future into a TConnectorAssetIdentifier and return it; `kept` holds what its addresses point to."""
    asset.Ticker, asset.Exchange = address_of(symbol, kept), address_of(FUTURES_EXCHANGE.value, kept)
    asset.FeedType = FeedType.NELOGICA
    return asset


class Accounts:
    """The accounts that were announced; each comes again at every reconnection and counts once."""

    def __init__(self) -> None:
        self.names: dict[tuple[int, str], str] = {}

    def hear(self, notices: np.ndarray) -> None:
        """Take the announcements among notices."""
        for notice in notices[notices["kind"] == NoticeKind.ACCOUNT]:
            self.names[int(notice["broker"]), text_of(notice["text"])] = text_of(notice["long_text"])

    def confirm(self, params: AccountParams) -> Account:
        """Return the account to trade with.

        Raises
        ------
        NotConnected
            If it was not announced yet.
        SafetyRefusal
            If its broker has another name than the expected one.
        """
        name = self.names.get((params.broker_id, params.account_id))
        wanted = f"account {params.account_id} of broker {params.broker_id}"
        if name is None:
            raise NotConnected(f"{wanted}: expected its announcement, found {len(self.names)} other accounts; "
                               "wait for the broker's connection, or correct the account")  # fmt: skip
        if name != params.broker_name:
            raise SafetyRefusal(f"{wanted}: expected the broker {params.broker_name!r}, found {name!r}; "
                                "correct the account or the name: the simulator is a broker of its own")  # fmt: skip
        return Account(params)
