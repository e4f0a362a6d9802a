/*
 * The same HTTP request over keep-alive connections, one in flight on each; or a chain: after the
 * first answer each connection sends the next request with the refresh token of the last one in it.
 * Every answer must be 200 and hold the expected text, so a server that only says no has no figure.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>

#include "options.h"
#include "wire.h"

#define TEMPLATE_BYTES_MAX 8192
#define TOKEN_BYTES_MAX 1024

static const char TOKEN_PLACE[] = "{refresh_token}";

struct chain {
  struct wire wire;
  int64_t sent_ns;
  char token[TOKEN_BYTES_MAX];
};

struct posting {
  const struct options *options;
  int epoll, in_flight, is_measuring;
  struct chain *chains;
  /* Head lines and body with an empty line between, without a Content-Length. */
  char first[TEMPLATE_BYTES_MAX], next[TEMPLATE_BYTES_MAX];
  uint32_t sent;
  struct latencies latencies;
};

static void read_template(const char *path, char out[TEMPLATE_BYTES_MAX]) {
  FILE *file = fopen(path, "r");
  if (!file) fail("cannot read %s", path);
  size_t length = fread(out, 1, TEMPLATE_BYTES_MAX - 1, file);
  fclose(file);
  out[length] = 0;
  if (!strstr(out, "\r\n\r\n")) fail("%s has no empty line", path);
}

static void send_request(struct posting *run, struct chain *chain) {
  const char *text = chain->token[0] ? run->next : run->first;
  const char *body = strstr(text, "\r\n\r\n") + 4, *place = strstr(body, TOKEN_PLACE);
  char request[TEMPLATE_BYTES_MAX + TOKEN_BYTES_MAX + 64];
  size_t length = strlen(body);
  if (place) length += strlen(chain->token) - strlen(TOKEN_PLACE);
  int at = snprintf(request, sizeof request, "%.*sContent-Length: %zu\r\n\r\n",
                    (int)(body - 2 - text), text, length);
  int head = at;
  if (place) {
    at += snprintf(request + at, sizeof request - (size_t)at, "%.*s%s%s", (int)(place - body), body,
                   chain->token, place + strlen(TOKEN_PLACE));
  } else {
    at += snprintf(request + at, sizeof request - (size_t)at, "%s", body);
  }
  if ((size_t)(at - head) != length) fail("the request does not fit");
  chain->sent_ns = now_ns();
  wire_send(&chain->wire, request, (size_t)at);
  run->in_flight++;
  run->sent++;
}

/* Keeps the refresh token of an answer for the next request of a chain. */
static void keep_token(struct chain *chain, const char *body) {
  static const char name[] = "\"refresh_token\":\"";
  const char *from = strstr(body, name);
  const char *end = from ? strchr(from + sizeof name - 1, '"') : NULL;
  if (!end) fault("an answer without a refresh token: %.300s", body);
  from += sizeof name - 1;
  if (end - from >= TOKEN_BYTES_MAX) fail("a refresh token of %zd bytes", end - from);
  size_t length = (size_t)(end - from);
  if (strncmp(chain->token, from, length) == 0 && !chain->token[length])
    fault("a refresh gave the token back that was used");
  memcpy(chain->token, from, length);
  chain->token[length] = 0;
}

/* Returns the length of the whole answer, 0 when its end has not arrived. */
static size_t check_answer(struct posting *run, struct chain *chain, char *bytes, size_t length) {
  bytes[length] = 0;
  char *end = strstr(bytes, "\r\n\r\n"), *field = strcasestr(bytes, "Content-Length:");
  if (!end) return 0;
  if (strncmp(bytes, "HTTP/1.1 200 ", 13) != 0) fault("a refusal: %.400s", bytes);
  if (!field || field > end) fault("an answer without a length: %.400s", bytes);
  size_t whole = (size_t)(end + 4 - bytes) + strtoul(field + 15, NULL, 10);
  if (length < whole) return 0;
  if (!strstr(end + 4, run->options->expected)) fault("an unexpected answer: %.400s", bytes);
  if (run->options->next) keep_token(chain, end + 4);
  return whole;
}

static int take_answer(struct posting *run, struct chain *chain) {
  size_t length;
  char *bytes = wire_read(&chain->wire, &length, "the client");
  if (!bytes) return 0;
  size_t used = check_answer(run, chain, bytes, length);
  if (!used) {
    wire_keep(&chain->wire, bytes, length);
    return 0;
  }
  if (used != length) fault("bytes after an answer: %.*s", (int)(length - used), bytes + used);
  run->in_flight--;
  if (run->is_measuring) latency_add(&run->latencies, now_ns() - chain->sent_ns);
  return 1;
}

/* Sends on all connections for that long, then waits until every request is answered. */
static void keep_busy(struct posting *run, double seconds) {
  struct epoll_event events[256];
  int64_t until = now_ns() + (int64_t)(seconds * 1e9);
  int64_t deadline = until + (int64_t)(run->options->patience_seconds * 1e9);
  for (int i = 0; i < run->options->count; i++) send_request(run, &run->chains[i]);
  while (run->in_flight > 0) {
    int n = epoll_wait(run->epoll, events, 256, 100);
    int64_t now = now_ns();
    for (int i = 0; i < n; i++) {
      struct chain *chain = events[i].data.ptr;
      if (take_answer(run, chain) && now < until) send_request(run, chain);
    }
    if (now > deadline) fault("%d requests were never answered", run->in_flight);
  }
}

void run_post(const struct options *options) {
  struct posting *run = calloc(1, sizeof *run);
  if (!run || !(run->chains = calloc((size_t)options->count, sizeof *run->chains)))
    fail("out of memory");
  run->options = options;
  run->epoll = epoll_create1(EPOLL_CLOEXEC);
  if (!options->request) fail("--request is missing");
  read_template(options->request, run->first);
  if (options->next) read_template(options->next, run->next);
  for (int i = 0; i < options->count; i++) {
    struct chain *chain = &run->chains[i];
    wire_open(&chain->wire, options->port);
    struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = chain};
    if (epoll_ctl(run->epoll, EPOLL_CTL_ADD, chain->wire.fd, &wanted) < 0)
      fail("epoll refuses a socket: %s", strerror(errno));
  }
  keep_busy(run, options->warmup_seconds);
  uint32_t before = run->sent;
  struct snapshot begin = take_snapshot(options->target);
  run->is_measuring = 1;
  keep_busy(run, options->seconds);
  struct snapshot end = take_snapshot(options->target);
  printf("{\"requests\":%u,", run->sent - before);
  print_span("traffic", begin, end);
  printf(",");
  print_latencies("latencyUs", &run->latencies);
  printf("}\n");
  for (int i = 0; i < options->count; i++) wire_reset(&run->chains[i].wire);
}
