#include "editors.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#include "measure.h"

void editors_begin(struct editors *editors) {
  editors->epoll = epoll_create1(EPOLL_CLOEXEC);
  if (editors->epoll < 0) fail("no epoll: %s", strerror(errno));
}

static void start(struct editors *editors, struct editor *editor) {
  const struct options *options = editors->options;
  char path[256], subprotocols[3072];
  snprintf(editor->name, sizeof editor->name, "editor %d", editor->number);
  snprintf(path, sizeof path, "%s/%s", options->prefix, editor->room.document);
  snprintf(subprotocols, sizeof subprotocols, "access_token, %s", options->token);
  editor->opened_ns = now_ns();
  wire_open(&editor->wire, options->port);
  editor->stage = EDITOR_UPGRADING;
  struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = editor};
  if (epoll_ctl(editors->epoll, EPOLL_CTL_ADD, editor->wire.fd, &wanted) < 0)
    fail("epoll refuses a socket: %s", strerror(errno));
  int is_named = options->token[0] && editor->room.framing == Y_WEBSOCKET;
  websocket_request(&editor->wire, options->port, path, is_named ? subprotocols : NULL);
}

static void take(struct editors *editors, struct editor *editor, const struct frame *frame) {
  if (frame->opcode >= CLOSE && frame_control(&editor->wire, frame, editor->name)) return;
  switch (yjs_read(frame, &editor->room, editor->name)) {
    case YJS_STEP_1:
      yjs_answer(&editor->wire, &editor->room);
      return;
    case YJS_AUTHENTICATED:
      yjs_synchronize(&editor->wire, &editor->room, editor->number + 1);
      editor->stage = EDITOR_SYNCHRONIZING;
      return;
    case YJS_STEP_2:
      if (editor->stage != EDITOR_SYNCHRONIZING) return;
      editor->stage = EDITOR_READY;
      editor->state_bytes = frame->length;
      editor->ready_ns = now_ns();
      editors->ready_count++;
      return;
    case YJS_UPDATE:
      if (editors->on_update) editors->on_update(editors->context, editor, frame);
      return;
    case YJS_OTHER:
      return;
  }
}

void editor_readable(struct editors *editors, struct editor *editor) {
  size_t length, used = 0, taken;
  char *bytes = wire_read(&editor->wire, &length, editor->name);
  if (!bytes) return;
  if (editor->stage == EDITOR_UPGRADING) {
    used = websocket_answer(bytes, length, editor->name);
    if (!used) {
      wire_keep(&editor->wire, bytes, length);
      return;
    }
    int is_greeted = editor->room.framing == Y_WEBSOCKET;
    editor->stage = is_greeted ? EDITOR_SYNCHRONIZING : EDITOR_GREETING;
    yjs_greet(&editor->wire, &editor->room, editor->number + 1);
  }
  struct frame frame;
  while ((taken = frame_take(bytes + used, length - used, &frame, editor->name))) {
    take(editors, editor, &frame);
    used += taken;
  }
  if (used < length) wire_keep(&editor->wire, bytes + used, length - used);
}

void editors_open(struct editors *editors, struct editor *list, int count) {
  const struct options *options = editors->options;
  int started = 0;
  int64_t deadline = now_ns() + (int64_t)(options->patience_seconds * 1e9);
  struct epoll_event events[256];
  editors->ready_count = 0;
  while (editors->ready_count < count) {
    while (started < count && started - editors->ready_count < options->concurrency)
      start(editors, &list[started++]);
    int n = epoll_wait(editors->epoll, events, 256, 100);
    for (int i = 0; i < n; i++) editor_readable(editors, events[i].data.ptr);
    if (now_ns() > deadline)
      fault("only %d of %d editors were synchronized after %.0f s", editors->ready_count, count,
            options->patience_seconds);
  }
}

void editors_hold(struct editors *editors, double seconds) {
  struct epoll_event events[256];
  for (int64_t until = now_ns() + (int64_t)(seconds * 1e9); now_ns() < until;) {
    int n = epoll_wait(editors->epoll, events, 256, 20);
    for (int i = 0; i < n; i++) editor_readable(editors, events[i].data.ptr);
  }
}

void editors_reset(struct editor *list, int count) {
  for (int i = 0; i < count; i++) wire_reset(&list[i].wire);
}
