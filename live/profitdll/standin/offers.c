/* The offer book: one offer at each level of the depth, since recorded sessions hold no single offers. */
#include "library.h"

#include <stdlib.h>
#include <string.h>

#define AGENT 3
#define DATE_CHARACTERS 23
#define ENTRY (30 + DATE_CHARACTERS)

static const char date_text[DATE_CHARACTERS + 1] = "01/01/2026 09:00:00.000";

/* An offer's id is its place: side and price name it for as long as it stands. */
static int64_t offer_id(uint8_t side, double price) { return (int64_t)(price * 1000.0) * 2 + side; }

void tell_offer(library_asset *asset, int32_t action, const wire_event *event, int64_t quantity) {
    uint8_t known = action != 2;
    nl_char date[24];
    to_date_text(event->time_ms, date);
    TELL(offer_book, &asset->record, action, event->a, event->side, quantity, AGENT, offer_id(event->side, event->price),
        event->price, known, known, 0, known, known, date, 0, 0);
}

/* The vendor's array: count, bytes, entries without padding, worst first, then the flags of first and last packet. */
static uint8_t *new_array(library_asset *asset, uint8_t side) {
    int32_t count = asset->levels[side];
    int32_t size = 8 + count * ENTRY + 4;
    uint32_t flags = 3;
    uint8_t *array = calloc(1, (size_t)size);
    if (!array) return 0;
    memcpy(array, &count, 4);
    memcpy(array + 4, &size, 4);
    for (int32_t place = 0; place < count; place++) {
        const depth_level *level = &asset->depth[side][count - 1 - place];
        uint8_t *entry = array + 8 + place * ENTRY;
        int64_t id = offer_id(side, level->price);
        int32_t agent = AGENT;
        uint16_t length = DATE_CHARACTERS;
        memcpy(entry, &level->price, 8);
        memcpy(entry + 8, &level->quantity, 8);
        memcpy(entry + 16, &agent, 4);
        memcpy(entry + 20, &id, 8);
        memcpy(entry + 28, &length, 2);
        memcpy(entry + 30, date_text, DATE_CHARACTERS);
    }
    memcpy(array + size - 4, &flags, 4);
    return array;
}

void tell_all_offers(library_asset *asset) {
    platform_enter(&guard);
    uint8_t *sell = new_array(asset, 1), *buy = new_array(asset, 0);
    platform_leave(&guard);
    nl_char empty[1] = {0};
    if (callbacks.offer_book) {
        TELL(offer_book, &asset->record, 4, 0, 0, 0, 0, 0, 0.0, 0, 0, 0, 0, 0, empty, sell, buy);
    } else {
        free(sell);
        free(buy);
    }
}

NL_EXPORT(int32_t) FreePointer(void *pointer, int32_t size) {
    int32_t told = 0;
    if (!pointer) return NL_INVALID_ARGS;
    memcpy(&told, (uint8_t *)pointer + 4, 4);
    if (told != size) return NL_INVALID_ARGS;
    free(pointer);
    return NL_OK;
}
