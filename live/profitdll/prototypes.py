"""What ProfitDLL exports and calls back, as data: `NAME(argument:type …) result`, in the letters of `abi`.

A structure without a star travels by value; Win64 passes the address of a copy, so it is a pointer to us.
"""

FUNCTIONS = """
DLLInitializeLogin(activation_key:W user:W password:W state_cb:TStateCallback order_history_cb:THistoryCallback
    order_change_cb:TOrderChangeCallback account_cb:TAccountCallback new_trade_cb:TNewTradeCallback
    new_daily_cb:TNewDailyCallback price_book_cb:TPriceBookCallback offer_book_cb:TOfferBookCallback
    history_trade_cb:THistoryTradeCallback progress_cb:TProgressCallback tiny_book_cb:TTinyBookCallback) I
DLLInitializeMarketLogin(activation_key:W user:W password:W state_cb:TStateCallback new_trade_cb:TNewTradeCallback
    new_daily_cb:TNewDailyCallback price_book_cb:TPriceBookCallback offer_book_cb:TOfferBookCallback
    history_trade_cb:THistoryTradeCallback progress_cb:TProgressCallback tiny_book_cb:TTinyBookCallback) I
DLLFinalize() I
SetServerAndPort(server:W port:W) I
SetEnabledHistOrder(enabled:I) I
SetEnabledLogToDebug(enabled:I) I
GetServerClock(tdatetime:*D year:*I month:*I day:*I hour:*I minute:*I second:*I millisecond:*I) I
GetHealthStatus(state:*I) I
InitializeCustom(activation_key:W state_cb:TStateCallback) I
SubscribeTicker(ticker:W exchange:W) I
UnsubscribeTicker(ticker:W exchange:W) I
SubscribeOfferBook(ticker:W exchange:W) I
UnsubscribeOfferBook(ticker:W exchange:W) I
SubscribePriceBook(ticker:W exchange:W) I
UnsubscribePriceBook(ticker:W exchange:W) I
SubscribePriceDepth(asset:*TConnectorAssetIdentifier) I
UnsubscribePriceDepth(asset:*TConnectorAssetIdentifier) I
GetPriceDepthSideCount(asset:*TConnectorAssetIdentifier side:B) I
GetPriceGroup(asset:*TConnectorAssetIdentifier side:B position:I out_group:*TConnectorPriceGroup) I
GetTheoreticalValues(asset:*TConnectorAssetIdentifier out_price:*D out_qty:*L) I
TranslateTrade(trade_ptr:P out_trade:*TConnectorTrade) I
GetHistoryTrades(ticker:W exchange:W date_start:W date_end:W) I
RequestSerieHistory(serie:P quote_start:P quote_end:P count:I) I
GetSerieHistory(ticker:W exchange:W date_start:W date_end:W quote_start:U quote_end:U) I
SubscribeAdjustHistory(ticker:W exchange:W) I
UnsubscribeAdjustHistory(ticker:W exchange:W) I
RequestTickerInfo(ticker:W exchange:W) I
GetLastDailyClose(ticker:W exchange:W out_close:*D adjusted:I) I
GetAgentNameLength(agent_id:I short_flag:U) I
GetAgentName(length:I agent_id:I buffer:W short_flag:U) I
GetAgentNameByID(agent_id:I) W
GetAgentShortNameByID(agent_id:I) W
FreePointer(pointer:P size:I) I
GetAccount() I
GetAccountCount() I
GetAccounts(start_source:I start_dest:I count:I array:*TConnectorAccountIdentifierOut) I
GetAccountDetails(account:*TConnectorTradingAccountOut) I
GetAccountCountByBroker(broker_id:I) I
GetAccountsByBroker(broker_id:I start_source:I start_dest:I count:I array:*TConnectorAccountIdentifierOut) I
GetSubAccountCount(master:*TConnectorAccountIdentifier) I
GetSubAccounts(master:*TConnectorAccountIdentifier start_source:I start_dest:I count:I
    array:*TConnectorAccountIdentifierOut) I
GetPositionV2(position:*TConnectorTradingAccountPosition) I
EnumerateAllPositionAssets(account:*TConnectorAccountIdentifier asset_version:B param:N
    proc:TConnectorEnumerateAssetProc) I
GetPosition(account_id:W broker_id:W ticker:W exchange:W) P
SendOrder(order:*TConnectorSendOrder) L
SendChangeOrderV2(change:*TConnectorChangeOrder) I
SendCancelOrderV2(cancel:*TConnectorCancelOrder) I
SendCancelOrdersV2(cancel:*TConnectorCancelOrders) I
SendCancelAllOrdersV2(cancel:*TConnectorCancelAllOrders) I
SendZeroPositionV2(zero:*TConnectorZeroPosition) L
SetDayTrade(use_day_trade:I) I
GetOrderDetails(order:*TConnectorOrderOut) I
HasOrdersInInterval(account:*TConnectorAccountIdentifier start:TSystemTime end:TSystemTime) I
EnumerateOrdersByInterval(account:*TConnectorAccountIdentifier order_version:B start:TSystemTime end:TSystemTime
    param:N proc:TConnectorEnumerateOrdersProc) I
EnumerateAllOrders(account:*TConnectorAccountIdentifier order_version:B param:N proc:TConnectorEnumerateOrdersProc) I
SendBuyOrder(account_id:W broker_id:W password:W ticker:W exchange:W price:D qty:I) L
SendSellOrder(account_id:W broker_id:W password:W ticker:W exchange:W price:D qty:I) L
SendMarketBuyOrder(account_id:W broker_id:W password:W ticker:W exchange:W qty:I) L
SendMarketSellOrder(account_id:W broker_id:W password:W ticker:W exchange:W qty:I) L
SendStopBuyOrder(account_id:W broker_id:W password:W ticker:W exchange:W price:D stop_price:D qty:I) L
SendStopSellOrder(account_id:W broker_id:W password:W ticker:W exchange:W price:D stop_price:D qty:I) L
SendChangeOrder(account_id:W broker_id:W password:W cl_ord_id:W price:D qty:I) I
SendCancelOrder(account_id:W broker_id:W cl_ord_id:W password:W) I
SendCancelOrders(account_id:W broker_id:W password:W ticker:W exchange:W) I
SendCancelAllOrders(account_id:W broker_id:W password:W) I
SendZeroPosition(account_id:W broker_id:W ticker:W exchange:W password:W price:D) L
SendZeroPositionAtMarket(account_id:W broker_id:W ticker:W exchange:W password:W) L
GetOrders(account_id:W broker_id:W date_start:W date_end:W) I
GetOrder(cl_ord_id:W) I
GetOrderProfitID(profit_id:L) I
SetStateCallback(callback:TStateCallback) I
SetHealthCallback(callback:TSystemHealthCallback) I
SetAccountCallback(callback:TAccountCallback) I
SetAssetListCallback(callback:TAssetListCallback) I
SetAssetListInfoCallback(callback:TAssetListInfoCallback) I
SetAssetListInfoCallbackV2(callback:TAssetListInfoCallbackV2) I
SetInvalidTickerCallback(callback:TInvalidTickerCallback) I
SetTradeCallback(callback:TNewTradeCallback) I
SetTradeCallbackV2(callback:TConnectorTradeCallback) I
SetHistoryTradeCallback(callback:THistoryTradeCallback) I
SetHistoryTradeCallbackV2(callback:TConnectorTradeCallback) I
SetSerieProgressCallback(callback:TProgressCallback) I
SetDailyCallback(callback:TNewDailyCallback) I
SetTinyBookCallback(callback:TTinyBookCallback) I
SetChangeCotationCallback(callback:TChangeCotation) I
SetChangeStateTickerCallback(callback:TChangeStateTicker) I
SetTheoreticalPriceCallback(callback:TTheoreticalPriceCallback) I
SetOfferBookCallback(callback:TOfferBookCallback) I
SetOfferBookCallbackV2(callback:TOfferBookCallbackV2) I
SetPriceBookCallback(callback:TPriceBookCallback) I
SetPriceBookCallbackV2(callback:TPriceBookCallbackV2) I
SetPriceDepthCallback(callback:TConnectorPriceDepthCallback) I
SetAdjustHistoryCallback(callback:TAdjustHistoryCallback) I
SetAdjustHistoryCallbackV2(callback:TAdjustHistoryCallbackV2) I
SetAssetPositionListCallback(callback:TConnectorAssetPositionListCallback) I
SetOrderCallback(callback:TConnectorOrderCallback) I
SetOrderHistoryCallback(callback:TConnectorAccountCallback) I
SetBrokerAccountListChangedCallback(callback:TConnectorBrokerAccountListCallback) I
SetBrokerSubAccountListChangedCallback(callback:TConnectorBrokerSubAccountListCallback) I
SetTradingMessageResultCallback(callback:TConnectorTradingMessageResultCallback) I
SetHistoryCallback(callback:THistoryCallback) I
SetHistoryCallbackV2(callback:THistoryCallbackV2) I
SetOrderChangeCallback(callback:TOrderChangeCallback) I
SetOrderChangeCallbackV2(callback:TOrderChangeCallbackV2) I
"""

CALLBACKS = """
TStateCallback(conn_type:I result:I) -
TSystemHealthCallback(state:I) -
TNewTradeCallback(asset:TAssetIDRec date:W trade_number:U price:D volume:D qty:I buy_agent:I sell_agent:I trade_type:I
    is_edit:B) -
THistoryTradeCallback(asset:TAssetIDRec date:W trade_number:U price:D volume:D qty:I buy_agent:I sell_agent:I
    trade_type:I) -
TConnectorTradeCallback(asset:TConnectorAssetIdentifier trade_ptr:P flags:U) -
TProgressCallback(asset:TAssetIDRec progress:I) -
TNewDailyCallback(asset:TAssetIDRec date:W open:D high:D low:D close:D volume:D settlement:D max_limit:D min_limit:D
    vol_buyer:D vol_seller:D qty:I trades:I open_contracts:I qty_buyer:I qty_seller:I trades_buyer:I trades_seller:I)
    -
TTinyBookCallback(asset:TAssetIDRec price:D qty:I side:I) -
TChangeCotation(asset:TAssetIDRec date:W trade_number:U price:D) -
TChangeStateTicker(asset:TAssetIDRec date:W state:I) -
TTheoreticalPriceCallback(asset:TAssetIDRec price:D qty:L) -
TPriceBookCallback(asset:TAssetIDRec action:I position:I side:I qty:I count:I price:D array_sell:P array_buy:P) -
TPriceBookCallbackV2(asset:TAssetIDRec action:I position:I side:I qty:L count:I price:D array_sell:P array_buy:P) -
TOfferBookCallback(asset:TAssetIDRec action:I position:I side:I qty:I agent:I offer_id:L price:D has_price:B has_qty:B
    has_date:B has_offer_id:B has_agent:B date:W array_sell:P array_buy:P) -
TOfferBookCallbackV2(asset:TAssetIDRec action:I position:I side:I qty:L agent:I offer_id:L price:D has_price:B
    has_qty:B has_date:B has_offer_id:B has_agent:B date:W array_sell:P array_buy:P) -
TConnectorPriceDepthCallback(asset:TConnectorAssetIdentifier side:B position:I update_type:B) -
TAssetListCallback(asset:TAssetIDRec name:W) -
TAssetListInfoCallback(asset:TAssetIDRec name:W description:W min_qty:L max_qty:L lot:L security_type:I
    security_subtype:I min_price_increment:D contract_multiplier:D valid_date:W isin:W) -
TAssetListInfoCallbackV2(asset:TAssetIDRec name:W description:W min_qty:L max_qty:L lot:L security_type:I
    security_subtype:I min_price_increment:D contract_multiplier:D valid_date:W isin:W sector:W sub_sector:W
    segment:W) -
TInvalidTickerCallback(asset:TConnectorAssetIdentifier) -
TAdjustHistoryCallback(asset:TAssetIDRec value:D adjust_type:W observation:W date_adjust:W date_deliberation:W
    date_payment:W affects_price:I) -
TAdjustHistoryCallbackV2(asset:TAssetIDRec value:D adjust_type:W observation:W date_adjust:W date_deliberation:W
    date_payment:W flags:U multiplier:D) -
TAccountCallback(broker_id:I broker_name:W account_id:W owner_name:W) -
TConnectorAccountCallback(account:TConnectorAccountIdentifier) -
TConnectorOrderCallback(order_id:TConnectorOrderIdentifier) -
TConnectorAssetPositionListCallback(account:TConnectorAccountIdentifier asset:TConnectorAssetIdentifier event_id:L) -
TConnectorBrokerAccountListCallback(broker_id:I changed:U) -
TConnectorBrokerSubAccountListCallback(account:TConnectorAccountIdentifier) -
TConnectorTradingMessageResultCallback(result:*TConnectorTradingMessageResult) -
THistoryCallback(asset:TAssetIDRec broker_id:I qty:I traded_qty:I leaves_qty:I side:I price:D stop_price:D avg_price:D
    profit_id:L order_type:W account:W owner:W cl_ord_id:W status:W date:W) -
TOrderChangeCallback(asset:TAssetIDRec broker_id:I qty:I traded_qty:I leaves_qty:I side:I price:D stop_price:D
    avg_price:D profit_id:L order_type:W account:W owner:W cl_ord_id:W status:W date:W text_message:W) -
THistoryCallbackV2(asset:TAssetIDRec broker_id:I qty:I traded_qty:I leaves_qty:I side:I validity:I price:D
    stop_price:D avg_price:D profit_id:L order_type:W account:W owner:W cl_ord_id:W status:W date:W last_update:W
    close_date:W validity_date:W) -
TOrderChangeCallbackV2(asset:TAssetIDRec broker_id:I qty:I traded_qty:I leaves_qty:I side:I validity:I price:D
    stop_price:D avg_price:D profit_id:L order_type:W account:W owner:W cl_ord_id:W status:W date:W last_update:W
    close_date:W validity_date:W text_message:W) -
TConnectorEnumerateOrdersProc(order:*TConnectorOrder param:N) I
TConnectorEnumerateAssetProc(asset:*TConnectorAssetIdentifier param:N) I
"""
