"""What a call of ProfitDLL returned: a count or id, a plain answer, or a typed error.

Codes are negative; a long result carries them sign-extended. Counting functions return what they counted.
"""

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType

from market.errors import (
    BrokerError,
    LibraryRefused,
    LoginRefused,
    NoAnswer,
    NotConnected,
    PregaoError,
    RequestRefused,
    SecondSession,
)


class NlCode(IntEnum):
    """Every code a function may return."""

    OK = 0
    INTERNAL_ERROR = -2147483647
    NOT_INITIALIZED = -2147483646
    INVALID_ARGS = -2147483645
    WAITING_SERVER = -2147483644
    NO_LOGIN = -2147483643
    NO_LICENSE = -2147483642
    PASSWORD_HASH_SHA1 = -2147483641
    PASSWORD_HASH_MD5 = -2147483640
    OUT_OF_RANGE = -2147483639
    MARKET_ONLY = -2147483638
    NO_POSITION = -2147483637
    NOT_FOUND = -2147483636
    VERSION_NOT_SUPPORTED = -2147483635
    OCO_NO_RULES = -2147483634
    EXCHANGE_UNKNOWN = -2147483633
    NO_OCO_DEFINED = -2147483632
    INVALID_SERIE = -2147483631
    LICENSE_NOT_ALLOWED = -2147483630
    NOT_HARD_LOGOUT = -2147483629
    SERIE_NO_HISTORY = -2147483628
    ASSET_NO_DATA = -2147483627
    SERIE_NO_DATA = -2147483626
    HAS_STRATEGY_RUNNING = -2147483625
    SERIE_NO_MORE_HISTORY = -2147483624
    SERIE_MAX_COUNT = -2147483623
    DUPLICATE_RESOURCE = -2147483622
    UNSIGNED_CONTRACT = -2147483621
    NO_PASSWORD = -2147483620
    NO_USER = -2147483619
    FILE_ALREADY_EXISTS = -2147483618
    INVALID_TICKER = -2147483617
    NOT_MASTER_ACCOUNT = -2147483616
    NOT_MY_TRADE = -2147483615
    NOT_EQUALS = -2147483614
    INVALID_DLL_AUTH = -2147483613
    INVALID_SIGNATURE = -2147483612
    NOT_IMPLEMENTED = -2147483611
    BROKER_NOT_ALLOWED = -2147483610
    FILE_NOT_EXISTS = -2147483609
    NTSL_PARSE_FAILED = -2147483608
    NTSL_TOO_MANY_ASSETS = -2147483607
    NOT_CONSISTENT = -2147483606
    SINGLE_THREADED = -2147483605
    NOT_SAME_THREAD = -2147483604
    TIMEOUT = -2147483603
    HISTORY_PERIOD_LIMIT = -2147483602


# What is no error: the caller is told and knows what to do.
ANSWERS = frozenset(
    {
        NlCode.WAITING_SERVER,
        NlCode.NO_POSITION,
        NlCode.NOT_FOUND,
        NlCode.SERIE_NO_HISTORY,
        NlCode.ASSET_NO_DATA,
        NlCode.SERIE_NO_DATA,
        NlCode.SERIE_NO_MORE_HISTORY,
    }
)

# What was found, and what to do about it.
ERRORS: Mapping[NlCode, tuple[type[PregaoError], str, str]] = MappingProxyType(
    {
        NlCode.INTERNAL_ERROR: (
            SecondSession,
            "an internal error, as when the activation key is in use already",
            "end the other session of this key, then start again",
        ),
        NlCode.NOT_INITIALIZED: (NotConnected, "a library that was not initialised", "log in first"),
        NlCode.INVALID_ARGS: (
            RequestRefused,
            "invalid arguments",
            "look at what was asked; in a closed market this is the answer too",
        ),
        NlCode.NO_LOGIN: (NotConnected, "no login", "log in first"),
        NlCode.NO_LICENSE: (LoginRefused, "no licence", "ask the vendor for a licence of the library"),
        NlCode.PASSWORD_HASH_SHA1: (
            LoginRefused,
            "a password that is no SHA1",
            "give the password as the vendor issued it",
        ),
        NlCode.PASSWORD_HASH_MD5: (
            LoginRefused,
            "a password that is no MD5",
            "give the password as the vendor issued it",
        ),
        NlCode.OUT_OF_RANGE: (RequestRefused, "a number or date out of range", "ask for a smaller range"),
        NlCode.MARKET_ONLY: (NotConnected, "a login for market data only", "log in with order routing"),
        NlCode.VERSION_NOT_SUPPORTED: (
            LibraryRefused,
            "a structure version the library does not know",
            "install ProfitDLL 4.0.0.41 or later",
        ),
        NlCode.OCO_NO_RULES: (RequestRefused, "an OCO without rules", "send plain orders"),
        NlCode.EXCHANGE_UNKNOWN: (RequestRefused, "an unknown exchange", "name the exchange F for futures"),
        NlCode.NO_OCO_DEFINED: (RequestRefused, "no OCO on that order", "send plain orders"),
        NlCode.INVALID_SERIE: (RequestRefused, "an invalid series", "ask for another series"),
        NlCode.LICENSE_NOT_ALLOWED: (
            LoginRefused,
            "a licence without that feature",
            "ask the vendor to add it to the licence",
        ),
        NlCode.NOT_HARD_LOGOUT: (RequestRefused, "no hard logout", "start a new process"),
        NlCode.HAS_STRATEGY_RUNNING: (RequestRefused, "a strategy that runs", "stop it in the vendor's program"),
        NlCode.SERIE_MAX_COUNT: (RequestRefused, "a series at its limit", "ask for less"),
        NlCode.DUPLICATE_RESOURCE: (RequestRefused, "a resource that exists already", "use the one there is"),
        NlCode.UNSIGNED_CONTRACT: (LoginRefused, "terms that were not signed", "sign them in the vendor's program"),
        NlCode.NO_PASSWORD: (LoginRefused, "no password", "set PREGAO_PROFITDLL_PASSWORD or keep it in the keyring"),
        NlCode.NO_USER: (LoginRefused, "no user", "set PREGAO_PROFITDLL_USER or keep it in the keyring"),
        NlCode.FILE_ALREADY_EXISTS: (BrokerError, "a file that exists already", "move it away"),
        NlCode.INVALID_TICKER: (RequestRefused, "an invalid ticker", "name a dated contract, as WDOZ26"),
        NlCode.NOT_MASTER_ACCOUNT: (RequestRefused, "an account that is no master", "name the master account"),
        NlCode.NOT_MY_TRADE: (RequestRefused, "a trade of another account", "name a trade of this account"),
        NlCode.NOT_EQUALS: (RequestRefused, "what does not match", "read the order again, then ask anew"),
        NlCode.INVALID_DLL_AUTH: (
            LoginRefused,
            "an invalid authentication of the library",
            "install the library of the vendor anew",
        ),
        NlCode.INVALID_SIGNATURE: (LoginRefused, "an invalid signature", "install the library of the vendor anew"),
        NlCode.NOT_IMPLEMENTED: (
            LibraryRefused,
            "a function that is not implemented",
            "install a later version of the library",
        ),
        NlCode.BROKER_NOT_ALLOWED: (
            LoginRefused,
            "a broker that is not allowed",
            "ask the broker to allow the library",
        ),
        NlCode.FILE_NOT_EXISTS: (BrokerError, "a file that is missing", "install the library of the vendor anew"),
        NlCode.NTSL_PARSE_FAILED: (RequestRefused, "a script that cannot be read", "correct it"),
        NlCode.NTSL_TOO_MANY_ASSETS: (RequestRefused, "a script with too many tickers", "name fewer"),
        NlCode.NOT_CONSISTENT: (BrokerError, "data that are not consistent", "read again, then ask anew"),
        NlCode.SINGLE_THREADED: (BrokerError, "a resource for one thread only", "call from the thread that logged in"),
        NlCode.NOT_SAME_THREAD: (BrokerError, "a call from another thread", "call from the thread that logged in"),
        NlCode.TIMEOUT: (NoAnswer, "no answer in time", "read the state before asking again"),
        NlCode.HISTORY_PERIOD_LIMIT: (
            RequestRefused,
            "a start more than 30 calendar days ago",
            "ask for the last 30 days only",
        ),
    }
)


def answer(function: str, returned: int) -> int | NlCode:
    """Return what a call returned: a value from 0 up, or one of `ANSWERS`.

    Raises
    ------
    PregaoError
        Of the type in `ERRORS`; a BrokerError for a code nobody knows.
    """
    if returned >= 0 and not 0x80000001 <= returned <= 0x800000FF:
        return returned
    signed = returned - (1 << 32) if returned > 0 else returned
    try:
        code = NlCode(signed)
    except ValueError:
        raise BrokerError(
            f"{function}: expected a code of ProfitDLL, found {signed}; install a version this project knows"
        ) from None
    if code in ANSWERS:
        return code
    error, found, remedy = ERRORS[code]
    raise error(f"{function}: expected success, found {found} (NL_{code.name}); {remedy}")


def value(function: str, returned: int) -> int:
    """Return a value from 0 up; raises as `answer`, and BrokerError for an answer that is no value."""
    told = answer(function, returned)
    if isinstance(told, NlCode):
        raise BrokerError(f"{function}: expected a value, found NL_{told.name}; ask again later")
    return told
