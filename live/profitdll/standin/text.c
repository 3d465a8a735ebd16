#include "library.h"

#define DAY_MS 86400000

int32_t wide_length(const nl_char *text) {
    int32_t length = 0;
    while (text && text[length]) length++;
    return length;
}

int wide_equal(const nl_char *one, const nl_char *other) {
    if (!one || !other) return 0;
    while (*one && *one == *other) one++, other++;
    return *one == *other;
}

void wide_copy(nl_char *out, int32_t room, const nl_char *text) {
    int32_t place = 0;
    while (text && text[place] && place < room - 1) out[place] = text[place], place++;
    out[place] = 0;
}

void fill_text(const nl_char *buffer, int32_t *length, const nl_char *text) {
    int32_t found = wide_length(text);
    nl_char *out = (nl_char *)(uintptr_t)buffer;
    for (int32_t place = 0; out && place < found && place < *length; place++) out[place] = text[place];
    *length = found;
}

/* Days since 1970 to a date and back: Howard Hinnant's algorithms of the proleptic Gregorian calendar. */
static void to_date(int64_t days, int32_t *year, int32_t *month, int32_t *day) {
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t of_era = days - era * 146097;
    int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted = (5 * of_year + 2) / 153;
    *day = (int32_t)(of_year - (153 * shifted + 2) / 5 + 1);
    *month = (int32_t)(shifted < 10 ? shifted + 3 : shifted - 9);
    *year = (int32_t)(year_of_era + era * 400 + (*month <= 2));
}

static int64_t from_date(int64_t year, int64_t month, int64_t day) {
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year - 719468;
}

void to_system_time(int64_t time_ms, TSystemTime *out) {
    int32_t year = 0, month = 0, day = 0;
    if (time_ms == NO_DATE) {
        *out = (TSystemTime){0, 0, 0, 0, 0, 0, 0, 0};
        return;
    }
    int64_t days = (time_ms >= 0 ? time_ms : time_ms - DAY_MS + 1) / DAY_MS;
    int32_t rest = (int32_t)(time_ms - days * DAY_MS);
    to_date(days, &year, &month, &day);
    out->wYear = (uint16_t)year;
    out->wMonth = (uint16_t)month;
    out->wDay = (uint16_t)day;
    out->wDayOfWeek = (uint16_t)(((days + 4) % 7 + 7) % 7); /* Sunday is 0; 1970-01-01 was a Thursday */
    out->wHour = (uint16_t)(rest / 3600000);
    out->wMinute = (uint16_t)(rest / 60000 % 60);
    out->wSecond = (uint16_t)(rest / 1000 % 60);
    out->wMilliseconds = (uint16_t)(rest % 1000);
}

int64_t from_system_time(const TSystemTime *time) {
    int64_t rest = time->wHour * 3600000LL + time->wMinute * 60000LL + time->wSecond * 1000LL + time->wMilliseconds;
    return from_date(time->wYear, time->wMonth, time->wDay) * DAY_MS + rest;
}

static nl_char *digits(nl_char *out, int32_t value, int32_t count, nl_char after) {
    for (int32_t place = count - 1; place >= 0; place--, value /= 10) out[place] = (nl_char)('0' + value % 10);
    out[count] = after;
    return out + count + 1;
}

void to_date_text(int64_t time_ms, nl_char *out) {
    TSystemTime time;
    to_system_time(time_ms, &time);
    out = digits(out, time.wDay, 2, '/');
    out = digits(out, time.wMonth, 2, '/');
    out = digits(out, time.wYear, 4, ' ');
    out = digits(out, time.wHour, 2, ':');
    out = digits(out, time.wMinute, 2, ':');
    out = digits(out, time.wSecond, 2, '.');
    digits(out, time.wMilliseconds, 3, 0);
}

static int number(const nl_char **text, int32_t *value, nl_char after) {
    int32_t found = 0;
    for (*value = 0; **text >= '0' && **text <= '9' && found < 4; (*text)++, found++) *value = *value * 10 + **text - '0';
    if (found == 0) return 0;
    if (after && **text != after) return 0;
    if (after) (*text)++;
    return 1;
}

int from_date_text(const nl_char *text, int64_t *time_ms, int *with_time) {
    int32_t day, month, year, hour = 0, minute = 0, second = 0;
    if (!text || !number(&text, &day, '/') || !number(&text, &month, '/') || !number(&text, &year, 0)) return 0;
    if (day < 1 || day > 31 || month < 1 || month > 12 || year < 1900) return 0;
    *with_time = *text == ' ';
    if (*with_time) {
        text++;
        if (!number(&text, &hour, ':') || !number(&text, &minute, ':') || !number(&text, &second, 0)) return 0;
    }
    *time_ms = from_date(year, month, day) * DAY_MS + hour * 3600000LL + minute * 60000LL + second * 1000LL;
    return 1;
}
