/* Accounts and positions. */
#include "library.h"

#include <string.h>

uint8_t account_known[WIRE_ACCOUNTS];
static wire_account named[WIRE_ACCOUNTS]; /* texts that callbacks point into */

/* Copy a row of a table that the venue may be writing; 0 where it stands empty. */
#define READ_ROW(row, out)                                                                                             \
    for (int tries = 0; tries < 100000; tries++) {                                                                     \
        uint32_t before = load_acquire(&(row)->sequence);                                                              \
        if (before == 0) return 0;                                                                                     \
        if (before & 1) continue;                                                                                      \
        memcpy(out, row, sizeof *(out));                                                                               \
        __atomic_thread_fence(__ATOMIC_ACQUIRE);                                                                       \
        if (load_acquire(&(row)->sequence) == before) return 1;                                                        \
    }                                                                                                                  \
    return 0

int read_account(int32_t row, wire_account *out) { READ_ROW(&wire->accounts[row], out); }
int read_order(int32_t row, wire_order *out) { READ_ROW(&wire->orders[row], out); }

int read_position(int32_t row, wire_position *out) {
    if (row < 0 || row >= (int32_t)WIRE_POSITIONS) return 0;
    READ_ROW(&wire->positions[row], out);
}

void name_account(int32_t row, wire_account *source, TConnectorAccountIdentifier *out) {
    static const nl_char empty[1];
    named[row] = *source;
    memset(out, 0, sizeof *out);
    out->BrokerID = source->broker;
    out->AccountID = named[row].account;
    out->SubAccountID = empty;
}

int32_t find_account(const TConnectorAccountIdentifier *account) {
    wire_account found;
    for (int32_t row = 0; account && row < (int32_t)WIRE_ACCOUNTS; row++)
        if (load_acquire(&account_known[row]) && read_account(row, &found) && found.broker == account->BrokerID &&
            wide_equal(found.account, account->AccountID))
            return row;
    return -1;
}

int32_t find_position(int32_t account, int32_t asset) {
    wire_position found;
    uint32_t count = load_acquire(&wire->header.positions);
    for (int32_t row = 0; row < (int32_t)count; row++)
        if (read_position(row, &found) && found.account == account && found.asset == asset) return row;
    return -1;
}

NL_EXPORT(int32_t) GetAccount(void) {
    int32_t result = begin_request(REQUEST_ACCOUNTS);
    if (result) return result;
    if (!with_routing) return NL_MARKET_ONLY;
    wire_request request = new_request(REQUEST_ACCOUNTS);
    return send_request(&request);
}

/* Copy the accounts of a broker (-1: all) from one on; return how many there are, or were copied. */
static int32_t list_accounts(int32_t broker, int32_t from, int32_t to, int32_t count, TConnectorAccountIdentifierOut *out) {
    wire_account found;
    int32_t seen = 0, copied = 0;
    for (int32_t row = 0; row < (int32_t)WIRE_ACCOUNTS; row++) {
        if (!load_acquire(&account_known[row]) || !read_account(row, &found)) continue;
        if (broker >= 0 && found.broker != broker) continue;
        if (out && seen >= from && copied < count) {
            TConnectorAccountIdentifierOut *one = &out[to + copied++];
            if (one->Version != 0) return NL_VERSION_NOT_SUPPORTED;
            one->BrokerID = found.broker;
            one->AccountIDLength = wide_length(found.account);
            wide_copy(one->AccountID, 100, found.account);
            one->SubAccountID[0] = 0;
            one->SubAccountIDLength = 0;
            one->Reserved = 0;
        }
        seen++;
    }
    return out ? copied : seen;
}

static int32_t begin_accounts(void) {
    if (session_state != LOGGED) return NL_NOT_INITIALIZED;
    return with_routing ? NL_OK : NL_MARKET_ONLY;
}

NL_EXPORT(int32_t) GetAccountCount(void) {
    int32_t result = begin_accounts();
    return result ? result : list_accounts(-1, 0, 0, 0, 0);
}

NL_EXPORT(int32_t) GetAccounts(int32_t start_source, int32_t start_dest, int32_t count, TConnectorAccountIdentifierOut *array) {
    int32_t result = begin_accounts();
    if (result) return result;
    if (!array || start_source < 0 || start_dest < 0 || count < 0) return NL_INVALID_ARGS;
    return list_accounts(-1, start_source, start_dest, count, array);
}

NL_EXPORT(int32_t) GetAccountCountByBroker(int32_t broker_id) {
    int32_t result = begin_accounts();
    if (result) return result;
    result = list_accounts(broker_id, 0, 0, 0, 0);
    return result ? result : NL_NOT_FOUND;
}

NL_EXPORT(int32_t) GetAccountsByBroker(int32_t broker_id, int32_t start_source, int32_t start_dest, int32_t count,
    TConnectorAccountIdentifierOut *array) {
    int32_t result = begin_accounts();
    if (result) return result;
    if (!array || start_source < 0 || start_dest < 0 || count < 0) return NL_INVALID_ARGS;
    return list_accounts(broker_id, start_source, start_dest, count, array);
}

NL_EXPORT(int32_t) GetAccountDetails(TConnectorTradingAccountOut *account) {
    static const nl_char empty[1];
    wire_account found;
    int32_t result = begin_accounts();
    if (result) return result;
    if (!account) return NL_INVALID_ARGS;
    if (account->Version > 1) return NL_VERSION_NOT_SUPPORTED;
    int32_t row = find_account(&account->AccountID);
    if (row < 0 || !read_account(row, &found)) return NL_NOT_FOUND;
    fill_text(account->BrokerName, &account->BrokerNameLength, found.broker_name);
    fill_text(account->OwnerName, &account->OwnerNameLength, found.owner);
    fill_text(account->SubOwnerName, &account->SubOwnerNameLength, empty);
    account->AccountFlags = found.flags;
    if (account->Version >= 1) account->AccountType = 0;
    return NL_OK;
}

/* Sub-accounts are a prop desk's; a retail licence has none. */
NL_EXPORT(int32_t) GetSubAccountCount(const TConnectorAccountIdentifier *master) {
    (void)master;
    return NL_LICENSE_NOT_ALLOWED;
}

NL_EXPORT(int32_t) GetSubAccounts(const TConnectorAccountIdentifier *master, int32_t start_source, int32_t start_dest,
    int32_t count, TConnectorAccountIdentifierOut *array) {
    (void)master, (void)start_source, (void)start_dest, (void)count, (void)array;
    return NL_LICENSE_NOT_ALLOWED;
}

NL_EXPORT(int32_t) GetPositionV2(TConnectorTradingAccountPosition *position) {
    wire_position found;
    int32_t result = begin_reading(READ_POSITION);
    if (result) return result;
    if (!with_routing) return NL_MARKET_ONLY;
    if (!position) return NL_INVALID_ARGS;
    if (position->Version > 2) return NL_VERSION_NOT_SUPPORTED;
    if (position->Version >= 1 && position->PositionType != 1 && position->PositionType != 2) return NL_INVALID_ARGS;
    int32_t account = find_account(&position->AccountID);
    int32_t asset = find_asset(position->AssetID.Ticker, position->AssetID.Exchange);
    if (account < 0 || asset < 0) return NL_NOT_FOUND;
    int32_t row = find_position(account, asset);
    if (row < 0 || !read_position(row, &found)) return NL_NO_POSITION;
    position->OpenQuantity = found.open_quantity;
    position->OpenAveragePrice = found.open_average;
    position->OpenSide = found.side;
    position->DailyAverageSellPrice = found.sell_average;
    position->DailySellQuantity = found.sell_quantity;
    position->DailyAverageBuyPrice = found.buy_average;
    position->DailyBuyQuantity = found.buy_quantity;
    memset(&position->DailyQuantityD1, 0, 9 * sizeof(int64_t));
    position->DailyQuantity = position->DailyQuantityAvailable = found.open_quantity;
    if (position->Version >= 2) position->EventID = found.event_id;
    return NL_OK;
}

NL_EXPORT(int32_t) EnumerateAllPositionAssets(const TConnectorAccountIdentifier *account, uint8_t asset_version,
    intptr_t param, TConnectorEnumerateAssetProc proc) {
    wire_position found;
    int32_t result = begin_reading(READ_POSITION);
    if (result) return result;
    if (!proc) return NL_INVALID_ARGS;
    if (asset_version != 0) return NL_VERSION_NOT_SUPPORTED;
    int32_t owner = find_account(account);
    if (owner < 0) return NL_NOT_FOUND;
    uint32_t count = load_acquire(&wire->header.positions);
    for (int32_t row = 0; row < (int32_t)count; row++) {
        if (!read_position(row, &found) || found.account != owner || found.asset < 0) continue;
        TConnectorAssetIdentifier identifier = assets[found.asset].identifier;
        if (!proc(&identifier, param)) break;
    }
    return NL_OK;
}
