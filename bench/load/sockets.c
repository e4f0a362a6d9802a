/*
 * One publisher, many subscribers, closed loop: message i goes out when every subscriber has
 * i - window, and all that the window allows goes out in one write. A measurement begins and ends
 * with nothing in flight, so its CPU time belongs to exactly its messages.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "clients.h"
#include "messages.h"
#include "options.h"
#include "wsocket.h"

#define RING (2 * WINDOW_MAX)

enum phase { WARMUP, MEASURE, QUIET };

struct run {
  const struct options *options;
  struct clients clients;
  struct client *subscribers, publisher;
  struct messages messages;
  enum phase phase;
  int64_t phase_ends_ns, progress_ns, read_ns, paced_until_ns;
  uint32_t published, completed, measured_from;
  /* By sequence modulo RING: subscribers that have it, and when it was sent. */
  int arrivals[RING];
  int64_t sent_ns[RING];
  char *outgoing;
  size_t outgoing_length, outgoing_sent;
  struct latencies latencies;
  struct snapshot begin, end;
};

static void on_frame(void *context, struct client *client, const struct frame *frame) {
  struct run *run = context;
  uint32_t sequence = client->seen + 1;
  if (client == &run->publisher && run->clients.protocol == WSOCKET && wsocket_is_ack(frame)) return;
  if (client == &run->publisher)
    fault("the publisher got its own message or a foreign one: %.*s",
          frame->length > 300 ? 300 : (int)frame->length, frame->data);
  if (frame->opcode != TEXT)
    fault("%s: a frame with opcode %d arrived", client->name, frame->opcode);
  message_check(&run->messages, sequence, frame->data, frame->length, client->name);
  if (sequence > run->published)
    fault("%s: message %u arrived before it was sent", client->name, sequence);
  client->seen = sequence;
  run->arrivals[sequence % RING]++;
  if (run->phase == MEASURE)
    latency_add(&run->latencies, run->read_ns - run->sent_ns[sequence % RING]);
}

static void count_completed(struct run *run) {
  uint32_t before = run->completed;
  while (run->completed < run->published &&
         run->arrivals[(run->completed + 1) % RING] == run->options->count)
    run->arrivals[++run->completed % RING] = 0;
  if (run->completed != before) run->progress_ns = now_ns();
}

static void flush(struct run *run) {
  size_t left = run->outgoing_length - run->outgoing_sent;
  if (left == 0) return;
  ssize_t sent =
      send(run->publisher.wire.fd, run->outgoing + run->outgoing_sent, left, MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN) fault("the publisher was cut: %s", strerror(errno));
  if (sent > 0) run->outgoing_sent += (size_t)sent;
  int is_done = run->outgoing_sent == run->outgoing_length;
  struct epoll_event wanted = {.events = is_done ? EPOLLIN : EPOLLIN | EPOLLOUT,
                               .data.ptr = &run->publisher};
  epoll_ctl(run->clients.epoll, EPOLL_CTL_MOD, run->publisher.wire.fd, &wanted);
}

/* One write for everything the window allows; nothing is added while a write is unfinished. */
static void publish(struct run *run) {
  if (run->outgoing_sent < run->outgoing_length) return;
  uint32_t allowed = (uint32_t)run->options->window - (run->published - run->completed);
  long limit = run->options->messages;
  if (limit && (long)(run->published + allowed) > limit) allowed = (uint32_t)limit - run->published;
  int64_t now = now_ns();
  if (allowed == 0 || now < run->paced_until_ns) return;
  run->paced_until_ns = now + (int64_t)(run->options->pace_seconds * 1e9);
  run->outgoing_length = run->outgoing_sent = 0;
  for (; allowed > 0; allowed--) {
    char text[MESSAGE_BYTES_MAX];
    uint32_t sequence = ++run->published;
    size_t length = message_put(&run->messages, sequence, text);
    run->sent_ns[sequence % RING] = now;
    run->outgoing_length += frame_put(run->outgoing + run->outgoing_length, TEXT, text, length);
  }
  run->progress_ns = now;
  flush(run);
}

static int64_t after(double seconds) {
  return now_ns() + (int64_t)(seconds * 1e9);
}

static void enter(struct run *run, enum phase phase) {
  const struct options *options = run->options;
  run->phase = phase;
  if (phase == MEASURE) {
    run->measured_from = run->published;
    run->begin = take_snapshot(options->target);
    run->phase_ends_ns = after(options->seconds);
  } else if (phase == QUIET) {
    run->end = take_snapshot(options->target);
    run->phase_ends_ns = after(options->quiet_seconds);
  }
}

/* Publishes on, or, when the phase is over and nothing is in flight, begins the next. */
static void advance(struct run *run) {
  const struct options *options = run->options;
  int is_over = now_ns() >= run->phase_ends_ns;
  if (options->messages && run->phase == MEASURE)
    is_over = (long)run->published >= options->messages;
  if (run->phase == QUIET) return;
  if (!is_over) {
    publish(run);
    return;
  }
  if (run->completed != run->published) return;
  enter(run, run->phase == WARMUP ? MEASURE : QUIET);
  if (run->phase == MEASURE) publish(run);
}

static void explain_stall(const struct run *run) {
  const struct client *last = &run->subscribers[0];
  for (int i = 1; i < run->options->count; i++)
    if (run->subscribers[i].seen < last->seen) last = &run->subscribers[i];
  fault("%s: has %u of %u messages and nothing arrived for %.1f s: lost at the end", last->name,
        last->seen, run->published, run->options->patience_seconds);
}

static void traffic(struct run *run) {
  struct epoll_event events[1024];
  run->phase_ends_ns = after(run->options->warmup_seconds);
  run->progress_ns = now_ns();
  run->phase = WARMUP;
  advance(run);
  while (run->phase != QUIET || now_ns() < run->phase_ends_ns) {
    int n = epoll_wait(run->clients.epoll, events, 1024, run->options->pace_seconds > 0 ? 1 : 20);
    for (int i = 0; i < n; i++) {
      run->read_ns = now_ns();
      if (events[i].events & EPOLLOUT) flush(run);
      if (events[i].events & ~(uint32_t)EPOLLOUT)
        client_readable(&run->clients, events[i].data.ptr);
    }
    count_completed(run);
    advance(run);
    double silent = (double)(now_ns() - run->progress_ns) / 1e9;
    if (run->completed != run->published && silent > run->options->patience_seconds)
      explain_stall(run);
  }
  for (int i = 0; i < run->options->count; i++)
    if (run->subscribers[i].seen != run->published)
      fault("%s: has %u of %u messages", run->subscribers[i].name, run->subscribers[i].seen,
            run->published);
}

/* Connections stay open and are read; any data frame would be a fault. */
static void hold(struct run *run, double seconds) {
  struct epoll_event events[256];
  for (int64_t until = after(seconds); now_ns() < until;) {
    int n = epoll_wait(run->clients.epoll, events, 256, 20);
    for (int i = 0; i < n; i++) client_readable(&run->clients, events[i].data.ptr);
  }
}

static void print_traffic(const struct run *run) {
  uint32_t messages = run->published - run->measured_from;
  printf(",");
  print_span("traffic", run->begin, run->end);
  printf(",\"messages\":%u,\"deliveries\":%llu,\"messageBytes\":%zu,", messages,
         (unsigned long long)messages * (unsigned long long)run->options->count,
         run->messages.template_length);
  print_latencies("latencyUs", &run->latencies);
}

void run_sockets(const struct options *options) {
  struct run *run = calloc(1, sizeof *run);
  int room = options->count > options->warmup_count ? options->count : options->warmup_count;
  if (!run || !(run->subscribers = calloc((size_t)room, sizeof *run->subscribers)) ||
      !(run->outgoing = malloc((size_t)options->window * (MESSAGE_BYTES_MAX + 14))))
    fail("out of memory");
  run->options = options;
  run->clients = (struct clients){.port = options->port,
                                  .protocol = options->protocol,
                                  .credential = &options->credential,
                                  .channel = options->channel,
                                  .concurrency = options->concurrency,
                                  .patience_seconds = options->patience_seconds,
                                  .on_frame = on_frame,
                                  .context = run};
  clients_begin(&run->clients);
  messages_begin(&run->messages, options->event, options->channel);
  run->messages.is_numbered = options->protocol == WSOCKET;

  if (options->warmup_count) {
    clients_open(&run->clients, run->subscribers, options->warmup_count, "warm-up");
    clients_reset(run->subscribers, options->warmup_count);
    hold(run, 0.3); /* the server sees the closes before the measurement, not in it */
  }
  struct snapshot empty = take_snapshot(options->target);
  clients_open(&run->clients, run->subscribers, options->count, "subscriber");
  struct snapshot opened = take_snapshot(options->target);
  hold(run, options->hold_seconds);
  struct snapshot held = take_snapshot(options->target);
  printf("{\"connections\":%d,", options->count);
  print_span("connect", empty, opened);
  printf(",");
  print_span("hold", opened, held);
  if (options->messages || options->seconds > 0) {
    clients_open(&run->clients, &run->publisher, 1, "publisher");
    traffic(run);
    print_traffic(run);
  }
  printf("}\n");
  clients_reset(run->subscribers, options->count);
  wire_reset(&run->publisher.wire);
}
