/* A C client of the library: `host LIBRARY sizes` prints what the callbacks hand over as records, `host LIBRARY trades N`
 * counts N trades. It declares what it needs by itself, so that a mistake of the library's header shows. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef _WIN32
#include <windows.h>
#define CALL __stdcall
static void *symbol(void *library, const char *name) { return (void *)GetProcAddress((HMODULE)library, name); }
static void *load(const char *path) { return (void *)LoadLibraryA(path); }
static void pause_ms(uint32_t wait) { Sleep(wait); }
static double now(void) { return (double)GetTickCount64() / 1000.0; }
#else
#include <dlfcn.h>
#include <time.h>
#define CALL
static void *symbol(void *library, const char *name) { return dlsym(library, name); }
static void *load(const char *path) { return dlopen(path, RTLD_NOW); }
static void pause_ms(uint32_t wait) {
    struct timespec time = {wait / 1000, (wait % 1000) * 1000000};
    nanosleep(&time, 0);
}
static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}
#endif

typedef struct { uint8_t version; const uint16_t *ticker, *exchange; uint8_t feed; } asset;
typedef struct { uint16_t part[8]; } system_time;
typedef struct {
    uint8_t version;
    system_time date;
    uint32_t number;
    double price;
    int64_t quantity;
    double volume;
    int32_t buyer, seller;
    uint8_t type;
} trade;

static int32_t (CALL *translate)(void *, trade *);
static volatile int64_t trades, quantity, failures;
static volatile int32_t connected;
static double price_sum, started, ended;
static int64_t wanted;

static void CALL on_state(int32_t connection, int32_t result) {
    if (connection == 2 && result == 4) connected = 1;
}

static void CALL on_trade(const asset *named, void *pointer, uint32_t flags) {
    trade one;
    (void)named, (void)flags;
    memset(&one, 0, sizeof one);
    if (translate(pointer, &one) != 0) {
        failures++;
        return;
    }
    if (trades == 0) started = now();
    quantity += one.quantity;
    price_sum += one.price;
    if (++trades == wanted) ended = now();
}

static const uint16_t *wide(const char *text) {
    uint16_t *out = calloc(strlen(text) + 1, sizeof *out);
    for (size_t place = 0; text[place]; place++) out[place] = (uint16_t)text[place];
    return out;
}

int main(int count, char **given) {
    void *library = count > 2 ? load(given[1]) : 0;
    if (!library) return 2;
    int32_t (CALL *login)(const uint16_t *, const uint16_t *, const uint16_t *, void *, void *, void *, void *, void *, void *,
        void *, void *) = symbol(library, "DLLInitializeMarketLogin");
    int32_t (CALL *set_trade)(void *) = symbol(library, "SetTradeCallbackV2");
    int32_t (CALL *subscribe)(const uint16_t *, const uint16_t *) = symbol(library, "SubscribeTicker");
    translate = symbol(library, "TranslateTrade");
    if (!login || !set_trade || !subscribe || !translate) return 3;
    if (!strcmp(given[2], "sizes")) {
        printf("%zu %zu %zu %zu\n", sizeof(asset), sizeof(trade), sizeof(uint16_t), sizeof(void *));
        return 0;
    }
    wanted = atoll(given[3]);
    int32_t result = login(wide("STANDIN-KEY"), wide("trader@example.com"), wide("login-password"), (void *)on_state, 0, 0, 0, 0,
        0, 0, 0);
    if (result) return 4;
    set_trade((void *)on_trade);
    for (int tries = 0; !connected && tries < 10000; tries++) pause_ms(1);
    subscribe(wide("WDON26"), wide("F"));
    for (int tries = 0; trades < wanted && tries < 60000; tries++) pause_ms(1);
    double elapsed = ended - started;
    printf("{\"trades\": %lld, \"quantity\": %lld, \"failures\": %lld, \"price_sum\": %.1f, \"per_second\": %.0f}\n", (long long)trades,
        (long long)quantity, (long long)failures, price_sum, elapsed > 0 ? (double)trades / elapsed : 0.0);
    fflush(stdout);
    _Exit(0);
}
