/* What a runner of futures does not need: exported, since the vendor exports it, and refused. */
#include "abi.h"

NL_EXPORT(int32_t) InitializeCustom(const nl_char *activation_key, TStateCallback state_cb) {
    (void)activation_key, (void)state_cb;
    return NL_NOT_IMPLEMENTED;
}

NL_EXPORT(int32_t) SubscribePriceBook(const nl_char *ticker, const nl_char *exchange) {
    (void)ticker, (void)exchange;
    return NL_NOT_IMPLEMENTED;
}

NL_EXPORT(int32_t) UnsubscribePriceBook(const nl_char *ticker, const nl_char *exchange) {
    (void)ticker, (void)exchange;
    return NL_NOT_IMPLEMENTED;
}

NL_EXPORT(int32_t) RequestSerieHistory(void *serie, void *quote_start, void *quote_end, int32_t count) {
    (void)serie, (void)quote_start, (void)quote_end, (void)count;
    return NL_NOT_IMPLEMENTED;
}

NL_EXPORT(int32_t) GetSerieHistory(const nl_char *ticker, const nl_char *exchange, const nl_char *date_start,
    const nl_char *date_end, uint32_t quote_start, uint32_t quote_end) {
    (void)ticker, (void)exchange, (void)date_start, (void)date_end, (void)quote_start, (void)quote_end;
    return NL_NOT_IMPLEMENTED;
}

NL_EXPORT(int32_t) SubscribeAdjustHistory(const nl_char *ticker, const nl_char *exchange) {
    (void)ticker, (void)exchange;
    return NL_NOT_IMPLEMENTED;
}

NL_EXPORT(int32_t) UnsubscribeAdjustHistory(const nl_char *ticker, const nl_char *exchange) {
    (void)ticker, (void)exchange;
    return NL_NOT_IMPLEMENTED;
}

NL_EXPORT(int32_t) RequestTickerInfo(const nl_char *ticker, const nl_char *exchange) {
    (void)ticker, (void)exchange;
    return NL_NOT_IMPLEMENTED;
}

NL_EXPORT(void *) GetPosition(const nl_char *account_id, const nl_char *broker_id, const nl_char *ticker,
    const nl_char *exchange) {
    (void)account_id, (void)broker_id, (void)ticker, (void)exchange;
    return 0;
}

NL_EXPORT(int64_t) SendBuyOrder(const nl_char *account_id, const nl_char *broker_id, const nl_char *password,
    const nl_char *ticker, const nl_char *exchange, double price, int32_t qty) {
    (void)account_id, (void)broker_id, (void)password, (void)ticker, (void)exchange, (void)price, (void)qty;
    return NL_NOT_IMPLEMENTED;
}

NL_EXPORT(int64_t) SendSellOrder(const nl_char *account_id, const nl_char *broker_id, const nl_char *password,
    const nl_char *ticker, const nl_char *exchange, double price, int32_t qty) {
    (void)account_id, (void)broker_id, (void)password, (void)ticker, (void)exchange, (void)price, (void)qty;
    return NL_NOT_IMPLEMENTED;
}

NL_EXPORT(int64_t) SendMarketBuyOrder(const nl_char *account_id, const nl_char *broker_id, const nl_char *password,
    const nl_char *ticker, const nl_char *exchange, int32_t qty) {
    (void)account_id, (void)broker_id, (void)password, (void)ticker, (void)exchange, (void)qty;
    return NL_NOT_IMPLEMENTED;
}

NL_EXPORT(int64_t) SendMarketSellOrder(const nl_char *account_id, const nl_char *broker_id, const nl_char *password,
    const nl_char *ticker, const nl_char *exchange, int32_t qty) {
    (void)account_id, (void)broker_id, (void)password, (void)ticker, (void)exchange, (void)qty;
    return NL_NOT_IMPLEMENTED;
}

NL_EXPORT(int64_t) SendStopBuyOrder(const nl_char *account_id, const nl_char *broker_id, const nl_char *password,
    const nl_char *ticker, const nl_char *exchange, double price, double stop_price, int32_t qty) {
    (void)account_id, (void)broker_id, (void)password, (void)ticker, (void)exchange, (void)price,
    (void)stop_price, (void)qty;
    return NL_NOT_IMPLEMENTED;
}

NL_EXPORT(int64_t) SendStopSellOrder(const nl_char *account_id, const nl_char *broker_id, const nl_char *password,
    const nl_char *ticker, const nl_char *exchange, double price, double stop_price, int32_t qty) {
    (void)account_id, (void)broker_id, (void)password, (void)ticker, (void)exchange, (void)price,
    (void)stop_price, (void)qty;
    return NL_NOT_IMPLEMENTED;
}

NL_EXPORT(int32_t) SendChangeOrder(const nl_char *account_id, const nl_char *broker_id, const nl_char *password,
    const nl_char *cl_ord_id, double price, int32_t qty) {
    (void)account_id, (void)broker_id, (void)password, (void)cl_ord_id, (void)price, (void)qty;
    return NL_NOT_IMPLEMENTED;
}

NL_EXPORT(int32_t) SendCancelOrder(const nl_char *account_id, const nl_char *broker_id, const nl_char *cl_ord_id,
    const nl_char *password) {
    (void)account_id, (void)broker_id, (void)cl_ord_id, (void)password;
    return NL_NOT_IMPLEMENTED;
}

NL_EXPORT(int32_t) SendCancelOrders(const nl_char *account_id, const nl_char *broker_id, const nl_char *password,
    const nl_char *ticker, const nl_char *exchange) {
    (void)account_id, (void)broker_id, (void)password, (void)ticker, (void)exchange;
    return NL_NOT_IMPLEMENTED;
}

NL_EXPORT(int32_t) SendCancelAllOrders(const nl_char *account_id, const nl_char *broker_id, const nl_char *password) {
    (void)account_id, (void)broker_id, (void)password;
    return NL_NOT_IMPLEMENTED;
}

NL_EXPORT(int64_t) SendZeroPosition(const nl_char *account_id, const nl_char *broker_id, const nl_char *ticker,
    const nl_char *exchange, const nl_char *password, double price) {
    (void)account_id, (void)broker_id, (void)ticker, (void)exchange, (void)password, (void)price;
    return NL_NOT_IMPLEMENTED;
}

NL_EXPORT(int64_t) SendZeroPositionAtMarket(const nl_char *account_id, const nl_char *broker_id,
    const nl_char *ticker, const nl_char *exchange, const nl_char *password) {
    (void)account_id, (void)broker_id, (void)ticker, (void)exchange, (void)password;
    return NL_NOT_IMPLEMENTED;
}

NL_EXPORT(int32_t) GetOrders(const nl_char *account_id, const nl_char *broker_id, const nl_char *date_start,
    const nl_char *date_end) {
    (void)account_id, (void)broker_id, (void)date_start, (void)date_end;
    return NL_NOT_IMPLEMENTED;
}

NL_EXPORT(int32_t) GetOrder(const nl_char *cl_ord_id) {
    (void)cl_ord_id;
    return NL_NOT_IMPLEMENTED;
}

NL_EXPORT(int32_t) GetOrderProfitID(int64_t profit_id) {
    (void)profit_id;
    return NL_NOT_IMPLEMENTED;
}

NL_EXPORT(int32_t) SetAssetListCallback(TAssetListCallback callback) {
    (void)callback;
    return NL_NOT_IMPLEMENTED;
}

NL_EXPORT(int32_t) SetAssetListInfoCallback(TAssetListInfoCallback callback) {
    (void)callback;
    return NL_NOT_IMPLEMENTED;
}

NL_EXPORT(int32_t) SetAssetListInfoCallbackV2(TAssetListInfoCallbackV2 callback) {
    (void)callback;
    return NL_NOT_IMPLEMENTED;
}

NL_EXPORT(int32_t) SetOfferBookCallback(TOfferBookCallback callback) {
    (void)callback;
    return NL_NOT_IMPLEMENTED;
}

NL_EXPORT(int32_t) SetPriceBookCallback(TPriceBookCallback callback) {
    (void)callback;
    return NL_NOT_IMPLEMENTED;
}

NL_EXPORT(int32_t) SetPriceBookCallbackV2(TPriceBookCallbackV2 callback) {
    (void)callback;
    return NL_NOT_IMPLEMENTED;
}

NL_EXPORT(int32_t) SetAdjustHistoryCallback(TAdjustHistoryCallback callback) {
    (void)callback;
    return NL_NOT_IMPLEMENTED;
}

NL_EXPORT(int32_t) SetAdjustHistoryCallbackV2(TAdjustHistoryCallbackV2 callback) {
    (void)callback;
    return NL_NOT_IMPLEMENTED;
}

NL_EXPORT(int32_t) SetBrokerSubAccountListChangedCallback(TConnectorBrokerSubAccountListCallback callback) {
    (void)callback;
    return NL_NOT_IMPLEMENTED;
}

NL_EXPORT(int32_t) SetHistoryCallback(THistoryCallback callback) {
    (void)callback;
    return NL_NOT_IMPLEMENTED;
}

NL_EXPORT(int32_t) SetHistoryCallbackV2(THistoryCallbackV2 callback) {
    (void)callback;
    return NL_NOT_IMPLEMENTED;
}

NL_EXPORT(int32_t) SetOrderChangeCallback(TOrderChangeCallback callback) {
    (void)callback;
    return NL_NOT_IMPLEMENTED;
}

NL_EXPORT(int32_t) SetOrderChangeCallbackV2(TOrderChangeCallbackV2 callback) {
    (void)callback;
    return NL_NOT_IMPLEMENTED;
}
