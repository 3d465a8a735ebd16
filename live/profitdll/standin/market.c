/* Subscriptions, price depth, and what else is told of the market. */
#include "library.h"

#include <math.h>
#include <string.h>

#define IS_THEORIC 1

library_asset assets[WIRE_ASSETS];

static const char exchange_letters[] = "ABCDEFKMNOPSXY";

int32_t find_asset(const nl_char *ticker, const nl_char *exchange) {
    for (uint32_t row = 0; row < wire->header.assets && row < WIRE_ASSETS; row++)
        if (wide_equal(ticker, assets[row].ticker) && wide_equal(exchange, assets[row].exchange)) return (int32_t)row;
    return -1;
}

static int32_t check_names(const nl_char *ticker, const nl_char *exchange) {
    if (!wide_length(ticker)) return NL_INVALID_TICKER;
    if (wide_length(exchange) != 1 || exchange[0] > 'Z') return NL_EXCHANGE_UNKNOWN;
    return strchr(exchange_letters, exchange[0]) ? NL_OK : NL_EXCHANGE_UNKNOWN;
}

/* A ticker that nobody knows is refused later, by the invalid ticker callback. */
static int32_t subscribe(uint16_t kind, uint8_t what, const nl_char *ticker, const nl_char *exchange) {
    int32_t result = begin_request(kind);
    if (result) return result;
    result = check_names(ticker, exchange);
    if (result) return result;
    wire_request request = new_request(kind);
    request.type = what;
    request.asset = find_asset(ticker, exchange);
    wide_copy(request.text[0], 54, ticker);
    wide_copy(request.text[1], 54, exchange);
    if (request.asset >= 0) store_release(&assets[request.asset].subscribed[what], kind == REQUEST_SUBSCRIBE);
    return send_request(&request);
}

static int32_t subscribe_depth(uint16_t kind, const TConnectorAssetIdentifier *asset) {
    if (session_state != LOGGED) return NL_NOT_INITIALIZED;
    if (!asset) return NL_INTERNAL_ERROR;
    if (asset->Version != 0) return NL_VERSION_NOT_SUPPORTED;
    return subscribe(kind, SUBSCRIBE_DEPTH, asset->Ticker, asset->Exchange);
}

NL_EXPORT(int32_t) SubscribeTicker(const nl_char *ticker, const nl_char *exchange) {
    return subscribe(REQUEST_SUBSCRIBE, SUBSCRIBE_TICKER, ticker, exchange);
}
NL_EXPORT(int32_t) UnsubscribeTicker(const nl_char *ticker, const nl_char *exchange) {
    return subscribe(REQUEST_UNSUBSCRIBE, SUBSCRIBE_TICKER, ticker, exchange);
}
NL_EXPORT(int32_t) SubscribeOfferBook(const nl_char *ticker, const nl_char *exchange) {
    return subscribe(REQUEST_SUBSCRIBE, SUBSCRIBE_OFFERS, ticker, exchange);
}
NL_EXPORT(int32_t) UnsubscribeOfferBook(const nl_char *ticker, const nl_char *exchange) {
    return subscribe(REQUEST_UNSUBSCRIBE, SUBSCRIBE_OFFERS, ticker, exchange);
}
NL_EXPORT(int32_t) SubscribePriceDepth(const TConnectorAssetIdentifier *asset) {
    return subscribe_depth(REQUEST_SUBSCRIBE, asset);
}
NL_EXPORT(int32_t) UnsubscribePriceDepth(const TConnectorAssetIdentifier *asset) {
    return subscribe_depth(REQUEST_UNSUBSCRIBE, asset);
}

enum depth_update { ADD, EDIT, REMOVE, INSERT, FULL_BOOK, PREPARE, FLUSH, THEORIC_PRICE, REMOVE_FROM };

static void remove_level(library_asset *asset, int32_t side, int32_t position) {
    depth_level *levels = asset->depth[side];
    int32_t after = asset->levels[side] - position - 1;
    if (after < 0) return;
    memmove(levels + position, levels + position + 1, (size_t)after * sizeof *levels);
    asset->levels[side]--;
}

static void insert_level(library_asset *asset, int32_t side, int32_t position, depth_level level) {
    depth_level *levels = asset->depth[side];
    int32_t count = asset->levels[side];
    if (position > count || position >= DEPTH_LEVELS) return;
    if (count == DEPTH_LEVELS) count--;
    memmove(levels + position + 1, levels + position, (size_t)(count - position) * sizeof *levels);
    levels[position] = level;
    asset->levels[side] = count + 1;
}

/* Change the depth; return the change of the quantity at that place. */
static int64_t apply_depth(library_asset *asset, const wire_event *event, int32_t update) {
    int32_t side = event->side & 1, position = event->a;
    depth_level level = {event->price, event->quantity, (uint32_t)event->number};
    int64_t before = position >= 0 && position < asset->levels[side] ? asset->depth[side][position].quantity : 0;
    if (position < 0) return 0;
    if (update == ADD || update == INSERT) insert_level(asset, side, position, level);
    if (update == EDIT && position < asset->levels[side]) asset->depth[side][position] = level;
    if (update == REMOVE) remove_level(asset, side, position);
    if (update == REMOVE_FROM && position < asset->levels[side]) asset->levels[side] = position;
    return event->quantity - before;
}

static void tell_offers(library_asset *asset, const wire_event *event, int32_t update, int64_t change) {
    (void)change;
    if (update == ADD || update == INSERT) tell_offer(asset, 0, event, event->quantity);
    if (update == EDIT) tell_offer(asset, 1, event, event->quantity);
    if (update == REMOVE) tell_offer(asset, 2, event, event->quantity);
    if (update == FULL_BOOK) tell_all_offers(asset);
}

void take_depth(const wire_event *event) {
    library_asset *asset = &assets[event->asset & (int32_t)(WIRE_ASSETS - 1)];
    int32_t update = event->flags;
    platform_enter(&guard);
    int64_t change = apply_depth(asset, event, update);
    platform_leave(&guard);
    if (event->b) return;
    if (asset->subscribed[SUBSCRIBE_DEPTH]) TELL(depth, &asset->identifier, event->side, event->a, (uint8_t)update);
    if (asset->subscribed[SUBSCRIBE_OFFERS]) tell_offers(asset, event, update, change);
}

static int32_t depth_of(const TConnectorAssetIdentifier *asset, uint8_t side, library_asset **out) {
    if (session_state != LOGGED) return NL_NOT_INITIALIZED;
    if (!asset || side > 1) return NL_INVALID_ARGS;
    if (asset->Version != 0) return NL_VERSION_NOT_SUPPORTED;
    int32_t row = find_asset(asset->Ticker, asset->Exchange);
    if (row < 0) return NL_NOT_FOUND;
    *out = &assets[row];
    return (*out)->subscribed[SUBSCRIBE_DEPTH] ? NL_OK : NL_ASSET_NO_DATA;
}

/* In an auction the theoretical level stands before the others, with a price that is none. */
static int32_t has_theoretical(const library_asset *asset) { return asset->in_auction && asset->theoretical_quantity > 0; }

NL_EXPORT(int32_t) GetPriceDepthSideCount(const TConnectorAssetIdentifier *asset, uint8_t side) {
    library_asset *found = 0;
    int32_t result = depth_of(asset, side, &found);
    if (result) return result;
    platform_enter(&guard);
    result = found->levels[side] + has_theoretical(found);
    platform_leave(&guard);
    return result;
}

NL_EXPORT(int32_t) GetPriceGroup(const TConnectorAssetIdentifier *asset, uint8_t side, int32_t position,
    TConnectorPriceGroup *out_group) {
    library_asset *found = 0;
    int32_t result = depth_of(asset, side, &found);
    if (result) return result;
    if (!out_group || position < 0) return NL_INVALID_ARGS;
    if (out_group->Version != 0) return NL_VERSION_NOT_SUPPORTED;
    platform_enter(&guard);
    int32_t theoretical = has_theoretical(found);
    if (theoretical && position == 0) {
        out_group->Price = -INFINITY;
        out_group->Count = 1;
        out_group->Quantity = found->theoretical_quantity;
        out_group->PriceGroupFlags = IS_THEORIC;
    } else if (position - theoretical < found->levels[side]) {
        depth_level level = found->depth[side][position - theoretical];
        out_group->Price = level.price;
        out_group->Count = level.count;
        out_group->Quantity = level.quantity;
        out_group->PriceGroupFlags = 0;
    } else {
        result = NL_OUT_OF_RANGE;
    }
    platform_leave(&guard);
    return result;
}

NL_EXPORT(int32_t) GetTheoreticalValues(const TConnectorAssetIdentifier *asset, double *out_price, int64_t *out_qty) {
    library_asset *found = 0;
    if (!out_price || !out_qty) return NL_INVALID_ARGS;
    int32_t result = depth_of(asset, 0, &found);
    if (result) return result;
    platform_enter(&guard);
    *out_price = found->theoretical_price;
    *out_qty = found->theoretical_quantity;
    platform_leave(&guard);
    return *out_qty > 0 ? NL_OK : NL_ASSET_NO_DATA;
}

NL_EXPORT(int32_t) GetLastDailyClose(const nl_char *ticker, const nl_char *exchange, double *out_close, int32_t adjusted) {
    (void)adjusted;
    if (session_state != LOGGED) return NL_NOT_INITIALIZED;
    if (!out_close) return NL_INVALID_ARGS;
    int32_t row = find_asset(ticker, exchange);
    if (row < 0 || !assets[row].subscribed[SUBSCRIBE_TICKER]) return NL_ASSET_NO_DATA;
    if (!assets[row].asked_close) {
        assets[row].asked_close = 1;
        return NL_WAITING_SERVER;
    }
    *out_close = wire->assets[row].last_close;
    return NL_OK;
}
