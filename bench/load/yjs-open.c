/*
 * Opens `groups` documents with `count` editors each and holds them: what a room with idle editors
 * keeps. With one document and one editor, `messages` times after each other: how long a document
 * takes to open.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "editors.h"
#include "measure.h"

static void name_rooms(const struct options *options, struct editor *list) {
  int count = options->groups * options->count;
  for (int i = 0; i < count; i++) {
    struct yjs_room *room = &list[i].room;
    list[i].number = i;
    room->framing = options->framing;
    room->token = options->token;
    if (options->groups == 1) snprintf(room->document, sizeof room->document, "%s", options->channel);
    else snprintf(room->document, sizeof room->document, "%s-%d", options->channel, i / options->count);
  }
}

static double open_once(struct editors *editors, struct editor *editor) {
  memset(editor, 0, sizeof *editor);
  name_rooms(editors->options, editor);
  editors_open(editors, editor, 1);
  return (double)(editor->ready_ns - editor->opened_ns) / 1e6;
}

/* The first one after the start of the server, and the best of those that come while it is open. */
static void time_openings(struct editors *editors) {
  struct editor first, next;
  double best = 1e9, cold = open_once(editors, &first);
  for (long i = 0; i < editors->options->messages; i++) {
    double ms = open_once(editors, &next);
    if (ms < best) best = ms;
    wire_reset(&next.wire);
  }
  printf("{\"coldMs\":%.3f,\"warmMs\":%.3f,\"stateBytes\":%zu}\n", cold, best, first.state_bytes);
  wire_reset(&first.wire);
}

void run_yjs_open(const struct options *options) {
  struct editors editors = {.options = options};
  editors_begin(&editors);
  if (options->messages) {
    time_openings(&editors);
    return;
  }
  int count = options->groups * options->count;
  struct editor *list = calloc((size_t)count, sizeof *list);
  if (!list) fail("out of memory");
  name_rooms(options, list);
  struct snapshot empty = take_snapshot(options->target);
  editors_open(&editors, list, count);
  struct snapshot opened = take_snapshot(options->target);
  editors_hold(&editors, options->hold_seconds);
  struct snapshot held = take_snapshot(options->target);
  printf("{\"connections\":%d,", count);
  print_span("connect", empty, opened);
  printf(",");
  print_span("hold", opened, held);
  printf("}\n");
  editors_reset(list, count);
}
