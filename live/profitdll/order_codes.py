"""The codes of accounts and orders, as ProfitDLL numbers them."""

from enum import IntEnum, IntFlag


class OrderTypeV1(IntEnum):
    """Types an order may have."""

    MARKET = 1
    LIMIT = 2
    STOP_LIMIT = 4


class OrderTypeV0(IntEnum):
    """Types as `TConnectorSendOrder.Version` 0 means them; never sent."""

    LIMIT = 0
    STOP = 1
    MARKET = 2


class OrderTypeExtended(IntEnum):
    """Types that order details may tell."""

    MARKET = 1
    LIMIT = 2
    STOP = 3
    STOP_LIMIT = 4
    MARKET_ON_CLOSE = 5
    WITH_OR_WITHOUT = 6
    LIMIT_OR_BETTER = 7
    LIMIT_WITH_OR_WITHOUT = 8
    ON_BASIS = 9
    ON_CLOSE = 10
    LIMIT_ON_CLOSE = 11
    FOREX_MARKET = 12
    PREVIOUSLY_QUOTED = 13
    PREVIOUSLY_INDICATED = 14
    FOREX_LIMIT = 15
    FOREX_SWAP = 16
    FOREX_PREVIOUSLY_QUOTED = 17
    FUNARI = 18
    MARKET_IF_TOUCHED = 19
    MARKET_WITH_LEFTOVER_AS_LIMIT = 20
    PREVIOUS_FUND_VALUATION_POINT = 21
    NEXT_FUND_VALUATION_POINT = 22
    PEGGED = 23
    RLP = 24
    WALLET_TRANSFER = 25
    SIMULATOR = 27
    MARKET_ON_AUCTION = 28
    UNKNOWN = 200


class OrderSideV1(IntEnum):
    """Sides an order may have."""

    BUY = 1
    SELL = 2


class OrderSideV0(IntEnum):
    """Sides as `TConnectorSendOrder.Version` 0 means them; never sent."""

    BUY = 0
    SELL = 1


class OrderSideExtended(IntEnum):
    """Sides that order details may tell."""

    BUY = 1
    SELL = 2
    BUY_MINUS = 3
    SELL_PLUS = 4
    SELL_SHORT = 5
    SELL_SHORT_EXEMPT = 6
    UNDISCLOSED = 7
    CROSS = 8
    CROSS_SHORT = 9
    CROSS_SHORT_EXEMPT = 10
    AS_DEFINED = 11
    OPPOSITE = 12
    SUBSCRIBE = 13
    REDEEM = 14
    LEND = 15
    BORROW = 16
    UNKNOWN = 200


class OrderStatus(IntEnum):
    """Where an order stands."""

    NEW = 0
    PARTIALLY_FILLED = 1
    FILLED = 2
    DONE_FOR_DAY = 3
    CANCELED = 4
    REPLACED = 5
    PENDING_CANCEL = 6
    STOPPED = 7
    REJECTED = 8
    SUSPENDED = 9
    PENDING_NEW = 10
    CALCULATED = 11
    EXPIRED = 12
    ACCEPTED_FOR_BIDDING = 13
    PENDING_REPLACE = 14
    PARTIALLY_FILLED_CANCELED = 15
    RECEIVED = 16
    PARTIALLY_FILLED_EXPIRED = 17
    PARTIALLY_FILLED_REJECTED = 18
    UNKNOWN = 200
    HADES_CREATED = 201
    BROKER_SENT = 202
    CLIENT_CREATED = 203
    ORDER_NOT_CREATED = 204
    CANCELED_BY_ADMIN = 205
    DELAY_FIX_GATEWAY = 206
    SCHEDULED_ORDER = 207


class ValidityType(IntEnum):
    """How long an order lives; told, never set."""

    DAY = 0
    GTC = 1
    AT_OPENING = 2
    IOC = 3
    FOK = 4
    GT_CROSSING = 5
    GTD = 6
    AT_CLOSE = 7
    UNKNOWN = 200
    GOOD_FOR_AUCTION = 201


class PositionType(IntEnum):
    """Which position is asked for or zeroed."""

    DAY_TRADE = 1
    CONSOLIDATED = 2


class OpenSide(IntEnum):
    """Side of a position; 200 was seen with a quantity of 0."""

    UNKNOWN = 0
    BUY = 1
    SELL = 2
    FLAT_OBSERVED = 200


class AccountType(IntEnum):
    """Kind of a trading account."""

    OWNER = 0
    ASSESSOR = 1
    MASTER = 2
    SUB_ACCOUNT = 3
    RISK_MASTER = 4
    PROP_OFFICE = 5
    PROP_MANAGER = 6


class AccountFlags(IntFlag):
    """Marks of a trading account."""

    IS_SUB_ACCOUNT = 1
    IS_ENABLED = 2


class TradingMessageResultCode(IntEnum):
    """How far a request got; one that stalls at 4 was dropped in silence."""

    STARTING = 0
    NOT_CONNECTED = 1
    SENT_TO_HADES_PROXY = 2
    REJECTED_MERCURY = 3
    SENT_TO_HADES = 4
    REJECTED_HADES = 5
    SENT_TO_BROKER = 6
    REJECTED_BROKER = 7
    SENT_TO_MARKET = 8
    REJECTED_MARKET = 9
    ACCEPTED = 10
    MARGIN_TYPE_CHANGE_REJECTED = 11
    POSITION_MODE_CHANGE_REJECTED = 12
    NEED_UPDATE_FROM_SERVER = 13
    SENT_TO_WALLET = 17
    BLOCKED_BY_RISK = 24
    SUB_ACCOUNT = 50
    SUB_ACCOUNT_PLAN = 51
    SUB_ACCOUNT_RESET_LIMIT = 52
    SUB_ACCOUNT_BROKERAGE = 53
    SUB_ACCOUNT_BROKERAGE_PREFIX = 54
    SUB_ACCOUNT_GROUP = 55
    SUB_ACCOUNT_GROUP_INSERTION = 56
    RISK_GROUP = 60
    RISK_PREFIX = 61
    RISK_ACCOUNT = 62
    RESET_PASSWORD_RESULT = 63
    FIN_EDIT_TRADE_RESULT_SUCCESS = 70
    FIN_TRADE_RESULT_ERROR = 71
    SUB_ACCOUNT_PREFIX_SUCCESS = 74
    SUB_ACCOUNT_PREFIX_ERROR = 75
    FINANCIAL_LOSS_SUCCESS = 76
    INVALID_DATA = 77
    INVALID_WALLET_TRANSFER = 78
    SUB_ACCOUNT_ASSETS_UPDATE_SUCCESS = 79
    SUB_ACCOUNT_ASSETS_UPDATE_ERROR = 80
    UNKNOWN = 200
