/*
 * The words of editors: y-websocket's frames, and Hocuspocus's, which put the name of the document
 * before them. Updates are made beforehand; each carries the marker of its run and its number.
 */
#ifndef LOCKGATE_BENCH_YJS_H
#define LOCKGATE_BENCH_YJS_H

#include "wire.h"

#define DOCUMENT_BYTES_MAX 64
/* An update with one short text in it is far below this. */
#define UPDATE_BYTES_MAX 512
/* Before the eight hexadecimal digits of a number. */
#define MARKER "lkgt"
#define MARKER_BYTES 12

enum framing { Y_WEBSOCKET, HOCUSPOCUS };

enum yjs_message {
  /* What the peer lacks: a client counts as synchronized. */
  YJS_STEP_2,
  /* The peer asks what it lacks. */
  YJS_STEP_1,
  YJS_UPDATE,
  /* Hocuspocus: the token was taken. */
  YJS_AUTHENTICATED,
  /* Awareness, status of an update, a pong. */
  YJS_OTHER
};

struct yjs_room {
  enum framing framing;
  char document[DOCUMENT_BYTES_MAX];
  const char *token;
};

/* First words after the upgrade: who it is (Hocuspocus), and what it has, which is nothing. */
void yjs_greet(struct wire *wire, const struct yjs_room *room, int client_id);
/* After the token was taken: what it has, and who is there. */
void yjs_synchronize(struct wire *wire, const struct yjs_room *room, int client_id);
/* Answers step 1 of a server: nothing. */
void yjs_answer(struct wire *wire, const struct yjs_room *room);
/* Reads what a frame is; one that cannot be read, and a refusal, is a fault. */
enum yjs_message yjs_read(const struct frame *frame, const struct yjs_room *room, const char *who);
/* Writes the frame of an update, masked. Returns its length. */
size_t yjs_update_put(char *out, const struct yjs_room *room, const char *update, size_t length);

struct update {
  const char *bytes;
  uint32_t length;
};

/* Reads `count` updates: each a little-endian length of four bytes, and as many bytes. */
struct update *updates_read(const char *path, uint32_t count);

#endif
