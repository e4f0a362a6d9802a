/*
 * Signed HTTP publishes over keep-alive connections, one request in flight on each, no subscriber.
 * Every answer must be 200 with the body `{}`. Afterwards a subscriber joins and must get further
 * publishes exactly once and in order, so a server that only says yes does not pass.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>

#include "clients.h"
#include "messages.h"
#include "options.h"

#define CHECKED_COUNT 200

struct exchange {
  struct wire wire;
  int64_t sent_ns;
};

struct publishing {
  const struct options *options;
  struct messages messages;
  int epoll;
  struct exchange *exchanges;
  uint32_t published;
  int in_flight;
  struct latencies latencies;
  int is_measuring;
};

static void send_request(struct publishing *run, struct exchange *exchange) {
  char payload[PAYLOAD_BYTES], body[512], request[2048];
  payload_put(&run->messages, ++run->published, payload);
  int length = snprintf(body, sizeof body,
                        "{\"name\":\"%s\",\"channels\":[\"%s\"],\"data\":\"%.*s\"}",
                        run->messages.event, run->messages.channel, PAYLOAD_BYTES, payload);
  exchange->sent_ns = now_ns();
  wire_send(&exchange->wire, request,
            pusher_post(&run->options->credential, body, (size_t)length, request));
  run->in_flight++;
}

/* Returns the length of the whole answer, 0 when its end has not arrived; a refusal is a fault. */
static size_t check_answer(const char *bytes, size_t length) {
  const char *end = memmem(bytes, length, "\r\n\r\n", 4);
  if (!end) return 0;
  size_t head = (size_t)(end - bytes) + 4, body = 0;
  int has_length = 0, shown = length > 400 ? 400 : (int)length;
  for (const char *at = strchr(bytes, '\r'); at < end; at = strchr(at + 2, '\r'))
    if (strncasecmp(at + 2, "Content-Length:", 15) == 0) {
      body = strtoul(at + 17, NULL, 10);
      has_length = 1;
    }
  if (!has_length || body > 65536) fault("an answer without a usable length: %.*s", shown, bytes);
  if (length < head + body) return 0;
  if (strncmp(bytes, "HTTP/1.1 200 ", 13) != 0 || body != 2 || memcmp(bytes + head, "{}", 2) != 0)
    fault("a publish was not answered with 200 and {}: %.*s", shown, bytes);
  return head + body;
}

/* Reads an answer when it is whole. Returns whether it was. */
static int take_answer(struct publishing *run, struct exchange *exchange) {
  size_t length;
  char *bytes = wire_read(&exchange->wire, &length, "publisher");
  if (!bytes) return 0;
  size_t used = check_answer(bytes, length);
  if (used == 0) {
    wire_keep(&exchange->wire, bytes, length);
    return 0;
  }
  if (used != length) fault("bytes after an answer: %.*s", (int)(length - used), bytes + used);
  run->in_flight--;
  if (run->is_measuring) latency_add(&run->latencies, now_ns() - exchange->sent_ns);
  return 1;
}

/* Sends on all connections for that long, then waits until every request is answered. */
static void keep_busy(struct publishing *run, double seconds) {
  struct epoll_event events[256];
  int64_t until = now_ns() + (int64_t)(seconds * 1e9);
  int64_t deadline = until + (int64_t)(run->options->patience_seconds * 1e9);
  for (int i = 0; i < run->options->count; i++) send_request(run, &run->exchanges[i]);
  while (run->in_flight > 0) {
    int n = epoll_wait(run->epoll, events, 256, 100);
    int64_t now = now_ns();
    for (int i = 0; i < n; i++) {
      struct exchange *exchange = events[i].data.ptr;
      if (take_answer(run, exchange) && now < until) send_request(run, exchange);
    }
    if (now > deadline) fault("%d publishes were never answered", run->in_flight);
  }
}

static void on_frame(void *context, struct client *client, const struct frame *frame) {
  struct messages *messages = context;
  message_check(messages, client->seen + 1, frame->data, frame->length, client->name);
  client->seen++;
}

static void read_subscriber(struct clients *clients, struct client *subscriber, int wait_ms) {
  struct epoll_event event;
  if (epoll_wait(clients->epoll, &event, 1, wait_ms) > 0) client_readable(clients, subscriber);
}

/* Publishes CHECKED_COUNT numbered events over one connection and checks what a subscriber gets. */
static void check_delivery(struct publishing *run) {
  const struct options *options = run->options;
  struct client subscriber;
  struct clients clients = {.port = options->port,
                            .protocol = PUSHER,
                            .credential = &options->credential,
                            .channel = options->channel,
                            .concurrency = 1,
                            .patience_seconds = options->patience_seconds,
                            .on_frame = on_frame,
                            .context = &run->messages};
  clients_begin(&clients);
  clients_open(&clients, &subscriber, 1, "subscriber");
  int64_t deadline = now_ns() + (int64_t)(options->patience_seconds * 1e9);
  run->published = 0;
  while (run->published < CHECKED_COUNT || subscriber.seen < CHECKED_COUNT) {
    struct epoll_event event;
    if (run->in_flight == 0 && run->published < CHECKED_COUNT) send_request(run, run->exchanges);
    if (epoll_wait(run->epoll, &event, 1, 1) > 0) take_answer(run, event.data.ptr);
    read_subscriber(&clients, &subscriber, 0);
    if (now_ns() > deadline)
      fault("the subscriber has %u of %u published events", subscriber.seen, run->published);
  }
  int64_t until = now_ns() + (int64_t)(options->quiet_seconds * 1e9);
  while (now_ns() < until) read_subscriber(&clients, &subscriber, 20);
  wire_reset(&subscriber.wire);
}

void run_publish(const struct options *options) {
  struct publishing *run = calloc(1, sizeof *run);
  if (!run || !(run->exchanges = calloc((size_t)options->count, sizeof *run->exchanges)))
    fail("out of memory");
  run->options = options;
  run->epoll = epoll_create1(EPOLL_CLOEXEC);
  messages_begin(&run->messages, options->event, options->channel);
  for (int i = 0; i < options->count; i++) {
    struct exchange *exchange = &run->exchanges[i];
    wire_open(&exchange->wire, options->port);
    struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = exchange};
    if (epoll_ctl(run->epoll, EPOLL_CTL_ADD, exchange->wire.fd, &wanted) < 0)
      fail("epoll refuses a socket: %s", strerror(errno));
  }
  keep_busy(run, options->warmup_seconds);
  uint32_t before = run->published;
  struct snapshot begin = take_snapshot(options->target);
  run->is_measuring = 1;
  keep_busy(run, options->seconds);
  struct snapshot end = take_snapshot(options->target);
  run->is_measuring = 0;
  uint32_t requests = run->published - before;
  if (options->protocol == PUSHER) check_delivery(run);
  printf("{\"requests\":%u,", requests);
  print_span("traffic", begin, end);
  printf(",");
  print_latencies("latencyUs", &run->latencies);
  printf("}\n");
  for (int i = 0; i < options->count; i++) wire_reset(&run->exchanges[i].wire);
}
