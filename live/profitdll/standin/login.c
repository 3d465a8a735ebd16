/* Login, configuration and callbacks. */
#include "library.h"

#include <stdio.h>
#include <string.h>

#include "abi_layout.h"

library_callbacks callbacks;
wire_file *wire;
platform_lock guard;
uint32_t session_state, session_number, with_routing, stalled;

static platform_lock sending;
static platform_thread connector;

static void hang(uint16_t kind) {
    uint32_t wait = __atomic_exchange_n(&wire->header.hang_ms[kind], 0, __ATOMIC_ACQ_REL);
    if (wait) platform_sleep_us(wait * 1000);
}

int32_t begin_request(uint16_t kind) {
    if (session_state != LOGGED) return NL_NOT_INITIALIZED;
    if (on_connector()) {
        add_release(&wire->header.forbidden_calls, 1);
        if (wire->header.policy & POLICY_REFUSE_IN_CALLBACK) return NL_NOT_SAME_THREAD;
    }
    hang(kind);
    return NL_OK;
}

int32_t begin_reading(uint16_t kind) {
    if (session_state != LOGGED) return NL_NOT_INITIALIZED;
    if (wire->header.hang_ms[kind]) hang(kind);
    return NL_OK;
}

wire_request new_request(uint16_t kind) {
    wire_request request;
    memset(&request, 0, sizeof request);
    request.session = session_number;
    request.kind = kind;
    request.account = request.asset = -1;
    request.row = -1;
    return request;
}

int32_t send_request(wire_request *request) {
    int32_t result = NL_TIMEOUT;
    platform_enter(&sending);
    for (int tries = 0; result && tries < 5000; tries++) {
        uint64_t head = wire->header.request_head;
        if (head - load_acquire(&wire->header.request_tail) < WIRE_REQUESTS) {
            wire->requests[head & (WIRE_REQUESTS - 1)] = *request;
            store_release(&wire->header.request_head, head + 1);
            result = NL_OK;
        } else {
            platform_sleep_us(1000);
        }
    }
    platform_leave(&sending);
    return result;
}

static void copy_assets(void) {
    for (uint32_t row = 0; row < wire->header.assets && row < WIRE_ASSETS; row++) {
        library_asset *asset = &assets[row];
        wide_copy(asset->ticker, 32, wire->assets[row].ticker);
        wide_copy(asset->exchange, 4, wire->assets[row].exchange);
        asset->record = (TAssetIDRec){asset->ticker, asset->exchange, 0};
        asset->identifier = (TConnectorAssetIdentifier){0, asset->ticker, asset->exchange, 0};
    }
}

/* Reach the venue; what else can fail is told by the state callback. */
static int32_t attach(void) {
    if (session_state != NEVER_LOGGED) return NL_INTERNAL_ERROR;
    if (!wire) wire = platform_map(sizeof(wire_file));
    if (!wire || wire->header.magic != WIRE_MAGIC || wire->header.version != WIRE_VERSION || wire->header.size != sizeof(wire_file)) {
        fputs("stand-in: PREGAO_STANDIN names no file of a venue of this version\n", stderr);
        return NL_INTERNAL_ERROR;
    }
    if (wire->header.busy || !platform_lock_session()) return NL_INTERNAL_ERROR;
    platform_init(&guard);
    platform_init(&sending);
    copy_assets();
    session_number = add_release(&wire->header.session, 1) + 1;
    wire->header.pid = platform_pid();
    store_release(&wire->header.event_tail, load_acquire(&wire->header.event_head));
    return NL_OK;
}

static int32_t login(const nl_char *key, const nl_char *user, const nl_char *password, uint8_t routing) {
    if (!wide_length(user)) return NL_NO_USER;
    if (!wide_length(password)) return NL_NO_PASSWORD;
    if (!wide_length(key)) return NL_INVALID_ARGS;
    int32_t result = attach();
    if (result) return result;
    session_state = LOGGED;
    with_routing = routing;
    wire_request request = new_request(REQUEST_LOGIN);
    request.side = routing;
    wide_copy(request.text[0], 54, key);
    wide_copy(request.text[1], 54, user);
    wide_copy(request.text[2], 54, password);
    hang(REQUEST_LOGIN);
    if (platform_start(&connector, run_connector)) return NL_INTERNAL_ERROR;
    return send_request(&request);
}

NL_EXPORT(int32_t) DLLInitializeLogin(const nl_char *activation_key, const nl_char *user, const nl_char *password,
    TStateCallback state_cb, THistoryCallback order_history_cb, TOrderChangeCallback order_change_cb,
    TAccountCallback account_cb, TNewTradeCallback new_trade_cb, TNewDailyCallback new_daily_cb,
    TPriceBookCallback price_book_cb, TOfferBookCallback offer_book_cb, THistoryTradeCallback history_trade_cb,
    TProgressCallback progress_cb, TTinyBookCallback tiny_book_cb) {
    (void)order_history_cb, (void)order_change_cb, (void)price_book_cb, (void)offer_book_cb;
    if (session_state != NEVER_LOGGED) return NL_INTERNAL_ERROR;
    callbacks.state = state_cb;
    callbacks.account = account_cb;
    callbacks.trade = new_trade_cb;
    callbacks.daily = new_daily_cb;
    callbacks.history_trade = history_trade_cb;
    callbacks.progress = progress_cb;
    callbacks.tiny_book = tiny_book_cb;
    return login(activation_key, user, password, 1);
}

NL_EXPORT(int32_t) DLLInitializeMarketLogin(const nl_char *activation_key, const nl_char *user, const nl_char *password,
    TStateCallback state_cb, TNewTradeCallback new_trade_cb, TNewDailyCallback new_daily_cb,
    TPriceBookCallback price_book_cb, TOfferBookCallback offer_book_cb, THistoryTradeCallback history_trade_cb,
    TProgressCallback progress_cb, TTinyBookCallback tiny_book_cb) {
    (void)price_book_cb, (void)offer_book_cb;
    if (session_state != NEVER_LOGGED) return NL_INTERNAL_ERROR;
    callbacks.state = state_cb;
    callbacks.trade = new_trade_cb;
    callbacks.daily = new_daily_cb;
    callbacks.history_trade = history_trade_cb;
    callbacks.progress = progress_cb;
    callbacks.tiny_book = tiny_book_cb;
    return login(activation_key, user, password, 0);
}

NL_EXPORT(int32_t) DLLFinalize(void) {
    int32_t result = begin_request(REQUEST_FINALIZE);
    if (result) return result;
    if (on_connector()) return NL_NOT_SAME_THREAD; /* it would wait for itself */
    wire_request request = new_request(REQUEST_FINALIZE);
    send_request(&request);
    store_release(&finishing, 1);
    platform_join(connector);
    session_state = FINALIZED;
    platform_unlock_session();
    return NL_OK;
}

NL_EXPORT(int32_t) SetServerAndPort(const nl_char *server, const nl_char *port) {
    (void)server, (void)port;
    return session_state == NEVER_LOGGED ? NL_OK : NL_INVALID_ARGS;
}

NL_EXPORT(int32_t) SetEnabledHistOrder(int32_t enabled) { return enabled == 0 || enabled == 1 ? NL_OK : NL_INVALID_ARGS; }
NL_EXPORT(int32_t) SetEnabledLogToDebug(int32_t enabled) { return enabled == 0 || enabled == 1 ? NL_OK : NL_INVALID_ARGS; }
NL_EXPORT(int32_t) SetDayTrade(int32_t use_day_trade) {
    return use_day_trade == 0 || use_day_trade == 1 ? NL_OK : NL_INVALID_ARGS;
}

NL_EXPORT(int32_t) GetServerClock(double *tdatetime, int32_t *year, int32_t *month, int32_t *day, int32_t *hour,
    int32_t *minute, int32_t *second, int32_t *millisecond) {
    TSystemTime time;
    if (session_state != LOGGED) return NL_NOT_INITIALIZED;
    int64_t now = load_acquire(&wire->header.clock_ms);
    to_system_time(now, &time);
    if (tdatetime) *tdatetime = (double)now / 86400000.0 + 25569.0; /* days since 1899-12-30 */
    if (year) *year = time.wYear;
    if (month) *month = time.wMonth;
    if (day) *day = time.wDay;
    if (hour) *hour = time.wHour;
    if (minute) *minute = time.wMinute;
    if (second) *second = time.wSecond;
    if (millisecond) *millisecond = time.wMilliseconds;
    return NL_OK;
}

NL_EXPORT(int32_t) GetHealthStatus(int32_t *state) {
    if (session_state != LOGGED) return NL_NOT_INITIALIZED;
    if (!state) return NL_INVALID_ARGS;
    *state = (int32_t)load_acquire(&stalled);
    return NL_OK;
}

/* Callbacks replace those of the login. The vendor wants them after it; before it they would block the login. */
#define SETTER(function, type, slot)                                                                                   \
    NL_EXPORT(int32_t) function(type callback) {                                                                       \
        if (session_state != LOGGED) return NL_NOT_INITIALIZED;                                                        \
        store_release(&callbacks.slot, callback);                                                                      \
        return NL_OK;                                                                                                  \
    }

SETTER(SetStateCallback, TStateCallback, state)
SETTER(SetHealthCallback, TSystemHealthCallback, health)
SETTER(SetAccountCallback, TAccountCallback, account)
SETTER(SetInvalidTickerCallback, TInvalidTickerCallback, invalid_ticker)
SETTER(SetTradeCallback, TNewTradeCallback, trade)
SETTER(SetTradeCallbackV2, TConnectorTradeCallback, trade_v2)
SETTER(SetHistoryTradeCallback, THistoryTradeCallback, history_trade)
SETTER(SetHistoryTradeCallbackV2, TConnectorTradeCallback, history_trade_v2)
SETTER(SetSerieProgressCallback, TProgressCallback, progress)
SETTER(SetDailyCallback, TNewDailyCallback, daily)
SETTER(SetTinyBookCallback, TTinyBookCallback, tiny_book)
SETTER(SetChangeCotationCallback, TChangeCotation, change_cotation)
SETTER(SetChangeStateTickerCallback, TChangeStateTicker, ticker_state)
SETTER(SetTheoreticalPriceCallback, TTheoreticalPriceCallback, theoretical)
SETTER(SetOfferBookCallbackV2, TOfferBookCallbackV2, offer_book)
SETTER(SetPriceDepthCallback, TConnectorPriceDepthCallback, depth)
SETTER(SetAssetPositionListCallback, TConnectorAssetPositionListCallback, position_list)
SETTER(SetOrderCallback, TConnectorOrderCallback, order)
SETTER(SetOrderHistoryCallback, TConnectorAccountCallback, order_history)
SETTER(SetBrokerAccountListChangedCallback, TConnectorBrokerAccountListCallback, account_list)
SETTER(SetTradingMessageResultCallback, TConnectorTradingMessageResultCallback, message_result)
