/*
 * Editors of one document who type in turn, closed loop: update i goes out when every other editor
 * has i - window. A measurement begins and ends with nothing in flight. Servers may put several
 * updates into one frame or one into several, so updates are known by the marker in their text.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "editors.h"
#include "measure.h"
#include "messages.h"

#define RING (2 * WINDOW_MAX)

enum phase { WARMUP, MEASURE, QUIET };

struct run {
  const struct options *options;
  struct editors editors;
  struct editor *list;
  struct update *updates;
  enum phase phase;
  int64_t phase_ends_ns, progress_ns, read_ns;
  uint32_t sent, completed, measured_from;
  int arrivals[RING];
  int64_t sent_ns[RING];
  /* By editor: for each update in flight, whether it has come. */
  uint8_t *has;
  struct latencies latencies;
  struct snapshot begin, end;
};

/* Who makes update `number`, counted from 1. */
static int author_of(const struct run *run, uint32_t number) {
  return (int)((number - 1) % (uint32_t)run->options->count);
}

static void arrived(struct run *run, const struct editor *editor, uint32_t number) {
  if (number > run->sent) fault("%s: update %u arrived before it was sent", editor->name, number);
  /* A server may send to the author too, and send again what it had sent. */
  if (number <= run->completed || author_of(run, number) == editor->number) return;
  uint8_t *has = &run->has[(size_t)editor->number * RING + number % RING];
  if (*has) return;
  *has = 1;
  run->arrivals[number % RING]++;
  if (run->phase == MEASURE)
    latency_add(&run->latencies, run->read_ns - run->sent_ns[number % RING]);
}

static void on_update(void *context, struct editor *editor, const struct frame *frame) {
  struct run *run = context;
  const char *at = frame->data, *end = at + frame->length;
  while ((at = memmem(at, (size_t)(end - at), MARKER, strlen(MARKER))) && end - at >= MARKER_BYTES) {
    char digits[9] = {0};
    memcpy(digits, at + strlen(MARKER), 8);
    arrived(run, editor, (uint32_t)strtoul(digits, NULL, 16));
    at += MARKER_BYTES;
  }
}

static void count_completed(struct run *run) {
  uint32_t before = run->completed;
  int receivers = run->options->count - 1;
  while (run->completed < run->sent && run->arrivals[(run->completed + 1) % RING] == receivers) {
    size_t slot = ++run->completed % RING;
    run->arrivals[slot] = 0;
    for (int i = 0; i < run->options->count; i++) run->has[(size_t)i * RING + slot] = 0;
  }
  if (run->completed != before) run->progress_ns = now_ns();
}

static void type(struct run *run) {
  const struct options *options = run->options;
  uint32_t allowed = (uint32_t)options->window - (run->sent - run->completed);
  for (; allowed > 0; allowed--) {
    char out[UPDATE_BYTES_MAX + DOCUMENT_BYTES_MAX + 32];
    if (run->sent == (uint32_t)options->messages) fail("more updates are needed: %u", run->sent);
    const struct update *update = &run->updates[run->sent];
    uint32_t number = ++run->sent;
    struct editor *author = &run->list[author_of(run, number)];
    run->progress_ns = run->sent_ns[number % RING] = now_ns();
    wire_send(&author->wire, out,
              yjs_update_put(out, &author->room, update->bytes, update->length));
  }
}

static void advance(struct run *run) {
  const struct options *options = run->options;
  if (run->phase == QUIET) return;
  if (now_ns() < run->phase_ends_ns) {
    type(run);
    return;
  }
  if (run->completed != run->sent) return;
  run->phase = run->phase == WARMUP ? MEASURE : QUIET;
  struct snapshot now = take_snapshot(options->target);
  double seconds = run->phase == MEASURE ? options->seconds : options->quiet_seconds;
  run->phase_ends_ns = now_ns() + (int64_t)(seconds * 1e9);
  if (run->phase == QUIET) {
    run->end = now;
    return;
  }
  run->begin = now;
  run->measured_from = run->sent;
  type(run);
}

static void traffic(struct run *run) {
  const struct options *options = run->options;
  struct epoll_event events[1024];
  run->phase_ends_ns = now_ns() + (int64_t)(options->warmup_seconds * 1e9);
  run->progress_ns = now_ns();
  advance(run);
  while (run->phase != QUIET || now_ns() < run->phase_ends_ns) {
    int n = epoll_wait(run->editors.epoll, events, 1024, 20);
    for (int i = 0; i < n; i++) {
      run->read_ns = now_ns();
      editor_readable(&run->editors, events[i].data.ptr);
    }
    count_completed(run);
    advance(run);
    double silent = (double)(now_ns() - run->progress_ns) / 1e9;
    if (run->completed != run->sent && silent > options->patience_seconds)
      fault("update %u of %u did not reach %d editors within %.1f s", run->completed + 1, run->sent,
            options->count - 1 - run->arrivals[(run->completed + 1) % RING],
            options->patience_seconds);
  }
}

void run_yjs(const struct options *options) {
  struct run *run = calloc(1, sizeof *run);
  int count = options->count;
  if (count < 2) fail("--count is at least 2: an author and one who reads");
  if (!run || !(run->list = calloc((size_t)count, sizeof *run->list)) ||
      !(run->has = calloc((size_t)count, RING)))
    fail("out of memory");
  run->options = options;
  run->updates = updates_read(options->updates, (uint32_t)options->messages);
  run->editors = (struct editors){.options = options, .on_update = on_update, .context = run};
  editors_begin(&run->editors);
  for (int i = 0; i < count; i++) {
    struct yjs_room *room = &run->list[i].room;
    run->list[i].number = i;
    room->framing = options->framing;
    room->token = options->token;
    snprintf(room->document, sizeof room->document, "%s", options->channel);
  }
  editors_open(&run->editors, run->list, count);
  editors_hold(&run->editors, 0.2);
  traffic(run);
  uint32_t updates = run->sent - run->measured_from;
  printf("{\"connections\":%d,", count);
  print_span("traffic", run->begin, run->end);
  printf(",\"messages\":%u,\"deliveries\":%llu,", updates,
         (unsigned long long)updates * (unsigned long long)(count - 1));
  print_latencies("latencyUs", &run->latencies);
  printf("}\n");
  editors_reset(run->list, count);
}
