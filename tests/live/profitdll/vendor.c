/* A library with ProfitDLL's exports for tests of the binding: it does what it is told, line by line, in its own thread,
 * and writes down what it was asked. Not the stand-in: there is no market behind it. */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define API __attribute__((visibility("default")))
typedef uint16_t W;

typedef struct { W *ticker, *exchange; int32_t feed; } __attribute__((packed)) AssetV1;
typedef struct { uint8_t version; W *ticker, *exchange; uint8_t feed; } Asset;
typedef struct { uint8_t version; int32_t broker; W *account, *sub; int64_t reserved; } Account;
typedef struct { uint8_t version; int64_t local; W *permanent; } OrderId;
typedef struct { uint16_t year, month, weekday, day, hour, minute, second, ms; } Time;
typedef struct { uint8_t version; Time date; uint32_t number; double price; int64_t quantity; double volume;
                 int32_t buyer, seller; uint8_t type; } Trade;
typedef struct { uint8_t version; double price; uint32_t count; int64_t quantity; uint32_t flags; } Group;
typedef struct { uint8_t version; int32_t broker; OrderId order; int64_t message; uint8_t code; W *text; int32_t length; } Result;
typedef struct { uint8_t version; Account account; Asset asset; W *password; uint8_t type, side; double price, stop;
                 int64_t quantity, message; } SendOrderT;
typedef struct { uint8_t version; Account account; OrderId order; W *password; double price, stop; int64_t quantity, message; } ChangeT;
typedef struct { uint8_t version; Account account; OrderId order; W *password; int64_t message; } CancelT;
typedef struct { uint8_t version; Account account; Asset asset; W *password; } CancelAssetT;
typedef struct { uint8_t version; Account account; W *password; } CancelAllT;
typedef struct { uint8_t version; Account account; Asset asset; W *password; double price; uint8_t position; int64_t message; } ZeroT;
typedef struct { uint8_t version; Account account; Asset asset; int64_t open; double average; uint8_t side; double avg_sell;
                 int64_t sell; double avg_buy; int64_t buy, rest[9]; uint8_t type; int64_t event; } PositionT;
typedef struct { uint8_t version; int32_t broker; uint16_t account[100]; int32_t account_len; uint16_t sub[100]; int32_t sub_len;
                 int64_t reserved; } AccountOut;
typedef struct { uint8_t version; W *ticker; int32_t ticker_len; W *exchange; int32_t exchange_len; uint8_t feed; } AssetOut;
typedef struct { uint8_t version; OrderId id; AccountOut account; AssetOut asset; int64_t quantity, traded, leaves; double price,
                 stop, average; uint8_t side, type, status, validity; Time date, update, close, valid; W *text; int32_t text_len;
                 int64_t event; } OrderOut;
typedef struct { uint8_t version; OrderId id; Account account; Asset asset; int64_t quantity, traded, leaves; double price, stop,
                 average; uint8_t side, type, status, validity; Time date, update, close, valid; W *text; int64_t event; } Order;

static struct { void (*state)(int32_t, int32_t); void (*account)(int32_t, W *, W *, W *);
  void (*daily)(AssetV1 *, W *, double, double, double, double, double, double, double, double, double, double, int32_t, int32_t,
                int32_t, int32_t, int32_t, int32_t, int32_t);
  void (*progress)(AssetV1 *, int32_t); void (*tiny)(AssetV1 *, double, int32_t, int32_t);
  void (*trade)(Asset *, void *, uint32_t); void (*past)(Asset *, void *, uint32_t); void (*depth)(Asset *, uint8_t, int32_t, uint8_t);
  void (*phase)(AssetV1 *, W *, int32_t); void (*theoretical)(AssetV1 *, double, int64_t); void (*invalid)(Asset *);
  void (*order)(OrderId *); void (*result)(Result *); void (*loaded)(Account *); void (*position)(Account *, Asset *, int64_t);
  void (*health)(int32_t); void (*accounts)(int32_t, uint32_t);
  void (*offer)(AssetV1 *, int32_t, int32_t, int32_t, int64_t, int32_t, int64_t, double, uint8_t, uint8_t, uint8_t, uint8_t, uint8_t, W *,
                void *, void *); } cb;

static char said[1 << 20]; static size_t said_at;
static char answers[64][64]; static int64_t answer_values[64]; static int answer_count;
static Group levels[2][64]; static int counts[2];
static Trade now_trade; static int translate_result;
static OrderOut order; static char order_text[256];
static PositionT position;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int64_t clock_ns; /* what FakeClock tells */
API void SetClock(int64_t ns) { clock_ns = ns; }
API int32_t FakeClock(int32_t which, int64_t *out) { (void)which; out[0] = clock_ns / 1000000000; out[1] = clock_ns % 1000000000; return 0; }
static char *todo; static int done = 1, ended;

static void say(const char *format, ...) {
  va_list list; __builtin_va_start(list, format);
  said_at += vsnprintf(said + said_at, sizeof said - said_at - 1, format, list); __builtin_va_end(list);
}
static const char *narrow(const W *text) {
  static char out[8][256]; static int turn; char *to = out[turn++ & 7]; int i = 0;
  if (!text) return "NULL";
  for (; text[i] && i < 255; i++) to[i] = (char)text[i];
  to[i] = 0; return to;
}
static W *wide(const char *text) {
  static W out[16][256]; static int turn; W *to = out[turn++ & 15]; int i = 0;
  for (; text[i] && i < 255; i++) to[i] = (W)(unsigned char)text[i];
  to[i] = 0; return to;
}
static int64_t answer_of(const char *name, int64_t otherwise) {
  for (int i = answer_count - 1; i >= 0; i--) if (!strcmp(answers[i], name)) return answer_values[i]; /* the last one told */
  return otherwise;
}
API const char *Said(void) { return said; }
API void *CallbackOf(int which) { return ((void **)&cb)[which]; }

static void *arrays[2]; static int given, given_back;
/* "SIDE FLAGS PRICE:QUANTITY …", worst first; the texts differ in length, as entries must be walked. */
static void make_array(char *rest) {
  long side, flags, quantity; int at = 0, n = 0; double price; char *into = calloc(1, 65536), *to = into + 8;
  sscanf(rest, "%ld %ld%n", &side, &flags, &at);
  for (rest += at; sscanf(rest, " %lf:%ld%n", &price, &quantity, &at) == 2; rest += at, n++) {
    int64_t id = n; int32_t agent = 3; uint16_t length = (uint16_t)(n % 2 ? 23 : 19);
    memcpy(to, &price, 8); memcpy(to + 8, &quantity, 8); memcpy(to + 16, &agent, 4); memcpy(to + 20, &id, 8); memcpy(to + 28, &length, 2);
    to += 30 + length;
  }
  uint32_t marks = (uint32_t)flags; memcpy(to, &marks, 4); to += 4;
  int32_t size = (int32_t)(to - into); memcpy(into, &n, 4); memcpy(into + 4, &size, 4);
  arrays[side] = into; given++;
}
API int32_t FreePointer(void *array, int32_t size) { int32_t told; memcpy(&told, (char *)array + 4, 4); if (told != size) return -2147483645;
  free(array); given_back++; return 0; }
static void play_line(char *line) {
  char word[32], a[128], b[128]; double price; int64_t i[12]; int at = 0;
  if (sscanf(line, "%31s%n", word, &at) != 1) return;
  char *rest = line + at;
  if (!strcmp(word, "sleep")) usleep(atoi(rest) * 1000);
  else if (!strcmp(word, "hang")) sleep(atoi(rest));
  else if (!strcmp(word, "state")) { sscanf(rest, "%ld %ld", &i[0], &i[1]); cb.state(i[0], i[1]); }
  else if (!strcmp(word, "answer")) { sscanf(rest, "%63s %ld", answers[answer_count], &answer_values[answer_count]); answer_count++; }
  else if (!strcmp(word, "account")) { sscanf(rest, "%ld %127s %127s", &i[0], a, b); cb.account(i[0], wide(b), wide(a), wide("Owner")); }
  else if (!strcmp(word, "trade") || !strcmp(word, "past")) {
    unsigned y, mo, d, h, mi, s, ms; unsigned number, flags; int buyer, seller, type; long quantity;
    sscanf(rest, "%127s %u-%u-%uT%u:%u:%u.%u %u %lf %ld %d %d %d %u", a, &y, &mo, &d, &h, &mi, &s, &ms, &number, &price, &quantity,
           &buyer, &seller, &type, &flags);
    now_trade = (Trade){0, {y, mo, 0, d, h, mi, s, ms}, number, price, quantity, price * quantity, buyer, seller, type};
    Asset asset = {0, wide(a), wide("F"), 0}; void *token = &now_trade;
    (word[0] == 't' ? cb.trade : cb.past)(&asset, token, flags);
    memset(&now_trade, 0xEE, sizeof now_trade); /* it dies with the callback */
  }
  else if (!strcmp(word, "translate")) translate_result = atoi(rest);
  else if (!strcmp(word, "progress")) { sscanf(rest, "%127s %ld", a, &i[0]); AssetV1 v = {wide(a), wide("F"), 0}; cb.progress(&v, i[0]); }
  else if (!strcmp(word, "level")) { sscanf(rest, "%ld %ld %lf %ld %ld", &i[0], &i[1], &price, &i[2], &i[3]);
    levels[i[0]][i[1]] = (Group){0, price, 1, i[2], (uint32_t)i[3]}; }
  else if (!strcmp(word, "levels")) { sscanf(rest, "%ld %ld", &i[0], &i[1]); counts[i[0]] = i[1]; }
  else if (!strcmp(word, "depth")) { sscanf(rest, "%127s %ld %ld %ld", a, &i[0], &i[1], &i[2]); Asset x = {0, wide(a), wide("F"), 0};
    cb.depth(&x, i[0], i[1], i[2]); }
  else if (!strcmp(word, "quote")) { sscanf(rest, "%127s %lf %ld %ld", a, &price, &i[0], &i[1]); AssetV1 v = {wide(a), wide("F"), 0};
    cb.tiny(&v, price, i[0], i[1]); }
  else if (!strcmp(word, "phase")) { sscanf(rest, "%127s %ld", a, &i[0]); AssetV1 v = {wide(a), wide("F"), 0};
    cb.phase(&v, wide("20/11/2026 10:00:00.000"), i[0]); }
  else if (!strcmp(word, "theoretical")) { sscanf(rest, "%127s %lf %ld", a, &price, &i[0]); AssetV1 v = {wide(a), wide("F"), 0};
    cb.theoretical(&v, price, i[0]); }
  else if (!strcmp(word, "daily")) { sscanf(rest, "%127s", a); AssetV1 v = {wide(a), wide("F"), 0};
    cb.daily(&v, wide("20/11/2026"), 1, 2, 3, 4, 5.5, 6.25, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17); }
  else if (!strcmp(word, "invalid")) { sscanf(rest, "%127s", a); Asset x = {0, wide(a), wide("F"), 0}; cb.invalid(&x); }
  else if (!strcmp(word, "order")) { sscanf(rest, "%ld %127s", &i[0], a); OrderId id = {0, i[0], wide(a)}; cb.order(&id); }
  else if (!strcmp(word, "result")) { sscanf(rest, "%ld %ld %ld %127s %127s", &i[0], &i[1], &i[2], a, b);
    Result r = {0, 308, {0, i[1], wide(a)}, i[0], i[2], wide(b), (int32_t)strlen(b)}; cb.result(&r); }
  else if (!strcmp(word, "loaded")) { sscanf(rest, "%ld %127s", &i[0], a); Account x = {0, i[0], wide(a), wide(""), 0}; cb.loaded(&x); }
  else if (!strcmp(word, "position")) { sscanf(rest, "%ld %127s %127s", &i[0], a, b); Account x = {0, i[0], wide(a), wide(""), 0};
    Asset y = {0, wide(b), wide("F"), 0}; cb.position(&x, &y, 7); }
  else if (!strcmp(word, "health")) cb.health(atoi(rest));
  else if (!strcmp(word, "accounts")) cb.accounts(atoi(rest), 1);
  else if (!strcmp(word, "array")) make_array(rest);
  else if (!strcmp(word, "full")) { sscanf(rest, "%127s", a); AssetV1 v = {wide(a), wide("F"), 0};
    cb.offer(&v, 4, 0, 0, 0, 0, 0, 0.0, 0, 0, 0, 0, 0, wide(""), arrays[1], arrays[0]); arrays[0] = arrays[1] = NULL;
    say("arrays %d %d\n", given, given_back); }
  else if (!strcmp(word, "offer")) { sscanf(rest, "%127s %ld %ld %ld %ld %lf", a, &i[0], &i[1], &i[2], &i[3], &price);
    AssetV1 v = {wide(a), wide("F"), 0};
    cb.offer(&v, i[0], i[1], i[2], i[3], 3, 1, price, price > 0, i[3] > 0, 0, 1, 1, wide("stale"), NULL, NULL); }
  else if (!strcmp(word, "storm")) for (long n = atol(rest); n > 0; n--) {
    Trade one = {0, {2026, 11, 0, 20, 10, 0, 1, 250}, (uint32_t)n, 5432.5, 3, 1, 308, 85, 2}; Asset asset = {0, wide("WDOZ26"), wide("F"), 0};
    cb.trade(&asset, &one, 0); }
  else if (!strcmp(word, "clock")) clock_ns = atoll(rest);
  else if (!strcmp(word, "crash")) *(volatile int *)0 = 1;
  else say("unknown %s\n", word);
}
static void play(char *lines) { for (char *save, *line = strtok_r(lines, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) play_line(line); }
static void *work(void *unused) {
  (void)unused;
  pthread_mutex_lock(&lock);
  while (!ended) {
    while (!todo && !ended) pthread_cond_wait(&changed, &lock);
    if (!todo) break;
    char *lines = todo; todo = NULL; pthread_mutex_unlock(&lock);
    play(lines); free(lines);
    pthread_mutex_lock(&lock); done = 1; pthread_cond_broadcast(&changed);
  }
  pthread_mutex_unlock(&lock); return NULL;
}
/* Play lines in the library's thread; return once they are played. */
API void Play(const char *lines) {
  pthread_mutex_lock(&lock); todo = strdup(lines); done = 0; pthread_cond_broadcast(&changed);
  while (!done) pthread_cond_wait(&changed, &lock);
  pthread_mutex_unlock(&lock);
}
static int32_t begin(W *key, W *user, W *password, void *state, void *daily, void *progress, void *tiny) {
  if (strcmp(narrow(password), "wrong")) say("login %d %d %d\n", (int)strlen(narrow(key)), (int)strlen(narrow(user)), (int)strlen(narrow(password)));
  cb.state = state; cb.daily = daily; cb.progress = progress; cb.tiny = tiny;
  char *code = getenv("VENDOR_INIT"), *script = getenv("VENDOR_SCRIPT");
  if (code) return (int32_t)strtoll(code, NULL, 10);
  pthread_t thread; pthread_create(&thread, NULL, work, NULL); pthread_detach(thread);
  pthread_mutex_lock(&lock); todo = strdup(script ? script : "state 0 0\nstate 3 0\nstate 1 2\nstate 1 5\nstate 2 1\nstate 2 2\nstate 2 4");
  done = 0; pthread_cond_broadcast(&changed); pthread_mutex_unlock(&lock);
  return 0;
}
API int32_t DLLInitializeLogin(W *key, W *user, W *password, void *state, void *history, void *change, void *account, void *trade,
    void *daily, void *price, void *offer, void *past, void *progress, void *tiny) {
  say("DLLInitializeLogin %d%d%d%d%d%d\n", !!history, !!change, !!trade, !!price, !!offer, !!past);
  cb.account = account; return begin(key, user, password, state, daily, progress, tiny);
}
API int32_t DLLInitializeMarketLogin(W *key, W *user, W *password, void *state, void *trade, void *daily, void *price, void *offer,
    void *past, void *progress, void *tiny) {
  say("DLLInitializeMarketLogin %d%d%d%d\n", !!trade, !!price, !!offer, !!past);
  return begin(key, user, password, state, daily, progress, tiny);
}
API int32_t DLLFinalize(void) {
  char *hang = getenv("VENDOR_FINALISE"); say("DLLFinalize\n"); if (hang) sleep(atoi(hang));
  pthread_mutex_lock(&lock); ended = 1; pthread_cond_broadcast(&changed); pthread_mutex_unlock(&lock); return 0;
}
#define SETTER(name, slot) API int32_t name(void *f) { *(void **)&cb.slot = f; return (int32_t)answer_of(#name, 0); }
SETTER(SetTradeCallbackV2, trade) SETTER(SetPriceDepthCallback, depth) SETTER(SetHistoryTradeCallbackV2, past)
SETTER(SetChangeStateTickerCallback, phase) SETTER(SetTheoreticalPriceCallback, theoretical) SETTER(SetInvalidTickerCallback, invalid)
SETTER(SetOfferBookCallbackV2, offer) SETTER(SetOrderCallback, order) SETTER(SetTradingMessageResultCallback, result) SETTER(SetOrderHistoryCallback, loaded)
SETTER(SetAssetPositionListCallback, position) SETTER(SetHealthCallback, health) SETTER(SetBrokerAccountListChangedCallback, accounts)
API int32_t SetEnabledHistOrder(int32_t on) { say("SetEnabledHistOrder %d\n", on); return 0; }
#define TICKER(name) API int32_t name(W *t, W *e) { say(#name " %s %s\n", narrow(t), narrow(e)); return (int32_t)answer_of(#name, 0); }
TICKER(SubscribeOfferBook) TICKER(UnsubscribeOfferBook) TICKER(SubscribeTicker) TICKER(UnsubscribeTicker)
#define ASSET(name) API int32_t name(Asset *a) { say(#name " v%d %s %s %d\n", a->version, narrow(a->ticker), narrow(a->exchange), a->feed); \
  return (int32_t)answer_of(#name, 0); }
ASSET(SubscribePriceDepth) ASSET(UnsubscribePriceDepth)
API int32_t TranslateTrade(void *trade, Trade *out) { if (translate_result) return translate_result; if (out->version) return -2147483635;
  *out = *(Trade *)trade; return 0; }
API int32_t GetPriceDepthSideCount(Asset *a, uint8_t side) { (void)a; return counts[side]; }
API int32_t GetPriceGroup(Asset *a, uint8_t side, int32_t at, Group *out) { (void)a; if (at >= counts[side]) return -2147483639;
  *out = levels[side][at]; return 0; }
API int32_t GetHistoryTrades(W *t, W *e, W *from, W *to) {
  say("GetHistoryTrades %s %s %s|%s\n", narrow(t), narrow(e), narrow(from), narrow(to));
  char *script = getenv("VENDOR_HISTORY"); int64_t code = answer_of("GetHistoryTrades", 0);
  if (script && !code) { pthread_mutex_lock(&lock); todo = strdup(script); done = 0; pthread_cond_broadcast(&changed); pthread_mutex_unlock(&lock); }
  return (int32_t)code;
}
API int32_t GetAccount(void) { say("GetAccount\n"); return 0; }
#define NAMES(x) narrow((x)->account.account), (x)->account.version, (x)->account.broker, narrow((x)->account.sub)
API int64_t SendOrder(SendOrderT *o) {
  say("SendOrder v%d %s v%d %d [%s] asset v%d %s %s %d pw%d type%d side%d %g %g %ld %ld\n", o->version, NAMES(o), o->asset.version,
      narrow(o->asset.ticker), narrow(o->asset.exchange), o->asset.feed, (int)strlen(narrow(o->password)), o->type, o->side, o->price,
      o->stop, o->quantity, o->message);
  static int early; if (getenv("VENDOR_EARLY") && !early++) Play(getenv("VENDOR_EARLY")); /* once, on the library's thread, before the id is known */
  o->message = 7001; return answer_of("SendOrder", 4000000001);
}
API int32_t SendChangeOrderV2(ChangeT *o) {
  say("SendChangeOrderV2 v%d %s v%d %d [%s] v%d %ld %s pw%d %g %g %ld %ld\n", o->version, NAMES(o), o->order.version, o->order.local,
      narrow(o->order.permanent), (int)strlen(narrow(o->password)), o->price, o->stop, o->quantity, o->message);
  o->message = 7002; return (int32_t)answer_of("SendChangeOrderV2", 0);
}
API int32_t SendCancelOrderV2(CancelT *o) {
  say("SendCancelOrderV2 v%d %s v%d %d [%s] v%d %ld %s pw%d %ld\n", o->version, NAMES(o), o->order.version, o->order.local,
      narrow(o->order.permanent), (int)strlen(narrow(o->password)), o->message);
  o->message = 7003; return (int32_t)answer_of("SendCancelOrderV2", 0);
}
API int32_t SendCancelOrdersV2(CancelAssetT *o) { say("SendCancelOrdersV2 v%d %s v%d %d [%s] %s %s\n", o->version, NAMES(o),
      narrow(o->asset.ticker), narrow(o->asset.exchange)); return (int32_t)answer_of("SendCancelOrdersV2", 0); }
API int32_t SendCancelAllOrdersV2(CancelAllT *o) { say("SendCancelAllOrdersV2 v%d %s v%d %d [%s] pw%d\n", o->version, NAMES(o),
      (int)strlen(narrow(o->password))); return (int32_t)answer_of("SendCancelAllOrdersV2", 0); }
API int64_t SendZeroPositionV2(ZeroT *o) { say("SendZeroPositionV2 v%d %s v%d %d [%s] %s %s pw%d %g %d %ld\n", o->version, NAMES(o),
      narrow(o->asset.ticker), narrow(o->asset.exchange), (int)strlen(narrow(o->password)), o->price, o->position, o->message);
  o->message = 7004; return answer_of("SendZeroPositionV2", 4000000002); }
static void fill(W *to, int32_t length, const char *text) { if (to) for (int32_t i = 0; i <= length; i++) to[i] = i < (int32_t)strlen(text) ? text[i] : 0; }
API int32_t GetOrderDetails(OrderOut *o) {
  int64_t code = answer_of("GetOrderDetails", 0); if (code) return (int32_t)code;
  if (o->version != 1 || o->account.version || o->asset.version || o->id.version) return -2147483635;
  const char *text = "Recusada pela corretora"; OrderId id = o->id; W *t = o->asset.ticker, *e = o->asset.exchange, *m = o->text;
  say("GetOrderDetails %ld %s pass%d\n", id.local, narrow(id.permanent), t ? 2 : 1);
  OrderOut made = {1, id, {0, 308, {'1', '2', '3'}, 3, {0}, 0, 0}, {0, t, 6, e, 1, 0}, answer_of("quantity", 5), answer_of("traded", 2), 3, 5000.5, 0, 5000.25, 1, 2,
    (uint8_t)answer_of("status", 8), 0, {2026, 11, 5, 20, 10, 0, 1, 250}, {2026, 11, 5, 20, 10, 0, 2, 500}, {0}, {0}, m, (int32_t)strlen(text), answer_of("event", 42)};
  fill(t, 6, "WDOZ26"); fill(e, 1, "F"); fill(m, (int32_t)strlen(text), text); *o = made; return 0;
}
API int32_t HasOrdersInInterval(Account *a, Time *from, Time *to) {
  say("HasOrdersInInterval %s %d-%d-%d wd%d %d-%d-%d\n", narrow(a->account), from->year, from->month, from->day, from->weekday, to->year, to->month, to->day);
  return (int32_t)answer_of("HasOrdersInInterval", 0);
}
API int32_t EnumerateAllOrders(Account *a, uint8_t version, intptr_t param, int32_t (*proc)(Order *, intptr_t)) {
  for (int k = 0; k < 3; k++) {
    Order one = {version, {0, 100 + k, wide("CL.1")}, *a, {0, wide("WDOZ26"), wide("F"), 0}, 5, 2, 3, 5000.5, 0, 5000.25, 2, 2, 15, 0,
      {2026, 11, 5, 20, 10, 0, 1, 250}, {2026, 11, 5, 20, 10, 0, 2, 500}, {0}, {0}, wide("ok"), 43};
    if (!proc(&one, param)) break;
  }
  return 0;
}
API int32_t GetPositionV2(PositionT *p) {
  int64_t code = answer_of("GetPositionV2", 0); if (code) return (int32_t)code;
  say("GetPositionV2 v%d %s v%d %d [%s] %s %s type%d\n", p->version, NAMES(p), narrow(p->asset.ticker), narrow(p->asset.exchange), p->type);
  p->open = answer_of("open", 3); p->average = 5001.5; p->side = (uint8_t)answer_of("side", 2); p->event = 9; return 0;
}
API int32_t GetHealthStatus(int32_t *state) { *state = (int32_t)answer_of("health", 0); return 0; }
