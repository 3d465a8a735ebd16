"""The codes of connection and market data, as ProfitDLL numbers them."""

from enum import IntEnum, IntFlag, StrEnum


class ConnStateType(IntEnum):
    """What a state callback speaks of."""

    LOGIN = 0
    ROUTING = 1
    MARKET_DATA = 2
    MARKET_LOGIN = 3
    UNKNOWN = 255


class LoginResult(IntEnum):
    """State of LOGIN."""

    CONNECTED = 0
    INVALID = 1
    INVALID_PASSWORD = 2
    BLOCKED_PASSWORD = 3
    EXPIRED_PASSWORD = 4
    UNKNOWN_ERROR = 200


class RoutingResult(IntEnum):
    """State of ROUTING; accounts and orders work from BROKER_CONNECTED on."""

    DISCONNECTED = 0
    CONNECTING = 1
    CONNECTED = 2
    BROKER_DISCONNECTED = 3
    BROKER_CONNECTING = 4
    BROKER_CONNECTED = 5


class MarketDataResult(IntEnum):
    """State of MARKET_DATA; 5 and 6 from 4.0.0.39: the client is too slow."""

    DISCONNECTED = 0
    CONNECTING = 1
    WAITING = 2
    NOT_LOGGED = 3
    CONNECTED = 4
    PERFORMANCE_WARNING = 5
    PARTIAL_CONNECTED = 6


class ActivationResult(IntEnum):
    """State of MARKET_LOGIN."""

    VALID = 0
    INVALID = 1


class HealthState(IntEnum):
    """What the library tells of itself."""

    RESPONSIVE = 0
    FROZEN = 1


class BookAction(IntEnum):
    """What happened to a price book or offer book."""

    ADD = 0
    EDIT = 1
    DELETE = 2
    DELETE_FROM = 3
    FULL_BOOK = 4


class DepthUpdateType(IntEnum):
    """What happened to the price depth."""

    ADD = 0
    EDIT = 1
    DELETE = 2
    INSERT = 3
    FULL_BOOK = 4
    PREPARE = 5
    FLUSH = 6
    THEORIC_PRICE = 7
    DELETE_FROM = 8


class BookSide(IntEnum):
    """Side of a book."""

    BUY = 0
    SELL = 1
    BOTH = 254
    NONE = 255


class TradeCallbackFlags(IntFlag):
    """Marks of a trade."""

    TC_IS_EDIT = 1
    TC_LAST_PACKET = 2


class OfferBookFlags(IntFlag):
    """Place of a packet in a full offer book."""

    OB_LAST_PACKET = 1
    OB_FIRST_PACKET = 2


class PriceGroupFlags(IntFlag):
    """Marks of a depth level."""

    PG_IS_THEORIC = 1


class AgentNameFlags(IntFlag):
    """Which name of a broker is asked for."""

    CM_IS_SHORT_NAME = 1


class AdjustFlags(IntFlag):
    """Marks of a price adjustment."""

    AFFECTS_PRICE = 1
    IS_SUM = 2


class TradeType(IntEnum):
    """How a trade came about; what is not here has no aggressor."""

    CROSS = 1
    BUY_AGGRESSION = 2
    SELL_AGGRESSION = 3
    AUCTION = 4
    SURVEILLANCE = 5
    EXPIT = 6
    OPTION_EXERCISE = 7
    OTC = 8
    DERIVATIVE_TERM = 9
    INDEX = 10
    BTC = 11
    ON_BEHALF = 12
    RLP = 13
    BBT = 14
    RFQ = 15
    MPT = 16
    TAC = 17
    TAA = 18
    UNKNOWN = 32
    UPDATE = 33
    MID = 34
    OFF_EXCHANGE = 35


class TickerState(IntEnum):
    """Market phase of a ticker."""

    OPENED = 0
    SUSPENDED = 1
    FROZEN = 2
    INHIBITED = 3
    AUCTIONED = 4
    OPEN_REPROGRAMED = 5
    CLOSED = 6
    UNKNOWN = 7
    NIGHT_PROCESS = 8
    PREPARATION = 9
    PRE_CLOSING = 10
    PROMOTER = 11
    EOD_CONSULTING = 12
    PRE_OPENING = 13
    AFTER_MARKET = 14
    TRADING = 15
    IMPEDED = 16
    BOVESPA = 17
    INTERRUPTED = 18
    NONE = 255


class SecurityType(IntEnum):
    """Kind of a security."""

    FUTURE = 0
    SPOT = 1
    SPOT_OPTION = 2
    FUTURE_OPTION = 3
    DERIVATIVE_TERM = 4
    STOCK = 5
    OPTION = 6
    FORWARD = 7
    ETF = 8
    INDEX = 9
    OPTION_EXERCISE = 10
    UNKNOWN = 11
    ECONOMIC_INDICATOR = 12
    MULTILEG = 13
    COMMON_STOCK = 14
    PREFERRED_STOCK = 15
    SECURITY_LOAN = 16
    OPTION_ON_INDEX = 17
    RIGHTS = 18
    CORPORATE_FIXED_INCOME = 19
    NELOGICA_SYNTHETIC = 255


class SecuritySubType(IntEnum):
    """The sub-types of securities that a futures runner needs."""

    INDEX = 2
    INTEREST_RATE = 3
    FX_RATE = 4
    MINI_CONTRACT = 13
    FINANCIAL_ROLL_OVER = 14
    UNKNOWN = 17


class ExchangeCode(StrEnum):
    """Exchanges, by the letter that tickers are asked for with."""

    BCB = "A"
    BOVESPA = "B"
    CAMBIO = "D"
    ECONOMIC = "E"
    BMF = "F"
    METRICS = "K"
    CME = "M"
    NASDAQ = "N"
    OXR = "O"
    PIONEER = "P"
    DOW_JONES = "X"
    NYSE = "Y"


class FeedType(IntEnum):
    """Source of market data."""

    NELOGICA = 0
    OTHER = 255
