/* What the library and the venue tell each other through one file that both map.
 *
 * Two rings of fixed-size slots with one writer and one reader each: requests go from the library to the venue, events from
 * the venue to the library. A cursor is published with a release store and read with an acquire load. Orders, positions,
 * accounts and assets stand in tables whose rows carry a sequence: odd while a row is being written. All times are
 * milliseconds since 1970 of the exchange's own clock, as the vendor sends them; all prices are points. wire.py mirrors it.
 */
#ifndef STANDIN_WIRE_H
#define STANDIN_WIRE_H

#include <stdint.h>

#define WIRE_MAGIC 0x4F414750u /* "PGAO" */
#define WIRE_VERSION 1u
#define WIRE_EVENTS 65536u /* slots; a power of two, as all rings */
#define WIRE_REQUESTS 1024u
#define WIRE_ORDERS 4096u /* rows */
#define WIRE_POSITIONS 64u
#define WIRE_ACCOUNTS 16u
#define WIRE_ASSETS 16u
#define WIRE_KINDS 64u /* of requests, for the table of calls that hang */

enum event_kind {
    EVENT_STATE = 1,       /* number: connection type, quantity: result */
    EVENT_TRADE,           /* flags: TC_IS_EDIT */
    EVENT_DEPTH,           /* side, a: position, flags: update type, b: 1 where no callback is called */
    EVENT_TINY_BOOK,       /* side, price, quantity */
    EVENT_DAILY,           /* payload: wire_daily */
    EVENT_TICKER_STATE,    /* number: state */
    EVENT_THEORETICAL,     /* price, quantity */
    EVENT_INVALID_TICKER,  /* payload: the ticker, 32 characters, then the exchange */
    EVENT_ACCOUNT,         /* a: row */
    EVENT_ORDER,           /* payload: wire_order */
    EVENT_RESULT,          /* flags: code, number: message id, a: broker, payload: wire_result */
    EVENT_POSITION,        /* a: row, number: event id */
    EVENT_ORDERS_LOADED,   /* a: account row, flags: 1 where the list is told empty */
    EVENT_HISTORY,         /* a trade; flags: TC_LAST_PACKET */
    EVENT_PROGRESS,        /* number: 0..100 */
    EVENT_STALL,           /* number: ms in which the thread does nothing; health 1 before, 0 after */
    EVENT_CRASH            /* the next callback's thread dies */
};

enum request_kind {
    REQUEST_LOGIN = 1, /* side: 1 with routing; texts: key, user, password */
    REQUEST_FINALIZE,
    REQUEST_SUBSCRIBE, /* type: subscription; texts: ticker, exchange */
    REQUEST_UNSUBSCRIBE,
    REQUEST_HISTORY, /* start_ms, end_ms; texts as of a subscription */
    REQUEST_ACCOUNTS,
    REQUEST_ORDERS, /* account */
    REQUEST_SEND,   /* texts: ticker, -, -, password */
    REQUEST_CHANGE, /* texts: -, client id, -, password */
    REQUEST_CANCEL,
    REQUEST_CANCEL_ASSET,
    REQUEST_CANCEL_ALL,
    REQUEST_ZERO,
    READ_ORDER = 32, /* not sent: accessors that can be told to hang */
    READ_POSITION
};

enum subscription { SUBSCRIBE_TICKER = 0, SUBSCRIBE_DEPTH, SUBSCRIBE_OFFERS };

enum wire_policy {
    POLICY_REFUSE_IN_CALLBACK = 1, /* a request from inside a callback is refused, not only counted */
    POLICY_REFUSE_STOP_CHANGE = 2, /* as the simulator: a change of a stop answers NL_INVALID_ARGS */
    POLICY_ZERO_FLAT_ARGS = 4      /* zeroing a flat position answers NL_INVALID_ARGS, else NL_NO_POSITION */
};

/* One event; `extra` slots after it hold its payload. */
typedef struct {
    uint32_t session;
    uint16_t kind;
    uint8_t side; /* 0 buy, 1 sell */
    uint8_t type; /* of a trade */
    int64_t time_ms;
    double price;
    double volume;
    int64_t quantity;
    int64_t number;
    int32_t asset; /* row */
    int32_t a; /* buyer of a trade */
    int32_t b; /* seller */
    uint16_t flags;
    uint16_t extra;
} wire_event;

typedef struct {
    uint32_t session;
    uint16_t kind;
    uint8_t side; /* 1 buy, 2 sell */
    uint8_t type;
    int32_t account;
    int32_t asset;
    int64_t local_id;
    int64_t message_id;
    double price;
    double stop_price;
    int64_t quantity;
    int64_t start_ms;
    int64_t end_ms;
    int64_t row; /* of the order that a change or cancel names; -1 where none */
    uint16_t text[4][54];
} wire_request;

typedef struct {
    uint32_t sequence;
    uint32_t session;
    int64_t local_id;
    int64_t message_id;
    int32_t row;
    int32_t account;
    int32_t asset;
    int32_t reserved;
    int64_t quantity;
    int64_t traded;
    int64_t leaves;
    double price;
    double stop_price;
    double average_price;
    int64_t date_ms;
    int64_t update_ms;
    int64_t close_ms;
    int64_t event_id;
    uint8_t side;
    uint8_t type;
    uint8_t status;
    uint8_t validity;
    uint8_t pad[4];
    uint16_t cl_ord_id[40];
    uint16_t text[88];
} wire_order;

typedef struct {
    int64_t local_id;
    uint16_t cl_ord_id[40];
    uint16_t text[84];
} wire_result;

typedef struct {
    double value[10]; /* open, high, low, close, volume, settlement, upper and lower limit, buyers' and sellers' volume */
    int32_t count[8]; /* quantity, trades, open contracts, quantity and trades of buyers and sellers */
    int64_t reserved[2];
} wire_daily;

typedef struct {
    uint32_t sequence;
    int32_t account;
    int32_t asset;
    uint8_t side; /* 1 buy, 2 sell, 200 flat */
    uint8_t pad[3];
    int64_t open_quantity;
    double open_average;
    double sell_average;
    int64_t sell_quantity;
    double buy_average;
    int64_t buy_quantity;
    int64_t event_id;
    int64_t reserved[7];
} wire_position;

typedef struct {
    uint32_t sequence;
    int32_t broker;
    uint32_t visible;
    uint32_t flags;
    uint16_t account[48];
    uint16_t broker_name[64];
    uint16_t owner[64];
    uint8_t reserved[144];
} wire_account;

typedef struct {
    uint32_t sequence;
    uint32_t dated; /* 1 where orders can name it */
    double tick;
    double point_value;
    double last_close;
    uint16_t ticker[32];
    uint16_t exchange[4];
    uint8_t reserved[24];
} wire_asset;

/* Every cursor has a cache line of its own. */
typedef struct {
    uint32_t magic;
    uint32_t version;
    uint64_t size; /* of the whole file */
    uint32_t policy;
    uint32_t phase; /* the ticker's state */
    int64_t today_ms; /* midnight of the venue's day */
    int64_t clock_ms; /* the venue's clock */
    uint32_t market_state; /* last result told of connection type 2 */
    uint32_t routing_state;
    uint32_t accounts; /* rows used */
    uint32_t assets;
    uint32_t orders;
    uint32_t positions;
    uint32_t busy; /* 1: the key is in use elsewhere */
    uint32_t pad0;
    uint32_t hang_ms[WIRE_KINDS]; /* the next call of that kind does not return for so long */
    uint8_t pad1[184];
    /* written by the library, from offset 512 */
    uint32_t session;
    uint32_t pid;
    int64_t next_local_id;
    int64_t next_message_id;
    uint64_t forbidden_calls; /* requests made from inside a callback */
    uint64_t late_translations; /* TranslateTrade outside the callback of that trade */
    uint64_t dispatched; /* events */
    uint64_t beats; /* of the callbacks' thread while it has nothing to do */
    uint8_t pad2[8];
    uint64_t event_head; /* the venue's, offset 576 */
    uint8_t pad3[56];
    uint64_t event_tail; /* the library's, offset 640 */
    uint8_t pad4[56];
    uint64_t request_head; /* the library's, offset 704 */
    uint8_t pad5[56];
    uint64_t request_tail; /* the venue's, offset 768 */
    uint8_t pad6[56];
    /* written by whoever drives the venue, offset 832 */
    int64_t released; /* events that may be served in all, where it is stepped */
    uint32_t stop;
    uint32_t pad7;
    /* written by the venue, offset 848 */
    int64_t served; /* events of the recorded session */
    uint32_t ready;
    uint32_t logins;
    int64_t due_ns; /* when orders next do something, where it is stepped */
    uint64_t rests; /* rounds in which there was nothing to do */
    uint8_t pad8[16];
    int64_t until_ns; /* written by whoever drives the venue, offset 896: up to when orders may act where it is stepped */
    uint8_t pad9[120];
} wire_header;

typedef struct {
    wire_header header;
    wire_event events[WIRE_EVENTS];
    wire_request requests[WIRE_REQUESTS];
    wire_order orders[WIRE_ORDERS];
    wire_position positions[WIRE_POSITIONS];
    wire_account accounts[WIRE_ACCOUNTS];
    wire_asset assets[WIRE_ASSETS];
} wire_file;

#define WIRE_CHECK(record, bytes) _Static_assert(sizeof(record) == (bytes), #record)
WIRE_CHECK(wire_event, 64);
WIRE_CHECK(wire_request, 512);
WIRE_CHECK(wire_order, 384);
WIRE_CHECK(wire_result, 256);
WIRE_CHECK(wire_daily, 128);
WIRE_CHECK(wire_position, 128);
WIRE_CHECK(wire_account, 512);
WIRE_CHECK(wire_asset, 128);
WIRE_CHECK(wire_header, 1024);
#undef WIRE_CHECK

#endif
