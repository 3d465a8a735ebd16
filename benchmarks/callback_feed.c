/* Drives a trade callback from a thread of its own, as the vendor's library does, and times how long each call holds it. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef struct { uint8_t version; const uint16_t *ticker, *exchange; uint8_t feed; } Asset;
typedef struct { uint8_t version; int64_t local; const uint16_t *permanent; } OrderId;
typedef struct { uint8_t bytes[64]; } Trade;
typedef void (*TradeCallback)(const Asset *, const void *, uint32_t);
typedef void (*OrderCallback)(const OrderId *);
typedef struct { TradeCallback trade; OrderCallback order; const Asset *asset; const Trade *trades; int64_t length, count, gap_ns, every;
                 int32_t *held; int64_t *raised; } Drive;

static int64_t now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1000000000LL + t.tv_nsec; }

int32_t TranslateTrade(const void *trade, void *out) { memcpy(out, trade, sizeof(Trade)); return 0; }

static void *drive(void *given) {
  Drive *d = given;
  static const uint16_t text[] = {'C', 'L', '.', '1', 0};
  int64_t due = now(), orders = 0, at = 0;
  for (int64_t i = 0; i < d->count; i++) {
    if (d->gap_ns) { due += d->gap_ns; while (now() < due) { if (due - now() > 120000) usleep(1); else sched_yield(); } }
    if (d->every && i % d->every == 0) {
      OrderId id = {0, orders, text};
      d->raised[orders++] = now();
      d->order(&id);
    }
    const Trade *trade = &d->trades[at];
    if (++at == d->length) at = 0;
    if (d->held) { int64_t before = now(); d->trade(d->asset, trade, 0); d->held[i] = (int32_t)(now() - before); }
    else d->trade(d->asset, trade, 0);
  }
  return 0;
}
/* Return the nanoseconds it took; the caller's thread waits. */
int64_t Run(Drive *given) {
  pthread_t thread; int64_t began = now();
  pthread_create(&thread, 0, drive, given); pthread_join(thread, 0);
  return now() - began;
}

static volatile int watching;
/* Sleep 100 us over and over and write down when a wake came late, which is the machine's doing: pairs of begin and end. */
int64_t Watch(int64_t *stalls, int64_t room, int64_t late_ns) {
  int64_t found = 0; watching = 1;
  while (watching) {
    struct timespec nap = {0, 100000}; int64_t before = now();
    nanosleep(&nap, 0);
    int64_t after = now();
    if (after - before > 100000 + late_ns && found < room) { stalls[2 * found] = before; stalls[2 * found + 1] = after; found++; }
  }
  return found;
}
void Unwatch(void) { watching = 0; }

static int64_t sent_at[1 << 16]; static volatile int64_t sent;
int64_t SendOrder(void *order) { (void)order; int64_t at = sent; sent_at[at & 0xFFFF] = now(); sent = at + 1; return at; }
int64_t SentAt(int64_t at) { return at < sent ? sent_at[at & 0xFFFF] : 0; }
/* Post an eventfd so many times, each after a pause, and write down when. */
void Post(int handle, int64_t times, int64_t gap_ns, int64_t *posted) {
  for (int64_t i = 0; i < times; i++) {
    struct timespec nap = {0, gap_ns}; nanosleep(&nap, 0);
    int64_t want = i; uint64_t one = 1;
    posted[i] = now(); if (write(handle, &one, 8) != 8) return;
    for (int64_t limit = now() + 1000000000; sent <= want && now() < limit;) { struct timespec little = {0, 20000}; nanosleep(&little, 0); }
  }
}
void Forget(void) { sent = 0; }
