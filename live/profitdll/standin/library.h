/* What the parts of the library share. One lock guards the copies that callbacks and accessors both use. */
#ifndef STANDIN_LIBRARY_H
#define STANDIN_LIBRARY_H

#include "abi.h"
#include "platform.h"
#include "wire.h"

#define DEPTH_LEVELS 1024
#define NO_DATE INT64_MIN /* a sentinel: told as a zeroed date */

typedef struct {
    double price;
    int64_t quantity;
    uint32_t count;
} depth_level;

typedef struct {
    nl_char ticker[32];
    nl_char exchange[4];
    TAssetIDRec record;
    TConnectorAssetIdentifier identifier;
    uint32_t subscribed[3];
    uint32_t asked_close;
    int32_t levels[2]; /* buy, sell */
    depth_level depth[2][DEPTH_LEVELS];
    uint32_t in_auction;
    double theoretical_price;
    int64_t theoretical_quantity;
} library_asset;

typedef struct {
    TStateCallback state;
    TSystemHealthCallback health;
    TAccountCallback account;
    TInvalidTickerCallback invalid_ticker;
    TNewTradeCallback trade;
    TConnectorTradeCallback trade_v2;
    THistoryTradeCallback history_trade;
    TConnectorTradeCallback history_trade_v2;
    TProgressCallback progress;
    TNewDailyCallback daily;
    TTinyBookCallback tiny_book;
    TChangeCotation change_cotation;
    TChangeStateTicker ticker_state;
    TTheoreticalPriceCallback theoretical;
    TOfferBookCallbackV2 offer_book;
    TConnectorPriceDepthCallback depth;
    TConnectorAssetPositionListCallback position_list;
    TConnectorOrderCallback order;
    TConnectorAccountCallback order_history;
    TConnectorBrokerAccountListCallback account_list;
    TConnectorTradingMessageResultCallback message_result;
} library_callbacks;

/* Call a callback where one is set. */
#define TELL(name, ...)                                                                                                \
    do {                                                                                                               \
        __typeof__(callbacks.name) called = load_acquire(&callbacks.name);                                             \
        if (called) called(__VA_ARGS__);                                                                               \
    } while (0)

enum session_state { NEVER_LOGGED, LOGGED, FINALIZED };

extern library_callbacks callbacks;
extern wire_file *wire;
extern platform_lock guard;
extern library_asset assets[WIRE_ASSETS];
extern wire_order orders[WIRE_ORDERS]; /* as told so far; local_id 0 and no client id where nothing was */
extern uint8_t account_known[WIRE_ACCOUNTS];
extern uint8_t orders_loaded[WIRE_ACCOUNTS];
extern uint32_t session_state, session_number, with_routing, stalled;

/* login.c */
/* Start a request: NL_OK, or why it may not be made now. It may also not return for long, where the venue says so. */
int32_t begin_request(uint16_t kind);
/* Start an accessor, which callbacks may call too. */
int32_t begin_reading(uint16_t kind);
/* Queue a request; NL_TIMEOUT where the venue takes none. */
int32_t send_request(wire_request *request);
wire_request new_request(uint16_t kind);

/* connector.c */
void run_connector(void);
int on_connector(void);
extern uint32_t finishing;

/* market.c */
int32_t find_asset(const nl_char *ticker, const nl_char *exchange);
/* Apply an EVENT_DEPTH to the asset's depth and tell of it. */
void take_depth(const wire_event *event);

/* offers.c */
void tell_offer(library_asset *asset, int32_t action, const wire_event *event, int64_t quantity);
void tell_all_offers(library_asset *asset);

/* accounts.c */
int32_t find_account(const TConnectorAccountIdentifier *account);
int read_account(int32_t row, wire_account *out);
int read_position(int32_t row, wire_position *out);
int32_t find_position(int32_t account, int32_t asset);
void name_account(int32_t row, wire_account *source, TConnectorAccountIdentifier *out);

/* orders.c */
int read_order(int32_t row, wire_order *out);

/* text.c */
int32_t wide_length(const nl_char *text);
int wide_equal(const nl_char *one, const nl_char *other);
void wide_copy(nl_char *out, int32_t room, const nl_char *text);
/* Fill a caller's buffer of `*length` characters and say how long the text is; no terminator is added. */
void fill_text(const nl_char *buffer, int32_t *length, const nl_char *text);
void to_system_time(int64_t time_ms, TSystemTime *out);
int64_t from_system_time(const TSystemTime *time);
/* Write DD/MM/YYYY HH:mm:SS.ZZZ; room for 24 characters. */
void to_date_text(int64_t time_ms, nl_char *out);
/* Read DD/MM/YYYY HH:mm:SS, the time of day optional; 0 where it is none. */
int from_date_text(const nl_char *text, int64_t *time_ms, int *with_time);

#endif
