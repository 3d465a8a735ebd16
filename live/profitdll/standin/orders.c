/* Orders: what is asked, and what is known of them. */
#include "library.h"

#include <string.h>

wire_order orders[WIRE_ORDERS];
uint8_t orders_loaded[WIRE_ACCOUNTS];

static const uint8_t type_of_v0[] = {2, 4, 1}; /* limit, stop, market */

static int32_t begin_order(uint16_t kind, const void *record, uint8_t version, uint8_t newest) {
    int32_t result = begin_request(kind);
    if (result) return result;
    if (!with_routing) return NL_MARKET_ONLY;
    if (!record) return NL_INVALID_ARGS;
    return version > newest ? NL_VERSION_NOT_SUPPORTED : NL_OK;
}

/* Name account, asset and password in a request. */
static int32_t name_terms(wire_request *request, const TConnectorAccountIdentifier *account,
    const TConnectorAssetIdentifier *asset, const nl_char *password) {
    if (account->Version != 0 || (asset && asset->Version != 0)) return NL_VERSION_NOT_SUPPORTED;
    request->account = find_account(account);
    if (request->account < 0) return NL_NOT_FOUND;
    if (!wide_length(password)) return NL_NO_PASSWORD;
    wide_copy(request->text[3], 54, password);
    if (!asset) return NL_OK;
    request->asset = find_asset(asset->Ticker, asset->Exchange);
    if (request->asset < 0) return NL_INVALID_TICKER;
    return assets[request->asset].subscribed[SUBSCRIBE_TICKER] ? NL_OK : NL_ASSET_NO_DATA;
}

/* Give a new order its id and send it; the id is this process's own. */
static int64_t send_new(wire_request *request, int64_t *message_id) {
    request->local_id = add_release(&wire->header.next_local_id, 1);
    request->message_id = add_release(&wire->header.next_message_id, 1);
    if (message_id) *message_id = request->message_id;
    int32_t result = send_request(request);
    return result ? result : request->local_id;
}

NL_EXPORT(int64_t) SendOrder(TConnectorSendOrder *order) {
    int32_t result = begin_order(REQUEST_SEND, order, order ? order->Version : 0, 2);
    if (result) return result;
    wire_request request = new_request(REQUEST_SEND);
    result = name_terms(&request, &order->AccountID, &order->AssetID, order->Password);
    if (result) return result;
    request.type = order->OrderType;
    request.side = order->OrderSide;
    if (order->Version == 0) {
        if (order->OrderType > 2 || order->OrderSide > 1) return NL_INVALID_ARGS;
        request.type = type_of_v0[order->OrderType];
        request.side = (uint8_t)(order->OrderSide + 1);
    }
    if ((request.type != 1 && request.type != 2 && request.type != 4) || (request.side != 1 && request.side != 2) ||
        order->Quantity <= 0)
        return NL_INVALID_ARGS;
    request.price = order->Price;
    request.stop_price = order->StopPrice;
    request.quantity = order->Quantity;
    return send_new(&request, order->Version >= 2 ? &order->MessageID : 0);
}

/* Copy what is known of an order, by either id; 0 where nothing is. */
static int find_order(const TConnectorOrderIdentifier *identifier, wire_order *out) {
    int found = 0;
    platform_enter(&guard);
    for (uint32_t row = 0; row < WIRE_ORDERS && !found; row++) {
        if (!orders[row].local_id && !orders[row].cl_ord_id[0]) continue;
        if (identifier->LocalOrderID > 0 ? orders[row].local_id != identifier->LocalOrderID
                                         : !wide_equal(orders[row].cl_ord_id, identifier->ClOrderID))
            continue;
        *out = orders[row];
        found = 1;
    }
    platform_leave(&guard);
    return found;
}

/* Name a known order in a request that asks something of it. */
static int32_t name_order(wire_request *request, const TConnectorAccountIdentifier *account,
    const TConnectorOrderIdentifier *identifier, const nl_char *password, int64_t *message_id) {
    wire_order order;
    int32_t result = name_terms(request, account, 0, password);
    if (result) return result;
    if (identifier->Version != 0) return NL_VERSION_NOT_SUPPORTED;
    if (!find_order(identifier, &order) || order.account != request->account) return NL_NOT_FOUND;
    request->row = order.row;
    request->asset = order.asset;
    request->type = order.type;
    request->local_id = order.local_id;
    request->message_id = add_release(&wire->header.next_message_id, 1);
    wide_copy(request->text[1], 54, order.cl_ord_id);
    if (message_id) *message_id = request->message_id;
    return NL_OK;
}

NL_EXPORT(int32_t) SendChangeOrderV2(TConnectorChangeOrder *change) {
    int32_t result = begin_order(REQUEST_CHANGE, change, change ? change->Version : 0, 1);
    if (result) return result;
    wire_request request = new_request(REQUEST_CHANGE);
    result = name_order(&request, &change->AccountID, &change->OrderID, change->Password,
        change->Version >= 1 ? &change->MessageID : 0);
    if (result) return result;
    if (change->Quantity <= 0) return NL_INVALID_ARGS;
    if (request.type == 4 && (wire->header.policy & POLICY_REFUSE_STOP_CHANGE)) return NL_INVALID_ARGS;
    request.price = change->Price;
    request.stop_price = change->StopPrice;
    request.quantity = change->Quantity;
    return send_request(&request);
}

NL_EXPORT(int32_t) SendCancelOrderV2(TConnectorCancelOrder *cancel) {
    int32_t result = begin_order(REQUEST_CANCEL, cancel, cancel ? cancel->Version : 0, 1);
    if (result) return result;
    wire_request request = new_request(REQUEST_CANCEL);
    result = name_order(&request, &cancel->AccountID, &cancel->OrderID, cancel->Password,
        cancel->Version >= 1 ? &cancel->MessageID : 0);
    return result ? result : send_request(&request);
}

NL_EXPORT(int32_t) SendCancelOrdersV2(TConnectorCancelOrders *cancel) {
    int32_t result = begin_order(REQUEST_CANCEL_ASSET, cancel, cancel ? cancel->Version : 0, 0);
    if (result) return result;
    wire_request request = new_request(REQUEST_CANCEL_ASSET);
    result = name_terms(&request, &cancel->AccountID, &cancel->AssetID, cancel->Password);
    if (result) return result;
    if (wire->header.phase == 6) return NL_INVALID_ARGS; /* closed */
    request.message_id = add_release(&wire->header.next_message_id, 1);
    return send_request(&request);
}

NL_EXPORT(int32_t) SendCancelAllOrdersV2(TConnectorCancelAllOrders *cancel) {
    int32_t result = begin_order(REQUEST_CANCEL_ALL, cancel, cancel ? cancel->Version : 0, 0);
    if (result) return result;
    wire_request request = new_request(REQUEST_CANCEL_ALL);
    result = name_terms(&request, &cancel->AccountID, 0, cancel->Password);
    if (result) return result;
    request.message_id = add_release(&wire->header.next_message_id, 1);
    return send_request(&request);
}

NL_EXPORT(int64_t) SendZeroPositionV2(TConnectorZeroPosition *zero) {
    wire_position position;
    int32_t result = begin_order(REQUEST_ZERO, zero, zero ? zero->Version : 0, 2);
    if (result) return result;
    wire_request request = new_request(REQUEST_ZERO);
    result = name_terms(&request, &zero->AccountID, &zero->AssetID, zero->Password);
    if (result) return result;
    if (zero->Version >= 1 && zero->PositionType != 1 && zero->PositionType != 2) return NL_INVALID_ARGS;
    int32_t row = find_position(request.account, request.asset);
    if (row < 0 || !read_position(row, &position) || position.open_quantity == 0)
        return wire->header.policy & POLICY_ZERO_FLAT_ARGS ? NL_INVALID_ARGS : NL_NO_POSITION;
    request.side = position.side == 1 ? 2 : 1;
    request.type = zero->Price > 0 ? 2 : 1;
    request.price = zero->Price;
    request.stop_price = -1;
    request.quantity = position.open_quantity;
    return send_new(&request, zero->Version >= 2 ? &zero->MessageID : 0);
}

static void describe(const wire_order *order, TConnectorOrderOut *out) {
    out->Quantity = order->quantity;
    out->TradedQuantity = order->traded;
    out->LeavesQuantity = order->leaves;
    out->Price = order->price;
    out->StopPrice = order->stop_price;
    out->AveragePrice = order->average_price;
    out->OrderSide = order->side;
    out->OrderType = order->type;
    out->OrderStatus = order->status;
    out->ValidityType = order->validity;
    to_system_time(order->date_ms, &out->Date);
    to_system_time(order->update_ms, &out->LastUpdate);
    to_system_time(order->close_ms, &out->CloseDate);
    to_system_time(NO_DATE, &out->ValidityDate);
    fill_text(out->TextMessage, &out->TextMessageLength, order->text);
    if (out->Version >= 1) out->EventID = order->event_id;
}

NL_EXPORT(int32_t) GetOrderDetails(TConnectorOrderOut *order) {
    wire_order found;
    wire_account account;
    int32_t result = begin_reading(READ_ORDER);
    if (result) return result;
    if (!with_routing) return NL_MARKET_ONLY;
    if (!order) return NL_INVALID_ARGS;
    if (order->Version > 1) return NL_VERSION_NOT_SUPPORTED;
    if (!find_order(&order->OrderID, &found) || !read_account(found.account, &account)) return NL_NOT_FOUND;
    const library_asset *asset = &assets[found.asset];
    order->AccountID.BrokerID = account.broker;
    order->AccountID.AccountIDLength = wide_length(account.account);
    wide_copy(order->AccountID.AccountID, 100, account.account);
    order->AccountID.SubAccountIDLength = 0;
    order->AccountID.SubAccountID[0] = 0;
    order->AccountID.Reserved = 0;
    fill_text(order->AssetID.Ticker, &order->AssetID.TickerLength, asset->ticker);
    fill_text(order->AssetID.Exchange, &order->AssetID.ExchangeLength, asset->exchange);
    order->AssetID.FeedType = 0;
    describe(&found, order);
    return NL_OK;
}

NL_EXPORT(int32_t) HasOrdersInInterval(const TConnectorAccountIdentifier *account, const TSystemTime *start,
    const TSystemTime *end) {
    int32_t result = begin_request(REQUEST_ORDERS);
    if (result) return result;
    if (!start || !end || from_system_time(end) < from_system_time(start)) return NL_OUT_OF_RANGE;
    if (from_system_time(end) >= wire->header.today_ms + 86400000LL) return NL_OUT_OF_RANGE;
    int32_t row = find_account(account);
    if (row < 0) return NL_NOT_FOUND;
    if (load_acquire(&orders_loaded[row])) return NL_OK;
    wire_request request = new_request(REQUEST_ORDERS);
    request.account = row;
    result = send_request(&request);
    return result ? result : NL_WAITING_SERVER;
}

static void describe_row(const wire_order *order, uint8_t version, TConnectorOrder *out) {
    memset(out, 0, sizeof *out);
    out->Version = version;
    out->OrderID = (TConnectorOrderIdentifier){0, order->local_id, order->cl_ord_id};
    out->AssetID = assets[order->asset].identifier;
    out->Quantity = order->quantity;
    out->TradedQuantity = order->traded;
    out->LeavesQuantity = order->leaves;
    out->Price = order->price;
    out->StopPrice = order->stop_price;
    out->AveragePrice = order->average_price;
    out->OrderSide = order->side;
    out->OrderType = order->type;
    out->OrderStatus = order->status;
    out->ValidityType = order->validity;
    to_system_time(order->date_ms, &out->Date);
    to_system_time(order->update_ms, &out->LastUpdate);
    to_system_time(order->close_ms, &out->CloseDate);
    out->TextMessage = order->text;
    if (version >= 1) out->EventID = order->event_id;
}

/* Tell of what is known; nothing is asked of the server, so an empty list may only mean that nothing was loaded. */
static int32_t enumerate(const TConnectorAccountIdentifier *account, uint8_t version, int64_t from_ms, int64_t to_ms,
    intptr_t param, TConnectorEnumerateOrdersProc proc) {
    wire_account named_account;
    TConnectorOrder told;
    if (!with_routing) return NL_MARKET_ONLY;
    if (!proc) return NL_INVALID_ARGS;
    if (version > 1) return NL_VERSION_NOT_SUPPORTED;
    int32_t owner = find_account(account);
    if (owner < 0 || !read_account(owner, &named_account)) return NL_NOT_FOUND;
    for (uint32_t row = 0; row < WIRE_ORDERS; row++) {
        platform_enter(&guard);
        wire_order order = orders[row];
        platform_leave(&guard);
        if ((!order.local_id && !order.cl_ord_id[0]) || order.account != owner) continue;
        if (order.date_ms < from_ms || order.date_ms > to_ms) continue;
        describe_row(&order, version, &told);
        name_account(owner, &named_account, &told.AccountID);
        if (!proc(&told, param)) break;
    }
    return NL_OK;
}

NL_EXPORT(int32_t) EnumerateOrdersByInterval(const TConnectorAccountIdentifier *account, uint8_t order_version,
    const TSystemTime *start, const TSystemTime *end, intptr_t param, TConnectorEnumerateOrdersProc proc) {
    int32_t result = begin_request(REQUEST_ORDERS);
    if (result) return result;
    if (!start || !end) return NL_INVALID_ARGS;
    return enumerate(account, order_version, from_system_time(start), from_system_time(end), param, proc);
}

NL_EXPORT(int32_t) EnumerateAllOrders(const TConnectorAccountIdentifier *account, uint8_t order_version, intptr_t param,
    TConnectorEnumerateOrdersProc proc) {
    int32_t result = begin_reading(READ_ORDER);
    if (result) return result;
    return enumerate(account, order_version, INT64_MIN, INT64_MAX, param, proc);
}
