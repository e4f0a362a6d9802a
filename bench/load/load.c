/*
 * The load generator: `load MODE OPTIONS`, modes as in the table below, and
 * `load digest NAME TEXT [SECRET]`.
 * Prints one line of JSON and ends with 0; with 1 when the server broke a promise, with 2 when the
 * run could not be made. One thread, epoll, libc only, 127.0.0.1 only.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "messages.h"
#include "options.h"

struct option {
  const char *name;
  enum { WHOLE, LONG, REAL, WORD } kind;
  void *into;
};

static void set_option(const struct option *option, const char *value) {
  char *end = "";
  switch (option->kind) {
    case WHOLE: *(int *)option->into = (int)strtol(value, &end, 10); break;
    case LONG: *(long *)option->into = strtol(value, &end, 10); break;
    case REAL: *(double *)option->into = strtod(value, &end); break;
    case WORD: *(const char **)option->into = value; break;
  }
  if (*end) fail("%s takes a number, not \"%s\"", option->name, value);
}

static enum protocol protocol_named(const char *name) {
  if (strcmp(name, "pusher") == 0) return PUSHER;
  if (strcmp(name, "wsocket") == 0) return WSOCKET;
  if (strcmp(name, "raw") == 0) return RAW;
  fail("--protocol is pusher, wsocket or raw, not %s", name);
}

void options_parse(struct options *options, int count, char **words) {
  const char *protocol = "pusher", *framing = "y-websocket";
  *options = (struct options){.target = {.pid = 0, .core = -1},
                              .credential = {.app_id = "app-id", .key = "app-key"},
                              .secret = "app-secret",
                              .channel = "private-bench",
                              .event = "client-bench",
                              .expected = "{",
                              .prefix = "",
                              .token = "",
                              .count = 1,
                              .concurrency = 64,
                              .window = 1,
                              .warmup_seconds = 0,
                              .level = 4,
                              .groups = 1,
                              .quiet_seconds = 0.25,
                              .patience_seconds = 20};
  const struct option known[] = {
      {"--port", WHOLE, &options->port},
      {"--protocol", WORD, &protocol},
      {"--pid", WHOLE, &options->target.pid},
      {"--core", WHOLE, &options->target.core},
      {"--app", WORD, &options->credential.app_id},
      {"--key", WORD, &options->credential.key},
      {"--secret", WORD, &options->secret},
      {"--channel", WORD, &options->channel},
      {"--event", WORD, &options->event},
      {"--request", WORD, &options->request},
      {"--next", WORD, &options->next},
      {"--expect", WORD, &options->expected},
      {"--accounts", WORD, &options->accounts},
      {"--renewals", WORD, &options->renewals},
      {"--prefix", WORD, &options->prefix},
      {"--token", WORD, &options->token},
      {"--updates", WORD, &options->updates},
      {"--framing", WORD, &framing},
      {"--level", WHOLE, &options->level},
      {"--qos", WHOLE, &options->qos},
      {"--groups", WHOLE, &options->groups},
      {"--subscribe", WHOLE, &options->is_subscribing},
      {"--count", WHOLE, &options->count},
      {"--warmup-count", WHOLE, &options->warmup_count},
      {"--concurrency", WHOLE, &options->concurrency},
      {"--window", WHOLE, &options->window},
      {"--messages", LONG, &options->messages},
      {"--warmup", REAL, &options->warmup_seconds},
      {"--seconds", REAL, &options->seconds},
      {"--hold", REAL, &options->hold_seconds},
      {"--pace", REAL, &options->pace_seconds},
      {"--rate", REAL, &options->rate},
      {"--quiet", REAL, &options->quiet_seconds},
      {"--patience", REAL, &options->patience_seconds},
  };
  for (int i = 0; i < count; i += 2) {
    size_t at = 0, all = sizeof known / sizeof *known;
    while (at < all && strcmp(known[at].name, words[i]) != 0) at++;
    if (at == all || i + 1 == count) fail("unknown option or no value: %s", words[i]);
    set_option(&known[at], words[i + 1]);
  }
  options->protocol = protocol_named(protocol);
  if (strcmp(framing, "hocuspocus") == 0) options->framing = HOCUSPOCUS;
  else if (strcmp(framing, "y-websocket") != 0) fail("--framing is y-websocket or hocuspocus");
  if (options->port < 1 || options->port > 65535) fail("--port is missing");
  if (options->window < 1 || options->window > WINDOW_MAX)
    fail("--window is 1 to %d", WINDOW_MAX);
  if (options->groups < 1 || options->qos < 0 || options->qos > 1)
    fail("--groups is at least 1, --qos is 0 or 1");
  if (options->level != 4 && options->level != 5) fail("--level is 4 or 5");
  if (options->count < 1 || options->warmup_count < 0 || options->concurrency < 1)
    fail("--count and --concurrency are at least 1");
  if (strlen(options->channel) > 164 || strlen(options->event) > 164 ||
      strlen(options->credential.key) > 128 || strlen(options->credential.app_id) > 64)
    fail("a name is too long");
  hmac_prepare(&options->credential.secret, options->secret, strlen(options->secret));
}

static void raise_open_files(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

/* Lets a test compare the digests with another implementation. */
static void print_digest(const char *name, const char *text, const char *secret) {
  uint8_t bytes[32];
  char hex[65];
  size_t length = strlen(text), size = 32;
  if (strcmp(name, "hmac") == 0) {
    struct hmac_key key;
    hmac_prepare(&key, secret, strlen(secret));
    hmac_sign(&key, text, length, bytes);
  } else if (strcmp(name, "sha256") == 0) {
    sha256(text, length, bytes);
  } else if (strcmp(name, "sha1") == 0) {
    size = 20;
    sha1(text, length, bytes);
  } else if (strcmp(name, "md5") == 0) {
    size = 16;
    md5(text, length, bytes);
  } else {
    fail("unknown digest %s", name);
  }
  hex_encode(bytes, size, hex);
  puts(hex);
}

int main(int count, char **words) {
  struct options options;
  const char *mode = count > 1 ? words[1] : "";
  raise_open_files();
  if (strcmp(mode, "digest") == 0 && count >= 4) {
    print_digest(words[2], words[3], count > 4 ? words[4] : "");
    return 0;
  }
  const struct {
    const char *name;
    void (*run)(const struct options *options);
  } modes[] = {{"sockets", run_sockets},
               {"publish", run_publish},
               {"post", run_post},
               {"close", run_close},
               {"flood", run_flood},
               {"mqtt", run_mqtt},
               {"mqtt-open", run_mqtt_open},
               {"yjs", run_yjs},
               {"yjs-open", run_yjs_open}};
  for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
    if (strcmp(mode, modes[i].name) != 0) continue;
    options_parse(&options, count - 2, words + 2);
    modes[i].run(&options);
    return 0;
  }
  fail("usage: load sockets|publish|post|close|flood|mqtt|mqtt-open|yjs|yjs-open --port N [--name value]... | "
       "load digest NAME TEXT [SECRET]");
}
