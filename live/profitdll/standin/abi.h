/* The ABI of ProfitDLL 4.0.0.41: wide characters, records, callbacks and codes.
 *
 * A wide character is 16 bits on every system. A record that the vendor's signatures pass by value is passed by address
 * here, as the Windows convention does with every record above eight bytes; so one table of prototypes serves both systems.
 */
#ifndef STANDIN_ABI_H
#define STANDIN_ABI_H

#include <stddef.h>
#include <stdint.h>

#ifdef _WIN32
#define NL_API __stdcall
#define NL_EXPORT(type) __declspec(dllexport) type NL_API
#else
#define NL_API
#define NL_EXPORT(type) __attribute__((visibility("default"))) type
#endif

typedef uint16_t nl_char;

#pragma pack(push, 1)
typedef struct {
    const nl_char *ticker;
    const nl_char *exchange;
    int32_t feed;
} TAssetIDRec;
#pragma pack(pop)

typedef struct {
    uint16_t wYear;
    uint16_t wMonth;
    uint16_t wDayOfWeek;
    uint16_t wDay;
    uint16_t wHour;
    uint16_t wMinute;
    uint16_t wSecond;
    uint16_t wMilliseconds;
} TSystemTime;

typedef struct {
    uint8_t Version;
    int32_t BrokerID;
    const nl_char *AccountID;
    const nl_char *SubAccountID;
    int64_t Reserved;
} TConnectorAccountIdentifier;

typedef struct {
    uint8_t Version;
    int32_t BrokerID;
    nl_char AccountID[100];
    int32_t AccountIDLength;
    nl_char SubAccountID[100];
    int32_t SubAccountIDLength;
    int64_t Reserved;
} TConnectorAccountIdentifierOut;

typedef struct {
    uint8_t Version;
    const nl_char *Ticker;
    const nl_char *Exchange;
    uint8_t FeedType;
} TConnectorAssetIdentifier;

typedef struct {
    uint8_t Version;
    const nl_char *Ticker;
    int32_t TickerLength;
    const nl_char *Exchange;
    int32_t ExchangeLength;
    uint8_t FeedType;
} TConnectorAssetIdentifierOut;

typedef struct {
    uint8_t Version;
    int64_t LocalOrderID;
    const nl_char *ClOrderID;
} TConnectorOrderIdentifier;

typedef struct {
    uint8_t Version;
    double Price;
    uint32_t Count;
    int64_t Quantity;
    uint32_t PriceGroupFlags;
} TConnectorPriceGroup;

typedef struct {
    uint8_t Version;
    TSystemTime TradeDate;
    uint32_t TradeNumber;
    double Price;
    int64_t Quantity;
    double Volume;
    int32_t BuyAgent;
    int32_t SellAgent;
    uint8_t TradeType;
} TConnectorTrade;

typedef struct {
    uint8_t Version;
    TConnectorAccountIdentifier AccountID;
    TConnectorAssetIdentifier AssetID;
    const nl_char *Password;
    uint8_t OrderType;
    uint8_t OrderSide;
    double Price;
    double StopPrice;
    int64_t Quantity;
    int64_t MessageID;
} TConnectorSendOrder;

typedef struct {
    uint8_t Version;
    TConnectorAccountIdentifier AccountID;
    TConnectorOrderIdentifier OrderID;
    const nl_char *Password;
    double Price;
    double StopPrice;
    int64_t Quantity;
    int64_t MessageID;
} TConnectorChangeOrder;

typedef struct {
    uint8_t Version;
    TConnectorAccountIdentifier AccountID;
    TConnectorOrderIdentifier OrderID;
    const nl_char *Password;
    int64_t MessageID;
} TConnectorCancelOrder;

typedef struct {
    uint8_t Version;
    TConnectorAccountIdentifier AccountID;
    TConnectorAssetIdentifier AssetID;
    const nl_char *Password;
} TConnectorCancelOrders;

typedef struct {
    uint8_t Version;
    TConnectorAccountIdentifier AccountID;
    const nl_char *Password;
} TConnectorCancelAllOrders;

typedef struct {
    uint8_t Version;
    TConnectorAccountIdentifier AccountID;
    TConnectorAssetIdentifier AssetID;
    const nl_char *Password;
    double Price;
    uint8_t PositionType;
    int64_t MessageID;
} TConnectorZeroPosition;

typedef struct {
    uint8_t Version;
    TConnectorAccountIdentifier AccountID;
    const nl_char *BrokerName;
    int32_t BrokerNameLength;
    const nl_char *OwnerName;
    int32_t OwnerNameLength;
    const nl_char *SubOwnerName;
    int32_t SubOwnerNameLength;
    uint32_t AccountFlags;
    uint8_t AccountType;
} TConnectorTradingAccountOut;

typedef struct {
    uint8_t Version;
    TConnectorAccountIdentifier AccountID;
    TConnectorAssetIdentifier AssetID;
    int64_t OpenQuantity;
    double OpenAveragePrice;
    uint8_t OpenSide;
    double DailyAverageSellPrice;
    int64_t DailySellQuantity;
    double DailyAverageBuyPrice;
    int64_t DailyBuyQuantity;
    int64_t DailyQuantityD1;
    int64_t DailyQuantityD2;
    int64_t DailyQuantityD3;
    int64_t DailyQuantityBlocked;
    int64_t DailyQuantityPending;
    int64_t DailyQuantityAlloc;
    int64_t DailyQuantityProvision;
    int64_t DailyQuantity;
    int64_t DailyQuantityAvailable;
    uint8_t PositionType;
    int64_t EventID;
} TConnectorTradingAccountPosition;

typedef struct {
    uint8_t Version;
    TConnectorOrderIdentifier OrderID;
    TConnectorAccountIdentifier AccountID;
    TConnectorAssetIdentifier AssetID;
    int64_t Quantity;
    int64_t TradedQuantity;
    int64_t LeavesQuantity;
    double Price;
    double StopPrice;
    double AveragePrice;
    uint8_t OrderSide;
    uint8_t OrderType;
    uint8_t OrderStatus;
    uint8_t ValidityType;
    TSystemTime Date;
    TSystemTime LastUpdate;
    TSystemTime CloseDate;
    TSystemTime ValidityDate;
    const nl_char *TextMessage;
    int64_t EventID;
} TConnectorOrder;

typedef struct {
    uint8_t Version;
    TConnectorOrderIdentifier OrderID;
    TConnectorAccountIdentifierOut AccountID;
    TConnectorAssetIdentifierOut AssetID;
    int64_t Quantity;
    int64_t TradedQuantity;
    int64_t LeavesQuantity;
    double Price;
    double StopPrice;
    double AveragePrice;
    uint8_t OrderSide;
    uint8_t OrderType;
    uint8_t OrderStatus;
    uint8_t ValidityType;
    TSystemTime Date;
    TSystemTime LastUpdate;
    TSystemTime CloseDate;
    TSystemTime ValidityDate;
    const nl_char *TextMessage;
    int32_t TextMessageLength;
    int64_t EventID;
} TConnectorOrderOut;

typedef struct {
    uint8_t Version;
    int32_t BrokerID;
    TConnectorOrderIdentifier OrderID;
    int64_t MessageID;
    uint8_t ResultCode;
    const nl_char *Message;
    int32_t MessageLength;
} TConnectorTradingMessageResult;

typedef void (NL_API *TStateCallback)(int32_t conn_type, int32_t result);
typedef void (NL_API *TSystemHealthCallback)(int32_t state);
typedef void (NL_API *TNewTradeCallback)(const TAssetIDRec *asset, const nl_char *date, uint32_t trade_number,
    double price, double volume, int32_t qty, int32_t buy_agent, int32_t sell_agent, int32_t trade_type,
    uint8_t is_edit);
typedef void (NL_API *THistoryTradeCallback)(const TAssetIDRec *asset, const nl_char *date, uint32_t trade_number,
    double price, double volume, int32_t qty, int32_t buy_agent, int32_t sell_agent, int32_t trade_type);
typedef void (NL_API *TConnectorTradeCallback)(const TConnectorAssetIdentifier *asset, void *trade_ptr,
    uint32_t flags);
typedef void (NL_API *TProgressCallback)(const TAssetIDRec *asset, int32_t progress);
typedef void (NL_API *TNewDailyCallback)(const TAssetIDRec *asset, const nl_char *date, double open, double high,
    double low, double close, double volume, double settlement, double max_limit, double min_limit,
    double vol_buyer, double vol_seller, int32_t qty, int32_t trades, int32_t open_contracts, int32_t qty_buyer,
    int32_t qty_seller, int32_t trades_buyer, int32_t trades_seller);
typedef void (NL_API *TTinyBookCallback)(const TAssetIDRec *asset, double price, int32_t qty, int32_t side);
typedef void (NL_API *TChangeCotation)(const TAssetIDRec *asset, const nl_char *date, uint32_t trade_number,
    double price);
typedef void (NL_API *TChangeStateTicker)(const TAssetIDRec *asset, const nl_char *date, int32_t state);
typedef void (NL_API *TTheoreticalPriceCallback)(const TAssetIDRec *asset, double price, int64_t qty);
typedef void (NL_API *TPriceBookCallback)(const TAssetIDRec *asset, int32_t action, int32_t position, int32_t side,
    int32_t qty, int32_t count, double price, void *array_sell, void *array_buy);
typedef void (NL_API *TPriceBookCallbackV2)(const TAssetIDRec *asset, int32_t action, int32_t position,
    int32_t side, int64_t qty, int32_t count, double price, void *array_sell, void *array_buy);
typedef void (NL_API *TOfferBookCallback)(const TAssetIDRec *asset, int32_t action, int32_t position, int32_t side,
    int32_t qty, int32_t agent, int64_t offer_id, double price, uint8_t has_price, uint8_t has_qty,
    uint8_t has_date, uint8_t has_offer_id, uint8_t has_agent, const nl_char *date, void *array_sell,
    void *array_buy);
typedef void (NL_API *TOfferBookCallbackV2)(const TAssetIDRec *asset, int32_t action, int32_t position,
    int32_t side, int64_t qty, int32_t agent, int64_t offer_id, double price, uint8_t has_price, uint8_t has_qty,
    uint8_t has_date, uint8_t has_offer_id, uint8_t has_agent, const nl_char *date, void *array_sell,
    void *array_buy);
typedef void (NL_API *TConnectorPriceDepthCallback)(const TConnectorAssetIdentifier *asset, uint8_t side,
    int32_t position, uint8_t update_type);
typedef void (NL_API *TAssetListCallback)(const TAssetIDRec *asset, const nl_char *name);
typedef void (NL_API *TAssetListInfoCallback)(const TAssetIDRec *asset, const nl_char *name,
    const nl_char *description, int64_t min_qty, int64_t max_qty, int64_t lot, int32_t security_type,
    int32_t security_subtype, double min_price_increment, double contract_multiplier, const nl_char *valid_date,
    const nl_char *isin);
typedef void (NL_API *TAssetListInfoCallbackV2)(const TAssetIDRec *asset, const nl_char *name,
    const nl_char *description, int64_t min_qty, int64_t max_qty, int64_t lot, int32_t security_type,
    int32_t security_subtype, double min_price_increment, double contract_multiplier, const nl_char *valid_date,
    const nl_char *isin, const nl_char *sector, const nl_char *sub_sector, const nl_char *segment);
typedef void (NL_API *TInvalidTickerCallback)(const TConnectorAssetIdentifier *asset);
typedef void (NL_API *TAdjustHistoryCallback)(const TAssetIDRec *asset, double value, const nl_char *adjust_type,
    const nl_char *observation, const nl_char *date_adjust, const nl_char *date_deliberation,
    const nl_char *date_payment, int32_t affects_price);
typedef void (NL_API *TAdjustHistoryCallbackV2)(const TAssetIDRec *asset, double value, const nl_char *adjust_type,
    const nl_char *observation, const nl_char *date_adjust, const nl_char *date_deliberation,
    const nl_char *date_payment, uint32_t flags, double multiplier);
typedef void (NL_API *TAccountCallback)(int32_t broker_id, const nl_char *broker_name, const nl_char *account_id,
    const nl_char *owner_name);
typedef void (NL_API *TConnectorAccountCallback)(const TConnectorAccountIdentifier *account);
typedef void (NL_API *TConnectorOrderCallback)(const TConnectorOrderIdentifier *order_id);
typedef void (NL_API *TConnectorAssetPositionListCallback)(const TConnectorAccountIdentifier *account,
    const TConnectorAssetIdentifier *asset, int64_t event_id);
typedef void (NL_API *TConnectorBrokerAccountListCallback)(int32_t broker_id, uint32_t changed);
typedef void (NL_API *TConnectorBrokerSubAccountListCallback)(const TConnectorAccountIdentifier *account);
typedef void (NL_API *TConnectorTradingMessageResultCallback)(TConnectorTradingMessageResult *result);
typedef void (NL_API *THistoryCallback)(const TAssetIDRec *asset, int32_t broker_id, int32_t qty,
    int32_t traded_qty, int32_t leaves_qty, int32_t side, double price, double stop_price, double avg_price,
    int64_t profit_id, const nl_char *order_type, const nl_char *account, const nl_char *owner,
    const nl_char *cl_ord_id, const nl_char *status, const nl_char *date);
typedef void (NL_API *TOrderChangeCallback)(const TAssetIDRec *asset, int32_t broker_id, int32_t qty,
    int32_t traded_qty, int32_t leaves_qty, int32_t side, double price, double stop_price, double avg_price,
    int64_t profit_id, const nl_char *order_type, const nl_char *account, const nl_char *owner,
    const nl_char *cl_ord_id, const nl_char *status, const nl_char *date, const nl_char *text_message);
typedef void (NL_API *THistoryCallbackV2)(const TAssetIDRec *asset, int32_t broker_id, int32_t qty,
    int32_t traded_qty, int32_t leaves_qty, int32_t side, int32_t validity, double price, double stop_price,
    double avg_price, int64_t profit_id, const nl_char *order_type, const nl_char *account, const nl_char *owner,
    const nl_char *cl_ord_id, const nl_char *status, const nl_char *date, const nl_char *last_update,
    const nl_char *close_date, const nl_char *validity_date);
typedef void (NL_API *TOrderChangeCallbackV2)(const TAssetIDRec *asset, int32_t broker_id, int32_t qty,
    int32_t traded_qty, int32_t leaves_qty, int32_t side, int32_t validity, double price, double stop_price,
    double avg_price, int64_t profit_id, const nl_char *order_type, const nl_char *account, const nl_char *owner,
    const nl_char *cl_ord_id, const nl_char *status, const nl_char *date, const nl_char *last_update,
    const nl_char *close_date, const nl_char *validity_date, const nl_char *text_message);
typedef int32_t (NL_API *TConnectorEnumerateOrdersProc)(TConnectorOrder *order, intptr_t param);
typedef int32_t (NL_API *TConnectorEnumerateAssetProc)(TConnectorAssetIdentifier *asset, intptr_t param);

#define NL_OK 0
#define NL_INTERNAL_ERROR (-0x7FFFFFFF - 1 + 1)
#define NL_NOT_INITIALIZED (-0x7FFFFFFF - 1 + 2)
#define NL_INVALID_ARGS (-0x7FFFFFFF - 1 + 3)
#define NL_WAITING_SERVER (-0x7FFFFFFF - 1 + 4)
#define NL_NO_LOGIN (-0x7FFFFFFF - 1 + 5)
#define NL_NO_LICENSE (-0x7FFFFFFF - 1 + 6)
#define NL_PASSWORD_HASH_SHA1 (-0x7FFFFFFF - 1 + 7)
#define NL_PASSWORD_HASH_MD5 (-0x7FFFFFFF - 1 + 8)
#define NL_OUT_OF_RANGE (-0x7FFFFFFF - 1 + 9)
#define NL_MARKET_ONLY (-0x7FFFFFFF - 1 + 10)
#define NL_NO_POSITION (-0x7FFFFFFF - 1 + 11)
#define NL_NOT_FOUND (-0x7FFFFFFF - 1 + 12)
#define NL_VERSION_NOT_SUPPORTED (-0x7FFFFFFF - 1 + 13)
#define NL_OCO_NO_RULES (-0x7FFFFFFF - 1 + 14)
#define NL_EXCHANGE_UNKNOWN (-0x7FFFFFFF - 1 + 15)
#define NL_NO_OCO_DEFINED (-0x7FFFFFFF - 1 + 16)
#define NL_INVALID_SERIE (-0x7FFFFFFF - 1 + 17)
#define NL_LICENSE_NOT_ALLOWED (-0x7FFFFFFF - 1 + 18)
#define NL_NOT_HARD_LOGOUT (-0x7FFFFFFF - 1 + 19)
#define NL_SERIE_NO_HISTORY (-0x7FFFFFFF - 1 + 20)
#define NL_ASSET_NO_DATA (-0x7FFFFFFF - 1 + 21)
#define NL_SERIE_NO_DATA (-0x7FFFFFFF - 1 + 22)
#define NL_HAS_STRATEGY_RUNNING (-0x7FFFFFFF - 1 + 23)
#define NL_SERIE_NO_MORE_HISTORY (-0x7FFFFFFF - 1 + 24)
#define NL_SERIE_MAX_COUNT (-0x7FFFFFFF - 1 + 25)
#define NL_DUPLICATE_RESOURCE (-0x7FFFFFFF - 1 + 26)
#define NL_UNSIGNED_CONTRACT (-0x7FFFFFFF - 1 + 27)
#define NL_NO_PASSWORD (-0x7FFFFFFF - 1 + 28)
#define NL_NO_USER (-0x7FFFFFFF - 1 + 29)
#define NL_FILE_ALREADY_EXISTS (-0x7FFFFFFF - 1 + 30)
#define NL_INVALID_TICKER (-0x7FFFFFFF - 1 + 31)
#define NL_NOT_MASTER_ACCOUNT (-0x7FFFFFFF - 1 + 32)
#define NL_NOT_MY_TRADE (-0x7FFFFFFF - 1 + 33)
#define NL_NOT_EQUALS (-0x7FFFFFFF - 1 + 34)
#define NL_INVALID_DLL_AUTH (-0x7FFFFFFF - 1 + 35)
#define NL_INVALID_SIGNATURE (-0x7FFFFFFF - 1 + 36)
#define NL_NOT_IMPLEMENTED (-0x7FFFFFFF - 1 + 37)
#define NL_BROKER_NOT_ALLOWED (-0x7FFFFFFF - 1 + 38)
#define NL_FILE_NOT_EXISTS (-0x7FFFFFFF - 1 + 39)
#define NL_NTSL_PARSE_FAILED (-0x7FFFFFFF - 1 + 40)
#define NL_NTSL_TOO_MANY_ASSETS (-0x7FFFFFFF - 1 + 41)
#define NL_NOT_CONSISTENT (-0x7FFFFFFF - 1 + 42)
#define NL_SINGLE_THREADED (-0x7FFFFFFF - 1 + 43)
#define NL_NOT_SAME_THREAD (-0x7FFFFFFF - 1 + 44)
#define NL_TIMEOUT (-0x7FFFFFFF - 1 + 45)
#define NL_HISTORY_PERIOD_LIMIT (-0x7FFFFFFF - 1 + 46)

#endif
