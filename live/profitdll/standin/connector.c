/* The one thread that calls every callback, one after the other, as the venue's events come. */
#include "library.h"

#include <string.h>

#define IDLE_SPINS 400
#define IDLE_US 50
#define AUCTION 4
#define THEORIC_PRICE 7

uint32_t finishing;

static uint64_t connector_id;
static const wire_event *trade_at_hand;
static uint8_t payload[2048] __attribute__((aligned(16)));

int on_connector(void) { return load_acquire(&connector_id) == platform_self(); }

NL_EXPORT(int32_t) TranslateTrade(void *trade_ptr, TConnectorTrade *out_trade) {
    const wire_event *event = trade_ptr;
    if (!out_trade || !event) return NL_INVALID_ARGS;
    if (!on_connector() || event != trade_at_hand) {
        if (wire) add_release(&wire->header.late_translations, 1);
        return NL_NOT_MY_TRADE;
    }
    if (out_trade->Version != 0) return NL_VERSION_NOT_SUPPORTED;
    to_system_time(event->time_ms, &out_trade->TradeDate);
    out_trade->TradeNumber = (uint32_t)event->number;
    out_trade->Price = event->price;
    out_trade->Quantity = event->quantity;
    out_trade->Volume = event->volume;
    out_trade->BuyAgent = event->a;
    out_trade->SellAgent = event->b;
    out_trade->TradeType = event->type;
    return NL_OK;
}

static void take_trade(const wire_event *event, library_asset *asset) {
    trade_at_hand = event;
    TELL(trade_v2, &asset->identifier, (void *)(uintptr_t)event, event->flags);
    trade_at_hand = 0;
    if (!callbacks.trade && !callbacks.change_cotation) return;
    nl_char date[24];
    to_date_text(event->time_ms == NO_DATE ? 0 : event->time_ms, date);
    TELL(trade, &asset->record, date, (uint32_t)event->number, event->price, event->volume, (int32_t)event->quantity,
        event->a, event->b, event->type, event->flags & 1);
    TELL(change_cotation, &asset->record, date, (uint32_t)event->number, event->price);
}

static void take_history(const wire_event *event, library_asset *asset) {
    trade_at_hand = event;
    TELL(history_trade_v2, &asset->identifier, (void *)(uintptr_t)event, event->flags);
    trade_at_hand = 0;
    if (!callbacks.history_trade) return;
    nl_char date[24];
    to_date_text(event->time_ms, date);
    TELL(history_trade, &asset->record, date, (uint32_t)event->number, event->price, event->volume,
        (int32_t)event->quantity, event->a, event->b, event->type);
}

static void take_daily(const wire_event *event, library_asset *asset) {
    wire_daily daily;
    nl_char date[24];
    memcpy(&daily, payload, sizeof daily);
    to_date_text(event->time_ms, date);
    const double *value = daily.value;
    const int32_t *count = daily.count;
    TELL(daily, &asset->record, date, value[0], value[1], value[2], value[3], value[4], value[5], value[6], value[7],
        value[8], value[9], count[0], count[1], count[2], count[3], count[4], count[5], count[6]);
}

static void take_ticker_state(const wire_event *event, library_asset *asset) {
    nl_char date[24];
    platform_enter(&guard);
    asset->in_auction = event->number == AUCTION;
    asset->theoretical_quantity = 0;
    platform_leave(&guard);
    to_date_text(event->time_ms, date);
    TELL(ticker_state, &asset->record, date, (int32_t)event->number);
}

static void take_theoretical(const wire_event *event, library_asset *asset) {
    platform_enter(&guard);
    asset->theoretical_price = event->price;
    asset->theoretical_quantity = event->quantity;
    platform_leave(&guard);
    TELL(theoretical, &asset->record, event->price, event->quantity);
    for (uint8_t side = 0; side < 2 && asset->subscribed[SUBSCRIBE_DEPTH]; side++)
        TELL(depth, &asset->identifier, side, 0, THEORIC_PRICE);
}

static void take_invalid_ticker(void) {
    const nl_char *text = (const nl_char *)(const void *)payload;
    TConnectorAssetIdentifier identifier = {0, text, text + 32, 0};
    TELL(invalid_ticker, &identifier);
}

static void take_account(int32_t row) {
    wire_account account;
    if (row < 0 || row >= (int32_t)WIRE_ACCOUNTS || !read_account(row, &account)) return;
    uint32_t changed = !account_known[row];
    store_release(&account_known[row], 1);
    TELL(account, account.broker, account.broker_name, account.account, account.owner);
    if (changed) TELL(account_list, account.broker, 1);
}

static void take_order(void) {
    wire_order order;
    memcpy(&order, payload, sizeof order);
    if (order.row < 0 || order.row >= (int32_t)WIRE_ORDERS) return;
    platform_enter(&guard);
    orders[order.row] = order;
    platform_leave(&guard);
    TConnectorOrderIdentifier identifier = {0, order.local_id, order.cl_ord_id};
    TELL(order, &identifier);
}

static void take_result(const wire_event *event) {
    wire_result result;
    memcpy(&result, payload, sizeof result);
    TConnectorTradingMessageResult told = {0};
    told.BrokerID = event->a;
    told.OrderID = (TConnectorOrderIdentifier){0, result.local_id, result.cl_ord_id};
    told.MessageID = event->number;
    told.ResultCode = (uint8_t)event->flags;
    told.Message = result.text;
    told.MessageLength = wide_length(result.text);
    TELL(message_result, &told);
}

static void take_position(const wire_event *event) {
    wire_position position;
    wire_account account;
    TConnectorAccountIdentifier identifier;
    if (!read_position(event->a, &position) || position.asset < 0 || !read_account(position.account, &account)) return;
    name_account(position.account, &account, &identifier);
    TELL(position_list, &identifier, &assets[position.asset].identifier, event->number);
}

static void take_orders_loaded(const wire_event *event) {
    wire_order order;
    wire_account account;
    TConnectorAccountIdentifier identifier;
    if (event->a < 0 || event->a >= (int32_t)WIRE_ACCOUNTS) return;
    uint32_t count = load_acquire(&wire->header.orders);
    for (uint32_t row = 0; row < count && row < WIRE_ORDERS && !(event->flags & 1); row++) {
        if (!read_order((int32_t)row, &order) || order.account != event->a) continue;
        platform_enter(&guard);
        orders[row] = order;
        platform_leave(&guard);
    }
    store_release(&orders_loaded[event->a], 1);
    if (!read_account(event->a, &account)) return;
    name_account(event->a, &account, &identifier);
    TELL(order_history, &identifier);
}

static void stall(uint32_t wait_ms) {
    store_release(&stalled, 1);
    TELL(health, 1);
    platform_sleep_us(wait_ms * 1000);
    store_release(&stalled, 0);
    TELL(health, 0);
}

static void crash(void) {
    volatile uint32_t *nowhere = 0;
    *nowhere = 1;
}

static void take_event(const wire_event *event) {
    library_asset *asset = &assets[event->asset & (int32_t)(WIRE_ASSETS - 1)];
    switch (event->kind) {
    case EVENT_TRADE: take_trade(event, asset); break;
    case EVENT_DEPTH: take_depth(event); break;
    case EVENT_TINY_BOOK: TELL(tiny_book, &asset->record, event->price, (int32_t)event->quantity, event->side); break;
    case EVENT_STATE: TELL(state, (int32_t)event->number, (int32_t)event->quantity); break;
    case EVENT_DAILY: take_daily(event, asset); break;
    case EVENT_TICKER_STATE: take_ticker_state(event, asset); break;
    case EVENT_THEORETICAL: take_theoretical(event, asset); break;
    case EVENT_INVALID_TICKER: take_invalid_ticker(); break;
    case EVENT_ACCOUNT: take_account(event->a); break;
    case EVENT_ORDER: take_order(); break;
    case EVENT_RESULT: take_result(event); break;
    case EVENT_POSITION: take_position(event); break;
    case EVENT_ORDERS_LOADED: take_orders_loaded(event); break;
    case EVENT_HISTORY: take_history(event, asset); break;
    case EVENT_PROGRESS: TELL(progress, &asset->record, (int32_t)event->number); break;
    case EVENT_STALL: stall((uint32_t)event->number); break;
    case EVENT_CRASH: crash(); break;
    default: break;
    }
}

static void copy_payload(uint64_t first, uint32_t extra) {
    for (uint32_t slot = 0; slot < extra && slot < sizeof payload / sizeof(wire_event); slot++)
        memcpy(payload + slot * sizeof(wire_event), &wire->events[(first + slot) & (WIRE_EVENTS - 1)], sizeof(wire_event));
}

void run_connector(void) {
    uint64_t tail = wire->header.event_tail;
    uint32_t idle = 0;
    store_release(&connector_id, platform_self());
    while (!load_acquire(&finishing)) {
        uint64_t head = load_acquire(&wire->header.event_head);
        if (head == tail) {
            store_release(&wire->header.beats, wire->header.beats + 1);
            if (++idle < IDLE_SPINS) platform_relax();
            else platform_sleep_us(IDLE_US);
            continue;
        }
        idle = 0;
        while (tail != head && !load_acquire(&finishing)) {
            const wire_event *event = &wire->events[tail & (WIRE_EVENTS - 1)];
            uint32_t extra = event->extra;
            if (extra) copy_payload(tail + 1, extra);
            if (event->session == session_number) take_event(event);
            tail += 1 + extra;
            store_release(&wire->header.dispatched, wire->header.dispatched + 1);
            store_release(&wire->header.event_tail, tail);
        }
    }
    TELL(state, 2, 0);
    TELL(state, 1, 0);
    TELL(state, 0, 1); /* as the vendor's library does while it is being finalised */
}
