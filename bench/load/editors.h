/* Many editors on one epoll, each with one document open and synchronized. */
#ifndef LOCKGATE_BENCH_EDITORS_H
#define LOCKGATE_BENCH_EDITORS_H

#include "options.h"
#include "yjs.h"

enum editor_stage { EDITOR_UPGRADING, EDITOR_GREETING, EDITOR_SYNCHRONIZING, EDITOR_READY };

struct editor {
  struct wire wire;
  struct yjs_room room;
  enum editor_stage stage;
  int number;
  char name[24];
  /* Bytes of the answer to step 1. */
  size_t state_bytes;
  int64_t opened_ns, ready_ns;
};

struct editors {
  const struct options *options;
  /* Gets updates of ready editors; the frame is gone when it returns. */
  void (*on_update)(void *context, struct editor *editor, const struct frame *frame);
  void *context;
  /* Kept by this module. */
  int epoll, ready_count;
};

void editors_begin(struct editors *editors);
/* Opens editors whose number and room are set; returns when all are synchronized. */
void editors_open(struct editors *editors, struct editor *list, int count);
void editor_readable(struct editors *editors, struct editor *editor);
/* Reads what comes for so long. */
void editors_hold(struct editors *editors, double seconds);
void editors_reset(struct editor *list, int count);

#endif
