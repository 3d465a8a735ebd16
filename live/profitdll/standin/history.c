/* Trades of the past, and the names of brokers. */
#include "library.h"

#include <string.h>

#define DAY_MS 86400000LL
#define LONGEST_DAYS 30
#define LONGEST_SPAN_DAYS 10 /* of WIN and WDO */

static int is_mini(const nl_char *ticker) {
    static const nl_char win[] = {'W', 'I', 'N'}, wdo[] = {'W', 'D', 'O'};
    return wide_length(ticker) >= 3 && (!memcmp(ticker, win, sizeof win) || !memcmp(ticker, wdo, sizeof wdo));
}

NL_EXPORT(int32_t) GetHistoryTrades(const nl_char *ticker, const nl_char *exchange, const nl_char *date_start,
    const nl_char *date_end) {
    int64_t start, end;
    int start_time, end_time;
    int32_t result = begin_request(REQUEST_HISTORY);
    if (result) return result;
    if (!from_date_text(date_start, &start, &start_time) || !from_date_text(date_end, &end, &end_time)) return NL_INVALID_ARGS;
    if (end < start) return NL_OUT_OF_RANGE;
    if (start < wire->header.today_ms - LONGEST_DAYS * DAY_MS) return NL_HISTORY_PERIOD_LIMIT;
    if (is_mini(ticker) && end - start >= LONGEST_SPAN_DAYS * DAY_MS) return NL_INVALID_ARGS;
    wire_request request = new_request(REQUEST_HISTORY);
    request.asset = find_asset(ticker, exchange);
    if (request.asset >= 0 && !assets[request.asset].subscribed[SUBSCRIBE_TICKER]) return NL_OK; /* nothing ever comes */
    request.start_ms = start;
    request.end_ms = start_time && end_time ? end : start; /* without a time of day the window is empty */
    wide_copy(request.text[0], 54, ticker);
    wide_copy(request.text[1], 54, exchange);
    return send_request(&request);
}

typedef struct {
    int32_t id;
    const char *name;
    const char *short_name;
} agent;

static const agent agents[] = {
    {3, "XP INVESTIMENTOS CCTVM S/A", "XP"},   {8, "UBS BRASIL CCTVM S/A", "UBS"},
    {16, "J.P. MORGAN CCVM S/A", "JP Morgan"}, {72, "BRADESCO S/A CTVM", "Bradesco"},
    {85, "BTG PACTUAL CTVM S/A", "BTG"},       {107, "TERRA INVESTIMENTOS DTVM", "Terra"},
    {114, "ITAU CV S/A", "Itau"},              {120, "GENIAL INSTITUCIONAL CCTVM S/A", "Genial"},
    {308, "CLEAR CORRETORA", "Clear"},         {386, "RICO INVESTIMENTOS", "Rico"},
};

static nl_char agent_text[64];

/* Widen the name of a broker; 0 where nobody has that id. */
static const nl_char *name_of(int32_t agent_id, uint32_t is_short, nl_char *out) {
    for (size_t place = 0; place < sizeof agents / sizeof *agents; place++) {
        if (agents[place].id != agent_id) continue;
        const char *name = is_short & 1 ? agents[place].short_name : agents[place].name;
        int32_t at = 0;
        for (; name[at]; at++) out[at] = (nl_char)name[at];
        out[at] = 0;
        return out;
    }
    return 0;
}

NL_EXPORT(int32_t) GetAgentNameLength(int32_t agent_id, uint32_t short_flag) {
    nl_char text[64];
    return name_of(agent_id, short_flag, text) ? wide_length(text) : NL_NOT_FOUND;
}

NL_EXPORT(int32_t) GetAgentName(int32_t length, int32_t agent_id, nl_char *buffer, uint32_t short_flag) {
    nl_char text[64];
    if (!buffer || length <= 0) return NL_INVALID_ARGS;
    if (!name_of(agent_id, short_flag, text)) return NL_NOT_FOUND;
    int32_t copied = wide_length(text) < length ? wide_length(text) : length;
    memcpy(buffer, text, (size_t)copied * sizeof *buffer);
    return copied;
}

NL_EXPORT(const nl_char *) GetAgentNameByID(int32_t agent_id) {
    return name_of(agent_id, 0, agent_text);
}

NL_EXPORT(const nl_char *) GetAgentShortNameByID(int32_t agent_id) {
    return name_of(agent_id, 1, agent_text);
}
